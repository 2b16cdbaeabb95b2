import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tools.distractors.cue_balance import Balance, DrawnSets, balanced, order_of
from burnish.tools.distractors.cues import NAMES, features, ruler_of

WIDTH = len(NAMES)


def made(seed: int, items: int, lift: float) -> list[DrawnSets]:
    """Return sets whose key is larger than the others by about `lift` in every cue."""
    rng = np.random.default_rng(seed)
    held: list[DrawnSets] = []
    for _ in range(items):
        cues = rng.normal(size=(32, 4, WIDTH))
        cues[:, 0] += lift
        held.append(DrawnSets(cues, rng.random(32) / 10))
    return held


def lead(held: list[DrawnSets], balance: Balance, units: Balance) -> float:
    """Return the length of the mean lead of the key, the sets weighed by a balance."""
    assert units.ruler is not None
    total = 0
    for one in held:
        chance = np.exp(balance.score(one) - balance.score(one).max())
        seen = features(one.cues, units.ruler)
        total = total + (chance / chance.sum()) @ (seen[:, 0] - seen.mean(axis=1))
    return float(np.linalg.norm(total / len(held)))


@settings(max_examples=4)
@given(st.integers(0, 99), st.floats(-0.5, 0.5))
def test_balanced_sets_have_keys_with_the_mean_of_all_options(seed: int, lift: float) -> None:
    held = made(seed, 60, lift)
    balance = balanced(held)
    assert balance.items == 60
    assert lead(held, balance, balance) < 0.05
    plain = lead(held, Balance(), balance)
    assert lead(held, balance, balance) < plain / 20


def test_a_balance_of_nothing_leaves_the_draws_as_they_are() -> None:
    empty = balanced([])
    drawn = made(0, 1, 0.0)[0]
    assert (empty.items, empty.weights) == (0, None)
    assert np.allclose(np.diff(empty.score(drawn)), 10 * np.diff(drawn.liked))


def test_sets_come_first_in_proportion_to_their_weight() -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    firsts = [
        order_of(np.log(weights), np.random.default_rng(seed))[0].item() for seed in range(4000)
    ]
    assert np.abs(np.bincount(firsts, minlength=4) / 4000 - weights).max() < 0.03


@settings(max_examples=30)
@given(st.integers(0, 999), st.permutations(range(4)), st.floats(-3, 3))
def test_features_do_not_know_which_option_is_the_key(
    seed: int, order: list[int], shift: float
) -> None:
    cues = np.random.default_rng(seed).normal(size=(6, 4, WIDTH))
    cues[0] = shift
    ruler = ruler_of(cues)
    seen = features(cues, ruler)
    assert np.isfinite(seen).all()
    assert np.allclose(features(cues[:, order], ruler), seen[:, order], atol=1e-9)
    assert np.allclose(seen[0], seen[0, :1])

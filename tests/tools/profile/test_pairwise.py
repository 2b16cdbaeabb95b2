# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from burnish.tools.profile.pairwise import Judgements, elo, fit_bradley_terry, online_elo


def league(items: int, games: int, seed: int) -> tuple[Judgements, NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    true = draw.normal(size=items)
    pairs = np.array([draw.choice(items, 2, replace=False) for _ in range(games)])
    won = draw.random(games) < 1 / (1 + np.exp(true[pairs[:, 1]] - true[pairs[:, 0]]))
    return Judgements(pairs[:, 0], pairs[:, 1], won.astype(float), items), true


def test_ratings_agree_with_choix() -> None:
    choix = pytest.importorskip("choix", reason="the reference implementation is not installed")
    games, _ = league(12, 600, seed=1)
    pairs = [
        (int(a), int(b)) if s else (int(b), int(a))
        for a, b, s in zip(games.first, games.second, games.score, strict=True)
    ]
    reference = choix.opt_pairwise(12, pairs, alpha=1 / 9)
    found = fit_bradley_terry(games, spread=3.0)
    # choix adds alpha times the squared norm, whose half is the normal prior's.
    assert found.rating == pytest.approx(reference - reference.mean(), abs=0.05)


def test_intervals_hold_the_true_differences() -> None:
    inside: list[bool] = []
    for seed in range(30):
        games, true = league(10, 300, seed)
        found = fit_bradley_terry(games)
        centred = true - true.mean()
        reach = 1.645 * found.error
        inside += (np.abs(found.rating - found.rating.mean() - centred) <= reach).tolist()
    assert 0.85 <= np.mean(inside) <= 0.97


def test_order_does_not_matter_to_the_fit_but_does_to_elo() -> None:
    games, true = league(8, 200, seed=2)
    back = Judgements(games.first[::-1], games.second[::-1], games.score[::-1], 8)
    assert fit_bradley_terry(back).rating == pytest.approx(fit_bradley_terry(games).rating)
    assert not np.allclose(online_elo(back), online_elo(games))
    assert np.corrcoef(online_elo(games), true)[0, 1] > 0.6


def test_two_items_have_the_closed_form() -> None:
    # 3 of 4 games: the prior is weak, so the difference nears log 3.
    one = np.zeros(4_000, np.int64)
    games = Judgements(one, one + 1, np.tile([1.0, 1.0, 1.0, 0.0], 1_000), 2)
    found = fit_bradley_terry(games, spread=50.0)
    assert found.rating[0] - found.rating[1] == pytest.approx(np.log(3), abs=0.01)


def test_who_never_lost_has_a_finite_rating() -> None:
    games = Judgements(np.array([0, 0]), np.array([1, 2]), np.ones(2), 4)
    found = fit_bradley_terry(games)
    assert found.rating[0] > 0 > found.rating[1]
    assert found.rating[3] == pytest.approx(0, abs=1e-9)
    assert found.error[3] > found.error[0]


def test_elo_points_are_odds() -> None:
    assert elo(np.array([0.0, np.log(10)])).tolist() == pytest.approx([1500, 1900])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([0, 0.5, 1]))))
def test_online_elo_keeps_the_sum_of_points(games: list[tuple[int, int, float]]) -> None:
    kept = [game for game in games if game[0] != game[1]]
    table = np.array(kept, float).reshape(-1, 3)
    judged = Judgements(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2], 5)
    assert online_elo(judged).sum() == pytest.approx(5 * 1500)


def test_an_item_is_not_judged_against_itself() -> None:
    with pytest.raises(ValueError, match="against itself"):
        fit_bradley_terry(Judgements(np.zeros(1, int), np.zeros(1, int), np.ones(1), 1))

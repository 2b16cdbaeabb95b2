# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from burnish.tools.arrays import Floats
from burnish.tools.profile import rasch
from burnish.tools.profile.content_prior import content_means, cross_ridge, fit_with_content
from burnish.tools.profile.rasch import Records, fit_rasch, from_matrix, placed


class Simulated(NamedTuple):
    records: Records
    difficulty: Floats
    ability: Floats


def agreement(first: Floats, second: Floats) -> float:
    """Return Spearman's rank correlation."""
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def simulate(items: int, models: int, answers: int, seed: int, spread: float = 1.5) -> Simulated:
    draw = np.random.default_rng(seed)
    hard = spread * draw.normal(size=items)
    ability = draw.normal(size=models)
    table = np.full((items, models), np.nan)
    for item in range(items):
        asked = draw.choice(models, answers, replace=False)
        chance = 1 / (1 + np.exp(hard[item] - ability[asked]))
        table[item, asked] = draw.random(answers) < chance
    return Simulated(from_matrix(table), hard, ability)


@pytest.mark.parametrize("answers", [3, 10, 30])
def test_nine_in_ten_intervals_hold_the_true_difficulty(answers: int) -> None:
    inside: list[float] = []
    for seed in range(3):
        known = simulate(1_500, 30, answers, seed)
        low, high = fit_rasch(known.records).interval()
        inside.append(float(((low <= known.difficulty) & (known.difficulty <= high)).mean()))
    assert 0.87 <= np.mean(inside) <= 0.93


def test_the_spread_of_difficulties_and_the_abilities_are_found() -> None:
    known = simulate(4_000, 20, 8, seed=1, spread=2.0)
    fit = fit_rasch(known.records)
    assert fit.spread == pytest.approx(2.0, rel=0.06)
    shift = float((fit.ability - known.ability).mean())
    assert np.abs(fit.ability - known.ability - shift).max() < 0.2


def test_abilities_and_difficulties_agree_with_girth() -> None:
    girth = pytest.importorskip("girth", reason="the reference implementation is not installed")
    known = simulate(800, 25, 25, seed=3)
    table = np.zeros((known.records.items, known.records.models), np.int64)
    table[known.records.item, known.records.model] = known.records.correct
    # The roles are exchanged: girth integrates out the models, here the items are integrated out.
    reference = girth.rasch_mml(table, 1)["Difficulty"]
    fit = fit_rasch(known.records)
    assert agreement(reference, fit.difficulty) > 0.995
    # Whom all or none answer has no likeliest difficulty: there the reference is at its bounds.
    inner = (table.mean(axis=1) > 0.15) & (table.mean(axis=1) < 0.85)
    line = np.polyfit(fit.difficulty[inner], reference[inner], 1)
    residual = reference[inner] - np.polyval(line, fit.difficulty[inner])
    assert 0.8 < line[0] < 1.6
    assert np.abs(residual).mean() < 0.12


def test_the_marginal_likelihood_agrees_with_girth_where_persons_are_the_random_side() -> None:
    girth = pytest.importorskip("girth", reason="the reference implementation is not installed")
    draw = np.random.default_rng(4)
    persons, questions = draw.normal(size=2_000), np.linspace(-2, 2, 12)
    right = draw.random((12, 2_000)) < 1 / (1 + np.exp(questions[:, None] - persons))
    reference = girth.rasch_mml(right.astype(np.int64), 1)["Difficulty"]
    # Seen from the other side: persons are the many `items`, as hard as they are unable.
    fit = fit_rasch(from_matrix(np.where(right.T, 0.0, 1.0)))
    # Both fix their scale by a mean of 0 of the random side; girth fixes its spread at 1 too.
    assert fit.spread == pytest.approx(1.0, abs=0.06)
    assert fit.ability == pytest.approx(reference, abs=0.1)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.0, 0.2]))
def test_the_slope_of_the_likelihood_is_its_derivative(
    seed: int,
    sloped: bool,  # noqa: FBT001
    guess: float,
) -> None:
    known = simulate(30, 6, 4, seed)
    draw = np.random.default_rng(seed)
    tables = rasch._tables(known.records)  # pyright: ignore[reportPrivateUsage]
    loss = rasch._loss  # pyright: ignore[reportPrivateUsage]
    means = draw.normal(size=30)
    at = np.concatenate([
        draw.normal(size=6),
        *([0.3 * draw.normal(size=6)] if sloped else []),
        [0.8, 0.1],
    ])
    slope = loss(at, *tables, means, guess, sloped)[1]
    for place in range(len(at)):
        step = np.zeros(len(at))
        step[place] = 1e-6
        above = loss(at + step, *tables, means, guess, sloped)[0]
        below = loss(at - step, *tables, means, guess, sloped)[0]
        assert slope[place] == pytest.approx((above - below) / 2e-6, abs=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_rasch_likelihoods_are_convex_in_the_abilities(seed: int) -> None:
    known = simulate(20, 5, 3, seed)
    draw = np.random.default_rng(seed)
    tables = rasch._tables(known.records)  # pyright: ignore[reportPrivateUsage]
    first, second = 2 * draw.normal(size=(2, 5))
    loss = rasch._loss  # pyright: ignore[reportPrivateUsage]
    sloped = False

    def value(ability: Floats) -> float:
        at = np.concatenate([ability, [1.0, 0.2]])
        return loss(at, *tables, np.zeros(20), 0.0, sloped)[0]

    assert value((first + second) / 2) <= (value(first) + value(second)) / 2 + 1e-9


def test_with_equal_answers_difficulty_orders_items_by_their_raw_score() -> None:
    known = simulate(300, 12, 12, seed=5)
    wrong = np.bincount(known.records.item, ~known.records.correct, minlength=300)
    fit = fit_rasch(known.records)
    order = np.argsort(wrong, kind="stable")
    assert (np.diff(fit.difficulty[order]) > -1e-9).all()


def test_more_answers_make_smaller_errors_and_none_leaves_the_prior() -> None:
    table = np.full((3, 12), np.nan)
    table[0, :2] = [1, 0]
    table[1, :10] = [1, 0] * 5
    fit = fit_rasch(from_matrix(table), prior=np.array([0.0, 0.0, 0.7]))
    assert fit.error[1] < fit.error[0] < fit.error[2]
    assert fit.difficulty[2] == pytest.approx(0.7, abs=1e-3)
    assert fit.error[2] == pytest.approx(fit.spread, rel=1e-2)
    assert fit.answers.tolist() == [2, 10, 0]


def test_all_right_and_all_wrong_stay_finite() -> None:
    fit = fit_rasch(from_matrix(np.array([[1.0, 1.0], [0.0, 0.0]])))
    assert np.isfinite(fit.difficulty).all()
    assert np.isfinite(fit.ability).all()
    assert fit.difficulty[0] < fit.difficulty[1]


def test_slopes_find_who_tells_hard_from_easy() -> None:
    draw = np.random.default_rng(6)
    hard, slope = 1.5 * draw.normal(size=3_000), np.array([0.3, 0.5, 1.0, 1.5, 2.0, 1.0])
    chance = 1 / (1 + np.exp(slope * (hard[:, None] - 0.3)))
    fit = fit_rasch(from_matrix((draw.random(chance.shape) < chance).astype(float)), slopes=True)
    assert agreement(fit.slope, slope) > 0.9


def test_records_are_checked() -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="each"):
        Records(one, one, np.ones(2, np.bool_), 1, 1)
    with pytest.raises(ValueError, match="do not exist"):
        Records(one + 5, one, np.ones(1, np.bool_), 1, 1)
    with pytest.raises(ValueError, match="at least one answer"):
        fit_rasch(from_matrix(np.full((2, 2), np.nan)))


def with_content(seed: int, items: int = 1_200) -> tuple[Simulated, Floats]:
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(items, 8))
    known = simulate(items, 20, 4, seed)
    hard = features @ np.array([1.0, -0.7, 0.5, 0, 0, 0, 0, 0]) + 0.6 * draw.normal(size=items)
    model = known.records.model
    chance = 1 / (1 + np.exp(hard[known.records.item] - known.ability[model]))
    correct = draw.random(len(chance)) < chance
    records = Records(known.records.item, model, correct, items, 20)
    return Simulated(records, hard, known.ability), features


def test_what_content_tells_sharpens_few_answers_and_intervals_stay_true() -> None:
    known, features = with_content(3)
    plain, told = fit_rasch(known.records), fit_with_content(known.records, features)
    before = agreement(plain.difficulty, known.difficulty)
    after = agreement(told.difficulty, known.difficulty)
    assert after > before + 0.05
    assert told.spread == pytest.approx(0.6, abs=0.15)
    low, high = told.interval()
    assert 0.86 <= ((low <= known.difficulty) & (known.difficulty <= high)).mean() <= 0.94


def test_an_items_own_answers_never_reach_its_prior() -> None:
    known, features = with_content(8, items=400)
    plain = fit_rasch(known.records)
    means = content_means(plain, features, folds=5, seed=1)
    plain.difficulty[17] += 100.0
    changed = content_means(plain, features, folds=5, seed=1)
    assert changed[17] == pytest.approx(means[17])
    assert not np.allclose(changed, means)


def test_content_that_tells_nothing_does_little_harm() -> None:
    known = simulate(600, 20, 5, seed=9)
    noise = np.random.default_rng(0).normal(size=(600, 30))
    plain, told = fit_rasch(known.records), fit_with_content(known.records, noise)
    before = agreement(plain.difficulty, known.difficulty)
    assert agreement(told.difficulty, known.difficulty) > before - 0.02


def test_cross_ridge_predicts_a_linear_truth() -> None:
    draw = np.random.default_rng(2)
    features = draw.normal(size=(300, 4))
    truth = features @ np.array([1.0, 2.0, 0.0, -1.0]) + 3
    found = cross_ridge(features, truth, np.ones(300), draw.permutation(300) % 5)
    assert found == pytest.approx(truth, abs=0.05)


def test_a_prior_from_content_needs_items() -> None:
    known = simulate(12, 5, 3, seed=1)
    with pytest.raises(ValueError, match="needs 20 items"):
        fit_with_content(known.records, np.ones((12, 2)))


@settings(max_examples=40, deadline=None)
@given(
    right=st.integers(0, 6),
    wrong=st.integers(0, 6),
    ability=st.floats(-3, 3),
    centre=st.floats(-2, 2),
    spread=st.floats(0.5, 2.5),
)
def test_an_item_is_placed_where_the_integral_says(
    right: int, wrong: int, ability: float, centre: float, spread: float
) -> None:
    hard = np.linspace(-9, 9, 200_001)
    chance = 1 / (1 + np.exp(hard - ability))
    prior = np.exp(-(((hard - centre) / spread) ** 2) / 2)
    weights = chance**right * (1 - chance) ** wrong * prior
    weights /= weights.sum()
    mean = float(weights @ hard)
    found = placed([True] * right + [False] * wrong, ability, centre, spread)
    assert abs(found.difficulty - mean) < 1e-3
    assert abs(found.error - np.sqrt(weights @ (hard - mean) ** 2)) < 1e-3


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_penalty_of_a_ridge_is_the_one_of_least_generalised_error(seed: int) -> None:
    draw = np.random.default_rng(seed)
    features, weights = draw.normal(size=(40, 5)), draw.random(40)
    values = features @ draw.normal(size=5) + draw.normal(size=40)
    fold = np.r_[np.zeros(30, np.int64), np.ones(10, np.int64)]
    found = cross_ridge(features, values, weights, fold)[fold == 1]
    known, asked = np.c_[np.ones(30), features[:30]], np.c_[np.ones(10), features[30:]]
    weighed = known.T * weights[:30]
    least, expected = np.inf, np.zeros(10)
    for penalty in np.geomspace(0.3, 10_000, 10):
        solve = np.linalg.solve(weighed @ known + penalty * np.diag([0, *[1] * 5]), weighed)
        missed = weights[:30] @ (values[:30] - known @ solve @ values[:30]) ** 2
        error = missed / (1 - np.trace(known @ solve) / 30) ** 2
        if error < least:
            least, expected = error, asked @ solve @ values[:30]
    assert found == pytest.approx(expected, abs=1e-6)

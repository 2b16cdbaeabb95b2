import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.eval.stats.bootstrap import interval, resamples


def test_each_resample_draws_as_many_pages_as_there_are() -> None:
    counts = resamples(7, draws=50, seed=1)
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_the_seed_decides_the_resamples() -> None:
    first = resamples(5, draws=20, seed=3)
    assert (first == resamples(5, draws=20, seed=3)).all()
    assert (first != resamples(5, draws=20, seed=4)).any()


@pytest.mark.parametrize(("pages", "draws"), [(0, 10), (3, 0)])
def test_no_pages_or_no_draws_are_refused(pages: int, draws: int) -> None:
    with pytest.raises(ValueError, match="needs pages and draws"):
        resamples(pages, draws=draws, seed=0)


def test_a_constant_has_no_spread() -> None:
    values = np.full(9, 0.25)
    result = interval(values, np.ones(9), resamples(9, draws=100, seed=0))
    assert result == pytest.approx((0.25, 0.25, 0.25))


def test_a_mean_has_the_width_that_normal_theory_says() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, size=400)
    result = interval(values, np.ones(400), resamples(400, draws=4000, seed=0))
    half = 1.96 * values.std() / math.sqrt(400)
    assert result.value == pytest.approx(values.mean())
    assert result.high - result.low == pytest.approx(2 * half, rel=0.1)


def test_draws_whose_denominator_is_zero_are_left_out() -> None:
    numerators, denominators = np.array([1.0, 0.0]), np.array([2.0, 0.0])
    result = interval(numerators, denominators, resamples(2, draws=200, seed=0))
    assert result == pytest.approx((0.5, 0.5, 0.5))


def test_a_figure_without_denominator_is_nan() -> None:
    nothing = np.zeros(3)
    assert all(math.isnan(x) for x in interval(nothing, nothing, resamples(3, draws=5, seed=0)))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=20))
def test_the_interval_matches_a_loop_over_draws(pairs: list[tuple[int, int]]) -> None:
    numerators = np.array([float(a) for a, _ in pairs])
    denominators = np.array([float(b) for _, b in pairs])
    counts = resamples(len(pairs), draws=40, seed=2)
    ratios = [
        sum(c * a for c, (a, _) in zip(row, pairs, strict=True))
        / sum(c * b for c, (_, b) in zip(row, pairs, strict=True))
        for row in counts
    ]
    result = interval(numerators, denominators, counts)
    assert result.low == pytest.approx(np.quantile(ratios, 0.025))
    assert result.high == pytest.approx(np.quantile(ratios, 0.975))
    assert min(ratios) <= result.low <= result.high <= max(ratios)

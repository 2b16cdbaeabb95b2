# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burnish.tools.distractors.bias import (
    distractor_worth,
    length_bias,
    pick_rates,
    place_bias,
    wilson,
)


def test_even_places_show_no_bias_and_lopsided_ones_do() -> None:
    even = place_bias([0, 1, 2, 3] * 50, [4] * 200)[4]
    assert (even.excess, even.p) == (0.0, 1.0)
    uneven = place_bias([0] * 100 + [1, 2, 3] * 20, [4] * 160)[4]
    assert uneven.counts == (100, 20, 20, 20)
    assert uneven.excess == pytest.approx(100 / 160 - 0.25)
    assert uneven.low > 0
    assert uneven.p < 1e-6


def test_chance_places_are_called_biased_as_often_as_the_test_says() -> None:
    draw = np.random.default_rng(0)
    p = [place_bias(draw.integers(0, 5, 300).tolist(), [5] * 300)[5].p for _ in range(400)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09


def test_places_are_told_apart_by_the_number_of_choices() -> None:
    assert set(place_bias([0, 1, None, 2], [2, 2, 3, 3])) == {2, 3}
    assert place_bias([None], [4]) == {}


@given(st.integers(0, 50), st.integers(1, 50))
@example(0, 12)
def test_wilsons_interval_holds_the_share(successes: int, more: int) -> None:
    low, high = wilson(successes, successes + more)
    assert 0 <= low <= successes / (successes + more) <= high <= 1


def test_long_keys_are_found() -> None:
    found = length_bias([["a very long answer", "no", "yes"]] * 60, [0] * 60)
    assert found is not None
    assert (found.longest, found.expected) == pytest.approx((1.0, 1 / 3))
    assert found.p < 1e-6
    assert found.ratio == pytest.approx(18 / 2.5)


def test_ties_count_in_part_and_items_without_key_not_at_all() -> None:
    found = length_bias([["ab", "cd"], ["x", "yy"]], [0, None])
    assert found is not None
    assert (found.items, found.longest) == (1, 0.5)
    assert length_bias([["ab", "cd"]], [None]) is None


def test_worth_is_the_mean_cosine() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    first, second, third = distractor_worth(rows, np.array([0, 3, 5, 5]), [0, 1, None])
    assert (first.plausibility, first.diversity) == pytest.approx((0.5, 1.0))
    assert second.plausibility == pytest.approx(0.0)
    assert np.isnan(second.diversity)
    assert np.isnan(third.plausibility)


def test_pick_rates_leave_out_the_key() -> None:
    found = pick_rates([0] * 6 + [1] * 3 + [2], 4, 0)
    assert found is not None
    assert (found.answers, found.working) == (10, 2)
    assert (found.wrong, found.top) == pytest.approx((0.4, 0.3))
    assert pick_rates([], 4, 0) is None
    assert pick_rates([1], 4, None) is None

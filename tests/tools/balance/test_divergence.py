import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.balance.divergence import (
    OUTSIDE,
    bootstrap,
    floor,
    jsd,
    move_gains,
    moved,
    sampled_floor,
)

COUNTS = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


@given(COUNTS, COUNTS)
def test_the_divergence_is_bounded_symmetric_and_zero_only_at_equality(
    p: list[int], q: list[int]
) -> None:
    value = jsd(np.array(p), np.array(q))
    assert 0 <= value <= 1
    assert value == pytest.approx(jsd(np.array(q), np.array(p)), abs=1e-12)
    equal = np.allclose(np.array(p) / sum(p), np.array(q) / sum(q), atol=1e-12)
    assert (value < 1e-12) == equal


@given(COUNTS, COUNTS, COUNTS)
def test_its_root_obeys_the_triangle_inequality(p: list[int], q: list[int], r: list[int]) -> None:
    a, b, c = np.array(p), np.array(q), np.array(r)
    assert jsd(a, c) ** 0.5 <= jsd(a, b) ** 0.5 + jsd(b, c) ** 0.5 + 1e-7


@given(COUNTS, st.integers(1, 9))
def test_it_does_not_depend_on_the_size_of_the_set(p: list[int], times: int) -> None:
    target = np.array([1, 2, 3, 4])
    assert jsd(np.array(p) * times, target) == pytest.approx(jsd(np.array(p), target), abs=1e-12)


def test_closed_forms() -> None:
    assert jsd(np.array([1, 0]), np.array([0, 1])) == 1.0
    one = 0.5 * np.log2(4 / 3) + 0.5 * (0.5 * np.log2(2 / 3) + 0.5)
    assert jsd(np.array([1, 0]), np.array([1, 1])) == pytest.approx(one)


def test_the_floor_is_what_samples_of_the_target_show() -> None:
    target = np.array([0.4, 0.3, 0.2, 0.1])
    drawn = sampled_floor(target, 500)
    assert drawn.value == pytest.approx(floor(target, 500), rel=0.1)
    assert drawn.low < drawn.value < drawn.high


def test_the_bootstrap_interval_covers_the_value_and_narrows_with_size() -> None:
    target = np.array([1, 1, 1])
    few = bootstrap(np.array([30, 10, 10]), target)
    many = bootstrap(np.array([3000, 1000, 1000]), target)
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


@given(
    st.lists(st.integers(2_000, 90_000), min_size=4, max_size=4),
    st.sampled_from([(0, 1), (2, 3), (OUTSIDE, 2), (1, OUTSIDE)]),
)
def test_a_move_gains_what_the_divergence_falls(counts: list[int], move: tuple[int, int]) -> None:
    target = np.array([0.1, 0.2, 0.3, 0.4])
    before = np.array(counts)
    start, end = np.array([move[0]]), np.array([move[1]])
    gain = float(move_gains(before, target, start, end)[0])
    real = jsd(before, target) - jsd(moved(before, start, end), target)
    assert gain == pytest.approx(real, rel=0.05, abs=3e-9)


def test_moving_towards_an_empty_wanted_cell_is_worth_a_finite_gain() -> None:
    gain = move_gains(np.array([10, 0]), np.array([0.5, 0.5]), np.array([0]), np.array([1]))
    assert 0 < gain[0] < 1


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="not all 0"):
        jsd(np.array([0, 0]), np.array([1, 1]))

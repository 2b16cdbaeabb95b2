# pyright: reportMissingTypeStubs=false

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tools.arrays import Ints
from burnish.tools.balance import greedy
from burnish.tools.balance.divergence import OUTSIDE, distribution, jsd
from burnish.tools.balance.moves import (
    Moves,
    Rebalancing,
    part,
    remove_and_draw,
    size_gain,
    slot,
    value_moves,
)
from burnish.tools.balance.rebalance import plan_once, rebalance

NOTHING = np.empty(0, np.int64)


def _drawn(seed: int, *, moves: bool = False) -> Rebalancing:
    """Draw a tiny problem: at most 12 options."""
    rng = np.random.default_rng(seed)
    cells, size, pool = rng.integers(2, 5), rng.integers(2, 7), rng.integers(1, 5)
    homes, joins = rng.integers(0, cells, size), rng.integers(0, cells, pool)
    options = remove_and_draw(homes, joins, rng.integers(1, 9, pool).astype(np.float64))
    if moves:
        item = rng.choice(size, min(2, size), replace=False)
        options = Moves.of(
            np.concatenate((options.item, item)),
            np.concatenate((options.cell_from, homes[item])),
            np.concatenate((options.cell_to, rng.integers(0, cells, len(item)))),
            np.concatenate((options.cost, rng.integers(1, 5, len(item)))),
            np.concatenate((np.zeros(size + pool), rng.random(len(item)) / 50)),
        )
    return Rebalancing(
        counts=np.bincount(homes, minlength=cells),
        target=rng.dirichlet(np.ones(cells)),
        moves=options,
        budget=float(rng.integers(0, 20)),
        size_min=max(1, int(size * 0.6)),
        size_max=int(size) + 3,
    )


def _best_score(problem: Rebalancing) -> float:
    """Try every subset of the options."""
    count = len(problem.moves.item)
    plans = (
        np.array([option for option in range(count) if code >> option & 1], np.int64)
        for code in range(1 << count)
    )
    return min(problem.score(plan) for plan in plans if problem.allows(plan))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_removing_and_drawing_in_a_tiny_set_finds_the_best_plan_of_all(seed: int) -> None:
    problem = _drawn(seed)
    found = rebalance(problem)
    assert problem.allows(found.chosen)
    assert found.score == pytest.approx(_best_score(problem), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_with_changes_of_cell_the_plan_lies_between_greedy_and_the_best(seed: int) -> None:
    problem = _drawn(seed, moves=True)
    found = rebalance(problem)
    assert problem.allows(found.chosen)
    assert found.score == pytest.approx(problem.score(found.chosen))
    assert found.score <= found.greedy + 1e-12
    assert found.score >= _best_score(problem) - 1e-9
    assert found.greedy == problem.score(greedy.adaptive_greedy(problem).chosen)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1_000), share=st.floats(0.0, 1.2))
def test_every_rule_keeps_budget_size_and_one_option_an_item(seed: int, share: float) -> None:
    problem = _middling(seed, share)
    for chosen in (
        rebalance(problem).chosen,
        plan_once(problem),
        greedy.greedy(problem),
        greedy.uniform(problem, seed),
        greedy.random(problem, seed),
        greedy.adaptive_greedy(problem).chosen,
    ):
        assert problem.allows(chosen)
        assert problem.counts_after(chosen).min() >= 0


def _middling(seed: int, share: float) -> Rebalancing:
    rng = np.random.default_rng(seed)
    target = rng.dirichlet(np.full(6, 2.0))
    homes = rng.choice(6, 60, p=rng.dirichlet(np.ones(6)))
    joins = rng.choice(6, 90, p=target)
    options = remove_and_draw(homes, joins, np.ceil(rng.lognormal(3.0, 0.7, 90)))
    counts = np.bincount(homes, minlength=6)
    return Rebalancing(counts, target, options, share * 600.0, 54, 66)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1_000))
def test_more_budget_is_never_worse_and_rounds_never_lose_to_greedy(seed: int) -> None:
    scores = [rebalance(_middling(seed, share)) for share in (0.0, 0.4, 1.2)]
    assert all(found.score <= found.greedy + 1e-12 for found in scores)
    values = [found.score for found in scores]
    assert all(later <= earlier + 1e-3 for earlier, later in pairwise(values))


def test_a_set_reaches_its_target_exactly_when_nothing_costs_anything() -> None:
    options = remove_and_draw(np.repeat([0, 1], [16, 4]), np.repeat([0, 1], [20, 20]), np.zeros(40))
    found = rebalance(Rebalancing(np.array([16, 4]), np.array([0.5, 0.5]), options, 0.0, 18, 22))
    assert found.after == pytest.approx(0.0, abs=1e-12)


def test_cheap_items_are_drawn_and_the_budget_is_spent_on_the_thin_cell() -> None:
    options = remove_and_draw(
        np.repeat([0, 1], [10, 2]), np.array([1, 1, 1, 1, 0]), np.array([9.0, 2, 3, 8, 1])
    )
    problem = Rebalancing(np.array([10, 2]), np.array([0.5, 0.5]), options, 5.0, 12, 14)
    found = rebalance(problem)
    drawn = found.chosen[found.chosen >= 12] - 12
    assert drawn.tolist() == [1, 2]
    assert found.cost == 5.0


def test_changes_of_cell_stop_where_the_target_is_reached() -> None:
    item = np.arange(10)
    moves = Moves.of(item, np.zeros(10), np.ones(10), np.arange(1.0, 11.0))
    problem = Rebalancing(np.array([10, 0]), np.array([0.5, 0.5]), moves, 100.0, 9, 10)
    found = rebalance(problem)
    assert found.chosen.tolist() == [0, 1, 2, 3, 4]
    assert found.after == 0.0
    tight = Rebalancing(np.array([10, 0]), np.array([0.5, 0.5]), moves, 6.0, 9, 10)
    assert rebalance(tight).chosen.tolist() == [0, 1, 2]


def test_merit_alone_decides_where_cells_do_not_change() -> None:
    zeros = np.zeros(3)
    moves = Moves.of(np.arange(3), zeros, zeros, np.array([5.0, 5, 5]), np.array([0.1, 0.3, 0.2]))
    found = rebalance(Rebalancing(np.array([3]), np.array([1.0]), moves, 10.0, 3, 3))
    assert found.chosen.tolist() == [1, 2]
    assert found.score == pytest.approx(-0.5)


def test_a_single_plan_on_first_gains_overshoots_where_rounds_do_not() -> None:
    problem = _middling(3, 1.2)
    once, rounds = problem.divergence(plan_once(problem)), rebalance(problem).after
    assert rounds < problem.divergence(NOTHING)
    assert rounds < once


def test_limits_that_the_set_itself_breaks_are_refused() -> None:
    options = remove_and_draw(np.zeros(3, np.int64), NOTHING, np.empty(0))
    with pytest.raises(ValueError, match="limits"):
        Rebalancing(np.array([3]), np.array([1.0]), options, 1.0, 4, 5)
    with pytest.raises(ValueError, match="each cell"):
        Rebalancing(np.array([3]), np.array([0.5, 0.5]), options, 1.0, 1, 5)


def test_without_options_nothing_happens() -> None:
    found = rebalance(
        Rebalancing(
            np.array([3, 1]),
            np.array([0.5, 0.5]),
            remove_and_draw(NOTHING, NOTHING, NOTHING),
            9,
            1,
            9,
        )
    )
    assert len(found.chosen) == 0
    assert found.before == found.after


counts_lists = st.lists(st.integers(0, 30), min_size=2, max_size=6).filter(any)


@given(counts=counts_lists, seed=st.integers(0, 99))
def test_cells_add_up_to_the_divergence_and_slots_to_its_changes(
    counts: list[int], seed: int
) -> None:
    goal = np.random.default_rng(seed).dirichlet(np.ones(len(counts)))
    numbers = np.array(counts)
    size = int(numbers.sum())
    whole = part(numbers / size, goal).sum()
    assert whole == pytest.approx(jsd(numbers, goal), abs=1e-9)
    cell = np.zeros(counts[0], np.int64)
    told = slot(cell, np.arange(1, counts[0] + 1), size, goal).sum()
    ends = part(np.array([0.0, counts[0] / size]), goal[[0, 0]])
    assert told == pytest.approx(ends[0] - ends[1], abs=1e-9)


@given(counts=counts_lists, seed=st.integers(0, 99))
def test_the_first_slot_and_the_slope_in_size_tell_the_change_of_one_item(
    counts: list[int], seed: int
) -> None:
    goal = np.random.default_rng(seed).dirichlet(np.ones(len(counts)))
    numbers = np.array(counts) * 1_000 + 1_000
    more = numbers.copy()
    more[0] += 1
    size = int(numbers.sum())
    first = float(slot(np.array([0]), numbers[:1] + 1, size, distribution(goal))[0])
    told = first + size_gain(numbers, goal)
    assert told == pytest.approx(jsd(numbers, goal) - jsd(more, goal), abs=1e-7)


def test_gains_fall_along_the_queue_of_a_cell() -> None:
    options = remove_and_draw(np.array([0, 0, 0]), np.array([1, 1, 1]), np.array([3.0, 1.0, 2.0]))
    problem = Rebalancing(np.array([3, 0]), np.array([0.5, 0.5]), options, 9.0, 1, 6)
    valued = value_moves(problem, NOTHING)
    draws: Ints = valued.worth[3:].argsort()[::-1]
    assert draws.tolist() == [1, 2, 0]
    assert valued.distance[3:].tolist() == [3, 1, 2]
    assert problem.moves.growth.tolist() == [-1, -1, -1, 1, 1, 1]
    assert problem.moves.cell_to[:3].tolist() == [OUTSIDE] * 3

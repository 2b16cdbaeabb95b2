"""Plans against oracles: dynamic programming for the budget alone, all combinations with quotas."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tools.arrays import Floats, Ints
from burnish.tools.planning import integer_program, lagrangian
from burnish.tools.planning.knapsack import hull, spend
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.problem import Effects, Instance, Rows

Option = tuple[int, int, int]
"""Gain, cost, signature."""
ITEMS = st.lists(
    st.lists(
        st.tuples(st.integers(-3, 20), st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=5,
)
ROWS = st.lists(
    st.tuples(st.lists(st.integers(-1, 1), min_size=3, max_size=3), st.integers(-2, 3)), max_size=3
)


def _instance(
    items: list[list[Option]], money: float, rows: list[tuple[list[int], int]]
) -> Instance:
    item = np.repeat(np.arange(len(items)), [len(each) for each in items])
    flat = np.array([option for each in items for option in each], float)
    table = [np.array(effects, float) for effects, _ in rows]
    limits = np.array([limit for _, limit in rows], float)
    quotas = Rows(flat[:, 2].astype(np.int64), Effects.of(table, 3), limits)
    return Instance.of(item, flat[:, 0], flat[:, 1], budget=money, rows=quotas)


def _best_of_all(instance: Instance) -> float | None:
    """Try every combination."""
    ways = [[-1, *np.flatnonzero(instance.item == item)] for item in range(instance.items)]
    values = [
        instance.value(chosen)
        for picks in product(*ways)
        if not instance.excess(chosen := np.array([p for p in picks if p >= 0], np.int64)).any()
    ]
    return max(values, default=None)


def _by_dynamic_programming(items: list[list[Option]], money: int) -> int:
    best = [0] * (money + 1)
    for options in items:
        best = [
            max([best[left], *(best[left - c] + g for g, c, _ in options if c <= left)])
            for left in range(money + 1)
        ]
    return best[money]


@settings(max_examples=30, deadline=None)
@given(items=ITEMS, money=st.integers(0, 25))
def test_a_plan_within_a_budget_equals_dynamic_programming(
    items: list[list[Option]], money: int
) -> None:
    instance = _instance(items, money, [])
    solved = lagrangian.solve(instance, Effort())
    assert solved.chosen is not None
    assert instance.feasible(solved.chosen)
    assert solved.value == pytest.approx(_by_dynamic_programming(items, money), abs=1e-6)
    assert solved.gap <= 1e-9


@settings(max_examples=40, deadline=None)
@given(items=ITEMS, money=st.integers(0, 25), rows=ROWS)
def test_a_plan_with_quotas_equals_the_best_of_all_combinations(
    items: list[list[Option]], money: int, rows: list[tuple[list[int], int]]
) -> None:
    instance = _instance(items, money, rows)
    best = _best_of_all(instance)
    solved = lagrangian.solve(instance, Effort())
    if best is None:
        assert solved.chosen is None
        return
    assert solved.chosen is not None
    assert instance.feasible(solved.chosen)
    assert solved.value == pytest.approx(best, abs=1e-6)
    assert solved.bound == pytest.approx(best, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(items=ITEMS, money=st.integers(0, 25), rows=ROWS, prices=st.lists(st.floats(0, 50)))
def test_any_prices_bound_every_plan(
    items: list[list[Option]],
    money: int,
    rows: list[tuple[list[int], int]],
    prices: list[float],
) -> None:
    instance = _instance(items, money, rows)
    best = _best_of_all(instance)
    point = np.array([*prices, 0, 0, 0, 0][: len(instance.limits)])
    bound, _ = lagrangian.bound_at(instance, point)
    assert best is None or bound >= best - 1e-9 * (1 + abs(bound))


@settings(max_examples=100, deadline=None)
@given(items=ITEMS, money=st.integers(0, 25))
def test_hull_steps_solve_the_linear_relaxation(items: list[list[Option]], money: int) -> None:
    instance = _instance(items, money, [])
    greedy = spend(instance, hull(instance), money)
    assert instance.feasible(greedy.chosen)
    assert greedy.value <= _by_dynamic_programming(items, money) <= greedy.bound + 1e-9
    relaxed = greedy.relaxed
    worth = instance.value(relaxed.whole) + float(relaxed.share @ instance.gain[relaxed.options])
    assert worth == pytest.approx(greedy.bound) or worth == pytest.approx(greedy.value)


def _large(items: int, seed: int = 3) -> Instance:
    rng = np.random.default_rng(seed)
    options = items * 4
    item = np.repeat(np.arange(items), 4)
    kind = rng.integers(0, 6, options)
    table: list[Floats] = [np.eye(6)[0], -np.eye(6)[1], np.eye(6)[2] - 0.3 * np.eye(6)[3]]
    limits = np.array([0.02, -0.1, 0.0]) * items
    gain, cost = rng.random(options), rng.integers(5, 10_000, options).astype(float)
    rows = Rows(kind, Effects.of(table, 6), limits)
    return Instance.of(item, gain, cost, budget=600.0 * items, rows=rows)


def test_a_core_comes_as_near_as_asked_and_keeps_every_limit() -> None:
    instance = _large(20_000)
    solved = lagrangian.solve(instance, Effort())
    assert solved.chosen is not None
    assert instance.feasible(solved.chosen)
    assert solved.gap <= 1e-4


def test_the_same_instance_gives_the_same_plan() -> None:
    first, second = (lagrangian.solve(_large(4_000), Effort()).chosen for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.tolist() == second.tolist()


def test_the_model_solves_a_subset_under_limits_of_its_own() -> None:
    instance = _instance([[(5, 3, 0)], [(4, 2, 1)], [(9, 9, 2)]], 100, [])
    options: Ints = np.array([0, 1])
    relaxed = integer_program.solve(
        instance, options, np.array([4.0]), integer_program.SolverSettings(integer=False)
    )
    assert relaxed.value == pytest.approx(4 + 5 * 2 / 3)
    assert relaxed.prices[0] == pytest.approx(5 / 3)
    whole = integer_program.solve(
        instance, options, np.array([4.0]), integer_program.SolverSettings()
    )
    assert integer_program.chosen(options, whole).tolist() == [0]


def test_tiny_gains_are_told_apart() -> None:
    items = [[(g, 5, 0)] for g in (3, 5, 4, 1)]
    instance = _instance(items, 10, [([1, 0, 0], 3)])
    small = Instance.of(instance.item, instance.gain * 1e-9, instance.cost, budget=10.0)
    solved = lagrangian.solve(small, Effort())
    assert solved.value == pytest.approx(9e-9)


def test_a_search_stopped_at_its_nodes_still_has_a_bound_that_holds() -> None:
    rng = np.random.default_rng(0)
    cost = rng.integers(100, 900, 120).astype(np.float64)
    instance = Instance.of(np.repeat(np.arange(40), 3), cost + rng.random(120), cost, budget=7_777)
    options = np.arange(120)
    exact = integer_program.solve(
        instance, options, instance.limits, integer_program.SolverSettings(seconds=20)
    )
    brief = integer_program.solve(
        instance, options, instance.limits, integer_program.SolverSettings(nodes=1)
    )
    assert brief.value <= exact.bound + 1e-6
    assert brief.bound >= exact.value - 1e-6
    chosen = integer_program.chosen(options, brief)
    assert instance.feasible(chosen)

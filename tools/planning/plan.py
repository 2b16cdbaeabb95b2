"""From a table of estimates to a plan: chosen operations, bound, prices, baselines, curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from burnish.corpora.errors import UsageError
from burnish.tools.arrays import Ints
from burnish.tools.planning import baselines, lagrangian
from burnish.tools.planning.estimates import Estimates, read_estimates, write_plan
from burnish.tools.planning.lagrangian import Effort, Solved
from burnish.tools.planning.problem import Instance
from burnish.tools.planning.quotas import (
    InfeasibleQuotasError,
    Quota,
    Quotas,
    Relaxation,
    Task,
    reached,
    read_quotas,
    task_of,
)

CURVE = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0)
"""Budgets of the curve, as multiples of the budget asked about."""
PRICED = 1_000.0
"""Tokens that the price of the budget is quoted for."""


class BudgetPoint(NamedTuple):
    """What a budget buys; the value is None where the quotas cannot be met for it."""

    budget: float
    value: float | None
    bound: float


class QuotaState(NamedTuple):
    """How a quota came out."""

    quota: Quota
    reached: float
    price: float
    """Gain that one item of leeway would bring."""


class BaselineResult(NamedTuple):
    """What a simpler planner reaches with the same budget."""

    name: str
    value: float
    cost: float
    breaches: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """Chosen operations within a budget, with the proof of how good they are."""

    estimates: Estimates
    chosen: Ints
    """Rows of the table that are carried out; all other items are kept."""
    value: float
    bound: float
    """No plan within budget and quotas is worth more."""
    cost: float
    budget: float
    """Tokens in all, the reserve included."""
    reserve: float
    """Tokens set aside for retries and validation."""
    price: float
    """Gain that 1,000 more tokens would bring."""
    quotas: tuple[QuotaState, ...]
    baselines: tuple[BaselineResult, ...]
    curve: tuple[BudgetPoint, ...]

    @property
    def gap(self) -> float:
        """Return (bound - value) / bound."""
        return lagrangian.relative(self.value, self.bound)

    def operations(self) -> dict[str, str]:
        """Map each item that is acted on to its operation."""
        items = self.estimates.item_names(self.chosen)
        names = self.estimates.operations
        codes = self.estimates.operation[self.chosen].tolist()
        return {item: names[code] for item, code in zip(items, codes, strict=True)}

    def counts(self) -> dict[str, int]:
        """Count how often each operation is chosen."""
        names = self.estimates.operations
        found = np.bincount(self.estimates.operation[self.chosen], minlength=len(names))
        return {name: int(each) for name, each in zip(names, found, strict=True) if each}


def solve_file(
    source: Path,
    budget: float,
    quotas: Path | None = None,
    output: Path | None = None,
    effort: Effort | None = None,
    curve: Sequence[float] = CURVE,
) -> Plan:
    """Plan from a user's own table and write the plan beside it.

    Raises:
        SourceError: the table cannot be used.
        UsageError: budget, quotas or output cannot be used.
        InfeasibleQuotasError: no plan meets the quotas; the message says what would help.
    """
    bounds = read_quotas(quotas) if quotas else Quotas()
    plan = make_plan(read_estimates(source), budget, bounds, effort or Effort(), curve)
    if output is not None:
        write_plan(output, plan.estimates, plan.chosen)
    return plan


def make_plan(
    estimates: Estimates,
    budget: float,
    quotas: Quotas,
    effort: Effort,
    curve: Sequence[float] = CURVE,
) -> Plan:
    """Choose at most one operation an item: most gain within budget and quotas.

    Raises:
        UsageError: the budget or a name in a quota cannot be used.
        InfeasibleQuotasError: no plan meets the quotas.
    """
    if not np.isfinite(budget) or budget < 0:
        raise UsageError(f"the budget is {budget}; give a number of tokens, 0 or more.")
    spendable = budget * (1.0 - quotas.reserve)
    task = task_of(estimates, quotas, spendable)
    solved = _solved(estimates, task, effort)
    rivals = baselines.compare(task.instance, solved.relaxed, effort.seed)
    for rival in rivals:
        if not rival.breaches:
            solved = lagrangian.adopt(task.instance, solved, rival.chosen)
    chosen = np.empty(0, np.int64) if solved.chosen is None else solved.chosen
    rows = np.sort(task.instance.origin[chosen])
    prices = solved.dual.prices
    states = [
        QuotaState(quota, reached(quota, estimates, rows), float(price))
        for quota, price in zip(task.quotas, prices[1:], strict=True)
    ]
    return Plan(
        estimates=estimates,
        chosen=rows,
        value=solved.value,
        bound=solved.bound,
        cost=float(estimates.cost[rows].sum()),
        budget=budget,
        reserve=budget - spendable,
        price=float(prices[0]) * PRICED,
        quotas=tuple(states),
        baselines=tuple(BaselineResult(r.name, r.value, r.cost, r.breaches) for r in rivals),
        curve=_curve(task.instance, solved, budget, effort, curve),
    )


def _solved(estimates: Estimates, task: Task, effort: Effort) -> Solved:
    instance = task.instance
    solved = lagrangian.solve(instance, effort)
    if solved.chosen is not None:
        return solved
    chosen, proven = lagrangian.least_breach(instance, effort)
    excess = instance.excess(chosen)
    if not excess.any():
        return lagrangian.adopt(instance, solved, chosen)
    rows = instance.origin[chosen]
    raise InfeasibleQuotasError(
        tuple(
            Relaxation(quota, reached(quota, estimates, rows))
            for quota, over in zip(task.quotas, excess[1:], strict=True)
            if over > 0
        ),
        proven=proven,
    )


def _curve(
    instance: Instance, solved: Solved, budget: float, effort: Effort, multiples: Sequence[float]
) -> tuple[BudgetPoint, ...]:
    """Solve again at other budgets, quickly: from the prices found, with a coarser goal."""
    quick = Effort(
        gap=10 * effort.gap,
        exact_items=0,
        evaluations=effort.evaluations // 3,
        seconds=effort.seconds / 6,
        seed=effort.seed,
    )
    spendable = float(instance.limits[0])
    points = [BudgetPoint(budget, solved.value, solved.bound)]
    for multiple in multiples:
        limits = instance.limits.copy()
        limits[0] = multiple * spendable
        found = lagrangian.solve(instance.with_limits(limits), quick, solved.dual.prices)
        value = None if found.chosen is None else found.value
        points.append(BudgetPoint(multiple * budget, value, found.bound))
    return tuple(_rising(sorted(points)))


def _rising(points: list[BudgetPoint]) -> list[BudgetPoint]:
    """What a smaller budget buys, a larger one buys too."""
    best: float | None = None
    risen: list[BudgetPoint] = []
    for point in points:
        if point.value is not None:
            best = point.value if best is None else max(best, point.value)
        risen.append(BudgetPoint(point.budget, best, point.bound))
    return risen


def to_json(plan: Plan) -> str:
    """Render value, bound, gap, prices, baselines and curve; the choices are in the plan file."""
    return orjson.dumps(to_tree(plan), option=orjson.OPT_INDENT_2).decode()


def to_tree(plan: Plan) -> dict[str, object]:
    """Return the figures of a plan as JSON knows them."""
    return {
        "value": plan.value,
        "bound": plan.bound,
        "gap": plan.gap,
        "cost": plan.cost,
        "budget": plan.budget,
        "reserve": plan.reserve,
        "price_per_1000_tokens": plan.price,
        "operations": plan.counts(),
        "size": int(plan.estimates.counts_after(plan.chosen).sum()),
        "quotas": [
            {"quota": str(each.quota), "reached": each.reached, "price": each.price}
            for each in plan.quotas
        ],
        "baselines": [each._asdict() for each in plan.baselines],
        "curve": [each._asdict() for each in plan.curve],
    }

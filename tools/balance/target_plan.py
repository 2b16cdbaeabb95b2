"""A certified plan that brings a set nearer to a target: rebalancing, then a plan under quotas.

The rounds of `rebalance` know budget and size only. Around what they find, gains are linear enough
for a plan that keeps every quota, and that comes with a bound, prices and baselines. Where quotas
lead far away from it, gains are taken anew around the plan itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from burnish.tools.arrays import Floats, Ints
from burnish.tools.balance.divergence import OUTSIDE, jsd
from burnish.tools.balance.moves import Moves, Rebalancing, value_moves
from burnish.tools.balance.rebalance import PROGRESS, rebalance
from burnish.tools.planning.estimates import Estimates
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import CURVE, Plan, make_plan
from burnish.tools.planning.quotas import InfeasibleQuotasError, Quota, Quotas

TRIES = 4
"""Plans made at most, each around the one before."""
NEAR = 0.01
"""Part of the size by which a plan may leave the size that the rounds found, if quotas let it."""
LEAST_SHARE = 0.05
"""Shares below this count as this when options are compared by their cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Towards:
    """A plan, and what it rests on."""

    plan: Plan
    chosen: Ints
    """Options of the problem that are carried out."""
    promised: Floats
    """Gain of each option if all goes well, beside the plan."""
    score: float
    """Divergence to be expected, in bits, less the merits of what is chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Doubtful:
    """A problem whose options bring only a share of what they promise."""

    problem: Rebalancing
    """Its budget is what may be planned with, without a reserve."""
    share: Floats
    """What a plan counts on, for each option."""

    def score(self, chosen: Ints) -> float:
        """Return the divergence of the counts to be expected, less merits."""
        problem, moves = self.problem, self.problem.moves
        counts = problem.counts.astype(np.float64)
        for cell, sign in ((moves.cell_from[chosen], -1.0), (moves.cell_to[chosen], 1.0)):
            inside = cell != OUTSIDE
            weights = sign * self.share[chosen][inside]
            counts += np.bincount(cell[inside], weights, len(counts))
        merit = float(moves.merit[chosen] @ self.share[chosen])
        return jsd(np.maximum(counts, 0.0), problem.target) - merit


def plan_towards(
    doubtful: Doubtful,
    estimates: Estimates,
    budget: float,
    quotas: Quotas,
    effort: Effort,
    curve: Sequence[float] = CURVE,
) -> Towards:
    """Plan for a set that is to come nearer to its target.

    Args:
        doubtful: what may be done. Sizes in it bound the rounds; the plan is bound by quotas alone.
        estimates: the same options as a table, in the same order, with rows to `keep` after them;
            its gains are not read.
        budget: tokens in all, the reserve of the quotas included.
        quotas: bounds of the plan, those on the size among them.
        effort: how near the optimum a plan has to come.
        curve: further budgets to tell of, as multiples.

    Raises:
        InfeasibleQuotasError: no plan meets the quotas.
    """
    start, price = _rebalanced(doubtful, budget * (1.0 - quotas.reserve))
    problem = doubtful.problem
    size = problem.size + int(problem.moves.growth[start].sum())
    best: Towards | None = None
    around = start
    for _ in range(TRIES):
        promised = value_moves(problem, around, price).worth
        worth = np.where(promised > 0, promised * doubtful.share, promised)
        table = replace(estimates, gain=_padded(worth, len(estimates.gain)))
        plan = _plan_near(table, budget, quotas, effort, curve, size)
        chosen = plan.chosen[plan.chosen < len(worth)]
        found = Towards(plan, chosen, promised, doubtful.score(chosen))
        if best is None or found.score < best.score - PROGRESS:
            best, around = found, chosen
        else:
            break
        if found.score <= doubtful.score(start) + PROGRESS:
            break
    assert best is not None
    return best


def _padded(worth: Floats, rows: int) -> Floats:
    return np.concatenate((worth, np.zeros(rows - len(worth))))


def _rebalanced(doubtful: Doubtful, budget: float) -> tuple[Ints, float]:
    """Rebalance with what moves items; one that fails half the time costs twice as much."""
    problem, moves = doubtful.problem, doubtful.problem.moves
    moving = np.flatnonzero(moves.cell_from != moves.cell_to)
    if not len(moving):
        return moving, 0.0
    cost = moves.cost[moving] / np.maximum(doubtful.share[moving], LEAST_SHARE)
    reduced = Moves.of(
        moves.item[moving],
        moves.cell_from[moving],
        moves.cell_to[moving],
        cost,
        moves.merit[moving],
    )
    found = rebalance(replace(problem, moves=reduced, budget=max(budget, 0.0)))
    return moving[found.chosen], found.price


def _plan_near(
    table: Estimates,
    budget: float,
    quotas: Quotas,
    effort: Effort,
    curve: Sequence[float],
    size: int,
) -> Plan:
    """Plan with a final size near the given one, or with the quotas alone where that cannot be.

    Gains are linear in the size, which they are not in truth.
    """
    leeway = int(NEAR * size)
    near = (
        Quota("size", "", "count", "min", float(size - leeway)),
        Quota("size", "", "count", "max", float(size + leeway)),
    )
    try:
        held = replace(quotas, bounds=(*quotas.bounds, *near))
        plan = make_plan(table, budget, held, effort, curve)
    except InfeasibleQuotasError:
        return make_plan(table, budget, quotas, effort, curve)
    return replace(plan, quotas=plan.quotas[: len(quotas.bounds)])

"""Rebalancing in rounds: gains are taken anew from the true divergence, a plan is made, and so on.

Each round opens the options near the present plan, ranks them into slots (`coverage.gains`), and
solves the budget program over them. A plan that does not lower the true divergence is thrown away
and the next round opens fewer. The rounds start from the adaptive greedy plan, so the result is
never worse than it. Divergence as a function of counts is convex in the shares, and shares are a
ratio of linear functions, so there are no local optima to get caught in (up to whole numbers).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from burnish.tools import lagrangian
from burnish.tools.coverage import Rebalancing, gains
from burnish.tools.instances import Effects, Flags, Floats, Instance, Ints, Rows
from burnish.tools.lagrangian import Effort
from burnish.tools.stepwise import adaptive_greedy, fixed_gains

WINDOW = 32
"""Options a cell may add or take back, on each side, in the first round."""
ROUNDS = 24
EFFORT = Effort(exact_items=300, gap=1e-4, evaluations=30, seconds=60.0)
PROGRESS = 1e-7
"""Smallest fall of the score, in bits, that is worth another round."""


class Round(NamedTuple):
    """What one round tried."""

    window: int
    score: float
    price: float
    """Worth of a token, in bits."""
    accepted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rebalanced:
    """A plan, and how it came about."""

    chosen: Ints
    """Options that are carried out."""
    before: float
    """Divergence of the set as it was, in bits."""
    after: float
    score: float
    """Divergence less merits: what the plan minimises."""
    greedy: float
    """Score of the greedy plan that the rounds started from."""
    cost: float
    price: float
    """Worth of one more token, in bits."""
    rounds: tuple[Round, ...]


def rebalance(
    problem: Rebalancing, *, rounds: int = ROUNDS, window: int = WINDOW, effort: Effort = EFFORT
) -> Rebalanced:
    """Lower the divergence from the target as far as budget, size and options allow."""
    walked = adaptive_greedy(problem)
    chosen, price = walked.chosen, walked.price
    score = start = problem.score(chosen)
    log: list[Round] = []
    for width in _windows(log, window, rounds):
        tried = _round(problem, chosen, price, width, effort)
        if tried is None or tried.promise <= PROGRESS:
            break
        price = tried.price
        reached = problem.score(tried.chosen)
        accepted = reached < score - PROGRESS and problem.allows(tried.chosen)
        log.append(Round(width, reached, price, accepted))
        if accepted:
            chosen, score = tried.chosen, reached
    return Rebalanced(
        chosen=chosen,
        before=problem.divergence(chosen[:0]),
        after=problem.divergence(chosen),
        score=score,
        greedy=start,
        cost=problem.cost(chosen),
        price=price,
        rounds=tuple(log),
    )


def plan_once(problem: Rebalancing, effort: Effort = EFFORT) -> Ints:
    """Solve the budget program once over the gains as they look before anything is done.

    This is the additive formulation of RefineLab (arXiv 2511.06530, as far as it is known) solved
    well; it overshoots, since fifty items that move into one cell count fifty times the first.
    """
    worth = fixed_gains(problem)
    options = np.flatnonzero(worth > 0)
    if not len(options):
        return options
    least, most = problem.size_min - problem.size, problem.size_max - problem.size
    instance = _instance(
        problem, options, worth[options], budget=problem.budget, least=least, most=most
    )
    solved = lagrangian.solve(instance, effort)
    if solved.chosen is None:
        return options[:0]
    return np.sort(options[instance.origin[solved.chosen]])


def _windows(log: list[Round], window: int, rounds: int) -> Iterator[int]:
    """Go on with a window that helps, halve one that does not, stop below 1."""
    while window >= 1 and len(log) < rounds:
        yield window
        window = window if log[-1].accepted else window // 2


class _Tried(NamedTuple):
    chosen: Ints
    price: float
    promise: float
    """By how much the plan is better, as far as the gains of the round tell."""


def _round(
    problem: Rebalancing, chosen: Ints, price: float, window: int, effort: Effort
) -> _Tried | None:
    """Plan anew over the options near the present plan; the others stay as they are."""
    moves = problem.moves
    valued = gains(problem, chosen, price)
    standing = np.zeros(len(moves.item), np.bool_)
    standing[chosen] = True
    open_ones = _open(problem, standing, valued.distance <= window)
    options = np.flatnonzero(open_ones)
    held = np.flatnonzero(standing & ~open_ones)
    if not len(options):
        return None
    size = problem.size + int(moves.growth[held].sum())
    now = problem.size + int(moves.growth[chosen].sum())
    reach = window * max(1, len(problem.counts) // 4)
    instance = _instance(
        problem,
        options,
        valued.worth[options],
        budget=problem.budget - problem.cost(held),
        least=max(problem.size_min, now - reach) - size,
        most=min(problem.size_max, now + reach) - size,
    )
    solved = lagrangian.solve(instance, effort)
    if solved.chosen is None:
        return None
    taken = options[instance.origin[solved.chosen]]
    promise = float(valued.worth[taken].sum() - valued.worth[standing & open_ones].sum())
    return _Tried(np.sort(np.concatenate((held, taken))), float(solved.dual.prices[0]), promise)


def _open(problem: Rebalancing, standing: Flags, near: Flags) -> Flags:
    """Leave open what is near the plan; an item whose chosen option is held is held in all."""
    items = problem.moves.item
    held = np.zeros(int(items.max(initial=-1)) + 1, np.bool_)
    held[items[standing & ~near]] = True
    return near & ~held[items]


def _instance(
    problem: Rebalancing, options: Ints, worth: Floats, *, budget: float, least: int, most: int
) -> Instance:
    """State the round: at most one option an item, the budget, and the change of size."""
    growth = problem.moves.growth[options]
    table = [np.array([1.0, 0.0, -1.0]), np.array([-1.0, 0.0, 1.0])]
    _, item = np.unique(problem.moves.item[options], return_inverse=True)
    limits = np.array([-least, most], np.float64)
    return Instance.of(
        item,
        worth,
        problem.moves.cost[options],
        budget=max(budget, 0.0),
        rows=Rows(growth + 1, Effects.of(table, 3), limits),
    )

"""Rebalancing in rounds: gains are taken anew from the true divergence, a plan is made, and so on.

Each round opens the options near the present plan, ranks them into slots (`coverage.gains`), and
solves the budget program over them. A plan that does not lower the true divergence is thrown away
and the next round opens fewer. The rounds start from the adaptive greedy plan, so the result is
never worse than it. Divergence as a function of counts is convex in the shares, and shares are a
ratio of linear functions, so there are no local optima to get caught in (up to whole numbers).
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.balance.greedy import adaptive_greedy, fixed_gains
from burnish.tools.balance.moves import Rebalancing, value_moves
from burnish.tools.planning import lagrangian
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.problem import Effects, Instance, Rows

WINDOW = 32
"""Options a cell may add or take back, on each side, in the first round."""
ROUNDS = 16
SMALL = 200
"""Up to this many items sizes are tried one by one."""
FEW = 4
"""Sizes tried on either side."""
EFFORT = Effort(exact_items=300, gap=1e-4, evaluations=30, seconds=60.0)
PROGRESS = 1e-7
"""Smallest fall of the score, in bits, that is worth another round."""


class Round(NamedTuple):
    """What one round tried."""

    window: int
    size: int | None
    """The size that was asked for; None where the size was left open."""
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
    state = _State(problem, effort, walked.chosen, walked.price, problem.score(walked.chosen))
    start = state.score
    width = window
    while width >= 1 and len(state.log) < rounds:
        outcome = state.try_round(width)
        if outcome == "settled":
            break
        width = width if outcome == "better" else width // 2
    _search_sizes(state, window, rounds)
    chosen = state.chosen
    return Rebalanced(
        chosen=chosen,
        before=problem.divergence(chosen[:0]),
        after=problem.divergence(chosen),
        score=state.score,
        greedy=start,
        cost=problem.cost(chosen),
        price=state.price,
        rounds=tuple(state.log),
    )


Outcome = Literal["better", "worse", "settled"]


@dataclass(slots=True, eq=False)
class _State:
    """The best plan so far."""

    problem: Rebalancing
    effort: Effort
    chosen: Ints
    price: float
    score: float
    log: list[Round] = field(default_factory=list[Round])

    @property
    def size(self) -> int:
        """Return the size of the set under the plan."""
        return self.problem.size + int(self.problem.moves.growth[self.chosen].sum())

    def try_round(self, window: int, size: int | None = None) -> Outcome:
        """Plan anew near the present plan, at a size if one is given; keep what is truly better.

        "settled": the gains themselves promise nothing.
        """
        tried = _round(self, window, size)
        if tried is None or (size is None and tried.promise <= PROGRESS):
            return "settled"
        reached = self.problem.score(tried.chosen)
        better = reached < self.score - PROGRESS and self.problem.allows(tried.chosen)
        self.log.append(Round(window, size, reached, tried.price, better))
        if not better:
            return "worse"
        self.chosen, self.price, self.score = tried.chosen, tried.price, reached
        return "better"


def _search_sizes(state: _State, window: int, rounds: int) -> None:
    """Try other sizes of a small set, where one item more or less is no small step.

    At a fixed size the gains of removing and drawing are exact. The best score at a size has one
    valley over sizes, up to whole numbers: steps of up to `FEW` look past those.
    """
    problem = state.problem
    if len(state.log) < rounds:
        state.try_round(window, state.size)
    left = 4 * rounds if problem.size <= SMALL else 0
    steps = [sign * step for step in range(1, FEW + 1) for sign in (1, -1)]
    while left > 0:
        near = [state.size + step for step in steps]
        sizes = [size for size in near if problem.size_min <= size <= problem.size_max]
        left -= len(sizes)
        if not any(state.try_round(window, size) == "better" for size in sizes):
            return


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


class _Tried(NamedTuple):
    chosen: Ints
    price: float
    promise: float
    """By how much the plan is better, as far as the gains of the round tell."""


def _round(state: _State, window: int, size: int | None) -> _Tried | None:
    """Plan anew over the options near the present plan; the others stay as they are."""
    problem, moves = state.problem, state.problem.moves
    valued = value_moves(problem, state.chosen, state.price, size)
    standing = np.zeros(len(moves.item), np.bool_)
    standing[state.chosen] = True
    open_ones = _open(problem, standing, valued.distance <= window)
    options = np.flatnonzero(open_ones)
    held = np.flatnonzero(standing & ~open_ones)
    if not len(options):
        return None
    base = problem.size + int(moves.growth[held].sum())
    reach = window * max(1, len(problem.counts) // 4)
    least = max(problem.size_min, state.size - reach) if size is None else size
    most = min(problem.size_max, state.size + reach) if size is None else size
    instance = _instance(
        problem,
        options,
        valued.worth[options],
        budget=problem.budget - problem.cost(held),
        least=least - base,
        most=most - base,
    )
    solved = lagrangian.solve(instance, state.effort)
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

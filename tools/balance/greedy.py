"""Simple ways to rebalance: what a planner has to beat.

`adaptive_greedy` takes one option at a time, the most divergence per token, and looks again after
every step. The other rules see the gains once, before anything is done, as additive estimates do.
"""

from typing import NamedTuple

import numpy as np

from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.balance.divergence import OUTSIDE, distribution, jsd, move_gains
from burnish.tools.balance.moves import Rebalancing, size_gain, slot
from burnish.tools.planning.knapsack import slopes
from burnish.tools.planning.problem import TOLERANCE


class Walked(NamedTuple):
    """Options taken one by one, and the worth of a token at the last step that was paid for."""

    chosen: Ints
    price: float


def adaptive_greedy(problem: Rebalancing) -> Walked:
    """Take the option with most true gain per token until none helps or none can be paid for."""
    return _Walk(problem).taken()


class _Walk:
    """Options with the same cells wait in one queue, the cheapest first."""

    def __init__(self, problem: Rebalancing) -> None:
        self.problem = problem
        self.goal = distribution(problem.target)
        moves = problem.moves
        self.order = np.lexsort((-moves.merit, moves.cost, moves.cell_to, moves.cell_from))
        pair = np.stack((moves.cell_from[self.order], moves.cell_to[self.order]))
        new = np.any(pair[:, 1:] != pair[:, :-1], axis=0) if pair.shape[1] else np.empty(0, bool)
        self.head = np.flatnonzero(np.concatenate((np.ones(min(1, len(self.order)), bool), new)))
        self.end = np.append(self.head[1:], len(self.order)).astype(np.int64)
        self.counts = problem.counts.astype(np.int64).copy()
        self.used = np.zeros(int(moves.item.max(initial=-1)) + 1, np.bool_)
        self.left = problem.budget
        self.chosen: list[int] = []
        self.price = 0.0

    def taken(self) -> Walked:
        """Walk to the end."""
        score = self.problem.score(np.empty(0, np.int64))
        while (option := self._best()) is not None:
            counts = self._counts_with(option)
            after = self._score(counts, option, score)
            if after >= score:
                break
            cost = float(self.problem.moves.cost[option])
            if cost > 0:
                self.price = (score - after) / cost
            self.counts, self.left, score = counts, self.left - cost, after
            self.used[self.problem.moves.item[option]] = True
            self.chosen.append(option)
        return Walked(np.sort(np.array(self.chosen, np.int64)), self.price)

    def _score(self, counts: Ints, option: int, before: float) -> float:
        change = jsd(counts, self.goal) - jsd(self.counts, self.goal)
        return before + change - float(self.problem.moves.merit[option])

    def _counts_with(self, option: int) -> Ints:
        moves, counts = self.problem.moves, self.counts.copy()
        if (cell := moves.cell_from[option]) != OUTSIDE:
            counts[cell] -= 1
        if (cell := moves.cell_to[option]) != OUTSIDE:
            counts[cell] += 1
        return counts

    def _best(self) -> int | None:
        self._pass_over_used()
        live = np.flatnonzero(self.head < self.end)
        options = self.order[self.head[live]]
        options = options[self._allowed(options)]
        worth = self._worth(options)
        options, worth = options[worth > 0], worth[worth > 0]
        if not len(options):
            return None
        cost = self.problem.moves.cost[options]
        free = cost <= 0
        if free.any():
            return int(options[free][np.argmax(worth[free])])
        return int(options[np.argmax(worth / cost)])

    def _pass_over_used(self) -> None:
        item = self.problem.moves.item
        while True:
            live = np.flatnonzero(self.head < self.end)
            spent = live[self.used[item[self.order[self.head[live]]]]]
            if not len(spent):
                return
            self.head[spent] += 1

    def _allowed(self, options: Ints) -> Flags:
        problem = self.problem
        size = int(self.counts.sum()) + problem.moves.growth[options]
        paid = problem.moves.cost[options] <= self.left + TOLERANCE * (1 + problem.budget)
        return paid & (size >= problem.size_min) & (size <= problem.size_max)

    def _worth(self, options: Ints) -> Floats:
        moves, size = self.problem.moves, int(self.counts.sum())
        goes, comes = moves.cell_from[options], moves.cell_to[options]
        worth = moves.merit[options] + size_gain(self.counts, self.goal) * moves.growth[options]
        stays = goes == comes
        joins, leaves = (comes != OUTSIDE) & ~stays, (goes != OUTSIDE) & ~stays
        worth[joins] += slot(comes[joins], self.counts[comes[joins]] + 1, size, self.goal)
        worth[leaves] -= slot(goes[leaves], self.counts[goes[leaves]], size, self.goal)
        return worth


def fixed_gains(problem: Rebalancing) -> Floats:
    """Return the gains as they look before anything is done: the same for all of a kind."""
    moves = problem.moves
    return moves.merit + move_gains(problem.counts, problem.target, moves.cell_from, moves.cell_to)


def greedy(problem: Rebalancing) -> Ints:
    """Take options by fixed gain per token as long as they gain and the limits allow."""
    worth = fixed_gains(problem)
    order = np.argsort(-slopes(worth, problem.moves.cost), kind="stable")
    return _fill(problem, order[worth[order] > 0])


def random(problem: Rebalancing, seed: int) -> Ints:
    """Take options that gain anything at first sight, in random order."""
    useful = np.flatnonzero(fixed_gains(problem) > 0)
    return _fill(problem, np.random.default_rng(seed).permutation(useful))


def uniform(problem: Rebalancing, seed: int) -> Ints:
    """Serve all cells in turn: each gets its next option that gains at first sight.

    Within a cell the order is random; an option counts for the cell it leads to, a removal for the
    cell it leaves.
    """
    moves = problem.moves
    useful = np.flatnonzero(fixed_gains(problem) > 0)
    useful = np.random.default_rng(seed).permutation(useful)
    leaves = moves.cell_to == OUTSIDE
    queue = np.where(leaves, moves.cell_from + len(problem.counts), moves.cell_to)[useful]
    order = np.argsort(queue, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(queue[order], queue[order])
    return _fill(problem, useful[order[np.argsort(place, kind="stable")]])


def _fill(problem: Rebalancing, order: Ints) -> Ints:
    """Take options along an order, and again from the start while the limits let more in."""
    moves = problem.moves
    growth, costs, items = moves.growth.tolist(), moves.cost.tolist(), moves.item.tolist()
    size, left, used, chosen = problem.size, problem.budget, set[int](), list[int]()
    waiting = order.tolist()
    while True:
        passed = list[int]()
        for option in waiting:
            after = size + growth[option]
            inside = problem.size_min <= after <= problem.size_max
            if items[option] in used:
                continue
            if inside and costs[option] <= left:
                chosen.append(option)
                used.add(items[option])
                size, left = after, left - costs[option]
            else:
                passed.append(option)
        if len(passed) == len(waiting):
            return np.sort(np.array(chosen, np.int64))
        waiting = passed

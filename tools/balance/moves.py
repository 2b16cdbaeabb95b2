"""Rebalancing as a problem: what may leave, join or change its cell, and what that does to a set.

The objective is the Jensen-Shannon divergence of the set's cells from a target, less what the
chosen options are worth by themselves (`merit`). It is no sum over options. But at a given size it
is a sum over cells of a convex function of each cell's count, so the first item that joins a cell
is worth most and every further one less: `value_moves` hands out these falling worths ("slots") by
rank, and adds the slope of the divergence in the size. Only that slope, and cells where items both
come and go, are linear approximations.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.balance.divergence import OUTSIDE, distribution, jsd, moved
from burnish.tools.planning.problem import TOLERANCE

Numbers = NDArray[np.int64 | np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """What can be done, one option an entry; each item takes at most one of its options."""

    item: Ints
    """Codes from 0, shared by the options of one item."""
    cell_from: Ints
    """OUTSIDE: the item is not in the set yet."""
    cell_to: Ints
    """OUTSIDE: the item leaves. The same as `cell_from`: it changes, but not its cell."""
    cost: Floats
    """Tokens."""
    merit: Floats
    """Worth of the option by itself, in bits of divergence; 0 where only coverage counts."""

    @classmethod
    def of(
        cls,
        item: Numbers,
        cell_from: Numbers,
        cell_to: Numbers,
        cost: Numbers,
        merit: Numbers | None = None,
    ) -> "Moves":
        """Gather options; without `merit` only coverage counts."""
        return cls(
            np.asarray(item, np.int64),
            np.asarray(cell_from, np.int64),
            np.asarray(cell_to, np.int64),
            np.asarray(cost, np.float64),
            np.zeros(len(item)) if merit is None else np.asarray(merit, np.float64),
        )

    @property
    def growth(self) -> Ints:
        """Return what each option adds to the size: 1, 0 or -1."""
        return (self.cell_from == OUTSIDE).astype(np.int64) - (self.cell_to == OUTSIDE)


@dataclass(frozen=True, slots=True, eq=False)
class Rebalancing:
    """A set by its cells, a target, the options, and the limits.

    Raises:
        ValueError: the limits cannot hold, or counts and target differ in length.
    """

    counts: Ints
    """Items in each cell now."""
    target: Floats
    """Wanted share of each cell."""
    moves: Moves
    budget: float
    """Tokens."""
    size_min: int
    size_max: int

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.target):
            raise ValueError("counts and target must have one entry for each cell")
        if not 1 <= self.size_min <= self.size <= self.size_max or not self.budget >= 0:
            raise ValueError("the set as it is must be within the limits on size and budget")

    @property
    def size(self) -> int:
        """Return the number of items now."""
        return int(self.counts.sum())

    def counts_after(self, chosen: Ints) -> Ints:
        """Count the items in each cell once the chosen options are carried out."""
        return moved(self.counts, self.moves.cell_from[chosen], self.moves.cell_to[chosen])

    def divergence(self, chosen: Ints) -> float:
        """Return the true divergence from the target after the chosen options, in bits."""
        return jsd(self.counts_after(chosen), self.target)

    def score(self, chosen: Ints) -> float:
        """Return what is minimised: the divergence less the merits of the chosen options."""
        return self.divergence(chosen) - float(self.moves.merit[chosen].sum())

    def cost(self, chosen: Ints) -> float:
        """Return the tokens that the chosen options cost."""
        return float(self.moves.cost[chosen].sum())

    def allows(self, chosen: Ints) -> bool:
        """Tell whether budget and size are kept and no item has two options."""
        size = self.size + int(self.moves.growth[chosen].sum())
        items = self.moves.item[chosen]
        paid = self.cost(chosen) <= self.budget + TOLERANCE * (1 + self.budget)
        return paid and self.size_min <= size <= self.size_max and len(set(items)) == len(items)


def remove_and_draw(
    cells: Numbers, pool: Numbers, draw_cost: Numbers, *, remove_cost: float = 0.0
) -> Moves:
    """Offer to remove every item of a set and to draw every item of a reserve pool.

    Args:
        cells: cell of each item of the set; these are items 0, 1, … of the result.
        pool: cell of each item of the pool; the items after those of the set.
        draw_cost: tokens for each item of the pool.
        remove_cost: tokens for a removal: next to nothing, as no model is asked.
    """
    removals = np.full(len(cells), remove_cost)
    return Moves.of(
        np.arange(len(cells) + len(pool)),
        np.concatenate((np.asarray(cells, np.int64), np.full(len(pool), OUTSIDE))),
        np.concatenate((np.full(len(cells), OUTSIDE), np.asarray(pool, np.int64))),
        np.concatenate((removals, np.asarray(draw_cost, np.float64))),
    )


def part(share: Floats, goal: Floats) -> Floats:
    """Return what a cell of some share adds to the divergence from its target share, in bits."""
    # Jensen-Shannon: the mean of the two divergences to the middle, cell by cell; 0 log 0 is 0.
    middle = (share + goal) / 2
    return (_term(share, middle) + _term(goal, middle)) / 2


def _term(value: Floats, middle: Floats) -> Floats:
    some = value > 0
    ratio = np.where(some, value, 1.0) / np.where(some, middle, 1.0)
    return np.where(some, value * np.log2(ratio), 0.0)


def slot(cell: Ints, number: Ints, size: int, goal: Floats) -> Floats:
    """Return what the `number`-th item of a cell lowers the divergence by, at a given size."""
    number = np.maximum(number, 1)
    before, after = (number - 1) / size, number / size
    return part(before, goal[cell]) - part(after, goal[cell])


def size_gain(counts: Ints, goal: Floats) -> float:
    """Return what one more item lowers the divergence by through the size alone.

    With all counts held, a larger size thins every cell: minus the sum of share times slope of the
    divergence, over the size. The slope in a share p against target t is log2(2p / (p + t)) / 2.
    """
    shares = distribution(counts)
    some = shares > 0
    slope = np.log2(2 * shares[some] / (shares[some] + goal[some])) / 2
    return float(shares[some] @ slope) / float(counts.sum())


class Valued(NamedTuple):
    """What each option is worth beside a plan, and how near the plan it is."""

    worth: Floats
    """In bits; for an option of the plan: what undoing it would lose."""
    distance: Ints
    """Its place in the queue of its cell, counted from the plan's edge to either side, from 1."""


def value_moves(
    problem: Rebalancing, chosen: Ints, price: float = 0.0, size: int | None = None
) -> Valued:
    """Value each option, given that the chosen ones stand.

    Options into (or out of) one cell get its slots by rank: the chosen first, then those that are
    best at `price` (worth of a token, in bits). A plan that skips some of a rank is thus worth at
    least what it adds up to. With a `size` that the plan must have in the end, slots are those of
    that size and nothing is linear; without one the present size counts, and the slope in it.
    """
    moves = problem.moves
    goal = distribution(problem.target)
    after = problem.counts_after(chosen)
    drift = 0.0 if size is not None else size_gain(after, goal)
    size = int(after.sum()) if size is None else size
    standing = np.zeros(len(moves.item), np.bool_)
    standing[chosen] = True
    come = _side(moves, standing, moves.cell_to)
    gone = _side(moves, standing, moves.cell_from)
    fixed = moves.merit - price * moves.cost
    rank_in = _ranks(come, fixed - _marginal(moves.cell_from, after, size, goal), moves.cost)
    rank_out = _ranks(gone, fixed + _marginal(moves.cell_to, after + 1, size, goal), moves.cost)
    came = np.bincount(come.cell[come.standing], minlength=len(after))
    went = np.bincount(gone.cell[gone.standing], minlength=len(after))
    worth = moves.merit + drift * moves.growth
    # Before more is drawn into a cell, what was removed from it comes back, and the reverse.
    back_in = _undone_first(come, moves.cell_to == OUTSIDE, moves.cell_from, standing)
    back_out = _undone_first(gone, moves.cell_from == OUTSIDE, moves.cell_to, standing)
    number_in = (after - came)[come.cell] + rank_in + back_in
    number_out = (after + went)[gone.cell] - rank_out + 1 - back_out
    worth[come.option] += slot(come.cell, number_in, size, goal)
    worth[gone.option] -= slot(gone.cell, number_out, size, goal)
    distance = np.ones(len(moves.item), np.int64)
    for side, rank, edge in ((come, rank_in, came), (gone, rank_out, went)):
        beyond = rank - edge[side.cell]
        away = np.where(side.standing, 1 - beyond, beyond)
        distance[side.option] = np.maximum(distance[side.option], away)
    return Valued(worth, distance)


class _Side(NamedTuple):
    """Options that enter a cell, or that leave one."""

    option: Ints
    cell: Ints
    standing: Flags


def _side(moves: Moves, standing: Flags, cell: Ints) -> _Side:
    option = np.flatnonzero((cell != OUTSIDE) & (moves.cell_from != moves.cell_to))
    return _Side(option, cell[option], standing[option])


def _undone_first(side: _Side, kind: Flags, cell: Ints, standing: Flags) -> Ints:
    """Count, for each option that does not stand, the standing ones of a kind in its cell."""
    cells = int(max(side.cell.max(initial=0), cell.max(initial=0))) + 1
    counts = np.bincount(cell[kind & standing & (cell != OUTSIDE)], minlength=cells)
    return np.where(side.standing, 0, counts[side.cell])


def _marginal(cell: Ints, number: Ints, size: int, goal: Floats) -> Floats:
    inside = cell != OUTSIDE
    found = np.zeros(len(cell))
    found[inside] = slot(cell[inside], number[cell[inside]], size, goal)
    return found


def _ranks(side: _Side, worth: Floats, cost: Floats) -> Ints:
    """Rank the options of each cell from 1: standing ones, then the most worth, then the cheap."""
    # As every further item of a cell is worth less, ranks must go to the best first: then taking
    # any part of them is worth at least what the slots add up to.
    order = np.lexsort((cost[side.option], -worth[side.option], ~side.standing, side.cell))
    sorted_cell = side.cell[order]
    first = np.searchsorted(sorted_cell, sorted_cell)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - first + 1
    return rank

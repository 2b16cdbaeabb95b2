"""The planning problem as arrays: options with a gain, a cost, and an effect on the rows.

Options are stored in layers (the first option of every item, then the second of every item that
has one, …), items with most options first. An evaluation of all items is then a few passes over
contiguous arrays, for ragged tables too, and memory never depends on the widest item. What an
option does to the quota rows is one number, its signature, looked up in a small sparse table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.arrays import Floats, Ints

Codes = NDArray[np.int32]

KEEP = -1
"""In an array of picks: the item stays as it is, at gain 0 and cost 0."""
TOLERANCE = 1e-9
"""Relative rounding error allowed when a sum is compared with a limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What one option of each signature adds to each row: a sparse table, entry by entry."""

    row: Ints
    signature: Ints
    amount: Floats
    rows: int
    signatures: int

    @classmethod
    def of(cls, table: Sequence[Floats], signatures: int) -> "Effects":
        """Read a table, row by row; each row holds one amount for every signature."""
        places = [np.flatnonzero(row) for row in table]
        amounts = [row[place] for row, place in zip(table, places, strict=True)]
        return cls(
            np.repeat(np.arange(len(places)), [len(place) for place in places]),
            np.concatenate([np.empty(0, np.int64), *places]),
            np.concatenate([np.empty(0), *amounts]),
            len(places),
            signatures,
        )

    def toll(self, prices: Floats) -> Floats:
        """Price each signature: the sum over rows of price times effect."""
        weights = self.amount * prices[self.row]
        return np.bincount(self.signature, weights, self.signatures).astype(np.float64)

    def usage(self, counts: NDArray[np.generic]) -> Floats:
        """Sum each row over `counts` options of each signature."""
        weights = self.amount * counts[self.signature].astype(np.float64)
        return np.bincount(self.row, weights, self.rows).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """Choose at most one option an item: most gain, cost and rows within their limits."""

    gain: Floats
    cost: Floats
    signature: Codes
    item: Ints
    origin: Ints
    """Place of each option in the arrays the caller gave."""
    layers: Ints
    """Layer k is options `layers[k]` to `layers[k + 1]`: those of items 0, 1, 2, … in order."""
    effects: Effects
    limits: Floats
    """The budget, then the limit of each row: an upper bound on its sum."""
    items: int

    @classmethod
    def of(
        cls,
        item: NDArray[np.integer],
        gain: Floats,
        cost: Floats,
        *,
        budget: float,
        rows: "Rows | None" = None,
    ) -> "Instance":
        """Lay out options given in any order; `item` holds codes from 0."""
        rows = rows or Rows.none(len(item))
        items = int(item.max()) + 1 if len(item) else 0
        counts = np.bincount(item, minlength=items)
        by_count = np.argsort(-counts, kind="stable")
        place = np.empty(items, np.int64)
        place[by_count] = np.arange(items)
        order = np.argsort(item, kind="stable")
        starts = np.concatenate(([0], np.cumsum(counts)))
        nth = np.arange(len(item)) - np.repeat(starts[:-1], counts)
        widths = np.bincount(nth, minlength=1)
        layers = np.concatenate(([0], np.cumsum(widths)))
        target = layers[nth] + place[item[order]]
        origin = np.empty(len(item), np.int64)
        origin[target] = order
        return cls(
            gain=gain[origin],
            cost=cost[origin],
            signature=rows.signature[origin].astype(np.int32),
            item=place[item[origin]],
            origin=origin,
            layers=layers,
            effects=rows.effects,
            limits=np.concatenate(([budget], whole(rows))),
            items=items,
        )

    def with_limits(self, limits: Floats) -> "Instance":
        """Return the same options under other limits."""
        return Instance(
            gain=self.gain,
            cost=self.cost,
            signature=self.signature,
            item=self.item,
            origin=self.origin,
            layers=self.layers,
            effects=self.effects,
            limits=limits,
            items=self.items,
        )

    def value(self, chosen: Ints) -> float:
        """Sum the gain of the chosen options."""
        return float(self.gain[chosen].sum())

    def usage(self, chosen: Ints) -> Floats:
        """Sum cost and rows over the chosen options."""
        counts = np.bincount(self.signature[chosen], minlength=self.effects.signatures)
        return np.concatenate(([self.cost[chosen].sum()], self.effects.usage(counts)))

    def excess(self, chosen: Ints) -> Floats:
        """Return by how much each limit is broken, 0 where it holds (up to rounding)."""
        over = self.usage(chosen) - self.limits
        return np.where(over > TOLERANCE * (1 + np.abs(self.limits)), over, 0.0)

    def feasible(self, chosen: Ints) -> bool:
        """Tell whether the chosen options respect every limit and no item has two."""
        return not self.excess(chosen).any() and len(np.unique(self.item[chosen])) == len(chosen)

    def options_of(self, items: NDArray[np.integer]) -> Ints:
        """Return all options of some items, given in rising order."""
        widths = np.diff(self.layers)
        found = [
            start + items[: np.searchsorted(items, width)]
            for start, width in zip(self.layers[:-1], widths, strict=True)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Quota rows over options: `sum of effects[row, signature of the option] <= limits[row]`."""

    signature: NDArray[np.integer]
    effects: Effects
    limits: Floats

    @classmethod
    def none(cls, options: int) -> "Rows":
        """Return no rows at all, for that many options."""
        return cls(np.zeros(options, np.int32), Effects.of((), 1), np.zeros(0))


def whole(rows: Rows) -> Floats:
    """Round down the limits of rows that count in whole numbers: no plan is lost by it."""
    parts = rows.effects.amount != np.round(rows.effects.amount)
    fractional = np.bincount(rows.effects.row, parts, minlength=rows.effects.rows) > 0
    return np.where(fractional, rows.limits, np.floor(rows.limits + TOLERANCE))


class Response(NamedTuple):
    """What every item would choose at some prices, each for itself."""

    picks: Ints
    """Option of each item, or KEEP."""
    best: Floats
    """Gain less price of that choice, at least 0."""
    margin: Floats
    """By how much the choice beats the item's next best."""

    @property
    def chosen(self) -> Ints:
        """Return the options picked, without the items that stay."""
        return self.picks[self.picks != KEEP]


def respond(instance: Instance, prices: Floats) -> Response:
    """Let every item choose its best option at `prices` (one for each limit)."""
    toll = instance.effects.toll(prices[1:])
    best = np.zeros(instance.items)
    second = np.full(instance.items, -np.inf)
    picks = np.full(instance.items, KEEP, np.int64)
    for start, stop in zip(instance.layers[:-1], instance.layers[1:], strict=True):
        for low in range(0, stop - start, BLOCK):
            high = min(low + BLOCK, stop - start)
            block = slice(start + low, start + high)
            here = slice(low, high)
            reduced = instance.gain[block] - prices[0] * instance.cost[block]
            reduced -= toll[instance.signature[block]]
            better = reduced > best[here]
            np.maximum(second[here], np.minimum(best[here], reduced), out=second[here])
            np.maximum(best[here], reduced, out=best[here])
            picks[here][better] = np.flatnonzero(better) + (start + low)
    return Response(picks, best, best - second)


BLOCK = 1 << 16
"""Options handled at once: the temporary arrays then stay in the processor's cache."""

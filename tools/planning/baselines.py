"""What simpler planners reach with the same budget: greedy, LP + rounding, uniform, random.

They are the yardstick of a plan. Each takes options in an order of its own as long as budget and
quotas allow; one that ends outside a quota says so, since its value is then bought with a breach.
"""

from dataclasses import dataclass

import numpy as np

from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.planning.knapsack import Relaxed, slopes
from burnish.tools.planning.problem import KEEP, TOLERANCE, Instance

BLOCK = 1 << 14
SPLITS = 1_000
"""How often a walk may be stopped by a full row before it ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A plan by a simpler rule."""

    name: str
    chosen: Ints
    value: float
    cost: float
    breaches: int
    """Number of quotas broken."""


def greedy(instance: Instance) -> Ints:
    """Take options by gain per token, or by gain alone if that ends better; never exchange one.

    Options that bring an unmet quota nearer go first.
    """
    keys = (slopes(instance.gain, instance.cost), instance.gain)
    plans = [_in_order(instance, np.argsort(-key, kind="stable")) for key in keys]
    return max(plans, key=lambda chosen: (instance.feasible(chosen), instance.value(chosen)))


def _in_order(instance: Instance, order: Ints) -> Ints:
    walk = _Walk(instance)
    if (walk.usage > instance.limits).any():
        walk.along(order, mending=True)
    walk.along(order[instance.gain[order] > 0])
    return walk.chosen


def uniform(instance: Instance) -> Ints:
    """Give every item the same allowance, as large as the budget admits, for its best option."""
    tried = np.unique(instance.cost)
    low, high = 0, len(tried)
    while low < high:
        middle = (low + high) // 2
        spent = instance.cost[_affordable(instance, float(tried[middle]))].sum()
        low, high = (middle + 1, high) if spent <= instance.limits[0] else (low, middle)
    walk = _Walk(instance)
    if low:
        walk.along(_affordable(instance, float(tried[low - 1])))
    return walk.chosen


def _affordable(instance: Instance, allowance: float) -> Ints:
    best = np.zeros(instance.items)
    picks = np.full(instance.items, KEEP, np.int64)
    for start, stop in zip(instance.layers[:-1], instance.layers[1:], strict=True):
        layer = slice(start, stop)
        gain = np.where(instance.cost[layer] <= allowance, instance.gain[layer], 0.0)
        better = np.flatnonzero(gain > best[: stop - start])
        best[better] = gain[better]
        picks[better] = better + start
    return picks[picks != KEEP]


def random(instance: Instance, seed: int) -> Ints:
    """Take options that gain anything in random order."""
    walk = _Walk(instance)
    options = np.flatnonzero(instance.gain > 0)
    walk.along(np.random.default_rng(seed).permutation(options))
    return walk.chosen


def rounded(instance: Instance, relaxed: Relaxed) -> Ints:
    """Round the linear plan to the nearest whole one and drop the worst until it is paid for.

    The rule of RefineLab (arXiv 2511.06530) as far as it is known: the paper rounds a linear
    relaxation; how it repairs the budget is not recorded, so the lowest gain per token goes first.
    """
    chosen = np.concatenate((relaxed.whole, relaxed.options[relaxed.share >= 0.5]))
    slope = slopes(instance.gain[chosen], instance.cost[chosen])
    chosen = chosen[np.argsort(-slope, kind="stable")]
    _, first = np.unique(instance.item[chosen], return_index=True)
    chosen = chosen[np.sort(first)]
    total = np.cumsum(instance.cost[chosen])
    return chosen[total <= instance.limits[0] * (1 + TOLERANCE)]


def compare(instance: Instance, relaxed: Relaxed | None, seed: int) -> tuple[Baseline, ...]:
    """Run all baselines at the instance's budget."""
    plans = {"greedy": greedy(instance)}
    if relaxed is not None:
        plans["lp_rounding"] = rounded(instance, relaxed)
    plans |= {"uniform": uniform(instance), "random": random(instance, seed)}
    return tuple(
        Baseline(
            name,
            chosen,
            instance.value(chosen),
            float(instance.cost[chosen].sum()),
            int((instance.excess(chosen) > 0).sum()),
        )
        for name, chosen in plans.items()
    )


class _Walk:
    """Options taken one after another, in blocks: a block is cut where a limit is reached."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.usage = np.zeros(len(instance.limits))
        self.edge = instance.limits + TOLERANCE * (1 + np.abs(instance.limits))
        self._picks = np.full(instance.items, KEEP, np.int64)
        self._splits = 0

    @property
    def chosen(self) -> Ints:
        """Return what was taken."""
        return np.sort(self._picks[self._picks != KEEP])

    def along(self, order: Ints, *, mending: bool = False) -> None:
        """Take what fits along `order`; `mending` takes only what brings an unmet row nearer."""
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            while len(block) and self._splits < SPLITS:
                block = self._allowed(block, mending=mending)
                block = block[self._take(block, mending=mending) :]

    def _allowed(self, block: Ints, *, mending: bool) -> Ints:
        """Leave out what cannot be taken now."""
        instance = self.instance
        block = block[self._picks[instance.item[block]] == KEEP]
        block = block[instance.cost[block] <= self.edge[0] - self.usage[0]]
        block = block[self._open_signatures(mending=mending)[instance.signature[block]]]
        _, first = np.unique(instance.item[block], return_index=True)
        return block[np.sort(first)]

    def _open_signatures(self, *, mending: bool) -> Flags:
        effects = self.instance.effects
        used, edge = self.usage[1:][effects.row], self.edge[1:][effects.row]
        full = (effects.amount > 0) & (used + effects.amount > edge)
        open_ones = np.ones(effects.signatures, np.bool_)
        open_ones[effects.signature[full]] = False
        if mending:
            helps = np.zeros(effects.signatures, np.bool_)
            helps[effects.signature[(effects.amount < 0) & (used > edge)]] = True
            open_ones &= helps
        return open_ones

    def _take(self, block: Ints, *, mending: bool) -> int:
        """Take the block up to the first option that changes what may be taken; say how many."""
        if not len(block):
            return 0
        added = self._added(block)
        after = self.usage[:, None] + np.cumsum(added, axis=1)
        broken = ((after > self.edge[:, None]) & (added > 0)).any(axis=0)
        stop = int(np.argmax(broken)) if broken.any() else len(block)
        if mending:
            unmet = self.usage > self.edge
            met = (after[unmet] <= self.edge[unmet][:, None]).any(axis=0)
            stop = min(stop, int(np.argmax(met)) + 1) if met.any() else stop
        if stop < len(block):
            self._splits += 1
        self._picks[self.instance.item[block[:stop]]] = block[:stop]
        if stop:
            self.usage = after[:, stop - 1]
        return stop

    def _added(self, block: Ints) -> Floats:
        """Return what each option of a block adds to each limit's left side."""
        instance = self.instance
        kinds, kind = np.unique(instance.signature[block], return_inverse=True)
        place = np.full(instance.effects.signatures, -1)
        place[kinds] = np.arange(len(kinds))
        entries = np.flatnonzero(place[instance.effects.signature] >= 0)
        table = np.zeros((instance.effects.rows, len(kinds)))
        rows = instance.effects.row[entries]
        columns = place[instance.effects.signature[entries]]
        table[rows, columns] = instance.effects.amount[entries]
        return np.vstack((instance.cost[block], table[:, kind]))

"""The budget alone: greedy on the convex hull of every item's options, in NumPy.

With no other row than the budget, the linear relaxation is solved exactly by taking the steps of
all hulls in falling order of gain per token (Dyer 1984; Zemel 1984: at most two options of one item
are then fractional), so the distance to the bound is less than one step.
"""

from typing import NamedTuple

import numpy as np

from burnish.tools.arrays import Floats, Ints
from burnish.tools.planning.problem import KEEP, TOLERANCE, Instance


class Steps(NamedTuple):
    """Steps of all hulls, best gain per token first: each replaces the item's step before it."""

    option: Ints
    gain: Floats
    cost: Floats

    @property
    def slope(self) -> Floats:
        """Return gain per token of each step, infinite where the step is free."""
        return slopes(self.gain, self.cost)


class Relaxed(NamedTuple):
    """A plan of the linear relaxation: whole choices, and options taken in part."""

    whole: Ints
    options: Ints
    share: Floats


class Greedy(NamedTuple):
    """A budget spent on hull steps."""

    chosen: Ints
    value: float
    bound: float
    """Optimum of the linear relaxation: no plan within the budget is worth more."""
    price: float
    """Gain of one more token: the slope of the first step that did not fit."""
    relaxed: Relaxed


def slopes(gain: Floats, cost: Floats) -> Floats:
    """Divide gain by cost; a free gain is infinitely good."""
    free = cost <= 0
    slope = gain / np.where(free, 1.0, cost)
    return np.where(free, np.where(gain > 0, np.inf, 0.0), slope)


def hull(instance: Instance) -> Steps:
    """Find the upper convex hull of every item's (cost, gain) points, the origin included."""
    useful = np.flatnonzero(instance.gain > 0)
    order = np.lexsort((-instance.gain[useful], instance.cost[useful], instance.item[useful]))
    option = useful[order]
    # All hulls at once: each pass drops every point that its successor beats per token, until the
    # slopes of each item fall. It is Graham's scan without its stack; passes are few, as items have
    # few options, and each is linear in the options.
    while True:
        gain, cost = _increments(instance, option)
        slope = slopes(gain, cost)
        same = np.empty(len(option), np.bool_)
        same[:-1] = instance.item[option[1:]] == instance.item[option[:-1]]
        same[-1:] = False
        drop = gain <= 0
        drop[:-1] |= same[:-1] & (slope[:-1] <= slope[1:]) & (gain[1:] > 0)
        if not drop.any():
            break
        option = option[~drop]
    steepest = np.argsort(-slope, kind="stable")
    return Steps(option[steepest], gain[steepest], cost[steepest])


def _increments(instance: Instance, option: Ints) -> tuple[Floats, Floats]:
    """Return gain and cost over the option before, of the same item, or over nothing."""
    gain, cost, item = instance.gain[option], instance.cost[option], instance.item[option]
    follows = np.zeros(len(option), np.bool_)
    follows[1:] = item[1:] == item[:-1]
    before = np.flatnonzero(follows) - 1
    step_gain, step_cost = gain.copy(), cost.copy()
    step_gain[follows] -= gain[before]
    step_cost[follows] -= cost[before]
    return step_gain, step_cost


def spend(instance: Instance, steps: Steps, budget: float) -> Greedy:
    """Take steps until one does not fit, then whatever single change still pays most."""
    total = np.cumsum(steps.cost)
    fits = int(np.searchsorted(total, budget * (1 + TOLERANCE), side="right"))
    taken = last_steps(instance, steps.option[:fits])
    value = instance.value(taken)
    bound, price, relaxed = value, 0.0, Relaxed(taken, taken[:0], np.empty(0))
    # The first step that does not fit is the only one taken in part: that is the optimum of the
    # relaxation (Dantzig 1957 for one option an item), and its slope the price of a token.
    if fits < len(steps.option):
        left = max(budget - float(total[fits - 1] if fits else 0.0), 0.0)
        price = float(steps.gain[fits] / steps.cost[fits])
        bound = value + left * price
        relaxed = _in_part(instance, taken, int(steps.option[fits]), left / steps.cost[fits])
    picks = np.full(instance.items, KEEP, np.int64)
    picks[instance.item[taken]] = taken
    filled = fill(instance, picks, budget)
    chosen = np.sort(filled[filled != KEEP])
    value = instance.value(chosen)
    return Greedy(chosen, value, max(bound, value), price, relaxed)


def _in_part(instance: Instance, taken: Ints, option: int, share: float) -> Relaxed:
    """Return the linear plan: one item between the option it has and the next."""
    split = instance.item[taken] == instance.item[option]
    before = taken[split]
    shares = np.concatenate((np.full(len(before), 1.0 - share), [share]))
    return Relaxed(taken[~split], np.concatenate((before, [option])), shares)


def last_steps(instance: Instance, options: Ints) -> Ints:
    """Keep the last of each item's options: steps are in order, later ones replace earlier ones."""
    picks = np.full(instance.items, KEEP, np.int64)
    picks[instance.item[options]] = options
    return picks[picks != KEEP]


def fill(instance: Instance, picks: Ints, budget: float, rounds: int = 8) -> Ints:
    """Improve one item at a time within the money left, the largest improvement first."""
    picks = picks.copy()
    # What the greedy plan leaves unspent is less than one step; a few single swaps win most of it.
    for _ in range(rounds):
        current = picks[instance.item]
        staying = current == KEEP
        gain = instance.gain - np.where(staying, 0.0, instance.gain[current])
        cost = instance.cost - np.where(staying, 0.0, instance.cost[current])
        left = budget - float(instance.cost[picks[picks != KEEP]].sum())
        open_to = (cost <= left) & (gain > 0)
        if not open_to.any():
            break
        best = int(np.argmax(np.where(open_to, gain, -np.inf)))
        picks[instance.item[best]] = best
    return picks

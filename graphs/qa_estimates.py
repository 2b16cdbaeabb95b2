# pyright: reportUnknownMemberType=false
"""What operations with a model bring and cost, estimated from the pilot: with doubt counted in.

An operation's chance to pass the checks is the lower end of a Beta posterior (Jeffreys' prior); its
tokens are a ridge regression on the characters that the model is shown, at the upper end of its
predictive interval. Planned gains are multiplied by that chance: a lower confidence bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from burnish.agents.editing import Order
from burnish.graphs.qa_journal import Done
from burnish.graphs.qa_plan import Option

LEVEL = 0.8
"""One-sided chance with which a bound holds."""
_BELIEF = 0.5
UNTRIED_TOKENS = 4_000
"""Tokens that an order is taken to cost before anything is known: two long answers with prompts."""
_RIDGE = 1.0


class Observation(NamedTuple):
    """One order of the pilot."""

    chars: int
    tokens: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected of one operation."""

    operation: str
    tried: int
    passed: int
    chance: float
    """Lower bound of the chance that its result stands."""
    base: float
    """Tokens of an order of mean length."""
    slope: float
    """Tokens for each character more."""
    center: float
    spread: float
    """What is added to the mean so that the bound holds."""

    def tokens(self, order: Order) -> float:
        """Return the upper bound of the tokens of an order."""
        return max(self.base + self.slope * (chars_of(order) - self.center) + self.spread, 1.0)


def chars_of(order: Order) -> int:
    """Return the characters of the item that an order shows to the model."""
    item = order.item
    if item is None:
        return 0
    parts = (item.question, item.answer, item.rationale or "", item.context or "")
    return sum(map(len, (*parts, *item.choices, *item.turns)))


def estimate(operation: str, seen: Sequence[Observation]) -> Estimate:
    """Estimate one operation from what its pilot orders came to."""
    from scipy.stats import beta, t

    passed = sum(one.passed for one in seen)
    count = len(seen)
    if not count:
        return Estimate(operation, 0, 0, 0.5, UNTRIED_TOKENS, 0.0, 0.0, 0.0)
    chance = float(beta.ppf(1 - LEVEL, passed + _BELIEF, count - passed + _BELIEF))
    chars = np.array([one.chars for one in seen], np.float64)
    tokens = np.array([one.tokens for one in seen], np.float64)
    center = float(chars.mean())
    away = chars - center
    weight = float(away @ away) + _RIDGE * max(center, 1.0) ** 2
    slope = max(float(away @ (tokens - tokens.mean())) / weight, 0.0)
    rest = tokens - tokens.mean() - slope * away
    free = max(count - 2, 1)
    deviation = float(np.sqrt(rest @ rest / free)) if count > 1 else float(tokens.mean()) / 2
    spread = float(t.ppf(LEVEL, free)) * deviation * float(np.sqrt(1 + 1 / count))
    base = float(tokens.mean())
    return Estimate(operation, count, passed, chance, base, slope, center, spread)


def estimates_of(done: Sequence[Done]) -> dict[str, Estimate]:
    """Return an estimate for each operation that the pilot tried."""
    seen: dict[str, list[Observation]] = {}
    for one in done:
        order = one.planned.order
        if one.status != "unspent":
            observed = Observation(chars_of(order), one.tokens, one.status == "done")
            seen.setdefault(order.operation, []).append(observed)
    return {name: estimate(name, rows) for name, rows in seen.items()}


def weighed(option: Option, known: Mapping[str, Estimate]) -> Option:
    """Return an option with the chance that its result stands, and the tokens to plan for."""
    held = known.get(option.order.operation)
    if held is None:
        return option
    return replace(option, chance=held.chance, cost=held.tokens(option.order))

"""The invoice of a plan: what was predicted against what came of it, for each operation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

GROUPS = 10
"""Points of the calibration plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One order that was carried out, or was meant to be."""

    operation: str
    gain: float
    """Realised."""
    tokens: float
    """Spent."""
    mean_gain: float
    """Predicted."""
    low_gain: float
    high_gain: float
    planned_gain: float
    """What the plan counted on."""
    mean_tokens: float
    planned_tokens: float
    done: bool = True
    """False: rolled back, failed, or not reached; its tokens count all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The orders of one operation."""

    operation: str
    orders: int
    done: int
    gain: float
    mean_gain: float
    planned_gain: float
    tokens: float
    mean_tokens: float
    planned_tokens: float
    within: float
    """Share of orders whose gain lay within the interval predicted for it."""


class Point(NamedTuple):
    """Orders with about the same predicted gain."""

    orders: int
    predicted: float
    realised: float
    error: float
    """Standard error of the realised mean; nan for a single order."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """All orders, by operation, against the budget."""

    lines: tuple[Line, ...]
    points: tuple[Point, ...]
    budget: float
    planned: float
    """Tokens that the plan counted on."""
    spent: float

    @property
    def unspent(self) -> float:
        """Return what is left of the budget: never negative, the client stops before."""
        return max(self.budget - self.spent, 0.0)

    @property
    def under_planned(self) -> float:
        """Return by how much less was spent than the plan counted on (negative: more)."""
        return self.planned - self.spent

    def as_json(self) -> dict[str, object]:
        """Return all figures."""
        return {
            "budget": self.budget,
            "planned": self.planned,
            "spent": self.spent,
            "unspent": self.unspent,
            "under_planned": self.under_planned,
            "operations": [asdict(line) for line in self.lines],
            "calibration": [point._asdict() for point in self.points],
        }


def invoice(charges: Sequence[Charge], budget: float) -> Invoice:
    """Write the invoice; operations stand in the order of their first use."""
    names = dict.fromkeys(charge.operation for charge in charges)
    lines = [_line(name, [one for one in charges if one.operation == name]) for name in names]
    return Invoice(
        tuple(lines),
        tuple(calibration(charges)),
        budget,
        sum(charge.planned_tokens for charge in charges),
        sum(charge.tokens for charge in charges),
    )


def _line(name: str, charges: Sequence[Charge]) -> Line:
    within = [one.low_gain <= one.gain <= one.high_gain for one in charges]
    return Line(
        operation=name,
        orders=len(charges),
        done=sum(one.done for one in charges),
        gain=sum(one.gain for one in charges),
        mean_gain=sum(one.mean_gain for one in charges),
        planned_gain=sum(one.planned_gain for one in charges),
        tokens=sum(one.tokens for one in charges),
        mean_tokens=sum(one.mean_tokens for one in charges),
        planned_tokens=sum(one.planned_tokens for one in charges),
        within=float(np.mean(within)),
    )


def calibration(charges: Sequence[Charge], groups: int = GROUPS) -> list[Point]:
    """Group orders by predicted gain, as many in each as can be, for a plot against the outcome."""
    if not charges:
        return []
    pairs = np.array(sorted((one.mean_gain, one.gain) for one in charges))
    return [
        Point(len(part), float(part[:, 0].mean()), float(part[:, 1].mean()), _error(part[:, 1]))
        for part in np.array_split(pairs, min(groups, len(pairs)))
    ]


def _error(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")

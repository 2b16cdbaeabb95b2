"""The invoice of a plan: what was predicted against what came of it, for each operation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

GROUPS = 10
"""Points of the calibration plot."""
DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One order that was carried out, or was meant to be."""

    operation: str
    gain: float
    """Realised."""
    tokens: float
    """Spent."""
    mean_gain: float
    """Predicted; 0 where nothing was promised."""
    planned_gain: float
    """What the plan counted on."""
    mean_tokens: float
    planned_tokens: float
    interval: tuple[float, float] | None = None
    """Where the gain was predicted to lie; None where no interval was given."""
    status: str = DONE
    """Tokens of what was rolled back, failed, or was not reached count all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The orders of one operation."""

    operation: str
    orders: int
    done: int
    rolled_back: int
    failed: int
    unspent: int
    gain: float
    mean_gain: float
    planned_gain: float
    tokens: float
    mean_tokens: float
    planned_tokens: float
    within: float | None
    """Share of orders whose gain lay within the interval predicted for it, of those with one."""


class CalibrationPoint(NamedTuple):
    """Orders with about the same predicted gain."""

    orders: int
    predicted: float
    realised: float
    error: float | None
    """Standard error of the realised mean; None for a single order."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """All orders, by operation, against the budget."""

    lines: tuple[Line, ...]
    points: tuple[CalibrationPoint, ...]
    budget: float | None
    """None: no budget was set."""
    planned: float
    """Tokens that the plan counted on."""
    spent: float

    @property
    def unspent(self) -> float | None:
        """Return what is left of the budget: never negative, the client stops before."""
        return None if self.budget is None else max(self.budget - self.spent, 0.0)

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


def invoice(charges: Sequence[Charge], budget: float | None) -> Invoice:
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
    status = [one.status for one in charges]
    within = [
        one.interval[0] <= one.gain <= one.interval[1]
        for one in charges
        if one.interval is not None
    ]
    return Line(
        operation=name,
        orders=len(charges),
        done=status.count(DONE),
        rolled_back=status.count("rolled_back"),
        failed=status.count("failed"),
        unspent=status.count("unspent"),
        gain=sum(one.gain for one in charges),
        mean_gain=sum(one.mean_gain for one in charges),
        planned_gain=sum(one.planned_gain for one in charges),
        tokens=sum(one.tokens for one in charges),
        mean_tokens=sum(one.mean_tokens for one in charges),
        planned_tokens=sum(one.planned_tokens for one in charges),
        within=float(np.mean(within)) if within else None,
    )


def calibration(charges: Sequence[Charge], groups: int = GROUPS) -> list[CalibrationPoint]:
    """Group orders by predicted gain, as many in each as can be, for a plot against the outcome.

    Orders that promised nothing have no place in it.
    """
    pairs = np.array(sorted((one.mean_gain, one.gain) for one in charges if one.mean_gain))
    if not len(pairs):
        return []
    return [
        CalibrationPoint(
            len(part), float(part[:, 0].mean()), float(part[:, 1].mean()), _error(part[:, 1])
        )
        for part in np.array_split(pairs, min(groups, len(pairs)))
    ]


def _error(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None

"""What was predicted against what came of it: gains and tokens, for each operation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from burnish.graphs.qa_desk import ADDING, Desk
from burnish.graphs.qa_journal import Done
from burnish.graphs.qa_target import Aim
from burnish.tools.divergence import jsd

BINS = 10
"""Groups of orders in the calibration plot, by predicted gain."""


class Point(NamedTuple):
    """Orders of about the same predicted gain: what they were to bring, and what they brought."""

    orders: int
    predicted: float
    realised: float


@dataclass(frozen=True, slots=True)
class Line:
    """One operation on the invoice."""

    operation: str
    orders: int
    done: int
    rolled_back: int
    failed: int
    unspent: int
    predicted_gain: float
    """Bits of divergence, over all orders."""
    realised_gain: float
    predicted_tokens: float
    tokens: int


def realised(desk: Desk) -> list[float]:
    """Return the fall of the true divergence with each order, carried out one after another."""
    aim = desk.aim
    index = {place: at for at, place in enumerate(aim.places)}
    start = _starting(desk)
    counts = np.zeros(len(index) + 1, np.int64)
    for place in start.values():
        counts[index.get(place, len(index))] += 1
    shares = np.append(aim.shares, 0.0)
    value = jsd(counts, shares)
    falls: list[float] = []
    for one in desk.done:
        moved = _moved(one, index)
        if moved is None:
            falls.append(0.0)
            continue
        for at, step in zip(moved, (-1, 1), strict=True):
            if at is not None:
                counts[at] += step
        after = jsd(counts, shares) if counts.sum() else 1.0
        falls.append(value - after)
        value = after
    return falls


def _starting(desk: Desk) -> Mapping[str, str]:
    """Return the place of each item of the source before anything was done."""
    moved = {
        one.before.id: one.planned.cell_from
        for one in desk.done
        if one.before is not None and one.planned.order.operation not in ADDING
    }
    own = [row.item.id for row in desk.own.rows]
    return {name: moved.get(name) or desk.place[name] for name in own}


def _moved(one: Done, index: Mapping[str, int]) -> tuple[int | None, int | None] | None:
    if one.status != "done":
        return None
    planned = one.planned
    adds = planned.order.operation in ADDING
    if adds and one.after is None:
        return None
    outside = len(index)
    left = None if adds else index.get(planned.cell_from, outside)
    joined = None if one.after is None else index.get(planned.cell_to, outside)
    return left, joined


def invoice(desk: Desk, falls: Sequence[float]) -> list[Line]:
    """Return a line for each operation, in the order in which they were used first."""
    names = dict.fromkeys(one.planned.order.operation for one in desk.done)
    return [
        _line(
            name,
            [
                (one, fall)
                for one, fall in zip(desk.done, falls, strict=True)
                if one.planned.order.operation == name
            ],
        )
        for name in names
    ]


def _line(name: str, rows: Sequence[tuple[Done, float]]) -> Line:
    status = [one.status for one, _ in rows]
    return Line(
        operation=name,
        orders=len(rows),
        done=status.count("done"),
        rolled_back=status.count("rolled_back"),
        failed=status.count("failed"),
        unspent=status.count("unspent"),
        predicted_gain=sum(one.planned.gain for one, _ in rows),
        realised_gain=sum(fall for _, fall in rows),
        predicted_tokens=sum(one.planned.cost for one, _ in rows),
        tokens=sum(one.tokens for one, _ in rows),
    )


def calibration(desk: Desk, falls: Sequence[float]) -> list[Point]:
    """Return groups of orders by predicted gain, with the means of prediction and outcome."""
    pairs = sorted(
        (one.planned.gain, fall)
        for one, fall in zip(desk.done, falls, strict=True)
        if one.planned.gain
    )
    groups = np.array_split(np.array(pairs).reshape(-1, 2), min(BINS, max(len(pairs), 1)))
    return [
        Point(len(group), float(group[:, 0].mean()), float(group[:, 1].mean()))
        for group in groups
        if len(group)
    ]


def divergences(aim: Aim, before: Sequence[str], after: Sequence[str]) -> dict[str, float]:
    """Return the divergence before and after, and the floor below which it is chance."""
    first, last = aim.divergence(before), aim.divergence(after)
    bottom = aim.floor(len(after))
    reducible = first - bottom
    return {
        "before": first,
        "after": last,
        "floor": bottom,
        "reduced_share": (first - last) / reducible if reducible > 0 else 0.0,
    }

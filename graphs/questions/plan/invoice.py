"""What orders brought: the fall of the objective with each, and the charges of the invoice."""

from collections.abc import Mapping, Sequence

import numpy as np

from burnish.graphs.questions.plan.options import LOOKED_AT
from burnish.graphs.questions.state.item_facts import tells_its_key
from burnish.graphs.questions.state.journal import CompletedEdit
from burnish.graphs.questions.state.target import Target
from burnish.graphs.questions.state.working_set import ADDING, WorkingSet
from burnish.tools.balance.divergence import jsd
from burnish.tools.planning.invoice import Charge

_MENDING = frozenset({"mine_distractors", "rewrite_distractors"})
_IN_VAIN = frozenset({"failed", "rolled_back", "unspent"})


def realised(working: WorkingSet) -> list[float]:
    """Return what the objective fell by with each order, carried out one after another.

    Its terms are the true divergence, and the faults of items that left or were mended.
    """
    target = working.target
    index = {stratum: at for at, stratum in enumerate(target.strata)}
    counts = np.zeros(len(index) + 1, np.int64)
    for stratum in working.source_strata:
        counts[index.get(stratum, len(index))] += 1
    shares = np.append(target.shares, 0.0)
    value = jsd(counts, shares)
    falls: list[float] = []
    for one in working.done:
        merit, moved = merit_of(one), _moved(one, index)
        if moved is None:
            falls.append(merit)
            continue
        for at, step in zip(moved, (-1, 1), strict=True):
            if at is not None:
                counts[at] += step
        after = jsd(counts, shares) if counts.sum() else 1.0
        falls.append(value - after + merit)
        value = after
    return falls


def merit_of(one: CompletedEdit) -> float:
    """Return what an order brought by itself, beyond where items stand."""
    if one.status in _IN_VAIN:
        return 0.0
    if one.planned.order.operation in _MENDING and (one.after is None or tells_its_key(one.after)):
        return 0.0
    return one.planned.expected.merit


def _moved(one: CompletedEdit, index: Mapping[str, int]) -> tuple[int | None, int | None] | None:
    if one.status != "done":
        return None
    planned = one.planned
    adds = planned.order.operation in ADDING
    if adds and one.after is None:
        return None
    outside = len(index)
    left = None if adds else index.get(planned.cell_from, outside)
    joined = None if one.after is None else index.get(planned.cell_to, outside)
    return None if left == joined else (left, joined)


def charges(working: WorkingSet) -> list[Charge]:
    """Return a charge for each order."""
    return [_charge(one, fall) for one, fall in zip(working.done, realised(working), strict=True)]


def _charge(one: CompletedEdit, fall: float) -> Charge:
    planned, expected = one.planned, one.planned.expected
    # A look at an item counts for something only so that it is taken.
    looks = 0 < expected.promised <= LOOKED_AT
    return Charge(
        operation=planned.order.operation,
        gain=0.0 if looks else fall,
        tokens=one.tokens,
        mean_gain=0.0 if looks else expected.mean_gain,
        planned_gain=0.0 if looks else planned.gain,
        mean_tokens=expected.mean_tokens,
        planned_tokens=planned.cost,
        interval=None if looks else expected.interval,
        status=one.status,
    )


def divergences(target: Target, before: Sequence[str], after: Sequence[str]) -> dict[str, float]:
    """Return the divergence before and after, and the floor below which it is chance."""
    first, last = target.divergence(before), target.divergence(after)
    bottom = target.floor(len(after))
    reducible = first - bottom
    return {
        "before": first,
        "after": last,
        "floor": bottom,
        "reduced_share": (first - last) / reducible if reducible > 0 else 0.0,
    }

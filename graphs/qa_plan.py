# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Plans one round of a run over questions: gains of every option, bounds, the solved plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from burnish.agents.editing import Order
from burnish.corpora.documents import QAItem
from burnish.graphs.qa_journal import LOOKING, Planned
from burnish.graphs.qa_settings import QaSettings
from burnish.graphs.qa_target import Aim, Floats, Ints
from burnish.tools.coverage import Moves, Rebalancing
from burnish.tools.coverage import gains as value_each
from burnish.tools.divergence import OUTSIDE, jsd
from burnish.tools.estimates import from_table
from burnish.tools.lagrangian import Effort
from burnish.tools.plans import CURVE, Plan, make_plan
from burnish.tools.quotas import TOGETHER, Quota, Quotas, read_quotas

ELSEWHERE = "(elsewhere)"
"""The place of items that the target gives no share."""
_SIZES = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that something may be done to."""

    item: QAItem
    place: str
    worth: float = 0.0
    """What is gained, in bits, if it leaves the set (for one outside: if it joins): its faults."""


@dataclass(frozen=True, slots=True)
class Option:
    """A thing that may be done to one item, or to get one more item."""

    name: str
    """The item's id, or a name of its own for an item that does not exist yet."""
    order: Order
    place_from: str
    place_to: str
    gain: float = 0.0
    """Beyond what the move between places brings."""
    cost: float = 0.0
    """Tokens."""
    chance: float = 1.0
    """That its result stands."""


class Since(NamedTuple):
    """What earlier rounds leave: bounds are of the set as it came in."""

    size: int
    """Items that came in."""
    edits: int
    """Items that were touched so far."""


def edits_left(settings: QaSettings, since: Since) -> int | None:
    """Return how many more items may be touched; None where there is no bound."""
    if settings.max_edits is None:
        return None
    return max(settings.max_edits - since.edits, 0)


class Goal(NamedTuple):
    """Counts that bring a set as near to its target as they may."""

    counts: Ints
    divergence: float


def goal_counts(now: Ints, most: Ints, shares: Floats, sizes: tuple[int, int]) -> Goal:
    """Return the counts nearest to the target shares, among all final sizes allowed.

    For one size the counts are the shares times a common factor, cut off at what there is.

    Args:
        now: items at each place.
        most: items that there could be at each place.
        shares: target share of each place.
        sizes: smallest and largest final size.
    """
    low, high = sizes[0], min(sizes[1], int(most[shares > 0].sum()))
    stays = sizes[0] <= now.sum() <= sizes[1]
    best = Goal(now, (jsd(now, shares) if now.sum() else 1.0) if stays else np.inf)
    for size in np.unique(np.linspace(min(low, high), high, _SIZES).round().astype(int)):
        counts = _filled(int(size), most, shares)
        short = int(sizes[0] - counts.sum())
        if short > 0:
            counts = _topped(counts, now, short)
        value = jsd(counts, shares) if counts.sum() else 1.0
        if value < best.divergence - 1e-12:
            best = Goal(counts, value)
    return best


def _filled(size: int, most: Ints, shares: Floats) -> Ints:
    low, high = 0.0, float(size) / max(float(shares[shares > 0].min()), 1e-12) + 1.0
    for _ in range(80):
        factor = (low + high) / 2
        if np.minimum(factor * shares, most).sum() < size:
            low = factor
        else:
            high = factor
    exact = np.minimum(high * shares, most)
    counts = np.floor(exact + 1e-9).astype(np.int64)
    left = size - int(counts.sum())
    order = np.lexsort((np.arange(len(shares)), -(exact - counts)))
    room = order[counts[order] < most[order]]
    counts[room[: max(left, 0)]] += 1
    return counts


def _topped(counts: Ints, now: Ints, short: int) -> Ints:
    """Keep items where the target has no more room, so that the set does not become too small."""
    kept = counts.copy()
    for at in np.argsort(-(now - counts), kind="stable"):
        taken = min(max(int(now[at] - kept[at]), 0), short)
        kept[at] += taken
        short -= taken
    return kept


def aimed_at(
    options: Sequence[Option],
    items: Sequence[Candidate],
    aim: Aim,
    settings: QaSettings,
    since: Since,
) -> Quotas:
    """Return bounds that let every place move towards its goal and not beyond."""
    index = {place: at for at, place in enumerate(aim.places)}
    now = aim.counts([one.place for one in items])
    away = len(items) - int(now.sum())
    coming = np.zeros(len(index), np.int64)
    for name, to in {(option.name, option.place_to) for option in options}:
        del name
        if to in index:
            coming[index[to]] += 1
    sizes = (ceil(settings.size_floor * since.size), int(settings.size_cap * since.size))
    goal = goal_counts(
        np.append(now, away),
        np.append(now + coming, away),
        np.append(aim.shares, 0.0),
        (max(sizes[0], 1), max(sizes[1], 1)),
    ).counts
    bounds: list[Quota] = []
    editing = sorted({option.order.operation for option in options} - LOOKING)
    left = edits_left(settings, since)
    if left is not None and editing:
        bounds.append(Quota("operation", TOGETHER.join(editing), "count", "max", float(left)))
    for place, have, want in zip(
        (*aim.places, ELSEWHERE), np.append(now, away).tolist(), goal.tolist(), strict=True
    ):
        if have or want:
            bounds.append(Quota("cell", place, "count", "min", float(min(have, want))))
            bounds.append(Quota("cell", place, "count", "max", float(max(have, want))))
    least = min(sizes[0], len(items))
    bounds.append(Quota("size", "", "count", "min", float(least)))
    # A set that is too large already shrinks as far as there is something to remove.
    removable = len({o.name for o in options if o.place_from and not o.place_to})
    most = max(sizes[1], least, len(items) - removable)
    bounds.append(Quota("size", "", "count", "max", float(most)))
    return Quotas(tuple(bounds), settings.token_reserve)


def gains(options: Sequence[Option], items: Sequence[Candidate], aim: Aim) -> Floats:
    """Return what each option gains in bits: the fall of the divergence, and its own worth.

    The first item that joins a place is worth most and every further one less, so gains add up to
    nearly the true fall of the divergence (`burnish.tools.coverage`).
    """
    index = {place: at for at, place in enumerate(aim.places)}
    counts = np.append(aim.counts([one.place for one in items]), 0)
    counts[-1] = len(items) - counts.sum()
    names = {name: at for at, name in enumerate(dict.fromkeys(option.name for option in options))}

    def codes(places: Iterable[str]) -> Ints:
        return np.array([index.get(p, len(index)) if p else OUTSIDE for p in places], np.int64)

    moves = Moves.of(
        np.array([names[option.name] for option in options], np.int64),
        codes(option.place_from for option in options),
        codes(option.place_to for option in options),
        np.array([option.cost for option in options]),
        np.array([option.gain for option in options]),
    )
    size = len(items)
    problem = Rebalancing(counts, np.append(aim.shares, 0.0), moves, 0.0, 1, 2 * size + len(names))
    return value_each(problem, np.empty(0, np.int64)).worth


def solve_round(
    options: Sequence[Option],
    items: Sequence[Candidate],
    aim: Aim,
    budget: float,
    settings: QaSettings,
    since: Since,
) -> tuple[Plan, list[Planned]]:
    """Choose the options of a round and return them as orders, in the order of the options.

    Raises:
        UsageError: the quotas cannot be read or met.
    """
    quotas = aimed_at(options, items, aim, settings, since)
    if settings.quotas is not None:
        own = read_quotas(Path(settings.quotas))
        quotas = replace(quotas, bounds=(*quotas.bounds, *own.bounds))
    found = gains(options, items, aim) * np.array([option.chance for option in options])
    known = set(aim.places)

    def cell(place: str) -> str | None:
        return None if not place else place if place in known else ELSEWHERE

    kept = list(items)
    names = [option.name for option in options] + [one.item.id for one in kept]
    table = pa.table({
        "item": pa.array(names, pa.string()),
        "operation": pa.array(
            [option.order.operation for option in options] + ["keep"] * len(kept), pa.string()
        ),
        "gain": pa.array([*found.tolist(), *([0.0] * len(kept))], pa.float64()),
        "cost": pa.array([o.cost for o in options] + [0.0] * len(kept), pa.float64()),
        "cell_from": pa.array(
            [cell(o.place_from) for o in options] + [cell(one.place) for one in kept], pa.string()
        ),
        "cell_to": pa.array(
            [cell(o.place_to) for o in options] + [cell(one.place) for one in kept], pa.string()
        ),
    })
    estimates = from_table(table, "the options")
    usable = Quotas(
        tuple(q for q in quotas.bounds if q.subject != "cell" or q.name in estimates.cells),
        quotas.reserve,
    )
    # Without a budget there are no other budgets to tell of.
    curve = CURVE if budget > 0 else ()
    plan = make_plan(estimates, budget, usable, Effort(seed=settings.seed), curve)
    chosen = [row for row in plan.chosen.tolist() if row < len(options)]
    planned = [
        Planned(
            options[row].order,
            float(found[row]),
            options[row].cost,
            options[row].place_from,
            options[row].place_to,
        )
        for row in chosen
    ]
    return plan, planned

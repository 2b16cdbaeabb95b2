"""Plans one round of a run over questions: gains of every option, bounds, the solved plan."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa

from burnish.graphs.questions.state.candidates import EarlierRounds, EditOption, StandingItems
from burnish.graphs.questions.state.journal import LOOKING
from burnish.graphs.questions.state.target import Target
from burnish.graphs.runs.question_settings import QaSettings
from burnish.tools.arrays import Floats, Ints
from burnish.tools.balance.divergence import OUTSIDE
from burnish.tools.balance.moves import Moves, Rebalancing, value_moves
from burnish.tools.balance.target_plan import Doubtful, Towards, plan_towards
from burnish.tools.planning.estimates import Estimates, from_table
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import CURVE
from burnish.tools.planning.quotas import TOGETHER, Quota, Quotas, read_quotas

ELSEWHERE = "(elsewhere)"
"""The stratum of items that the target gives no share."""


@dataclass(frozen=True, slots=True, eq=False)
class RoundInput:
    """What a round is planned from."""

    items: StandingItems
    """The set as it stands."""
    target: Target
    earlier: EarlierRounds
    budget: float
    """Tokens in all, those set aside included."""


@dataclass(frozen=True, slots=True, eq=False)
class OptionEstimates:
    """What a plan counts on, for each option."""

    share: Floats
    """Of the gain that it promises."""
    tokens: Floats


def edits_left(settings: QaSettings, earlier: EarlierRounds) -> int | None:
    """Return how many more items may be touched; None where there is no bound."""
    if settings.max_edits is None:
        return None
    return max(settings.max_edits - earlier.edits, 0)


def sizes_of(
    options: Sequence[EditOption], given: RoundInput, settings: QaSettings
) -> tuple[int, int]:
    """Return the smallest and the largest final size.

    A set that is too small already stays so; one that is too large shrinks as far as there is
    something to remove.
    """
    items = len(given.items.ids)
    least = min(max(ceil(settings.size_floor * given.earlier.size), 1), items)
    removable = len({o.name for o in options if o.stratum_from and not o.stratum_to})
    return least, max(int(settings.size_cap * given.earlier.size), least, items - removable)


def bounds_of(options: Sequence[EditOption], given: RoundInput, settings: QaSettings) -> Quotas:
    """Return the bounds of size, edits, and the user's own file.

    Raises:
        UsageError: the file cannot be read.
    """
    sizes = sizes_of(options, given, settings)
    bounds = [
        Quota("size", "", "count", sense, float(size))
        for sense, size in zip(("min", "max"), sizes, strict=True)
    ]
    names = sorted({option.order.operation for option in options} - LOOKING)
    left = edits_left(settings, given.earlier)
    if left is not None and names:
        bounds.append(Quota("operation", TOGETHER.join(names), "count", "max", float(left)))
    if settings.quotas is not None:
        bounds += read_quotas(Path(settings.quotas)).bounds
    return Quotas(tuple(bounds), settings.token_reserve)


def problem_of(
    options: Sequence[EditOption], items: StandingItems, target: Target, cost: Floats
) -> Rebalancing:
    """State options as moves between strata, within all sizes that they could lead to."""
    index = {stratum: at for at, stratum in enumerate(target.strata)}
    counts = np.append(target.counts(items.strata), 0)
    counts[-1] = len(items.ids) - counts.sum()
    names = {name: at for at, name in enumerate(dict.fromkeys(option.name for option in options))}

    def codes(strata: Iterable[str]) -> Ints:
        return np.array([index.get(p, len(index)) if p else OUTSIDE for p in strata], np.int64)

    moves = Moves.of(
        np.array([names[option.name] for option in options], np.int64),
        codes(option.stratum_from for option in options),
        codes(option.stratum_to for option in options),
        cost,
        np.array([option.gain for option in options]),
    )
    return Rebalancing(
        counts, np.append(target.shares, 0.0), moves, 0.0, 1, len(items.ids) + len(names)
    )


def gains(options: Sequence[EditOption], items: StandingItems, target: Target) -> Floats:
    """Return what each option gains in bits: the fall of the divergence, and its own worth.

    The first item that joins a stratum is worth most and every further one less, so gains add up to
    nearly the true fall of the divergence (`burnish.tools.balance.moves`).
    """
    cost = np.array([option.cost for option in options])
    problem = problem_of(options, items, target, cost)
    return value_moves(problem, np.empty(0, np.int64)).worth


def solve_round(
    options: Sequence[EditOption], counted: OptionEstimates, given: RoundInput, settings: QaSettings
) -> Towards:
    """Choose the options of a round.

    Raises:
        UsageError: the quotas cannot be read or met.
    """
    quotas = bounds_of(options, given, settings)
    items, budget = given.items, given.budget
    low, high = sizes_of(options, given, settings)
    problem = problem_of(options, items, given.target, counted.tokens)
    high = max(high, len(items.ids))
    problem = replace(problem, budget=budget, size_min=low, size_max=high)
    # Without a budget there are no other budgets to tell of.
    curve = CURVE if budget > 0 else ()
    return plan_towards(
        Doubtful(problem, counted.share),
        _table(options, counted.tokens, items, given.target),
        budget,
        quotas,
        Effort(seed=settings.seed),
        curve,
    )


def _table(
    options: Sequence[EditOption], cost: Floats, items: StandingItems, target: Target
) -> Estimates:
    """Return options as rows of a table, and after them a row to keep each item of the set."""
    known = set(target.strata)

    def cells(strata: Iterable[str]) -> list[str | None]:
        return [p if p in known else ELSEWHERE if p else None for p in strata]

    kept = items.strata
    names = [option.name for option in options] + items.ids
    operations = [option.order.operation for option in options] + ["keep"] * len(kept)
    nothing = np.zeros(len(kept))
    table = pa.table({
        "item": pa.array(names, pa.string()),
        "operation": pa.array(operations, pa.string()),
        "gain": pa.array(np.zeros(len(names))),
        "cost": pa.array(np.concatenate((cost, nothing))),
        "cell_from": pa.array(cells([*(o.stratum_from for o in options), *kept]), pa.string()),
        "cell_to": pa.array(cells([*(o.stratum_to for o in options), *kept]), pa.string()),
    })
    return from_table(table, "the options")

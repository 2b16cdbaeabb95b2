"""Quotas: what the refined set must look like, as linear rows over the options of a table.

A quota bounds the final count or share of a cell, the number of an operation, or the size. Shares
are of the final set, so each becomes a row that also counts how the size changes. Removal costs
next to nothing, so a plan without a floor on the size would delete whatever is hard to mend: the
floor is on by default.
"""

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from burnish.corpora.errors import UsageError
from burnish.tools.arrays import Floats, Ints
from burnish.tools.planning.estimates import OUTSIDE, Estimates
from burnish.tools.planning.problem import Codes, Effects, Instance, Rows

Subject = Literal["size", "cell", "operation"]
Measure = Literal["count", "share"]
Sense = Literal["min", "max"]

SIZE_FLOOR = 0.9
"""Share of the items there are now that must remain, unless the user says otherwise."""
SUBJECTS: tuple[Subject, ...] = ("size", "cell", "operation")
TOGETHER = " + "
"""Between the names of operations that one quota bounds together."""
KEYS = ("min_count", "max_count", "min_share", "max_share")


@dataclass(frozen=True, slots=True)
class Quota:
    """One bound. A share is of the final size for cells, of the present size for the others.

    Operations with ` + ` between their names are bounded together.
    """

    subject: Subject
    name: str
    measure: Measure
    sense: Sense
    bound: float

    def __str__(self) -> str:
        """Say the quota in words, such as `cell 'algebra' share >= 0.05`."""
        sign = ">=" if self.sense == "min" else "<="
        named = f"{self.subject} {self.name!r}" if self.name else self.subject
        return f"{named} {self.measure} {sign} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Quotas:
    """All bounds, and the part of the budget that is not planned with."""

    bounds: tuple[Quota, ...] = (Quota("size", "", "share", "min", SIZE_FLOOR),)
    reserve: float = 0.0
    """Share of the budget set aside for retries and validation, 0 to 1."""


class Relaxation(NamedTuple):
    """A quota that cannot be met beside the others, and the bound that can."""

    quota: Quota
    bound: float

    def __str__(self) -> str:
        """Say the change; the new bound is rounded to the side where it still helps."""
        scaled = self.bound * ROUNDING
        scaled = math.floor(scaled) if self.quota.sense == "min" else math.ceil(scaled)
        return f"{self.quota} -> {scaled / ROUNDING:.12g}"


ROUNDING = 1e6


class InfeasibleQuotasError(UsageError):
    """Raised when no plan meets all quotas; carries the smallest relaxation that admits one."""

    def __init__(self, relaxations: tuple[Relaxation, ...], *, proven: bool) -> None:
        self.relaxations = relaxations
        self.proven = proven
        changes = "; ".join(str(each) for each in relaxations[:LISTED])
        more = f"; and {len(relaxations) - LISTED} more" if len(relaxations) > LISTED else ""
        which = "the smallest change that helps" if proven else "a small change that helps"
        super().__init__(
            f"the quotas cannot all be met within the budget; {which}: {changes}{more}."
            if relaxations
            else "the quotas cannot all be met within the budget, and the budget is negative."
        )


LISTED = 8
"""Relaxed quotas that a message names; the error carries them all."""


def read_quotas(path: Path) -> Quotas:
    """Read quotas from TOML: `reserve`, `[size]`, `[cell."NAME"]`, `[operation.NAME]`.

    Raises:
        UsageError: the file cannot be read, or a key or value in it cannot be used.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML ({error}); mend that line.") from error
    try:
        return parse_quotas(tree)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def parse_quotas(tree: Mapping[str, object]) -> Quotas:
    """Read quotas from a tree of settings; the size floor stays unless `[size]` sets a minimum.

    Raises:
        UsageError: a key or a value cannot be used.
    """
    bounds: list[Quota] = []
    reserve = 0.0
    for key, value in tree.items():
        if key == "reserve":
            reserve = _number(value, "reserve", top=1.0)
        elif key == "size":
            bounds += _bounds("size", "", _table(value, "size"))
        elif key == "cell" or key == "operation":
            for name, table in _table(value, key).items():
                bounds += _bounds(key, name, _table(table, f'{key}."{name}"'))
        else:
            raise UsageError(_unknown(key, ("reserve", *SUBJECTS)))
    if not any(each.subject == "size" and each.sense == "min" for each in bounds):
        bounds.insert(0, Quotas().bounds[0])
    return Quotas(tuple(bounds), reserve)


def _bounds(subject: Subject, name: str, table: Mapping[str, object]) -> list[Quota]:
    where = f'{subject}."{name}"' if name else subject
    found: list[Quota] = []
    for key, value in table.items():
        if key not in KEYS:
            raise UsageError(_unknown(key, KEYS, where))
        sense: Sense = "min" if key.startswith("min") else "max"
        measure: Measure = "count" if key.endswith("count") else "share"
        top = 1.0 if measure == "share" and subject == "cell" else math.inf
        found.append(Quota(subject, name, measure, sense, _number(value, f"{where}.{key}", top)))
    return found


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} must be a table; write [{where}] and bounds below it.")
    return {str(key): each for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _number(value: object, where: str, top: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        limit = f"from 0 to {top:g}" if math.isfinite(top) else "0 or more"
        raise UsageError(f"{where} must be a number {limit}; it is {value!r}.")
    return float(value)


def _unknown(key: str, known: tuple[str, ...], where: str = "") -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    mend = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
    return f"unknown key {key!r}{f' in {where}' if where else ''}; {mend}"


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A table with its quotas, ready to be solved."""

    instance: Instance
    quotas: tuple[Quota, ...]
    """One for each row of the instance after the budget."""


def task_of(estimates: Estimates, quotas: Quotas, budget: float) -> Task:
    """State the rows of all quotas over the options of a table, `keep` rows left out.

    Raises:
        UsageError: a quota names a cell or an operation that the table does not have.
    """
    _check_names(estimates, quotas)
    options = np.flatnonzero(~estimates.keeps)
    signature, kinds = _signatures(estimates, options)
    base = estimates.counts
    table: list[Floats] = []
    limits = np.zeros(len(quotas.bounds))
    for row, quota in enumerate(quotas.bounds):
        effect, limit = _row(quota, estimates, kinds, base)
        sign = -1.0 if quota.sense == "min" else 1.0
        table.append(sign * effect)
        limits[row] = sign * limit
    instance = Instance.of(
        estimates.item[options],
        estimates.gain[options],
        estimates.cost[options],
        budget=budget,
        rows=Rows(signature, Effects.of(table, len(kinds.operation)), limits),
    )
    return Task(replace(instance, origin=options[instance.origin]), quotas.bounds)


class _Kinds(NamedTuple):
    """What options of each signature have in common."""

    operation: Ints
    cell_from: Ints
    cell_to: Ints


def _signatures(estimates: Estimates, options: Ints) -> tuple[Codes, _Kinds]:
    cells = len(estimates.cells) + 1
    key = estimates.operation[options].astype(np.int64) * cells
    key += estimates.cell_from[options] + 1
    key *= cells
    key += estimates.cell_to[options] + 1
    space = len(estimates.operations) * cells * cells
    if space <= 4 * len(key) + 1024:
        used = np.zeros(space, np.bool_)
        used[key] = True
        kinds = np.flatnonzero(used)
        numbers = np.cumsum(used, dtype=np.int32) - 1
        signature = numbers[key].astype(np.int32)
    else:
        kinds, inverse = np.unique(key, return_inverse=True)
        signature = inverse.astype(np.int32)
    operation, pair = np.divmod(kinds, cells * cells)
    cell_from, cell_to = np.divmod(pair, cells)
    return signature, _Kinds(operation, cell_from - 1, cell_to - 1)


def _row(quota: Quota, estimates: Estimates, kinds: _Kinds, base: Ints) -> tuple[Floats, float]:
    """Return effect of each signature on a quota's left side, and the limit on their sum."""
    size = float(base.sum())
    growth = (kinds.cell_from == OUTSIDE).astype(float) - (kinds.cell_to == OUTSIDE)
    if quota.subject == "operation":
        limit = quota.bound * (size if quota.measure == "share" else 1.0)
        return np.isin(kinds.operation, _operations(quota.name, estimates)).astype(float), limit
    if quota.subject == "size":
        return growth, quota.bound * (size if quota.measure == "share" else 1.0) - size
    code = estimates.cells.index(quota.name)
    change = (kinds.cell_to == code).astype(float) - (kinds.cell_from == code)
    if quota.measure == "count":
        return change, quota.bound - float(base[code])
    return change - quota.bound * growth, quota.bound * size - float(base[code])


def _operations(name: str, estimates: Estimates) -> list[int]:
    """Return the codes of the operations that a quota's name stands for."""
    if name in estimates.operations:
        return [estimates.operations.index(name)]
    return [estimates.operations.index(each) for each in name.split(TOGETHER)]


def _check_names(estimates: Estimates, quotas: Quotas) -> None:
    known = {"cell": estimates.cells, "operation": estimates.operations}
    for quota in quotas.bounds:
        names = known.get(quota.subject)
        if names is None or quota.name in names:
            continue
        parts = quota.name.split(TOGETHER) if quota.subject == "operation" else [quota.name]
        lacking = next((each for each in parts if each not in names), None)
        if lacking is None:
            continue
        close = difflib.get_close_matches(lacking, names, n=1, cutoff=0.5)
        mend = f"did you mean {close[0]!r}?" if close else "name one that the table has."
        raise UsageError(
            f"a quota names the {quota.subject} {lacking!r}, which the table lacks; {mend}"
        )


def reached(quota: Quota, estimates: Estimates, chosen: Ints) -> float:
    """Return what a plan (rows of the table) reaches in a quota's own measure."""
    counts = estimates.counts_after(chosen)
    before = float(estimates.counts.sum())
    if quota.subject == "operation":
        codes = _operations(quota.name, estimates)
        amount, whole = float(np.isin(estimates.operation[chosen], codes).sum()), before
    elif quota.subject == "size":
        amount, whole = float(counts.sum()), before
    else:
        amount, whole = float(counts[estimates.cells.index(quota.name)]), float(counts.sum())
    if quota.measure == "count":
        return amount
    return amount / whole if whole else 0.0

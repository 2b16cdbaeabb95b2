"""Cells of a QA set (domain by skill), difficulty buckets, and the names a plan calls them by.

A cell is named `domain / skill`, or by the domain alone where no skill is given; a place is a cell
at a difficulty, named `cell @bucket` with 0 the easiest bucket and `@?` for an unknown difficulty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from burnish.tools.arrays import Floats, Ints

UNLABELLED: Final = "unlabelled"
"""The domain of an item that names none."""
UNKNOWN: Final = -1
"""The bucket of an item whose difficulty is not known."""
_SKILL: Final = " / "
_BUCKET: Final = " @"


class CellBucket(NamedTuple):
    """A cell at a difficulty."""

    cell: str
    bucket: int | None
    """None where the name tells no bucket; UNKNOWN for `@?`."""


class Coded(NamedTuple):
    """Names once, and a code into them for each item."""

    names: tuple[str, ...]
    codes: Ints

    def counts(self) -> Ints:
        """Count the items of each name."""
        return np.bincount(self.codes, minlength=len(self.names)).astype(np.int64)


def cell_name(domain: str | None, skill: str | None) -> str:
    """Name the cell of an item; what is missing or blank is unlabelled."""
    first = (domain or "").strip() or UNLABELLED
    second = (skill or "").strip()
    return f"{first}{_SKILL}{second}" if second else first


def stratum_name(cell: str, bucket: int) -> str:
    """Name a cell at a difficulty bucket."""
    return f"{cell}{_BUCKET}{'?' if bucket == UNKNOWN else bucket}"


def split_stratum(name: str) -> CellBucket:
    """Return the cell and bucket of a place's name; a name without bucket is a cell."""
    cell, mark, bucket = name.rpartition(_BUCKET)
    if mark and bucket == "?":
        return CellBucket(cell, UNKNOWN)
    return CellBucket(cell, int(bucket)) if mark and bucket.isdigit() else CellBucket(name, None)


def code_names(names: Sequence[str], known: Iterable[str] = ()) -> Coded:
    """Give every name a code: the known ones first in their order, then the others sorted.

    Two sets are compared over the same codes: pass the names of one as `known` of the other.
    """
    first = tuple(dict.fromkeys(known))
    whole = (*first, *sorted(set(names).difference(first)))
    place = {name: at for at, name in enumerate(whole)}
    return Coded(whole, np.fromiter((place[name] for name in names), np.int64, len(names)))


@dataclass(frozen=True, slots=True)
class Buckets:
    """Difficulty buckets by their inner edges; a value on an edge falls into the harder one."""

    edges: tuple[float, ...]
    """In logits, ascending: one less than there are buckets."""

    def __post_init__(self) -> None:
        if any(
            later <= earlier for earlier, later in zip(self.edges, self.edges[1:], strict=False)
        ):
            raise ValueError("the edges of difficulty buckets must ascend")
        if not np.isfinite(self.edges).all():
            raise ValueError("the edges of difficulty buckets must be finite")

    def __len__(self) -> int:
        return len(self.edges) + 1

    def of(self, difficulties: Floats) -> Ints:
        """Return the bucket of each difficulty; UNKNOWN for nan."""
        found = np.searchsorted(np.asarray(self.edges), difficulties, side="right").astype(np.int64)
        return np.where(np.isnan(difficulties), UNKNOWN, found)

    def labels(self) -> tuple[str, ...]:
        """Say in words which difficulties each bucket holds."""
        if not self.edges:
            return ("all",)
        inner = [
            f"{low:.2f} to {high:.2f}"
            for low, high in zip(self.edges, self.edges[1:], strict=False)
        ]
        return (f"below {self.edges[0]:.2f}", *inner, f"{self.edges[-1]:.2f} and above")


def quantile_buckets(difficulties: Floats, buckets: int = 5) -> Buckets:
    """Return buckets that hold about equally many items; fewer where many items are equally hard.

    Raises:
        ValueError: fewer than one bucket is wanted.
    """
    if buckets < 1:
        raise ValueError(f"at least one difficulty bucket is needed, not {buckets}")
    known = difficulties[~np.isnan(difficulties)]
    if not len(known):
        return Buckets(())
    wanted = np.quantile(known, np.arange(1, buckets) / buckets, method="higher")
    edges = np.unique(wanted)
    return Buckets(tuple(float(edge) for edge in edges if edge > known.min()))


def code_strata(cells: Coded, buckets: Ints, count: int) -> Coded:
    """Cross cells with buckets, cell by cell; `@?` exists only where a difficulty is unknown.

    Args:
        cells: the cell of each item.
        buckets: the bucket of each item, UNKNOWN where it is not known.
        count: how many buckets there are.
    """
    unknown = bool((buckets == UNKNOWN).any())
    numbers = [*range(count), *([UNKNOWN] if unknown else [])]
    names = tuple(stratum_name(cell, number) for cell in cells.names for number in numbers)
    own = np.where(buckets == UNKNOWN, count, buckets)
    return Coded(names, cells.codes * len(numbers) + own)

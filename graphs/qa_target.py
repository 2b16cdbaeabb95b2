"""Where the items of a set stand and where they should: cells, difficulties, target shares."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.errors import UsageError
from burnish.corpora.questions import QuestionRow, Selection
from burnish.graphs.qa_rows import QASet, fields_of, read_set
from burnish.graphs.qa_settings import QaSettings
from burnish.tools.cells import Buckets, cell_name, place_name, quantile_buckets
from burnish.tools.divergence import floor, jsd

UNIFORM = "uniform"
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Aim:
    """The places that count, in one order, and the share each should have."""

    places: tuple[str, ...]
    shares: Floats
    buckets: Buckets | None
    """None where difficulty plays no part."""
    digest: str
    """Of what the shares were taken from."""

    def counts(self, found: Sequence[str]) -> Ints:
        """Count the items at each place."""
        held = Counter(found)
        return np.array([held[place] for place in self.places], np.int64)

    def divergence(self, found: Sequence[str]) -> float:
        """Return the Jensen-Shannon divergence of items from the aim, in bits."""
        return jsd(self.counts(found), self.shares) if found else 1.0

    def floor(self, items: int) -> float:
        """Return the divergence that a sample of the target of that size has by chance."""
        return floor(self.shares, max(items, 1))


def difficulties(rows: Sequence[QuestionRow]) -> Floats:
    """Return how hard each item is, in logits of the share of wrong answers; nan: not recorded."""
    wrong = np.array([sum(not one.correct for one in row.answers.values()) for row in rows])
    asked = np.array([len(row.answers) for row in rows])
    share = (wrong + 0.5) / (asked + 1.0)
    return np.where(asked > 0, np.log(share / (1 - share)), np.nan)


def places(rows: Sequence[QuestionRow], buckets: Buckets | None) -> list[str]:
    """Return the place of each item: its cell, at its difficulty where that counts."""
    cells = [cell_name(row.item.domain, row.item.skill) for row in rows]
    if buckets is None:
        return cells
    found = buckets.of(difficulties(rows)).tolist() if rows else []
    return [place_name(cell, bucket) for cell, bucket in zip(cells, found, strict=True)]


def aim_of(own: QASet, reserve: QASet | None, settings: QaSettings) -> Aim:
    """Read what the set should be like.

    Raises:
        UsageError: the target cannot be read, or names no place of the set or its reserve.
        SourceError: the reference set cannot be read.
    """
    path = Path(settings.target)
    if settings.target == UNIFORM:
        buckets = _buckets(own.rows, settings)
        known = dict.fromkeys(places(own.rows, buckets))
        if reserve is not None:
            known |= dict.fromkeys(places(reserve.rows, buckets))
        return _aim(dict.fromkeys(known, 1.0), buckets, UNIFORM)
    if path.suffix == ".toml":
        shares = read_shares(path)
        digest = path.read_text("utf-8")
        buckets = _buckets(own.rows, settings) if any(" @" in name for name in shares) else None
        return _aim(shares, buckets, digest)
    reference = read_set(settings.target, fields_of(settings), Selection())
    buckets = _buckets(reference.rows, settings)
    counted = Counter(places(reference.rows, buckets))
    return _aim(dict(counted), buckets, reference.digest)


def _buckets(rows: Sequence[QuestionRow], settings: QaSettings) -> Buckets | None:
    if settings.by == "cell" or not any(row.answers for row in rows):
        return None
    return quantile_buckets(difficulties(rows), settings.buckets)


def _aim(weights: Mapping[str, float], buckets: Buckets | None, digest: str) -> Aim:
    names = tuple(sorted(weights))
    values = np.array([float(weights[name]) for name in names])
    return Aim(names, values / values.sum(), buckets, digest)


def read_shares(path: Path) -> dict[str, float]:
    """Read target shares: a TOML table `[shares]` from a cell's name to its share.

    Raises:
        UsageError: it cannot be read, or a share is no number above 0.
    """
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check --target") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not TOML ({error})") from None
    table = tree.get("shares")
    if not isinstance(table, dict) or not table:
        raise UsageError(f'{path}: has no table [shares]; write [shares] and "CELL" = 0.2 below')
    shares: dict[str, float] = {}
    for name, value in cast("dict[str, object]", table).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise UsageError(f"{path}: the share of {name!r} must be a number, 0 or more")
        shares[name] = float(value)
    if sum(shares.values()) <= 0:
        raise UsageError(f"{path}: all shares are 0; give the wanted cells shares above 0")
    return shares

"""Where the items of a set stand and where they should: cells, difficulties, target shares."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.question_source import QuestionRow, RowSelection
from burnish.corpora.storage.spill import Chained
from burnish.graphs.profile.labels import Labelling, label_sets, read_labels
from burnish.graphs.profile.vector_cache import Vectoring, vectoring_of
from burnish.graphs.questions.state.question_set import QASet, fields_of, read_set
from burnish.graphs.runs.question_settings import QaSettings
from burnish.tools.arrays import Floats, Ints
from burnish.tools.balance.divergence import floor, jsd
from burnish.tools.profile.cells import (
    Buckets,
    cell_name,
    quantile_buckets,
    split_stratum,
    stratum_name,
)
from burnish.tools.profile.profile import ProfileSettings, answer_records, fit_rows

UNIFORM = "uniform"
MANY_ANSWERS = 10
"""Answers an item on average from which content adds next to nothing; it is then left out."""


@dataclass(frozen=True, slots=True)
class Target:
    """The strata that count, in one order, and the share each should have."""

    strata: tuple[str, ...]
    shares: Floats
    buckets: Buckets | None
    """None where difficulty plays no part."""
    digest: str
    """Of what the shares were taken from."""

    def counts(self, found: Sequence[str]) -> Ints:
        """Count the items at each stratum."""
        held = Counter(found)
        return np.array([held[stratum] for stratum in self.strata], np.int64)

    def divergence(self, found: Sequence[str]) -> float:
        """Return the Jensen-Shannon divergence of items from the target, in bits."""
        return jsd(self.counts(found), self.shares) if found else 1.0

    def floor(self, items: int) -> float:
        """Return the divergence that a sample of the target of that size has by chance."""
        return floor(self.shares, max(items, 1))


class Located(NamedTuple):
    """The target, and where everything stands that may be in the set."""

    target: Target
    own: list[str]
    """Place of each item of the set."""
    reserve: list[str]
    difficulty: Floats
    """Of each item of the set, in logits; nan where no model answered it."""
    scale: "Scale | None" = None
    """None where difficulty plays no part."""


class Scale(NamedTuple):
    """The scale of difficulties, on which further items can be placed."""

    abilities: Mapping[str, float]
    """Of those who answered, in logits."""
    spread: float
    """Standard deviation of the difficulties."""
    centres: tuple[float, ...]
    """Mean difficulty of the items in each bucket."""


class _Fitted(NamedTuple):
    """Difficulties of some sets, and who answered."""

    sets: list[Floats]
    abilities: Mapping[str, float]
    spread: float


def difficulties(groups: Sequence[Sequence[QuestionRow]]) -> list[Floats]:
    """Return how hard the items of some sets are, in logits on one scale; nan: nobody answered."""
    return _fitted(groups).sets


def _fitted(groups: Sequence[Sequence[QuestionRow]]) -> _Fitted:
    """Fit difficulties and abilities.

    All sets are fitted together (`burnish.tools.profile.profile`), so that those who answered
    items of several sets tie the scales to each other. Where items have few answers, their content
    counts.
    """
    rows = Chained(*groups)
    records, names = answer_records(rows)
    many = len(records.item) >= MANY_ANSWERS * np.count_nonzero(records.answers())
    fit = fit_rows(rows, records, ProfileSettings(content_prior=not many))
    found = np.full(len(rows), np.nan)
    abilities: dict[str, float] = {}
    spread = 1.0
    if fit is not None:
        found = np.where(fit.answers > 0, fit.difficulty, np.nan)
        abilities, spread = dict(zip(names, fit.ability.tolist(), strict=True)), fit.spread
    ends = np.cumsum([len(group) for group in groups])
    return _Fitted(np.split(found, ends[:-1]), abilities, spread)


def strata(rows: Sequence[QuestionRow], difficulty: Floats, buckets: Buckets | None) -> list[str]:
    """Return the stratum of each item: its cell, at its difficulty where that counts."""
    cells = [cell_name(row.item.domain, row.item.skill) for row in rows]
    if buckets is None:
        return cells
    found: list[int] = buckets.of(difficulty).tolist()
    return [stratum_name(cell, bucket) for cell, bucket in zip(cells, found, strict=True)]


def locate(
    own: QASet,
    reserve: QASet | None,
    settings: QaSettings,
    vectoring: Vectoring | None = None,
) -> Located:
    """Read what the set should be like, and place the items of set and reserve in it.

    Items that name no domain are placed by their label where the settings have a list of labels;
    the items themselves stay as they are.

    Args:
        own: the set.
        reserve: what may be drawn.
        settings: target, columns, buckets, labels.
        vectoring: where vectors for labels come from; None: from the embedder of the settings.

    Raises:
        UsageError: the target cannot be read.
        SourceError: the reference set cannot be read.
    """
    path = Path(settings.target)
    pool = () if reserve is None else reserve.rows
    reference: QASet | None = None
    shares: dict[str, float] | None = None
    if path.suffix == ".toml":
        shares = read_shares(path)
    elif settings.target != UNIFORM:
        reference = read_set(settings.target, fields_of(settings), RowSelection())
    wanted = () if reference is None else reference.rows
    split = settings.by == "cell_difficulty" and (
        shares is None or any(split_stratum(name).bucket is not None for name in shares)
    )
    none = [np.full(len(rows), np.nan) for rows in (own.rows, pool, wanted)]
    fitted = _fitted((own.rows, pool, wanted)) if split else _Fitted(none, {}, 1.0)
    hard = fitted.sets
    known = hard[2] if reference is not None else hard[0]
    buckets = quantile_buckets(known, settings.buckets) if np.isfinite(known).any() else None
    groups: Sequence[Sequence[QuestionRow]] = (own.rows, pool, wanted)
    if settings.labels is not None:
        labels = read_labels(Path(settings.labels))
        labelling = Labelling(labels, vectoring or vectoring_of(settings.embedder))
        groups = label_sets(groups, labelling).sets
    held = [strata(r, h, buckets) for r, h in zip(groups, hard, strict=True)]
    if shares is not None:
        target = _target(shares, buckets, path.read_text("utf-8"))
    elif reference is not None:
        target = _target(Counter(held[2]), buckets, reference.digest)
    else:
        target = _target(dict.fromkeys((*held[0], *held[1]), 1.0), buckets, UNIFORM)
    return Located(target, held[0], held[1], hard[0], _scale(fitted, buckets))


def _scale(fitted: _Fitted, buckets: Buckets | None) -> Scale | None:
    if buckets is None:
        return None
    known = np.concatenate(fitted.sets)
    known = known[np.isfinite(known)]
    codes = buckets.of(known)
    middle = float(known.mean())
    centres = [known[codes == at] for at in range(len(buckets))]
    means = tuple(float(each.mean()) if len(each) else middle for each in centres)
    return Scale(fitted.abilities, fitted.spread, means)


def _target(weights: Mapping[str, float], buckets: Buckets | None, digest: str) -> Target:
    names = tuple(sorted(weights))
    values = np.array([float(weights[name]) for name in names])
    return Target(names, values / values.sum(), buckets, digest)


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

"""Profiles a QA set from its files: reads, embeds from the cache, measures, compares, reports."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.answer_files import join_answers
from burnish.corpora.questions.columns import Layout
from burnish.corpora.questions.judgement_files import read_judgements
from burnish.corpora.questions.question_source import (
    BadRow,
    QuestionFields,
    QuestionRow,
    open_questions,
)
from burnish.corpora.readers.rows import RowSelection
from burnish.corpora.storage.spill import Chained, Spill
from burnish.graphs.profile.figures import Figures, figures_of
from burnish.graphs.profile.labels import LONGEST, ItemLabeller, label_sets
from burnish.graphs.profile.vector_cache import Vectoring
from burnish.tools.items.near_duplicates import item_text
from burnish.tools.profile.pairwise import Judgements
from burnish.tools.profile.profile import Profiled, ProfileSettings, SetVectors, profile_sets


@dataclass(frozen=True, slots=True)
class ProfileReading:
    """How sets are read."""

    fields: QuestionFields = field(default_factory=QuestionFields)
    selection: RowSelection = field(default_factory=RowSelection)
    """Rows of the set that is profiled; a target is read whole."""
    strict: bool = False
    answers: str | None = None
    """A file of answer records that names items by their id."""
    judgements: str | None = None
    """A file that says of pairs of items which is the harder."""


_READING: Final = ProfileReading()
_SETTINGS: Final = ProfileSettings()


class ReadSet(NamedTuple):
    """A QA set: its rows are read anew each time they are gone through."""

    location: str
    rows: Sequence[QuestionRow]
    bad: Sequence[BadRow]
    layout: Layout


class SetProfile(NamedTuple):
    """A profile, the rows it is of, and its figures."""

    source: ReadSet
    target: ReadSet | None
    profiled: Profiled
    figures: Figures


def profile_location(
    location: str,
    target: str | None = None,
    reading: ProfileReading = _READING,
    settings: ProfileSettings = _SETTINGS,
    vectoring: Vectoring | None = None,
    labeller: ItemLabeller | None = None,
) -> SetProfile:
    """Profile a set, beside a reference set where one is named.

    Items that name no domain get one from `labeller` where it is given.

    Raises:
        BurnishError: an input cannot be read, or holds no item.
    """
    own = read_set(location, reading)
    whole = replace(reading, selection=RowSelection())
    other = None if target is None else read_set(target, whole)
    told: Figures | None = None
    if labeller is not None:
        named = label_sets([own.rows, [] if other is None else other.rows], labeller)
        own, told = own._replace(rows=named.sets[0]), named.as_json()
        other = None if other is None else other._replace(rows=named.sets[1])
    profiled = profile_sets(
        own.rows,
        other.rows if other is not None else (),
        settings,
        _vectors(own.rows, vectoring),
        None if other is None else _vectors(other.rows, vectoring),
        _judgements(reading.judgements, Chained(own.rows, other.rows if other is not None else ())),
    )
    names = (location, target)
    figures = {
        **figures_of(profiled, own.rows, other.rows if other else [], len(own.bad), names),
        "labels": told,
    }
    return SetProfile(own, other, profiled, figures)


def read_set(location: str, reading: ProfileReading = _READING) -> ReadSet:
    """Read a QA set; its rows go to a file without a name.

    Raises:
        SourceError: it cannot be read, or holds no item.
    """
    source = open_questions(location, reading.fields, reading.selection, strict=reading.strict)
    rows: Sequence[QuestionRow]
    rows = spilled = Spill[QuestionRow]()
    bad: list[BadRow] = []
    for row in source.rows():
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            spilled.append(row)
    if not rows:
        why = f"; row {bad[0].row}: {bad[0].reason}" if bad else ""
        raise SourceError(f"{location}: there is no item to profile{why}")
    if reading.answers is not None:
        rows = Spill(join_answers(rows, reading.answers, source.layout.id or "id"))
    return ReadSet(location, rows, bad, source.layout)


def _judgements(location: str | None, rows: Sequence[QuestionRow]) -> Judgements | None:
    if location is None:
        return None
    found = read_judgements(location, [row.item.id for row in rows])
    return Judgements(
        np.array([one.harder for one in found], np.int64),
        np.array([one.easier for one in found], np.int64),
        np.array([0.5 if one.draw else 1.0 for one in found]),
        len(rows),
    )


def _vectors(rows: Sequence[QuestionRow], vectoring: Vectoring | None) -> SetVectors | None:
    if vectoring is None:
        return None
    whole = [item_text(row.item)[:LONGEST] for row in rows]
    choices = [choice for row in rows for choice in row.item.choices]
    # One call embeds both, so that the progress counts through once.
    vectors = vectoring.of([*whole, *choices])
    return SetVectors(vectors[: len(rows)], np.ascontiguousarray(vectors[len(rows) :]))


def write_profile(path: Path, result: SetProfile) -> None:
    """Write the profile's items as Parquet, one row an item, for other programs."""
    import pyarrow as pa

    from burnish.corpora.storage.writers import write_table

    profile = result.profiled.profile
    columns: dict[str, object] = {
        "id": list(profile.ids),
        "cell": [profile.cells.names[code] for code in profile.cells.codes],
        "difficulty": profile.difficulty,
        "error": profile.error,
        "answers": profile.answers,
        "bucket": profile.bucket,
        "flags": [list(flags) for flags in profile.flags],
        **profile.signals,
    }
    write_table(path, pa.table(columns), "parquet")

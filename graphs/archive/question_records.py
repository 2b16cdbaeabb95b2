"""Reads a finished run over questions back: each ledger row with its item before and after."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from burnish.corpora.errors import RunError
from burnish.corpora.questions.columns import Layout
from burnish.corpora.questions.items import read_item
from burnish.corpora.records import QUESTIONS, QAItem
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.ledger_codec import read_rows
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.graphs.archive.stored import readable
from burnish.tools.text.visible import shown


class QuestionRecord(NamedTuple):
    """What a run holds of one item."""

    entry: QAEntry
    before: QAItem | None
    """As it came in; None for an item that the run added, and for a row that was not read."""
    after: QAItem | None
    """As it stands in `data/`; None where it is not there."""


def layout_of(folder: RunFolder) -> Layout:
    """Read from the manifest what the columns of the set mean.

    Raises:
        RunError: the manifest cannot be read or does not say.
    """
    held = read_json(folder.manifest).get("input")
    layout: object = held.get("layout") if isinstance(held, dict) else None
    try:
        return TypeAdapter(Layout).validate_python(layout)
    except ValidationError:
        raise RunError(f"{folder.manifest}: does not name the columns of the set") from None


def question_records(folder: RunFolder) -> Iterator[QuestionRecord]:
    """Read the items of a run in the order of its ledger, a few rows at a time.

    Raises:
        RunError: a file is missing or broken, or the files and the ledger do not go together.
    """
    layout = layout_of(folder)
    for index in folder.finished():
        ledger = folder.part("ledger", index)
        standing = _rows(folder.part("data", index))
        aside = _rows(folder.part("aside", index))
        for entry in readable(ledger, LEDGER.read(ledger)):
            after = _next(standing, layout, entry) if entry.outcome in QUESTIONS.data else None
            before = _next(aside, layout, entry) if entry.outcome in QUESTIONS.aside else None
            # What was left as it was stands in `data/` alone.
            stayed = entry.outcome in QUESTIONS.data - QUESTIONS.aside - {"added"}
            yield QuestionRecord(entry, after if stayed else before, after)


def _next(rows: Iterator[Mapping[str, Any]], layout: Layout, entry: QAEntry) -> QAItem:
    row = next(rows, None)
    if row is None:
        raise RunError(f"data/ or aside/ ends before record {shown(entry.id)}")
    return read_item(row, layout, entry.id).item


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    return readable(path, read_rows(path)) if path.exists() else iter(())

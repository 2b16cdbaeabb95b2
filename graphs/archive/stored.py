"""Reads a finished run back: each ledger row with the text that belongs to it, shard by shard."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as parquet

from burnish.corpora.errors import RunError
from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.document_ledger import LEDGER, CallRow, Entry
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.ledger_codec import parse_line
from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Note,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
)
from burnish.tools.text.visible import shown

Row = TypeVar("Row")
_BATCH_ROWS = 256
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, pa.ArrowException)


class StoredColumns(NamedTuple):
    """Names of the columns that matter in `data/` and `aside/`."""

    text: str
    id: str


class Stored(NamedTuple):
    """The id and the text of one row of `data/` or `aside/`."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a run holds of one record."""

    entry: Entry
    text: str
    """Refined where the record was kept, raw where it is aside, empty where it was not read."""

    @property
    def refined(self) -> str:
        """What the certificate calls the refined text: nothing is left of a dropped record."""
        return "" if self.entry.outcome == "dropped" else self.text

    @property
    def raw(self) -> str:
        """The text as it came in.

        Raises:
            RunError: the spans do not say what they removed.
        """
        return (
            raw_text(self.entry, self.text) if self.entry.outcome in DOCUMENTS.data else self.text
        )


def columns_of(folder: RunFolder) -> StoredColumns:
    """Read from the manifest what the columns are called.

    Raises:
        RunError: the manifest cannot be read or does not say.
    """
    held = read_json(folder.manifest).get("input")
    if not isinstance(held, dict) or not {"text_column", "id_column"} <= held.keys():
        raise RunError(f"{folder.manifest}: does not name the columns of text and id")
    return StoredColumns(str(held["text_column"]), str(held["id_column"]))


def raw_text(entry: Entry, refined: str) -> str:
    """Put what the spans removed back into the refined text.

    Raises:
        RunError: the spans do not hold their texts, since the record is kept aside.
    """
    pieces: list[str] = []
    raw_at = refined_at = 0
    for start, stop, text in entry.spans:
        if text is None:
            raise RunError(f"record {shown(entry.id)}: its raw text is in aside/, not in its spans")
        kept_to = refined_at + start - raw_at
        pieces += (refined[refined_at:kept_to], text)
        raw_at, refined_at = stop, kept_to
    pieces.append(refined[refined_at:])
    return "".join(pieces)


def program_of(entry: Entry) -> Program:
    """Return the calls of a ledger row as a program.

    Raises:
        RunError: a row is no call of the deletion API.
    """
    return Program(tuple(call_of(row) for row in entry.calls))


def call_of(row: CallRow) -> Call:
    """Return a row of the ledger as the call it stands for.

    Raises:
        RunError: the row is no call of the deletion API.
    """
    note = Note(reason=row.reason, confidence=row.confidence)
    match row:
        case CallRow("remove_lines", int(start), int(end)):
            return RemoveLines(start, end, note=note)
        case CallRow("remove_str", int(line), _, str(text), occurrence):
            return RemoveStr(line, text, occurrence, note=note)
        case CallRow("keep_all"):
            return KeepAll(note=note)
        case CallRow("remove_all"):
            return RemoveAll(note=note)
        case _:
            raise RunError(f"{shown(row.name)} with these arguments is no call of the deletion API")


def records(folder: RunFolder, columns: StoredColumns, index: int) -> Iterator[Record]:
    """Read the records of a shard in source order, rows that could not be read last.

    Raises:
        RunError: a file is missing or broken, or the files and the ledger do not go together.
    """
    rows = {kind: _rows(folder.part(kind, index), columns) for kind in ("data", "aside")}
    for entry in entries(folder, index):
        kind = (
            "data"
            if entry.outcome in DOCUMENTS.data
            else "aside"
            if entry.outcome in DOCUMENTS.aside
            else ""
        )
        if not kind:
            yield Record(entry, "")
            continue
        row = next(rows[kind], None)
        if row is None:
            raise RunError(f"{kind}/ ends before record {shown(entry.id)}")
        if row.id != entry.id:
            found, wanted = shown(row.id), shown(entry.id)
            raise RunError(f"{kind}/ has record {found} in the place of {wanted}")
        yield Record(entry, row.text)
    for kind, left in rows.items():
        if extra := next(left, None):
            raise RunError(f"{kind}/ has record {shown(extra.id)} too many")


def entries(folder: RunFolder, index: int) -> Iterator[Entry]:
    """Read the ledger of a shard.

    Raises:
        RunError: the file is missing or broken.
    """
    path = folder.part("ledger", index)
    return readable(path, LEDGER.read(path))


def readable(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """Yield what is read of a file of the run.

    Raises:
        RunError: the file is missing or broken.
    """
    try:
        yield from rows
    except _UNREADABLE as error:
        name = f"{path.parent.name}/{path.name}"
        if isinstance(error, FileNotFoundError):
            raise RunError(f"{name}: is missing") from None
        raise RunError(f"{name}: cannot be read ({type(error).__name__})") from None


def _rows(path: Path, columns: StoredColumns) -> Iterator[Stored]:
    if path.parent.name == "aside" and not path.exists():
        return
    yield from readable(path, (_lines if path.suffix == ".jsonl" else _batches)(path, columns))


def _lines(path: Path, columns: StoredColumns) -> Iterator[Stored]:
    with path.open("rb") as file:
        for line in file:
            row = parse_line(line)
            yield Stored(str(row[columns.id]), str(row[columns.text]))


def _batches(path: Path, columns: StoredColumns) -> Iterator[Stored]:
    with parquet.ParquetFile(path) as file:
        wanted = list(dict.fromkeys((columns.id, columns.text)))
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            names: list[object] = batch.column(columns.id).to_pylist()
            texts: list[object] = batch.column(columns.text).to_pylist()
            for name, text in zip(names, texts, strict=True):
                yield Stored(str(name), str(text))


def read_whole(path: Path) -> pa.Table:
    """Return the table in a Parquet file."""
    # Not parquet.read_table: it would take folders named key=value for columns.
    with parquet.ParquetFile(path) as file:
        return file.read()


def read_lines(path: Path) -> list[bytes]:
    """Return the lines of a file with their ends; none where there is no file."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        return file.readlines()

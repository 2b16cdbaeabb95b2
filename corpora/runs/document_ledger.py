"""The ledger: one row for each record that was read, saying what was decided, by whom and why.

The rows of a shard stand in the order of its records, rows that could not be read come last. With
the refined files they hold everything: each span carries the text it removed, so any version of a
document can be rebuilt without the source and without a model.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as parquet

OUTCOMES = ("unchanged", "edited", "dropped", "failed", "quarantined")
"""What can become of a row: the last could not be read, the one before got no answer."""


class CallRow(NamedTuple):
    """One call that was carried out."""

    name: str
    start: int | None
    """First line, from 1; for `remove_str` its line."""
    end: int | None
    text: str | None
    """What `remove_str` removes."""
    occurrence: int | None
    reason: str
    confidence: float


class SpanRow(NamedTuple):
    """Characters `[start, stop)` of the raw text that went, and what stood there."""

    start: int
    stop: int
    text: str | None
    """None where the whole record is kept aside, in `aside/`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger row."""

    id: str
    outcome: str
    agent: str = ""
    flag: str = ""
    """Why a person should look: a guard that stepped in, a bad reply; for rows not read, why."""
    raw_digest: str = ""
    refined_digest: str = ""
    raw_chars: int = 0
    refined_chars: int = 0
    attempts: int = 0
    rejected_calls: int = 0
    calls: tuple[CallRow, ...] = ()
    spans: tuple[SpanRow, ...] = ()


_CALL = pa.struct([
    ("name", pa.string()),
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("text", pa.string()),
    ("occurrence", pa.int64()),
    ("reason", pa.string()),
    ("confidence", pa.float32()),
])
_SPAN = pa.struct([("start", pa.int64()), ("stop", pa.int64()), ("text", pa.string())])
SCHEMA = pa.schema([
    ("id", pa.string()),
    ("outcome", pa.string()),
    ("agent", pa.string()),
    ("flag", pa.string()),
    ("raw_digest", pa.string()),
    ("refined_digest", pa.string()),
    ("raw_chars", pa.int64()),
    ("refined_chars", pa.int64()),
    ("attempts", pa.int32()),
    ("rejected_calls", pa.int32()),
    ("calls", pa.list_(_CALL)),
    ("spans", pa.list_(_SPAN)),
])


def to_table(entries: Sequence[Entry]) -> pa.Table:
    """Return the entries as a table of `SCHEMA`."""
    flat = [
        pa.array([getattr(entry, field.name) for entry in entries], field.type)
        for field in list(SCHEMA)[:-2]
    ]
    calls = _lists([entry.calls for entry in entries], CallRow._fields, _CALL)
    spans = _lists([entry.spans for entry in entries], SpanRow._fields, _SPAN)
    return pa.Table.from_arrays([*flat, calls, spans], schema=SCHEMA)


def _lists(rows: Sequence[Sequence[Any]], names: Sequence[str], kind: pa.StructType) -> pa.Array:
    offsets = [0]
    items: list[Any] = []
    for row in rows:
        items.extend(row)
        offsets.append(len(items))
    columns = list(zip(*items, strict=True)) or [()] * len(names)
    arrays = [
        pa.array(column, kind.field(name).type) for name, column in zip(names, columns, strict=True)
    ]
    struct = pa.StructArray.from_arrays(arrays, fields=list(kind))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


def read(path: Path) -> Iterator[Entry]:
    """Read the entries of one ledger file (Parquet or JSONL) in order."""
    return map(entry_of, read_rows(path))


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the plain rows of one ledger file, of documents or of questions, in order."""
    if path.suffix == ".jsonl":
        import orjson

        with path.open("rb") as file:
            yield from map(orjson.loads, file)
        return
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=512):
            yield from cast("list[dict[str, Any]]", batch.to_pylist())


def entry_of(row: dict[str, Any]) -> Entry:
    """Return a row of the table as an entry."""
    row = dict(row)
    row["calls"] = tuple(CallRow(**call) for call in row["calls"] or ())
    row["spans"] = tuple(SpanRow(**span) for span in row["spans"] or ())
    return Entry(**row)

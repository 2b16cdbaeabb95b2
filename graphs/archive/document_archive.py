"""A run over documents, read back: its proofs checked record by record, and its versions.

Calls name lines of the raw text, so the calls that remain in a version mean what they meant before,
whichever others go.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast

import orjson
import pyarrow as pa

from burnish.corpora.errors import RunError
from burnish.corpora.records import DOCUMENTS, Filing, digest
from burnish.corpora.runs.document_ledger import Entry
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.ledger_codec import parse_line
from burnish.corpora.storage.writers import copy_file, write_lines, write_table
from burnish.graphs.archive.findings import Findings
from burnish.graphs.archive.stored import (
    Record,
    StoredColumns,
    call_of,
    entries,
    program_of,
    read_lines,
    read_whole,
    records,
)
from burnish.graphs.archive.without import Filters, Without
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import Certificate, Program, cut, resolve
from burnish.tools.text.visible import shown


class _Row(NamedTuple):
    place: int
    """Row in `data/`, or beyond its last row in `aside/`."""
    text: str
    """What the version has in this row."""
    was: str | None
    """What `data/` has; None for rows from `aside/`."""


def values_of(entry: Entry) -> Mapping[str, Collection[str]]:
    """Return what a decision can be named by in `--without`.

    A reason leaves out single calls. An agent, a record or an outcome leaves out the whole
    decision on a record, which comes back as it was read.
    """
    if entry.outcome == "quarantined":
        return {}
    return {
        "reason": [call.reason for call in entry.calls],
        "agent": [entry.agent],
        "record": [entry.id],
        "outcome": [entry.outcome],
    }


FILTERS = Filters(
    ("reason", "agent", "record", "outcome"), ("edited", "dropped", "failed"), values_of
)


@dataclass(frozen=True, slots=True)
class DocumentArchive:
    """The shards of a run over documents."""

    filing: ClassVar[Filing] = DOCUMENTS
    filters: ClassVar[Filters[Entry]] = FILTERS

    folder: RunFolder
    columns: StoredColumns

    def entries(self, index: int) -> Iterator[Entry]:
        """Read the ledger of a shard."""
        return entries(self.folder, index)

    def count(self, index: int, found: Findings, counts: Counter[str]) -> None:
        """Check every record of a shard and count them, under the names that markers have."""
        counts.update(chars_in=0, chars_out=0)
        for record in records(self.folder, self.columns, index):
            entry = record.entry
            counts[entry.outcome] += 1
            counts["rows"] += 1
            counts["chars_in"] += entry.raw_chars
            counts["chars_out"] += len(record.text) if entry.outcome in DOCUMENTS.data else 0
            if entry.outcome != "quarantined" and (fault := record_fault(record)):
                found.add(f"shard {index}, record {shown(entry.id)}: {fault}")

    def write(self, target: RunFolder, index: int, without: Sequence[Without]) -> Counter[str]:
        """Write the version of a shard; return what `ReplaySummary` adds up."""
        outcomes = cast("dict[str, int]", read_json(self.folder.marker(index))["outcomes"])
        aside_from = sum(outcomes.get(outcome, 0) for outcome in DOCUMENTS.data)
        found = records(self.folder, self.columns, index)
        rows = list(_version(found, without, aside_from))
        _write(self.folder, target, self.columns.text, index, rows)
        return Counter(
            rows=len(rows),
            changed=sum(row.was is not None and row.was != row.text for row in rows),
            returned=sum(row.was is None for row in rows),
            chars=sum(len(row.text) for row in rows),
        )


def record_fault(record: Record) -> str:
    """Say what is wrong with a record that was read; empty when its proof holds.

    The certificate must hold for its raw and its refined text, and its calls, carried out again on
    the raw text, must remove exactly its spans.
    """
    entry = record.entry
    try:
        raw, program = record.raw, program_of(entry)
    except RunError as error:
        return str(error)
    spans = tuple(Span(start, stop) for start, stop, _ in entry.spans)
    fault = Certificate(spans, entry.raw_digest, entry.refined_digest).fault(raw, record.refined)
    if fault:
        return fault
    if (entry.raw_chars, entry.refined_chars) != (len(raw), len(record.refined)):
        return "the ledger has other lengths than the texts"
    resolution = resolve(program, raw)
    if resolution.rejected:
        return f"a call does not fit the raw text ({entry.calls[0].name})"
    if resolution.spans != spans:
        return "the calls do not remove what the spans say"
    outcome = "dropped" if resolution.drops else "edited" if spans else "unchanged"
    if entry.outcome != outcome and not (entry.outcome == "failed" and not spans):
        return f"it is called {shown(entry.outcome)} but its calls make it {outcome}"
    return ""


def _version(
    source: Iterator[Record], without: Sequence[Without], aside_from: int
) -> Iterator[_Row]:
    kept = aside = 0
    for record in source:
        outcome = record.entry.outcome
        text = _refined(record, without)
        if outcome in DOCUMENTS.data:
            if text is not None:
                yield _Row(kept, text, record.text)
            kept += 1
        elif outcome != "quarantined":
            if text is not None:
                yield _Row(aside_from + aside, text, None)
            aside += 1


def _refined(record: Record, without: Sequence[Without]) -> str | None:
    """Return the record's text in the version, None where it is not part of it."""
    entry = record.entry
    left_out = FILTERS.leave_out(without, entry)
    if any(one.kind != "reason" for one in left_out):
        return _proven_raw(record)
    if not left_out:
        return record.text if entry.outcome in DOCUMENTS.data else None
    raw, reasons = _proven_raw(record), {one.value for one in left_out}
    left = tuple(call_of(call) for call in entry.calls if call.reason not in reasons)
    resolution = resolve(Program(left), raw)
    return None if resolution.drops else cut(raw, resolution.spans)


def _proven_raw(record: Record) -> str:
    raw = record.raw
    if record.entry.outcome != "quarantined" and digest(raw) != record.entry.raw_digest:
        name = shown(record.entry.id)
        fault = "its raw text cannot be rebuilt; run `burnish replay --verify`"
        raise RunError(f"record {name}: {fault}")
    return raw


def _write(
    folder: RunFolder, target: RunFolder, column: str, index: int, rows: Sequence[_Row]
) -> None:
    source, path = folder.part("data", index), target.part("data", index)
    as_it_was = all(row.was == row.text for row in rows)
    if as_it_was and target.format == folder.format:
        copy_file(source, path)
    elif folder.format == "jsonl":
        lines = read_lines(source) + read_lines(folder.part("aside", index))
        write_lines(path, (_with_text(lines[row.place], column, row) for row in rows))
    else:
        write_table(path, _table(folder, column, index, rows), target.format)


def _table(folder: RunFolder, column: str, index: int, rows: Sequence[_Row]) -> pa.Table:
    paths = (folder.part("data", index), folder.part("aside", index))
    tables = [read_whole(path) for path in paths if path.exists()]
    chosen = pa.concat_tables(tables).take(pa.array([row.place for row in rows], pa.int64()))
    at = chosen.schema.get_field_index(column)
    field = chosen.schema.field(at)
    return chosen.set_column(at, field, pa.array([row.text for row in rows], field.type))


def _with_text(line: bytes, column: str, row: _Row) -> bytes:
    """Exchange the text in a line of JSON and leave every other byte as it is."""
    if row.was is None or row.was == row.text:
        was = cast("str", parse_line(line)[column])
    else:
        was = row.was
    if was == row.text:
        return line
    key = orjson.dumps(column) + b":"
    old, new = key + orjson.dumps(was), key + orjson.dumps(row.text)
    at = line.find(old)
    while at >= 0:
        turned = line[:at] + new + line[at + len(old) :]
        # A nested object may have a key of the same name and the same text before it.
        if json.loads(turned)[column] == row.text:
            return turned
        at = line.find(old, at + 1)
    raise RunError(f"a line of data/ does not hold its {shown(column)} as burnish writes it")

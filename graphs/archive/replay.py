"""Rebuilds a run's corpus, or another version of it, from what the run keeps: no source, no model.

A version leaves out some of the decisions that were taken. Calls name lines of the raw text, so
the calls that remain mean what they meant before, whichever others go.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, cast

import orjson
import pyarrow as pa

from burnish.corpora.errors import RunError, UsageError
from burnish.corpora.records import DOCUMENTS, digest
from burnish.corpora.runs.folder import Format, RunFolder, read_json, write_json
from burnish.corpora.storage.writers import write_atomic, write_table
from burnish.graphs.archive.stored import (
    Columns,
    Record,
    call_of,
    columns_of,
    entries,
    parse_line,
    read_lines,
    read_whole,
    records,
)
from burnish.graphs.archive.verify import Progress, file_faults
from burnish.tools.deletion.program import Program, cut, resolve
from burnish.tools.text.visible import shown

Kind = Literal["reason", "agent", "record", "outcome"]
KINDS: tuple[Kind, ...] = ("reason", "agent", "record", "outcome")
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Without:
    """What a version leaves out.

    A reason leaves out single calls. An agent, a record or an outcome leaves out the whole
    decision on a record, which comes back as it was read.
    """

    kind: Kind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}={self.value}"


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a rebuilt version holds."""

    shards: int
    rows: int
    """Records in the version."""
    changed: int
    """Records of the run's `data/` whose text differs in the version."""
    returned: int
    """Records that the run had dropped or failed, and that are back."""
    chars: int
    """Characters of text in the version."""


class _Row(NamedTuple):
    place: int
    """Row in `data/`, or beyond its last row in `aside/`."""
    text: str
    """What the version has in this row."""
    was: str | None
    """What `data/` has; None for rows from `aside/`."""


def parse_without(text: str) -> Without:
    """Read one `--without` of the command line, such as `reason=nav`.

    Raises:
        UsageError: it is not of the form kind=value, or the kind is unknown.
    """
    kind, equals, value = text.partition("=")
    if not equals or kind not in KINDS or not value:
        forms = ", ".join(f"{name}=…" for name in KINDS)
        raise UsageError(f"--without {shown(text)}: write one of {forms}")
    return Without(kind, value)


def check_without(folder: RunFolder, without: Sequence[Without]) -> None:
    """Check that the run has something that each filter leaves out; reads the whole ledger.

    Raises:
        UsageError: a filter matches nothing; the line names what there is.
    """
    wanted_ids = {one.value for one in without if one.kind == "record"}
    known: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for index in folder.finished() if without else ():
        for entry in entries(folder, index):
            if entry.outcome == "quarantined":
                continue
            known["reason"].update(call.reason for call in entry.calls)
            known["agent"].add(entry.agent)
            known["outcome"].add(entry.outcome)
            if entry.id in wanted_ids:
                known["record"].add(entry.id)
    for one in without:
        if one.value not in known[one.kind]:
            raise UsageError(f"--without {shown(str(one))}: {_nothing(one, known[one.kind])}")


def _nothing(one: Without, known: set[str]) -> str:
    if one.kind == "record":
        return "the run read no record with this id"
    names = sorted(shown(name) for name in known if name)
    there = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"the run has no such {one.kind}; it has {there or 'none'}"


def replay(
    folder: RunFolder,
    out: Path,
    without: Sequence[Without] = (),
    form: Format | None = None,
    progress: Progress | None = None,
) -> ReplaySummary:
    """Rebuild the corpus in `out/data/`, leaving out what `without` names (any of them).

    With nothing left out and in the run's own format the files are those of the run, byte for
    byte. `out/replay.json` says what was done.

    Raises:
        UsageError: `out` holds data already, a filter matches nothing, or the format cannot be.
        RunError: the run's files are not what it wrote.
    """
    form = form or folder.format
    if form == "parquet" and folder.format == "jsonl":
        raise UsageError("--format parquet: a run in JSONL is rebuilt in JSONL only")
    target = RunFolder(out, form)
    _check_target(folder, out)
    check_without(folder, without)
    columns = columns_of(folder)
    (out / "data").mkdir(parents=True, exist_ok=True)
    finished = folder.finished()
    counts = [0, 0, 0, 0]
    for index in finished:
        rows = _checked_rows(folder, columns, index, without)
        _write(folder, target, columns.text, index, rows)
        figures = (
            len(rows),
            sum(row.was is not None and row.was != row.text for row in rows),
            sum(row.was is None for row in rows),
            sum(len(row.text) for row in rows),
        )
        counts = [a + b for a, b in zip(counts, figures, strict=True)]
        if progress:
            progress(int(read_json(folder.marker(index))["rows"]))
    summary = ReplaySummary(len(finished), *counts)
    source = read_json(folder.manifest)
    about = {"created": source.get("created"), "fingerprint": source.get("fingerprint")}
    left_out = [str(one) for one in without]
    write_json(out / "replay.json", {"run": about, "without": left_out, **asdict(summary)})
    return summary


def _check_target(folder: RunFolder, out: Path) -> None:
    if out.resolve() == folder.root.resolve():
        raise UsageError(f"{out}: is the run itself; name another folder with --out")
    if (out / "data").is_dir() and any((out / "data").iterdir()):
        raise UsageError(f"{out}: holds data already; name an empty folder with --out")


def _checked_rows(
    folder: RunFolder, columns: Columns, index: int, without: Sequence[Without]
) -> list[_Row]:
    marker = read_json(folder.marker(index))
    for fault in file_faults(folder, marker):
        raise RunError(f"shard {index}: {fault}; run `burnish replay --verify`")
    outcomes = cast("dict[str, int]", marker["outcomes"])
    aside_from = sum(outcomes.get(outcome, 0) for outcome in DOCUMENTS.data)
    return list(_version(records(folder, columns, index), without, aside_from))


def _version(
    source: Iterator[Record], without: Sequence[Without], aside_from: int
) -> Iterator[_Row]:
    reasons = frozenset(one.value for one in without if one.kind == "reason")
    kept = aside = 0
    for record in source:
        outcome = record.entry.outcome
        text = _refined(record, without, reasons)
        if outcome in DOCUMENTS.data:
            if text is not None:
                yield _Row(kept, text, record.text)
            kept += 1
        elif outcome != "quarantined":
            if text is not None:
                yield _Row(aside_from + aside, text, None)
            aside += 1


def _refined(record: Record, without: Sequence[Without], reasons: frozenset[str]) -> str | None:
    """Return the record's text in the version, None where it is not part of it."""
    entry = record.entry
    own = {"agent": entry.agent, "record": entry.id, "outcome": entry.outcome}
    if any(own.get(one.kind) == one.value for one in without):
        return _proven_raw(record)
    left = [call for call in entry.calls if call.reason not in reasons]
    if len(left) == len(entry.calls):
        return record.text if entry.outcome in DOCUMENTS.data else None
    raw = _proven_raw(record)
    resolution = resolve(Program(tuple(call_of(call) for call in left)), raw)
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
        with source.open("rb") as kept:
            write_atomic(path, lambda file: shutil.copyfileobj(kept, file))
    elif folder.format == "jsonl":
        lines = read_lines(source) + read_lines(folder.part("aside", index))
        turned = (_with_text(lines[row.place], column, row) for row in rows)
        write_atomic(path, lambda file: file.writelines(turned))
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

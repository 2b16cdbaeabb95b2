"""Writes small run folders for tests, from the ledger, the sinks and the deletion API alone."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa
from hypothesis import strategies as st

from burnish.corpora.records import DOCUMENTS, digest
from burnish.corpora.runs.document_ledger import LEDGER, CallRow, Entry, SpanRow
from burnish.corpora.runs.folder import Format, RunFolder, write_json
from burnish.corpora.storage.writers import write_jsonl, write_table
from burnish.tools.deletion.program import (
    NAMES,
    Call,
    Note,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    cut,
    resolve,
)
from tests.support.strategies import programs, texts

SCHEMA = pa.schema([
    ("id", pa.string()),
    ("body", pa.string()),
    ("stars", pa.int64()),
    ("more", pa.struct([("body", pa.string()), ("names", pa.list_(pa.string()))])),
])
Outcome = Literal["unchanged", "edited", "dropped", "failed"]
REASONS = ("nav", "legal", "share")


@dataclass(frozen=True)
class Case:
    """A document and what the refiner said of it."""

    id: str
    text: str
    program: Program = field(default_factory=Program)
    failure: str = ""
    flag: str = ""


@dataclass(frozen=True)
class Bad:
    """A row that could not be read."""

    source: str
    row: int
    reason: str


def write_run(
    root: Path,
    shards: Sequence[Sequence[Case]],
    *,
    form: Format = "parquet",
    bad: Sequence[Bad] = (),
    location: str = "corpus.jsonl",
) -> RunFolder:
    """Write a whole run; the bad rows belong to its last shard."""
    folder = RunFolder(root, form)
    folder.make()
    cases = [case for shard in shards for case in shard]
    write_json(
        folder.manifest,
        {
            "burnish": "0.1.0",
            "created": "2026-01-02T03:04:05+00:00",
            "settings": {
                "run": {"format": form},
                "fields": {"text": "body", "id": None},
                "refiner": {"name": "scripted"},
            },
            "fingerprint": {"input": "0"},
            "input": {
                "location": location,
                "rows": len(cases),
                "bad_rows": len(bad),
                "chars": sum(len(case.text) for case in cases),
                "digest": digest("".join(case.text for case in cases)),
                "sources": [location],
                "id_column": "id",
                "text_column": "body",
            },
        },
    )
    for index, shard in enumerate(shards):
        _write_shard(folder, index, shard, bad if index == len(shards) - 1 else ())
    return folder


def _write_shard(folder: RunFolder, index: int, cases: Sequence[Case], bad: Sequence[Bad]) -> None:
    entries = [entry_of(case) for case in cases]
    rows = [_row(case, entry) for case, entry in zip(cases, entries, strict=True)]
    kept = [row for row, entry in zip(rows, entries, strict=True) if _is_kept(entry)]
    aside = [row for row, entry in zip(rows, entries, strict=True) if not _is_kept(entry)]
    entries += [Entry(f"{b.source}:{b.row}", "quarantined", flag=b.reason) for b in bad]
    files = [folder.part("data", index), folder.part("ledger", index)]
    write_table(files[0], pa.Table.from_pylist(kept, SCHEMA), folder.format)
    write_table(files[1], LEDGER.table(entries), folder.format)
    if aside:
        files.append(folder.part("aside", index))
        write_table(files[-1], pa.Table.from_pylist(aside, SCHEMA), folder.format)
    if bad:
        files.append(folder.quarantine(index))
        raw = [{"source": b.source, "row": b.row, "reason": b.reason, "raw": "{"} for b in bad]
        write_jsonl(files[-1], raw)
    counts = Counter(entry.outcome for entry in entries)
    write_json(
        folder.marker(index),
        {
            "index": index,
            "rows": len(entries),
            "outcomes": {outcome: counts[outcome] for outcome in DOCUMENTS.outcomes},
            "chars_in": sum(len(case.text) for case in cases),
            "chars_out": sum(len(str(row["body"])) for row in kept),
            "bytes_in": sum(len(case.text.encode()) for case in cases),
            "seconds": 0.25,
            "calls": sum(len(entry.calls) for entry in entries),
            "files": {f"{path.parent.name}/{path.name}": sha256(path) for path in files},
        },
    )


def sha256(path: Path) -> str:
    """Return the digest that a marker holds for a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_kept(entry: Entry) -> bool:
    return entry.outcome in {"unchanged", "edited"}


def _row(case: Case, entry: Entry) -> dict[str, object]:
    text = cut(case.text, resolve(case.program, case.text).spans)
    text = text if _is_kept(entry) else case.text
    # The nested text is the same as the outer one: only the outer one may be exchanged.
    more = {"body": text, "names": [case.id, "}"]}
    return {"id": case.id, "body": text, "stars": len(case.text), "more": more}


def entry_of(case: Case) -> Entry:
    """Return the ledger row for a document."""
    resolution = resolve(Program() if case.failure else case.program, case.text)
    refined = cut(case.text, resolution.spans)
    outcome = "dropped" if resolution.drops else "edited" if resolution.spans else "unchanged"
    return Entry(
        id=case.id,
        outcome="failed" if case.failure else outcome,
        agent="scripted",
        flag=f"failed: {case.failure}" if case.failure else case.flag,
        raw_digest=digest(case.text),
        refined_digest=digest(refined),
        raw_chars=len(case.text),
        refined_chars=len(refined),
        attempts=1,
        rejected_calls=len(resolution.rejected),
        calls=tuple(_call(call) for call in resolution.accepted),
        spans=tuple(
            SpanRow(a, b, None if resolution.drops else case.text[a:b]) for a, b in resolution.spans
        ),
    )


def _call(call: Call) -> CallRow:
    note = call.note
    match call:
        case RemoveLines(start, end):
            fields = (start, end, None, None)
        case RemoveStr(line, text, occurrence):
            fields = (line, line, text, occurrence)
        case _:
            fields = (None, None, None, None)
    return CallRow(NAMES[type(call)], *fields, note.reason, note.confidence)


def noted(call: Call, reason: str, confidence: float = 0.5) -> Call:
    """Return the call with a reason."""
    note = Note(reason=reason, confidence=confidence)
    match call:
        case RemoveLines(start, end):
            return RemoveLines(start, end, note=note)
        case RemoveStr(line, text, occurrence):
            return RemoveStr(line, text, occurrence, note=note)
        case RemoveAll():
            return RemoveAll(note=note)
        case _:
            return call


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    """Documents of every kind that a run can hold, and what was said of them."""
    text = draw(texts().filter(bool))
    kind = draw(st.sampled_from(("program", "program", "program", "drop", "fail")))
    if kind == "fail":
        return Case(name, text, failure="no answer")
    calls = list(draw(programs(text)).calls) + ([RemoveAll()] if kind == "drop" else [])
    reasons = draw(st.lists(st.sampled_from(REASONS), min_size=len(calls), max_size=len(calls)))
    return Case(
        name,
        text,
        Program(tuple(map(noted, calls, reasons))),
        flag=draw(st.sampled_from(("", "x"))),
    )


@st.composite
def runs(draw: st.DrawFn) -> list[list[Case]]:
    """Shards of documents with ids of their own."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    return [
        [draw(cases(f"d{shard}-{place}")) for place in range(size)]
        for shard, size in enumerate(sizes)
    ]

"""Checks a run against itself: files, certificates, calls and the balance of rows."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from burnish.corpora.errors import RunError
from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.graphs.archive.stored import (
    Columns,
    Record,
    columns_of,
    part_files,
    program_of,
    records,
)
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import Certificate, resolve
from burnish.tools.text.visible import shown

MAX_FAULTS = 50
Progress = Callable[[int], None]
"""Is told, after each shard, how many rows it had."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a whole run found."""

    shards: int
    rows: int
    outcomes: Mapping[str, int]
    faults: tuple[str, ...]
    """One line each, naming shard and record; at most `MAX_FAULTS` of them."""
    fault_count: int

    @property
    def holds(self) -> bool:
        """Tell whether everything is as the run says."""
        return not self.fault_count


@dataclass(slots=True)
class _Count:
    """What the files hold, to be set against what the marker and the manifest say."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    chars_in: int = 0
    chars_out: int = 0

    def add(self, record: Record) -> None:
        self.outcomes[record.entry.outcome] += 1
        self.chars_in += record.entry.raw_chars
        if record.entry.outcome in DOCUMENTS.data:
            self.chars_out += len(record.text)

    def join(self, other: "_Count") -> None:
        self.outcomes += other.outcomes
        self.chars_in += other.chars_in
        self.chars_out += other.chars_out

    def balance(self) -> dict[str, int]:
        """Return the figures that markers hold too, under the names they have there."""
        outcomes = {name: self.outcomes[name] for name in DOCUMENTS.outcomes}
        lengths = {"chars_in": self.chars_in, "chars_out": self.chars_out}
        return {"rows": self.outcomes.total(), **outcomes, **lengths}


@dataclass(slots=True)
class _Findings:
    faults: list[str] = field(default_factory=list[str])
    fault_count: int = 0

    def add(self, fault: str) -> None:
        self.fault_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)


def verify(folder: RunFolder, progress: Progress | None = None) -> Verification:
    """Check every file, every record and the balance of rows of a run.

    For each record that was read: the certificate holds for its raw and its refined text, and its
    calls, carried out again on the raw text, remove exactly its spans.

    Raises:
        RunError: there is no readable manifest.
    """
    manifest = read_json(folder.manifest)
    columns = columns_of(folder)
    found, total = _Findings(), _Count()
    finished = folder.finished()
    for index in finished:
        count = _check_shard(folder, columns, index, found)
        total.join(count)
        if progress:
            progress(count.outcomes.total())
    for fault in _total_faults(folder, manifest["input"], finished, total):
        found.add(fault)
    outcomes = {name: total.outcomes[name] for name in DOCUMENTS.outcomes}
    rows = total.outcomes.total()
    return Verification(len(finished), rows, outcomes, tuple(found.faults), found.fault_count)


def file_faults(folder: RunFolder, marker: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the files of a shard, by the digests in its marker."""
    index = marker.get("index")
    digests = cast("dict[str, object] | None", marker.get("files"))
    if not isinstance(index, int) or not isinstance(digests, dict):
        yield "its marker does not list its files"
        return
    quarantine = folder.quarantine(index)
    paths = [folder.part("data", index), folder.part("aside", index), folder.part("ledger", index)]
    for path in [*paths, quarantine]:
        name = f"{path.parent.name}/{path.name}"
        wanted = digests.get(name)
        if path.exists():
            if wanted is None:
                yield f"{name} is not in the marker"
            else:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                        yield f"{name} is not the file that was written (its digest differs)"
        elif wanted is not None or path.parent.name in {"data", "ledger"}:
            yield f"{name} is missing"


def record_fault(record: Record) -> str:
    """Say what is wrong with a record that was read; empty when its proof holds."""
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


def _check_shard(folder: RunFolder, columns: Columns, index: int, found: _Findings) -> _Count:
    count = _Count()
    try:
        marker = read_json(folder.marker(index))
        for fault in file_faults(folder, marker):
            found.add(f"shard {index}: {fault}")
        for record in records(folder, columns, index):
            count.add(record)
            if record.entry.outcome != "quarantined" and (fault := record_fault(record)):
                found.add(f"shard {index}, record {shown(record.entry.id)}: {fault}")
    except RunError as error:
        found.add(f"shard {index}: {error}")
        return count
    for fault in _marker_faults(folder, index, marker, count):
        found.add(f"shard {index}: {fault}")
    return count


def _marker_faults(
    folder: RunFolder, index: int, marker: dict[str, Any], count: _Count
) -> Iterator[str]:
    if marker.get("index") != index:
        yield "its marker is that of another shard"
    said = marker | dict(marker.get("outcomes") or {})
    for name, value in count.balance().items():
        if said.get(name, 0) != value:
            yield f"the marker says {said.get(name)} for {name}, the files hold {value}"
    aside = folder.quarantine(index)
    lines = 0
    if aside.exists():
        with aside.open("rb") as file:
            lines = sum(1 for _ in file)
    if lines != count.outcomes["quarantined"]:
        said_rows = count.outcomes["quarantined"]
        yield f"quarantine/ holds {lines} rows, the ledger {said_rows}"


def _total_faults(
    folder: RunFolder, source: Mapping[str, Any], finished: Sequence[int], total: _Count
) -> Iterator[str]:
    missing = sorted(set(range(finished[-1] + 1 if finished else 0)) - set(finished))
    if missing:
        yield f"shard {missing[0]}: has no marker, though later ones do ({len(missing)} missing)"
    for kind in ("data", "aside", "ledger"):
        of_shards = {f"{kind}/{folder.part(kind, index).name}" for index in finished}
        for name in sorted(part_files(folder, kind) - of_shards):
            yield f"{name}: belongs to no finished shard"
    rows = int(source["rows"]) + int(source["bad_rows"])
    if total.outcomes.total() != rows:
        yield f"rows do not balance: {rows} came in, {total.outcomes.total()} are accounted for"
    elif total.outcomes["quarantined"] != source["bad_rows"]:
        bad = total.outcomes["quarantined"]
        yield f"rows do not balance: {source['bad_rows']} were unreadable, {bad} are in quarantine"
    if total.chars_in != source["chars"]:
        yield f"characters do not balance: {source['chars']} came in, {total.chars_in} were refined"

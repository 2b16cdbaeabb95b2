"""A run over questions, read back: the digests of its rows checked, and its versions.

A version leaves edits out: an edited or dropped item comes back as its row in `aside/`, an added
one goes. Rows are taken as they lie, never written anew, so a version that leaves nothing out is
`data/` byte for byte, and one that leaves everything out is the source as burnish writes it.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.parquet as parquet

from burnish.corpora.records import QUESTIONS, Filing
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.corpora.storage.arrow_json import row_digests
from burnish.corpora.storage.writers import copy_file, write_lines, write_table
from burnish.graphs.archive.findings import Findings
from burnish.graphs.archive.stored import read_lines, read_whole, readable
from burnish.graphs.archive.without import Filters, Without
from burnish.tools.text.visible import shown


class _Pick(NamedTuple):
    """A row of a version: from `data/`, or from `aside/`."""

    aside: bool
    row: int


def values_of(entry: QAEntry) -> Mapping[str, Collection[str]]:
    """Return what an edit can be named by in `--without`."""
    if not entry.operation:
        return {}
    return {
        "operation": [entry.operation],
        "record": [entry.id],
        "outcome": [entry.outcome],
        "round": [str(entry.round)],
        "reason": [entry.reason],
    }


FILTERS = Filters(
    ("operation", "record", "outcome", "round", "reason"),
    ("edited", "dropped", "added"),
    values_of,
)


@dataclass(frozen=True, slots=True)
class QuestionArchive:
    """The shards of a run over questions."""

    filing: ClassVar[Filing] = QUESTIONS
    filters: ClassVar[Filters[QAEntry]] = FILTERS

    folder: RunFolder

    def entries(self, index: int) -> Iterator[QAEntry]:
        """Read the ledger of a shard."""
        path = self.folder.part("ledger", index)
        return readable(path, LEDGER.read(path))

    def count(self, index: int, found: Findings, counts: Counter[str]) -> None:
        """Check every row of a shard and count them, under the names that markers have."""
        held = list(self.entries(index))
        counts.update(entry.outcome for entry in held)
        counts["rows"] += sum(counts[name] for name in QUESTIONS.read)
        counts["rows_out"] += sum(counts[name] for name in QUESTIONS.data)
        for fault in _row_faults(self.folder, index, held):
            found.add(f"shard {index}{fault}")

    def write(self, target: RunFolder, index: int, without: Sequence[Without]) -> Counter[str]:
        """Write the version of a shard; return what `ReplaySummary` adds up."""
        picks, counts = _picked(self.entries(index), without)
        _write(self.folder, target, index, picks)
        counts["rows"] = len(picks)
        return counts


def _row_faults(folder: RunFolder, index: int, entries: Sequence[QAEntry]) -> Iterator[str]:
    standing = [(e.id, e.after_digest) for e in entries if e.outcome in QUESTIONS.data]
    before = [(e.id, e.before_digest) for e in entries if e.outcome in QUESTIONS.aside]
    for kind, wanted in (("data", standing), ("aside", before)):
        path = folder.root / kind / folder.part("data", index).name
        found = list(readable(path, _digests(path))) if path.exists() else []
        if len(found) != len(wanted):
            yield f": {kind}/ holds {len(found)} rows, the ledger {len(wanted)}"
            continue
        for (name, digest), own in zip(wanted, found, strict=True):
            if digest != own:
                yield f", record {shown(name)}: its row in {kind}/ is not the one of the ledger"
    for entry in entries:
        if entry.outcome in {"unchanged", "failed"} and entry.before_digest != entry.after_digest:
            yield f", record {shown(entry.id)}: is called {entry.outcome} but its row changed"


def _digests(path: Path) -> Iterator[str]:
    if path.suffix == ".jsonl":
        yield from (hashlib.sha256(line).hexdigest() for line in read_lines(path))
        return
    yield from row_digests(read_whole(path))


def _picked(
    entries: Iterator[QAEntry], without: Sequence[Without]
) -> tuple[list[_Pick], Counter[str]]:
    picks: list[_Pick] = []
    counts: Counter[str] = Counter()
    at = aside_at = 0
    for entry in entries:
        undone = bool(FILTERS.leave_out(without, entry))
        match entry.outcome:
            case "edited":
                picks.append(_Pick(undone, aside_at if undone else at))
                counts["changed"] += undone
            case "dropped":
                picks += [_Pick(aside=True, row=aside_at)] if undone else []
                counts["returned"] += undone
            case "added":
                picks += [] if undone else [_Pick(aside=False, row=at)]
                counts["left_out"] += undone
            case "unchanged" | "failed":
                picks.append(_Pick(aside=False, row=at))
            case "quarantined" | "not_added":
                pass
        at += entry.outcome in QUESTIONS.data
        aside_at += entry.outcome in QUESTIONS.aside
    return picks, counts


def _write(folder: RunFolder, target: RunFolder, index: int, picks: Sequence[_Pick]) -> None:
    sources, path = (
        (folder.part("data", index), folder.part("aside", index)),
        target.part("data", index),
    )
    if folder.format == "jsonl":
        lines = [read_lines(source) for source in sources]
        write_lines(path, [lines[pick.aside][pick.row] for pick in picks])
        return
    whole = len(picks) == _row_count(sources[0]) and not any(pick.aside for pick in picks)
    if whole and target.format == folder.format:
        copy_file(sources[0], path)
        return
    tables = [read_whole(source) for source in sources if source.exists()]
    start = tables[0].num_rows
    rows = [pick.row + (start if pick.aside else 0) for pick in picks]
    chosen = pa.concat_tables(tables).take(pa.array(rows, pa.int64()))
    write_table(path, _plain(chosen), target.format)


def _row_count(path: Path) -> int:
    with parquet.ParquetFile(path) as file:
        return file.metadata.num_rows


def _plain(table: pa.Table) -> pa.Table:
    """Lay a table out as one that is made from its values, so that its bytes follow from them.

    What was taken out of other tables keeps values below nulls, which Parquet pages show.
    """
    try:
        return pa.Table.from_pylist(table.to_pylist(), schema=table.schema)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return table

"""Rebuilds a refined QA set, or another version of it, from what its run keeps; checks the run.

A version leaves edits out: an edited or dropped item comes back as its row in `aside/`, an added
one goes. Rows are taken as they lie, never written anew, so a version that leaves nothing out is
`data/` byte for byte, and one that leaves everything out is the source as burnish writes it.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as parquet

from burnish.corpora.errors import RunError, UsageError
from burnish.corpora.records import QUESTIONS, Outcome
from burnish.corpora.runs.folder import RunFolder, read_json, write_json
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.corpora.storage.arrow_json import row_digests
from burnish.corpora.storage.writers import write_atomic, write_table
from burnish.graphs.archive.stored import read_lines, read_whole
from burnish.tools.text.visible import shown

Kind = Literal["operation", "record", "outcome", "round", "reason"]
KINDS: tuple[Kind, ...] = ("operation", "record", "outcome", "round", "reason")
ALL = "all"
_NAMED = 20
MAX_FAULTS = 50
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, pa.ArrowException)


class Without(NamedTuple):
    """What a version leaves out."""

    kind: Kind
    value: str

    def matches(self, entry: QAEntry) -> bool:
        """Tell whether an edit is left out; rows that nothing was done to never match."""
        if not entry.operation:
            return False
        value = entry.id if self.kind == "record" else str(getattr(entry, self.kind))
        return value == self.value


@dataclass(frozen=True, slots=True)
class QaReplaySummary:
    """What a rebuilt version holds."""

    rows: int
    changed: int
    """Items that stand as they were before the run edited them."""
    returned: int
    """Items that the run had dropped, and that are back."""
    left_out: int
    """Items that the run had added, and that are not in the version."""


@dataclass(frozen=True, slots=True)
class QaVerification:
    """What a check of a whole run found."""

    rows: int
    outcomes: dict[str, int]
    faults: tuple[str, ...]
    fault_count: int

    @property
    def holds(self) -> bool:
        """Tell whether everything is as the run says."""
        return not self.fault_count


def is_qa(folder: RunFolder) -> bool:
    """Tell whether a folder holds a run over questions.

    Raises:
        RunError: there is no readable manifest.
    """
    return read_json(folder.manifest).get("kind") == "qa"


def parse_without(text: str) -> tuple[Without, ...]:
    """Read one `--without`, such as `operation=remove`; `all` stands for every operation.

    Raises:
        UsageError: it is not of the form kind=value, or the kind is unknown.
    """
    if text == ALL:
        return tuple(Without("outcome", name) for name in ("edited", "dropped", "added"))
    kind, equals, value = text.partition("=")
    if not equals or kind not in KINDS or not value:
        forms = ", ".join(f"{name}=…" for name in KINDS)
        raise UsageError(f"--without {shown(text)}: write one of {forms}, or all")
    return (Without(kind, value),)


def replay_set(folder: RunFolder, out: Path, without: Sequence[str] = ()) -> QaReplaySummary:
    """Rebuild the set in `out/data/`, leaving out what `without` names (any of them).

    Raises:
        UsageError: `out` holds data already, or a filter matches nothing.
        RunError: the run's files are not what it wrote.
    """
    _check_target(folder, out)
    for fault in _file_faults(folder):
        raise RunError(f"{fault}; run `burnish replay --verify`")
    entries = _entries(folder)
    filters = [one for text in without for one in _known(text, entries)]
    picks, counts = _picked(entries, filters)
    target = RunFolder(out, folder.format)
    (out / "data").mkdir(parents=True, exist_ok=True)
    _write(folder, target.part("data", 0), picks)
    summary = QaReplaySummary(len(picks), counts["changed"], counts["returned"], counts["left_out"])
    source = read_json(folder.manifest)
    about = {"created": source.get("created"), "fingerprint": source.get("fingerprint")}
    figures = {name: getattr(summary, name) for name in summary.__slots__}
    write_json(out / "replay.json", {"run": about, "without": list(without), **figures})
    return summary


def _known(text: str, entries: Sequence[QAEntry]) -> tuple[Without, ...]:
    filters = parse_without(text)
    if text == ALL:
        return filters
    one = filters[0]
    if not any(one.matches(entry) for entry in entries):
        found = {str(getattr(e, one.kind)) for e in entries if e.operation and one.kind != "record"}
        names = sorted(shown(name) for name in found if name)
        listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        there = f"it has {listed}" if listed else "nothing was done to it"
        raise UsageError(f"--without {shown(text)}: the run did nothing of the kind; {there}")
    return filters


class _Pick(NamedTuple):
    """A row of the version: from `data/`, or from `aside/`."""

    aside: bool
    row: int


def _picked(
    entries: Sequence[QAEntry], filters: Sequence[Without]
) -> tuple[list[_Pick], Counter[str]]:
    picks: list[_Pick] = []
    counts: Counter[str] = Counter()
    at = aside_at = 0
    for entry in entries:
        undone = any(one.matches(entry) for one in filters)
        match entry.outcome:
            case "edited":
                picks.append(_Pick(undone, aside_at if undone else at))
                counts["changed"] += undone
            case "dropped":
                if undone:
                    picks.append(_Pick(True, aside_at))  # noqa: FBT003
                    counts["returned"] += 1
            case "added":
                if not undone:
                    picks.append(_Pick(False, at))  # noqa: FBT003
                counts["left_out"] += undone
            case "unchanged" | "failed":
                picks.append(_Pick(False, at))  # noqa: FBT003
            case "quarantined" | "not_added":
                pass
        at += entry.outcome in QUESTIONS.data
        aside_at += entry.outcome in QUESTIONS.aside
    return picks, counts


def _write(folder: RunFolder, path: Path, picks: Sequence[_Pick]) -> None:
    sources = (folder.part("data", 0), folder.part("aside", 0))
    if folder.format == "jsonl":
        lines = [read_lines(source) for source in sources]
        chosen = [lines[pick.aside][pick.row] for pick in picks]
        write_atomic(path, lambda file: file.writelines(chosen))
        return
    if not any(pick.aside for pick in picks) and len(picks) == _rows(sources[0]):
        with sources[0].open("rb") as kept:
            write_atomic(path, lambda file: shutil.copyfileobj(kept, file))
        return
    tables = [read_whole(source) for source in sources if source.exists()]
    start = tables[0].num_rows
    rows = [pick.row + (start if pick.aside else 0) for pick in picks]
    chosen = pa.concat_tables(tables).take(pa.array(rows, pa.int64()))
    write_table(path, _plain(chosen), folder.format)


def _rows(path: Path) -> int:
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


def _entries(folder: RunFolder) -> list[QAEntry]:
    path = folder.part("ledger", 0)
    try:
        return list(LEDGER.read(path))
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{path}: cannot be read ({reason}); the run is not finished") from None


def _check_target(folder: RunFolder, out: Path) -> None:
    if out.resolve() == folder.root.resolve():
        raise UsageError(f"{out}: is the run itself; name another folder with -o")
    if (out / "data").is_dir() and any((out / "data").iterdir()):
        raise UsageError(f"{out}: holds data already; name an empty folder with -o")


def verify_set(folder: RunFolder) -> QaVerification:
    """Check every file, the digest of every row before and after, and the balance of rows.

    Raises:
        RunError: there is no readable manifest.
    """
    manifest = read_json(folder.manifest)
    faults = list(_file_faults(folder))
    outcomes: Counter[str] = Counter()
    try:
        entries = _entries(folder)
        outcomes = Counter(entry.outcome for entry in entries)
        faults += _row_faults(folder, entries)
        faults += _balance_faults(manifest["input"], outcomes)
    except RunError as error:
        faults.append(str(error))
    except _UNREADABLE as error:
        faults.append(f"the files cannot be read ({' '.join(str(error).split())[:200]})")
    counted = {name: outcomes[name] for name in QUESTIONS.outcomes}
    rows = sum(outcomes[name] for name in QUESTIONS.read)
    return QaVerification(rows, counted, tuple(faults[:MAX_FAULTS]), len(faults))


def _file_faults(folder: RunFolder) -> Iterator[str]:
    if not folder.marker(0).exists():
        yield "the run is not finished: it has no marker"
        return
    digests = cast("dict[str, str]", read_json(folder.marker(0)).get("files", {}))
    for name, wanted in digests.items():
        path = folder.root / name
        if not path.exists():
            yield f"{name} is missing"
        elif name != "review.jsonl":
            # People write their decisions into the review queue.
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                    yield f"{name} is not the file that was written (its digest differs)"


def _row_faults(folder: RunFolder, entries: Sequence[QAEntry]) -> Iterator[str]:
    expected: list[tuple[str, Callable[[QAEntry], str], frozenset[Outcome]]] = [
        ("data", lambda entry: entry.after_digest, QUESTIONS.data),
        ("aside", lambda entry: entry.before_digest, QUESTIONS.aside),
    ]
    for kind, digest, outcomes in expected:
        path = folder.part(cast("Any", kind), 0)
        found = _digests(path) if path.exists() else []
        wanted = [entry for entry in entries if entry.outcome in outcomes]
        if len(found) != len(wanted):
            yield f"{kind}/ holds {len(found)} rows, the ledger {len(wanted)}"
            continue
        for entry, own in zip(wanted, found, strict=True):
            if digest(entry) != own:
                yield f"record {shown(entry.id)}: its row in {kind}/ is not the one of the ledger"
    for entry in entries:
        if entry.outcome in {"unchanged", "failed"} and entry.before_digest != entry.after_digest:
            yield f"record {shown(entry.id)}: is called {entry.outcome} but its row changed"


def _digests(path: Path) -> list[str]:
    if path.suffix == ".jsonl":
        return [hashlib.sha256(line).hexdigest() for line in read_lines(path)]
    return row_digests(read_whole(path))


def _balance_faults(source: dict[str, Any], outcomes: Counter[str]) -> Iterator[str]:
    rows = int(source["rows"]) + int(source["bad_rows"])
    counted = sum(outcomes[name] for name in QUESTIONS.read)
    if counted != rows:
        yield f"rows do not balance: {rows} came in, {counted} are accounted for"
    if outcomes["quarantined"] != source["bad_rows"]:
        quarantined = outcomes["quarantined"]
        yield f"{source['bad_rows']} rows were unreadable, {quarantined} are in quarantine"

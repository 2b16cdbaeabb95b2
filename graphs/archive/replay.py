"""Rebuilds a run's set, or another version of it, from what the run keeps: no source, no model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from burnish.corpora.errors import RunError, UsageError
from burnish.corpora.runs.balance import rows_in
from burnish.corpora.runs.folder import Format, RunFolder, read_json, write_json
from burnish.graphs.archive.findings import file_faults
from burnish.graphs.archive.opened import Progress, open_archive


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a rebuilt version holds."""

    shards: int
    rows: int
    """Records in the version."""
    changed: int = 0
    """Records of the run's `data/` that differ in the version."""
    returned: int = 0
    """Records that the run had dropped, or documents that had failed, and that are back."""
    left_out: int = 0
    """Items that the run had added, and that are not in the version."""
    chars: int = 0
    """Characters of text in a version of documents."""


def replay(
    folder: RunFolder,
    out: Path,
    without: Sequence[str] = (),
    form: Format | None = None,
    progress: Progress | None = None,
) -> ReplaySummary:
    """Rebuild the set in `out/data/`, leaving out what `without` names (any of them).

    With nothing left out and in the run's own format the files are those of the run, byte for
    byte. `out/replay.json` says what was done.

    Raises:
        UsageError: `out` holds data already, a filter matches nothing, or the format cannot be.
        RunError: the run's files are not what it wrote.
    """
    form = form or folder.format
    if form == "parquet" and folder.format == "jsonl":
        raise UsageError("--format parquet: a run in JSONL is rebuilt in JSONL only")
    _check_target(folder, out)
    archive, target = open_archive(folder), RunFolder(out, form)
    source, finished = read_json(folder.manifest), folder.finished()
    if not finished and rows_in(source["input"]):
        raise RunError(f"{folder.root}: no shard is finished; run the same command again")
    rows = (row for index in finished for row in archive.entries(index))
    filters = archive.filters.read(without, rows)
    target.part("data", 0).parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    for index in finished:
        marker = read_json(folder.marker(index))
        for fault in file_faults(folder, marker):
            raise RunError(f"shard {index}: {fault}; run `burnish replay --verify`")
        counts.update(archive.write(target, index, filters))
        if progress:
            progress(int(marker["rows"]))
    summary = ReplaySummary(len(finished), **counts)
    about = {"created": source.get("created"), "fingerprint": source.get("fingerprint")}
    write_json(out / "replay.json", {"run": about, "without": list(without), **asdict(summary)})
    return summary


def _check_target(folder: RunFolder, out: Path) -> None:
    if out.resolve() == folder.root.resolve():
        raise UsageError(f"{out}: is the run itself; name another folder with -o")
    if (out / "data").is_dir() and any((out / "data").iterdir()):
        raise UsageError(f"{out}: holds data already; name an empty folder with -o")

"""What can be done with a run without any model: rebuilt, undone, verified, exported, shown."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.text import Text

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.manifest import kind_of
from burnish.graphs.archive import replay as rebuilding
from burnish.graphs.archive import verify as checking
from burnish.graphs.archive.dolma import export_dolma as write_dolma
from burnish.graphs.archive.findings import Verification
from burnish.graphs.archive.replay import ReplaySummary
from burnish.graphs.reports.diff import diffs
from burnish.graphs.reports.question_diff import question_diffs


def replay(
    run: str | Path, output: str | Path, *, without: str | Sequence[str] = ()
) -> ReplaySummary:
    """Rebuild the set of a run in `output/data/`, without the decisions that are named.

    With nothing left out the files are those of the run, byte for byte.

    Args:
        run: Folder of a run.
        output: Folder for the rebuilt set; it must hold no data yet.
        without: What is undone: `reason=...`, `agent=...`, `record=...`, `outcome=...` for
            documents; `operation=...`, `record=...`, `outcome=...`, `round=...`, `reason=...` for
            questions; `all` for everything that was done.

    Raises:
        UsageError: a filter matches nothing, or `output` holds data.
        RunError: the folder holds no run, or its files are not what the run wrote.
    """
    filters = (without,) if isinstance(without, str) else without
    return rebuilding.replay(RunFolder.open(Path(run)), Path(output), filters)


def verify(run: str | Path) -> Verification:
    """Check every file, certificate or digest, and count of a run against one another.

    Args:
        run: Folder of a run.

    Returns:
        What was checked; `holds` tells whether all is well, `faults` says what is not.

    Raises:
        RunError: the folder holds no run.
    """
    return checking.verify(RunFolder.open(Path(run)))


def export_dolma(run: str | Path, output: str | Path) -> int:
    """Export the deletions of a run over documents as Dolma attributes; return how many documents.

    Raises:
        UsageError: it is a run over questions, or `output` holds an export already.
        RunError: the folder holds no run, or its files are not what the run wrote.
    """
    check_exportable(run)
    return write_dolma(RunFolder.open(Path(run)), Path(output))


def check_exportable(run: str | Path) -> None:
    """Check that a run has deletions to export.

    Raises:
        UsageError: it is a run over questions.
        RunError: the folder holds no run.
    """
    if kind_of(RunFolder.open(Path(run))) == "qa":
        raise UsageError("--as-dolma exports deletions in documents; this is a QA set")


def diff(
    run: str | Path, record: str | None = None, *, limit: int = 5, plain: bool = True
) -> Iterator[Text]:
    """Yield what a run did to one record, or to the first it changed, for a terminal.

    Args:
        run: Folder of a run.
        record: Id of a record; none: the first that were edited, dropped or added.
        limit: Most records, where none is named.
        plain: Mark what went as `[-...-]` and what came as `{+...+}` instead of by colour.

    Raises:
        UsageError: the run read no such record.
        RunError: the folder holds no run, or its files are broken.
    """
    folder = RunFolder.open(Path(run))
    found = question_diffs if kind_of(folder) == "qa" else diffs
    return found(folder, record, limit, plain=plain)

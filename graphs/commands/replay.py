"""What can be done with a run without any model: rebuilt, undone, verified, exported, shown."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.text import Text

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.archive import question_replay
from burnish.graphs.archive import replay as document_replay
from burnish.graphs.archive import verify as document_verify
from burnish.graphs.archive.dolma import export_dolma as write_dolma
from burnish.graphs.archive.question_replay import QaReplaySummary, QaVerification, is_qa
from burnish.graphs.archive.replay import ReplaySummary
from burnish.graphs.archive.verify import Verification
from burnish.graphs.reports.diff import diffs
from burnish.graphs.reports.question_diff import question_diffs


def replay(
    run: str | Path, output: str | Path, *, without: Sequence[str] = ()
) -> ReplaySummary | QaReplaySummary:
    """Rebuild the set of a run in `output/data/`, without the decisions that are named.

    With nothing left out the files are those of the run, byte for byte.

    Args:
        run: Folder of a run.
        output: Folder for the rebuilt set; it must hold no data yet.
        without: What is undone: `reason=...`, `agent=...`, `record=...`, `outcome=...` for
            documents; `operation=...`, `record=...`, `outcome=...`, `round=...`, `reason=...` or
            `all` for questions.

    Raises:
        UsageError: a filter matches nothing, or `output` holds data.
        RunError: the folder holds no run, or its files are not what the run wrote.
    """
    folder, out = RunFolder.open(Path(run)), Path(output)
    if is_qa(folder):
        return question_replay.replay_set(folder, out, without)
    filters = [document_replay.parse_without(text) for text in without]
    return document_replay.replay(folder, out, filters)


def verify(run: str | Path) -> Verification | QaVerification:
    """Check every file, certificate or digest, and count of a run against one another.

    Args:
        run: Folder of a run.

    Returns:
        What was checked; `holds` tells whether all is well, `faults` says what is not.

    Raises:
        RunError: the folder holds no run.
    """
    folder = RunFolder.open(Path(run))
    if is_qa(folder):
        return question_replay.verify_set(folder)
    return document_verify.verify(folder)


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
    if is_qa(RunFolder.open(Path(run))):
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
    found = question_diffs if is_qa(folder) else diffs
    return found(folder, record, limit, plain=plain)

"""`burnish replay` and `burnish diff`: what can be done with a run without any model."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.archive.dolma import export_dolma
from burnish.graphs.archive.question_replay import is_qa, replay_set, verify_set
from burnish.graphs.archive.replay import parse_without, replay
from burnish.graphs.archive.verify import verify
from burnish.graphs.cli.standard_output import answer_console, say
from burnish.graphs.reports.diff import show_diff
from burnish.graphs.reports.question_diff import question_diffs


def replay_run(
    root: Path,
    output: Path | None,
    without: Sequence[str],
    dolma: Path | None,
    *,
    check: bool,
    as_json: bool,
) -> int:
    """Do what was asked of a run and print what came of it; return the exit code.

    Raises:
        UsageError: nothing was asked, or the filters do not fit.
        RunError: the folder holds no run, or its files are broken.
    """
    if not (check or dolma or output):
        raise UsageError("say what to do: -o FOLDER to rebuild, --verify, or --as-dolma FOLDER")
    if without and not output:
        raise UsageError("--without makes another version: say where it goes with -o FOLDER")
    folder = RunFolder.open(root)
    if is_qa(folder):
        if dolma:
            raise UsageError("--as-dolma exports deletions in documents; this is a QA set")
        return _replay_set(folder, output, without, check=check, as_json=as_json)
    result: dict[str, object] = {}
    lines: list[str] = []
    holds = True
    if check:
        found = verify(folder)
        holds = found.holds
        result["verification"] = asdict(found)
        lines.append(_verified(found.rows, found.shards, found.fault_count))
        sys.stderr.writelines(f"burnish: {fault}\n" for fault in found.faults)
    if output:
        summary = replay(folder, output, [parse_without(text) for text in without])
        result["replay"] = asdict(summary)
        lines.append(
            f"{summary.rows:,} rows rebuilt in {output / 'data'}: {summary.changed:,} differ from "
            f"the run's, {summary.returned:,} came back"
        )
    if dolma:
        exported = export_dolma(folder, dolma)
        result["dolma"] = {"documents": exported}
        lines.append(f"{exported:,} documents with their deletions as attributes in {dolma}")
    say(json.dumps(result) if as_json else "\n".join(lines))
    return 0 if holds else 1


def _replay_set(
    folder: RunFolder, output: Path | None, without: Sequence[str], *, check: bool, as_json: bool
) -> int:
    result: dict[str, object] = {}
    lines: list[str] = []
    holds = True
    if check:
        found = verify_set(folder)
        holds = found.holds
        result["verification"] = asdict(found)
        verdict = "all digests hold, rows balance" if holds else f"{found.fault_count:,} faults"
        lines.append(f"{found.rows:,} rows: {verdict}")
        sys.stderr.writelines(f"burnish: {fault}\n" for fault in found.faults)
    if output:
        summary = replay_set(folder, output, without)
        result["replay"] = asdict(summary)
        lines.append(
            f"{summary.rows:,} items rebuilt in {output / 'data'}: {summary.changed:,} as they "
            f"were, {summary.returned:,} came back, {summary.left_out:,} left out"
        )
    say(json.dumps(result) if as_json else "\n".join(lines))
    return 0 if holds else 1


def _verified(rows: int, shards: int, faults: int) -> str:
    verdict = "all certificates hold, rows balance" if not faults else f"{faults:,} faults"
    return f"{rows:,} rows in {shards:,} shards: {verdict}"


def diff_run(root: Path, record: str | None, limit: int) -> None:
    """Show the deletions of one record, or of the first few.

    Raises:
        UsageError: the run read no such record.
        RunError: the folder holds no run, or its files are broken.
    """
    folder, console = RunFolder.open(root), answer_console()
    if not is_qa(folder):
        if not show_diff(folder, record, console, limit):
            say("Nothing was deleted.")
        return
    printed = 0
    for diff in question_diffs(folder, record, limit, plain=not console.is_terminal):
        console.print(diff, soft_wrap=True, highlight=False)
        printed += 1
    if not printed:
        say("Nothing was changed.")

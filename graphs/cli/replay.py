"""`burnish replay` and `burnish diff`: what can be done with a run without any model."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.corpora.errors import UsageError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.graphs.archive.findings import Verification
    from burnish.graphs.archive.replay import ReplaySummary


def replay(
    run_folder: options.RunArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Folder for the rebuilt set, without data yet.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=VALUE",
            help="Undo what matches: reason=, agent=, record=, outcome=, or all; of questions "
            "operation= and round= too. May be repeated.",
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every file, certificate and count.")
    ] = False,
    as_dolma: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Export the deletions as Dolma attributes to this folder."
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Rebuild a set from its ledger, undo edits, or verify a run: no model needed."""
    if not (verify or as_dolma or output):
        raise UsageError("say what to do: -o FOLDER to rebuild, --verify, or --as-dolma FOLDER")
    if without and not output:
        raise UsageError("--without makes another version: say where it goes with -o FOLDER")
    from burnish.graphs.commands import replay as commands

    result: dict[str, object] = {}
    lines: list[str] = []
    holds = True
    if as_dolma:
        commands.check_exportable(run_folder)
    if verify:
        found = commands.verify(run_folder)
        holds = found.holds
        result["verification"] = asdict(found)
        lines.append(_verified(found))
        sys.stderr.writelines(f"burnish: {fault}\n" for fault in found.faults)
    if output:
        summary = commands.replay(run_folder, output, without=without or ())
        result["replay"] = asdict(summary)
        lines.append(_rebuilt(summary, output))
    if as_dolma:
        exported = commands.export_dolma(run_folder, as_dolma)
        result["dolma"] = {"documents": exported}
        lines.append(f"{exported:,} documents with their deletions as attributes in {as_dolma}")
    if as_json:
        options.print_json(result)
    else:
        say("\n".join(lines))
    raise typer.Exit(0 if holds else 1)


def _verified(found: "Verification") -> str:
    said = "all proofs hold, rows balance" if found.holds else f"{found.fault_count:,} faults"
    return f"{found.rows:,} rows in {found.shards:,} shards: {said}"


def _rebuilt(summary: "ReplaySummary", output: Path) -> str:
    gone = f", {summary.left_out:,} added ones left out" if summary.left_out else ""
    return (
        f"{summary.rows:,} rows rebuilt in {output / 'data'}: {summary.changed:,} differ from the "
        f"run's, {summary.returned:,} came back{gone}"
    )


def diff(
    run_folder: options.RunArgument,
    record: Annotated[str | None, typer.Argument(metavar="[ID]", help="One record.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many changed records to show.")
    ] = 5,
) -> None:
    """Show what a run changed, in colour."""
    from burnish.graphs.commands.replay import diff as diffs

    console = answer_console()
    shown = 0
    for one in diffs(run_folder, record, limit=limit, plain=not console.is_terminal):
        console.print(one, soft_wrap=True, highlight=False)
        shown += 1
    if not shown:
        say("Nothing was changed.")

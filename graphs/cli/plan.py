"""`burnish run` and `burnish plan` over questions, and `burnish plan` over documents."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import typer
from rich.console import Console
from rich.table import Table

from burnish.corpora.errors import BudgetExhausted, ModelError, QuotaPaused, UsageError
from burnish.corpora.records import QUESTIONS
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.cli.run import open_input
from burnish.graphs.cli.standard_output import answer_console, say
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.questions.dry_run import try_questions
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.progress import watcher_for
from burnish.graphs.runs.settings import Settings


def refine(location: str, root: Path, settings: Settings, workers: int, *, as_json: bool) -> int:
    """Carry out a run over questions and print what came of it; return the exit code.

    Raises:
        BurnishError: the run cannot be carried out.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    folder = RunFolder(root, settings.run.format)
    with watcher_for(Console(stderr=True)) as watcher:
        context = QaContext(folder, settings, location, watcher, workers)
        try:
            state = carry_out(context)
        except KeyboardInterrupt:
            sys.stderr.write(f"burnish: interrupted; {_GO_ON}\n")
            return 130
        except (BudgetExhausted, QuotaPaused, ModelError) as error:
            if isinstance(error, ModelError) and error.kind not in _LATER:
                raise
            sys.stderr.write(f"burnish: {error}; {_GO_ON}\n")
            return 3
    if settings.run.approval == "ask" and "approved" not in state:
        state = _asked(context, state)
    return _told(folder, state, as_json=as_json)


_LATER = frozenset({"unsent", "unreachable", "rate_limited", "overloaded"})
"""Failures of a server that may be another time; what is wrong with the request stays wrong."""
_GO_ON = "what is done is kept; run the same command again to go on"


def _asked(context: QaContext, state: RunState) -> RunState:
    shown = json.dumps(state.get("plan", {}))
    if not sys.stdin.isatty():
        raise UsageError(
            f"the plan {shown} waits for approval; run in a terminal, or set run.approval=auto"
        )
    return carry_out(context, answer=typer.confirm(f"Carry out the plan {shown}?", err=True))


def _told(folder: RunFolder, state: RunState, *, as_json: bool) -> int:
    if not state.get("approved"):
        sys.stderr.write("burnish: not approved; nothing was refined\n")
        return 0
    totals, faults = state.get("totals", {}), state.get("faults", [])
    far = json.loads(folder.report.with_suffix(".json").read_text("utf-8"))["divergence"]
    if as_json:
        result = {"run": str(folder.root), "kind": "qa", "totals": totals, "divergence": far}
        say(json.dumps(result | {"faults": faults, "report": str(folder.report)}))
    else:
        parts = " + ".join(f"{totals.get(name, 0):,} {name}" for name in QUESTIONS.read)
        say(
            f"{totals.get('rows', 0):,} rows = {parts}; {totals.get('added', 0):,} added, "
            f"{totals.get('rows_out', 0):,} in the set\n"
            f"divergence from the target {far['before']:.5f} -> {far['after']:.5f} bits "
            f"({far['floor']:.5f} is chance)\n"
            + (f"{totals['tokens']:,} tokens spent\n" if "tokens" in totals else "")
            + f"review  {totals.get('review', 0):,} items in {folder.root / 'review.jsonl'}\n"
            f"data    {folder.root / 'data'}\nreport  {folder.report}"
        )
    for fault in faults:
        sys.stderr.write(f"burnish: {fault}\n")
    return 1 if faults else 0


def try_out(location: str, settings: Settings, *, as_json: bool) -> None:
    """Plan the first round and print what it would do; nothing is written.

    Raises:
        BurnishError: the input cannot be read or the settings do not fit.
    """
    trial = try_questions(location, settings)
    if as_json:
        say(json.dumps({"kind": "qa"} | asdict(trial)))
        return
    listed = ", ".join(f"{name} {count:,}" for name, count in trial.operations.items())
    whole = "a sample of the set" if trial.sampled else "all that is selected"
    say(
        f"Of {trial.rows:,} questions ({whole}): {listed or 'nothing would be done'}; "
        f"{trial.size:,} would be in the set, divergence from the target {trial.before:.5f} -> "
        f"{trial.after:.5f} bits ({trial.floor:.5f} is chance). Nothing was written."
    )


def plan(location: str, root: Path, settings: Settings, kind: str, *, as_json: bool) -> int:
    """Profile, try and plan, and print the plan; `burnish run` on the same folder carries it out.

    Raises:
        BurnishError: the input cannot be planned for.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    folder = RunFolder(root, settings.run.format)
    with watcher_for(Console(stderr=True)) as watcher:
        context: QaContext | RunContext
        if kind == "qa":
            context = QaContext(folder, settings, location, watcher)
        else:
            source = open_input(location, settings)
            context = RunContext(folder, settings, location, source, watcher=watcher)
        state = carry_out(context, until="plan")
    figures = _figures(folder, state, kind)
    say(json.dumps(figures) if as_json else "")
    if not as_json:
        _show(figures, folder, kind)
    return 0


def _figures(folder: RunFolder, state: RunState, kind: str) -> dict[str, Any]:
    told = {"run": str(folder.root), "kind": kind, "rows": state.get("rows", 0)}
    if kind != "qa":
        return told | {"plan": state.get("plan", {})}
    held = json.loads((folder.root / "plan-01.json").read_text("utf-8"))["figures"]
    return told | {"profile": held.pop("before", {}), "plan": held | state.get("plan", {})}


def _show(figures: dict[str, Any], folder: RunFolder, kind: str) -> None:
    console = answer_console()
    table = Table(title=f"Plan for {figures['rows']:,} rows", show_header=False)
    for key, value in {**figures.get("profile", {}), **figures["plan"]}.items():
        if value is not None and not isinstance(value, list):
            table.add_row(str(key), _cell(value))
    console.print(table)
    curve = cast("list[dict[str, object]]", figures["plan"].get("curve") or [])
    if len(curve) > 1:
        points = Table("budget", "value", "bound", title="What other budgets would buy")
        for point in curve:
            points.add_row(_cell(point["budget"]), _cell(point["value"]), _cell(point["bound"]))
        console.print(points)
    command = "the same options" + (" and --kind qa" if kind == "qa" else "")
    console.print(f"Carry it out: burnish run with {command} and -o {folder.root}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    return json.dumps(value) if isinstance(value, dict) else str(value)

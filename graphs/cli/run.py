"""`burnish run` and `burnish plan`."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from burnish.corpora.errors import BudgetExhausted, BurnishError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.graphs.commands.plan import PlanResult
    from burnish.graphs.commands.run import DocumentTrial, RunResult
    from burnish.graphs.questions.dry_run import QuestionTrial
    from burnish.graphs.runs.settings import Settings


def run(
    source: options.Source,
    output: options.RunOutput = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    limit: options.Limit = None,
    sample: options.Sample = None,
    workers: options.Workers = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="parquet (the default) or jsonl."),
    ] = None,
    strict: options.Strict = False,
    llm: options.Url = None,
    model: options.Model = None,
    budget: options.Budget = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="MODE", help="How documents are put to it: one_shot (else), tools or agentic."
        ),
    ] = None,
    kind: options.Kind = "auto",
    target: options.Target = None,
    reserve: options.Reserve = None,
    labels: options.Labels = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Try it on the first 200 documents, or plan a round; write nothing."
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Refine a corpus or a QA set into a run folder; the same command again resumes it."""
    from burnish.graphs.commands.inputs import check_flags, check_kind

    flags = _flags(id_field, limit, sample, llm, model, budget) | {
        "qa.target": target,
        "qa.reserve": reserve,
        "qa.labels": labels,
        "fields.text": text_field,
        "run.format": format_,
        "run.strict": strict or None,
        "llm.mode": mode,
    }
    settings = options.settings_of(config, set_, flags)
    check_flags(source, check_kind(kind), settings, flags)
    if dry_run:
        from burnish.graphs.commands.run import try_out

        trial = try_out(source, settings=settings, kind=check_kind(kind))
        _show_trial(trial, as_json=as_json)
        return
    result = _carried_out(source, output, settings, kind, workers)
    raise typer.Exit(_show_run(result, as_json=as_json))


def _flags(
    id_field: str | None,
    limit: int | None,
    sample: int | None,
    llm: str | None,
    model: str | None,
    budget: int | None,
) -> dict[str, object]:
    """Return the settings that flags of `run` and `plan` both stand for."""
    return {
        "fields.id": id_field,
        "selection.limit": limit,
        "selection.sample": sample,
        "refiner.name": "served" if llm else None,
        "llm.endpoint": llm,
        "llm.model": model,
        "llm.budget": budget,
    }


def _carried_out(
    source: str, output: Path | None, settings: "Settings", kind: str, workers: int | None
) -> "RunResult":
    """Carry a run out; say how to go on with one that is stopped.

    Raises:
        BurnishError: the run cannot be carried out.
    """
    from burnish.graphs.cli.progress import shown_progress
    from burnish.graphs.commands import run as commands
    from burnish.graphs.commands.inputs import check_kind, open_folder

    root = open_folder(source, output, settings).root
    approve = _ask if sys.stdin and sys.stdin.isatty() else None
    try:
        with shown_progress() as progress:
            return commands.run(
                source,
                output,
                settings=settings,
                kind=check_kind(kind),
                workers=workers,
                approve=approve,
                progress=progress,
            )
    except KeyboardInterrupt:
        _say_how_to_resume(root, "interrupted", "the same command")
        raise typer.Exit(130) from None
    except BurnishError as error:
        if not commands.may_go_on(error):
            raise
        larger = isinstance(error, BudgetExhausted)
        _say_how_to_resume(
            root,
            str(error),
            "the same command with a larger --budget" if larger else "the same command later",
        )
        raise typer.Exit(3) from None


def _ask(plan: Mapping[str, Any]) -> bool:
    return typer.confirm(f"Carry out the plan {json.dumps(plan)}?", err=True)


def _say_how_to_resume(root: Path, why: str, command: str) -> None:
    done = len(list((root / "shards").glob("*.json")))
    sys.stderr.write(
        f"burnish: {why}; {done} shards are finished and kept in {root}. "
        f"Run {command} again to go on\n"
    )


def _show_run(result: "RunResult", *, as_json: bool) -> int:
    """Print what came of a run; return the exit code."""
    if not result.approved:
        sys.stderr.write("burnish: not approved; nothing was refined\n")
        return 0
    if as_json:
        more: dict[str, object] = {}
        if result.kind == "qa":
            more = {"kind": result.kind, "divergence": result.divergence}
        told = {"run": str(result.folder), "totals": result.totals, "faults": result.faults}
        options.print_json(told | more | {"report": str(result.report)})
    else:
        lines = _qa_lines(result) if result.kind == "qa" else _document_lines(result)
        say("\n".join([*lines, f"data    {result.data}", f"report  {result.report}"]))
    for fault in result.faults:
        sys.stderr.write(f"burnish: {fault}\n")
    return result.exit_code


def _document_lines(result: "RunResult") -> list[str]:
    from burnish.corpora.records import DOCUMENTS

    totals = result.totals
    parts = " + ".join(f"{totals.get(outcome, 0):,} {outcome}" for outcome in DOCUMENTS.outcomes)
    before, after = totals.get("chars_in", 0), totals.get("chars_out", 0)
    lines = [
        f"{totals.get('rows', 0):,} rows = {parts}",
        f"{before:,} characters -> {after:,} kept ({after / max(before, 1):.1%}), "
        f"{totals.get('calls', 0):,} calls, {totals.get('flagged', 0):,} flagged",
    ]
    if "tokens" in totals:
        lines.append(f"{totals['tokens']:,} tokens spent on the model")
    return lines


def _qa_lines(result: "RunResult") -> list[str]:
    from burnish.corpora.records import QUESTIONS

    totals, far = result.totals, result.divergence or {}
    parts = " + ".join(f"{totals.get(name, 0):,} {name}" for name in QUESTIONS.read)
    lines = [
        f"{totals.get('rows', 0):,} rows = {parts}; {totals.get('added', 0):,} added, "
        f"{totals.get('rows_out', 0):,} in the set",
        f"divergence from the target {far['before']:.5f} -> {far['after']:.5f} bits "
        f"({far['floor']:.5f} is chance)",
    ]
    if "tokens" in totals:
        lines.append(f"{totals['tokens']:,} tokens spent")
    review = result.folder / "review.jsonl"
    return [*lines, f"review  {totals.get('review', 0):,} items in {review}"]


def _show_trial(trial: "DocumentTrial | QuestionTrial", *, as_json: bool) -> None:
    from burnish.graphs.questions.dry_run import QuestionTrial

    if isinstance(trial, QuestionTrial):
        _show_question_trial(trial, as_json=as_json)
        return
    if as_json:
        options.print_json({
            "tried": trial.outcomes,
            "chars_in": trial.chars_in,
            "chars_out": trial.chars_out,
            "refiner": trial.refiner,
        })
        return
    listed = ", ".join(f"{count:,} {name}" for name, count in trial.outcomes.items() if count)
    kept = trial.chars_out / max(trial.chars_in, 1)
    say(
        f"Of the first {sum(trial.outcomes.values()):,} rows: {listed or 'none'}; {kept:.1%} of "
        "the characters would be kept. Nothing was written."
    )


def _show_question_trial(trial: "QuestionTrial", *, as_json: bool) -> None:
    if as_json:
        options.print_json({"kind": "qa"} | asdict(trial))
        return
    listed = ", ".join(f"{name} {count:,}" for name, count in trial.operations.items())
    whole = "a sample of the set" if trial.sampled else "all that is selected"
    say(
        f"Of {trial.rows:,} questions ({whole}): {listed or 'nothing would be done'}; "
        f"{trial.size:,} would be in the set, divergence from the target {trial.before:.5f} -> "
        f"{trial.after:.5f} bits ({trial.floor:.5f} is chance). Nothing was written."
    )


def plan(
    source: options.Source,
    output: options.RunOutput = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    id_field: options.IdField = None,
    limit: options.Limit = None,
    sample: options.Sample = None,
    llm: options.Url = None,
    model: options.Model = None,
    budget: options.Budget = None,
    kind: options.Kind = "auto",
    target: options.Target = None,
    reserve: options.Reserve = None,
    labels: options.Labels = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what a run would do, gain and cost; spends no more than its pilot."""
    from burnish.graphs.cli.progress import shown_progress
    from burnish.graphs.commands import plan as commands
    from burnish.graphs.commands.inputs import check_flags, check_kind

    flags = _flags(id_field, limit, sample, llm, model, budget) | {
        "qa.target": target,
        "qa.reserve": reserve,
        "qa.labels": labels,
    }
    settings = options.settings_of(config, set_, flags)
    check_flags(source, check_kind(kind), settings, flags)
    with shown_progress() as progress:
        found = commands.plan(
            source, output, settings=settings, kind=check_kind(kind), progress=progress
        )
    if as_json:
        told = {"run": str(found.folder), "kind": found.kind, "rows": found.rows}
        profiled = {"profile": found.profile} if found.kind == "qa" else {}
        options.print_json(told | profiled | {"plan": found.figures})
        return
    _show_plan(found)


def _show_plan(found: "PlanResult") -> None:
    from rich.table import Table

    console = answer_console()
    table = Table(title=f"Plan for {found.rows:,} rows", show_header=False)
    for key, value in {**found.profile, **found.figures}.items():
        if value is not None and not isinstance(value, list):
            table.add_row(str(key), _cell(value))
    console.print(table)
    curve = cast("list[dict[str, object]]", found.figures.get("curve") or [])
    if len(curve) > 1:
        points = Table("budget", "value", "bound", title="What other budgets would buy")
        for point in curve:
            points.add_row(_cell(point["budget"]), _cell(point["value"]), _cell(point["bound"]))
        console.print(points)
    command = "the same options" + (" and --kind qa" if found.kind == "qa" else "")
    console.print(f"Carry it out: burnish run with {command} and -o {found.folder}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    return json.dumps(value) if isinstance(value, dict) else str(value)

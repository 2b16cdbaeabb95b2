"""`burnish run` and `burnish config show`."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from burnish.corpora.errors import BudgetExhausted, QuotaPaused, SourceError, UsageError
from burnish.corpora.readers.document_source import Source, open_source
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.rows import Fields, RowSelection
from burnish.corpora.records import DOCUMENTS, Document
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.cli.standard_output import say
from burnish.graphs.documents import record_graph as records
from burnish.graphs.documents.assembly import make_services
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.progress import watcher_for
from burnish.graphs.runs.settings import Settings, load

TRIED = 200
"""Documents that a dry run looks at."""
KINDS = ("auto", "documents", "qa")
_ASKING = frozenset({
    "question", "problem", "query", "stem", "question_text", "choices", "options", "messages",
    "conversations",
})  # fmt: skip


def settings_of(
    files: Sequence[Path] | None, pairs: Sequence[str] | None, flags: Mapping[str, object]
) -> Settings:
    """Merge files, pairs and flags; flags win.

    Raises:
        UsageError: a setting does not fit.
    """
    given = [f"{key}={_toml(value)}" for key, value in flags.items() if value is not None]
    return load(files or (), [*(pairs or ()), *given])


def show_settings(
    files: Sequence[Path] | None, pairs: Sequence[str] | None, *, as_json: bool
) -> str:
    """Return the resolved settings as TOML, or as JSON."""
    tree: dict[str, dict[str, Any]] = settings_of(files, pairs, {}).model_dump()
    if as_json:
        return json.dumps(tree, indent=2)
    return "\n\n".join(
        f"[{section}]\n" + "\n".join(_toml_line(key, value) for key, value in values.items())
        for section, values in tree.items()
    )


def _toml_line(key: str, value: object) -> str:
    return f"# {key} is not set" if value is None else f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    # TOML knows no surrogate pairs, and wants a bare delete character escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def kind_of(location: str, kind: str, settings: Settings) -> str:
    """Return the kind of records: as told, or by the columns of the input.

    Raises:
        UsageError: there is no such kind.
        SourceError: the input cannot be read.
    """
    if kind not in KINDS:
        raise UsageError(f"--kind {kind}: choose one of {', '.join(KINDS)}")
    if kind != "auto":
        return kind
    if settings.qa.question is not None or settings.qa.turns is not None:
        return "qa"
    try:
        columns = {name for part in find_parts(location) for name in part.head().columns or ()}
    except SourceError:
        return "documents"
    lowered = {name.lower() for name in columns}
    text = settings.fields.text in columns
    return "qa" if not text and lowered & _ASKING else "documents"


def open_input(location: str, settings: Settings) -> Source:
    """Open the input as the settings say.

    Raises:
        SourceError: there is nothing that can be read.
    """
    chosen = settings.selection
    return open_source(
        location,
        Fields(settings.fields.text, settings.fields.id),
        RowSelection(chosen.limit, chosen.sample, chosen.seed),
        strict=settings.run.strict,
    )


def refine(location: str, root: Path, settings: Settings, workers: int, *, as_json: bool) -> int:
    """Carry out a run and print what came of it; return the exit code.

    Raises:
        BurnishError: the run cannot be carried out.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    folder = RunFolder(root, settings.run.format)
    console = Console(stderr=True)
    with watcher_for(console) as watcher:
        context = RunContext(
            folder, settings, location, open_input(location, settings), workers, watcher
        )
        try:
            state = carry_out(context)
        except KeyboardInterrupt:
            _say_how_to_resume(folder, "interrupted", "the same command")
            return 130
        except BudgetExhausted as error:
            _say_how_to_resume(folder, str(error), "the same command with a larger --budget")
            return 3
        except QuotaPaused as error:
            _say_how_to_resume(folder, str(error), "the same command later")
            return 3
    if settings.run.approval == "ask" and "approved" not in state:
        state = _asked(context, state)
    return _told(folder, state, as_json=as_json)


def _asked(context: RunContext, state: RunState) -> RunState:
    plan = json.dumps(state.get("plan", {}))
    if not sys.stdin.isatty():
        raise UsageError(
            f"the plan {plan} waits for approval; run in a terminal, or set run.approval=auto"
        )
    return carry_out(context, answer=typer.confirm(f"Carry out the plan {plan}?", err=True))


def _say_how_to_resume(folder: RunFolder, why: str, command: str) -> None:
    done = len(folder.finished()) if (folder.root / "shards").is_dir() else 0
    sys.stderr.write(
        f"burnish: {why}; {done} shards are finished and kept in {folder.root}. "
        f"Run {command} again to go on\n"
    )


def _told(folder: RunFolder, state: RunState, *, as_json: bool) -> int:
    if not state.get("approved"):
        sys.stderr.write("burnish: not approved; nothing was refined\n")
        return 0
    totals = state.get("totals", {})
    faults = state.get("faults", [])
    if as_json:
        result = {"run": str(folder.root), "totals": totals, "faults": faults}
        say(json.dumps(result | {"report": str(folder.report)}))
    else:
        say(_summary(folder, totals))
    for fault in faults:
        sys.stderr.write(f"burnish: {fault}\n")
    return 1 if faults else 0


def _summary(folder: RunFolder, totals: Mapping[str, int]) -> str:
    parts = " + ".join(f"{totals.get(outcome, 0):,} {outcome}" for outcome in DOCUMENTS.outcomes)
    before, after = totals.get("chars_in", 0), totals.get("chars_out", 0)
    return (
        f"{totals.get('rows', 0):,} rows = {parts}\n"
        f"{before:,} characters -> {after:,} kept ({after / max(before, 1):.1%}), "
        f"{totals.get('calls', 0):,} calls, {totals.get('flagged', 0):,} flagged\n"
        + (f"{totals['tokens']:,} tokens spent on the model\n" if "tokens" in totals else "")
        + f"data    {folder.root / 'data'}\n"
        f"report  {folder.report}"
    )


def try_out(location: str, settings: Settings, *, as_json: bool) -> None:
    """Refine the first documents of the input and say what would happen; nothing is written.

    Raises:
        BurnishError: the input cannot be read or the settings do not fit.
    """
    if settings.refiner.name == "served":
        raise UsageError("--dry-run asks no model: leave out --llm, or run with a small --limit")
    limit = settings.selection.limit
    limited = settings.selection.model_copy(
        update={"limit": TRIED if limit is None else min(limit, TRIED), "sample": None}
    )
    source = open_input(location, settings.model_copy(update={"selection": limited}))
    survey = source.survey()
    services = make_services(settings)
    graph = records.build()
    counts: Counter[str] = Counter(quarantined=survey.bad_rows)
    removed: Counter[str] = Counter()
    for shard in source.shards(survey):
        documents = [
            Document(name, text) for name, text in zip(shard.ids, shard.texts, strict=True)
        ]
        for decision in asyncio.run(records.drive(graph, documents, services)):
            counts[decision.outcome] += 1
            removed["before"] += len(decision.document.text)
            removed["after"] += 0 if decision.outcome == "dropped" else len(decision.refined)
    tried = {outcome: counts[outcome] for outcome in DOCUMENTS.outcomes}
    result = {"tried": tried, "chars_in": removed["before"], "chars_out": removed["after"]}
    if as_json:
        say(json.dumps(result | {"refiner": services.refiner.name}))
        return
    listed = ", ".join(f"{count:,} {outcome}" for outcome, count in tried.items() if count)
    kept = removed["after"] / max(removed["before"], 1)
    say(
        f"Of the first {sum(tried.values()):,} rows: {listed or 'none'}; {kept:.1%} of the "
        f"characters would be kept. Nothing was written."
    )

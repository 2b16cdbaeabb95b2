"""`burnish distill`."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from burnish.agents.llm.endpoints import DEFAULT_ROLE, Endpoint, ModelPool, check_url, open_services
from burnish.corpora.errors import UsageError
from burnish.graphs.cli.standard_output import answer_console, say
from burnish.graphs.distill.distill import Distillation, ExpertAccess, OpenedExpert, Result
from burnish.graphs.distill.settings import DistillSettings
from burnish.graphs.runs.progress import watcher_for


@dataclass(frozen=True, slots=True)
class Server:
    """Where the expert is served."""

    url: str | None
    model: str | None
    budget: int | None
    """Tokens that may be spent, earlier processes on the folder included."""


def access_of(server: Server, concurrency: int) -> ExpertAccess | None:
    """Return how the expert is reached; None where nobody named one.

    Raises:
        UsageError: only one of URL and model is given, or the URL is none.
    """
    if server.url is None and server.model is None:
        return None
    if server.url is None or server.model is None:
        raise UsageError("an expert needs both: --llm URL and --model NAME")
    check_url(server.url, "--llm")
    endpoint = Endpoint(server.url, server.model, concurrency=concurrency)

    def opened(folder: Path) -> OpenedExpert:
        store, budget = open_services(folder, server.budget)
        pool = ModelPool({DEFAULT_ROLE: endpoint}, store=store, budget=budget)

        def close(loop: asyncio.Runner) -> None:
            loop.run(pool.close())
            store.close()
            budget.close()

        def invoice() -> Mapping[str, Any]:
            account = budget.account()
            tasks = [asdict(spending) for spending in budget.invoice()]
            return {"ceiling": account.ceiling, "spent": account.spent, "tasks": tasks}

        return OpenedExpert(pool.client("expert"), close, invoice)

    return ExpertAccess(opened, server.model)


def distill_pairs(
    location: str,
    root: Path,
    settings: DistillSettings,
    server: Server,
    workers: int,
    *,
    as_json: bool,
) -> int:
    """Distill an input and print what came of it; return the exit code.

    Raises:
        BurnishError: it cannot be carried out.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    access = access_of(server, settings.concurrency)
    with watcher_for(Console(stderr=True)) as watcher:
        work = Distillation(location, root, settings, access, workers, watcher)
        result = work.carry_out()
    if as_json:
        say(json.dumps({"pairs": str(root), **result.report, "faults": result.faults}))
    else:
        show(result, root, answer_console())
    for fault in result.faults:
        sys.stderr.write(f"burnish: {fault}\n")
    return 1 if result.faults else 0


def show(result: Result, root: Path, console: Console) -> None:
    """Print what each filter let through, and where everything lies."""
    report = result.report
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("documents", justify="right")
    for name, count in _document_lines(report):
        table.add_row(name, f"{count:,}")
    console.print(table)
    deletions, programs = report["deletions"], report["programs"]
    refused = ", ".join(f"{n:,} {why}" for why, n in deletions["refused_chars"].items() if n)
    lines = [
        "",
        f"deletions wanted    {deletions['wanted_chars']:,} characters",
        f"surviving           {_percent(deletions['surviving_share'])}",
        f"refused             {refused or 'none'}",
        f"program tokens      {_percent(programs['tokens_per_input_token'])} of the input's",
        f"new words           {programs['new_words']:,}",
    ]
    for split, kinds in report["pairs"]["taken"].items():
        parts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
        lines.append(f"{split:<20}{sum(kinds.values()):,} pairs ({parts or 'none'})")
    lines += [f"pairs               {root}", f"report              {root / 'report.json'}"]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _document_lines(report: Mapping[str, Any]) -> list[tuple[str, int]]:
    documents = report["documents"]
    rows = [("in", documents["in"])]
    rows += [(f"- {name}", count) for name, count in report["dropped_by_filter"].items() if count]
    rows += [(f"- failed: {name}", count) for name, count in report["failed"].items()]
    rows += [("- quarantined", documents["quarantined"])] if documents["quarantined"] else []
    return [*rows, ("with pairs", documents["edited"] + documents["unchanged"])]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"

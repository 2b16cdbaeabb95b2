"""What a run would do, gain and cost, before anything is done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.commands.inputs import (
    Kind,
    KindWish,
    kind_of,
    location_of,
    open_folder,
    open_input,
    outside_loops,
    watcher_of,
)
from burnish.graphs.commands.progress import ProgressCallback
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.settings import Settings, resolve


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan that waits in a run folder; a run on the same folder carries it out."""

    folder: Path
    kind: Kind
    rows: int
    figures: Mapping[str, Any]
    """Documents: who reads how many, and their tokens. Questions: orders by operation, value, the
    bound that no plan can exceed, gap, cost and budget in tokens, and what other budgets buy."""
    profile: Mapping[str, Any]
    """Questions: what the set is like before; empty for documents."""


def plan(
    source: str | Path,
    output: str | Path | None = None,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    kind: KindWish = "auto",
    target: str | Path | None = None,
    budget: int | None = None,
    progress: ProgressCallback | None = None,
) -> PlanResult:
    """Profile, try and plan; nothing of the set is changed, and no more than the pilot is spent.

    Args:
        source: File, folder, quoted glob pattern or `hf:org/name@split`.
        output: The run folder that keeps the plan; `runs/<name of the input>` by default.
        settings: As for `run`.
        kind: `documents`, `qa`, or `auto`: by the columns of the input.
        target: Questions: `uniform`, a reference set, or a TOML file of shares; the same as
            `qa.target`.
        budget: Tokens to plan with; the same as `llm.budget`.
        progress: Is told how far it is.

    Raises:
        BurnishError: the input cannot be read, planned for or written to the folder; see `run`.
    """
    flags = {"qa.target": None if target is None else str(target), "llm.budget": budget}
    location, chosen = location_of(source), resolve(settings, flags)
    folder = open_folder(location, output, chosen)
    found = kind_of(location, kind, chosen)
    if found == "documents" and target is not None:
        raise UsageError("target: says what cells of questions should be like; these are documents")

    def work() -> PlanResult:
        watcher = watcher_of(progress)
        context: QaContext | RunContext
        if found == "qa":
            context = QaContext(folder, chosen, location, watcher)
        else:
            opened = open_input(location, chosen)
            context = RunContext(folder, chosen, location, opened, watcher=watcher)
        return _result(folder, found, carry_out(context, until="plan"))

    return outside_loops(work)


def _result(folder: RunFolder, kind: Kind, state: RunState) -> PlanResult:
    figures = state.get("plan", {})
    before: Mapping[str, Any] = {}
    if kind == "qa":
        held = json.loads((folder.root / "plan-01.json").read_text("utf-8"))["figures"]
        before = held.pop("before", {})
        figures = held | figures
    return PlanResult(folder.root, kind, state.get("rows", 0), figures, before)

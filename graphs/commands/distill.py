"""Training pairs for a refiner, made of refined texts, line labels or an expert model."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from burnish.agents.llm.endpoints import DEFAULT_ROLE, ModelPool, check_url, open_services
from burnish.corpora.errors import UsageError
from burnish.graphs.commands.inputs import count_cores, location_of, outside_loops, watcher_of
from burnish.graphs.commands.progress import ProgressCallback
from burnish.graphs.distill.distill import Distillation, ExpertAccess, OpenedExpert
from burnish.graphs.distill.settings import DistillSettings, PairChoice, PairColumns
from burnish.graphs.runs.llm import endpoint_of
from burnish.graphs.runs.settings import Settings, resolve
from burnish.tools.distill.distill import Policy


@dataclass(frozen=True, slots=True)
class DistillResult:
    """What came of a distillation."""

    folder: Path
    """The pairs (`train.jsonl`, `validation.jsonl`) and their report."""
    report: Mapping[str, Any]
    """What each filter let through, as `report.json` has it."""
    faults: tuple[str, ...]
    """What is wrong, or kept the rest from being done; empty when all is well."""

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, or 1 where there are faults."""
        return 1 if self.faults else 0


def distill(
    source: str | Path,
    output: str | Path,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
) -> DistillResult:
    """Make fine-tuning data for a refiner; the same call again goes on where it was stopped.

    Args:
        source: File, folder, quoted glob pattern or `hf:org/name@split`.
        output: Folder for the pairs.
        settings: As for `run`; the section `distill`, columns in `fields`, and the expert in
            `llm` (`endpoint`, `model`, `budget`).
        workers: Worker processes; as many as there are processors where it is not given.
        progress: Is told how far it is.

    Raises:
        UsageError: settings contradict one another, or nobody says who refines.
        SourceError: the input cannot be read.
        RunError: the folder holds something else, or is in use.
    """
    chosen, root = resolve(settings), Path(output)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    work = Distillation(
        location_of(source),
        root,
        settings_of(chosen),
        _access(chosen),
        workers or count_cores(),
        watcher_of(progress),
    )
    result = outside_loops(work.carry_out)
    return DistillResult(root, result.report, result.faults)


def settings_of(settings: Settings) -> DistillSettings:
    """Return what the settings say of distillation."""
    own = settings.distill
    columns = PairColumns(
        settings.fields.text,
        settings.fields.id,
        own.refined,
        own.labels,
        own.partial,
        own.group,
        own.stratify,
    )
    policy = Policy(
        filter=own.filter,
        notation=own.notation,
        max_refused=own.max_refused,
        min_kept=own.min_kept,
        window_chars=own.window_chars,
    )
    seed = settings.selection.seed
    return DistillSettings(
        columns=columns,
        policy=policy,
        choice=PairChoice(own.keep_all_share, own.per_cell, own.validation, seed),
        prompt=own.prompt,
        limit=settings.selection.limit,
        sample=settings.selection.sample,
        shard_rows=own.shard_rows,
        shard_chars=settings.run.shard_chars,
        strict=settings.run.strict,
        concurrency=settings.run.concurrency,
    )


def _access(settings: Settings) -> ExpertAccess | None:
    """Return how the expert is reached; None where nobody named one.

    Raises:
        UsageError: only one of URL and model is given, or the URL is none.
    """
    llm = settings.llm
    if llm.endpoint is None and llm.model is None:
        return None
    if llm.endpoint is None or llm.model is None:
        raise UsageError("an expert needs both: --llm URL and --model NAME")
    check_url(llm.endpoint, "--llm")
    endpoint = endpoint_of(llm)

    def opened(folder: Path) -> OpenedExpert:
        store, budget = open_services(folder, llm.budget)
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

    return ExpertAccess(opened, llm.model)

"""A run over documents or questions, from input to report; and a trial that writes nothing."""

import asyncio
import json
import pickle
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.agents.operations.operation import Operation
from burnish.agents.refiners.refiner import AnyRefiner
from burnish.agents.validators.validator import Validator
from burnish.corpora.errors import (
    BudgetExhausted,
    BurnishError,
    ModelError,
    QuotaPaused,
    UsageError,
)
from burnish.corpora.readers.document_source import Source
from burnish.corpora.records import DOCUMENTS, Document
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.commands.inputs import (
    Kind,
    KindWish,
    count_cores,
    kind_of,
    location_of,
    open_folder,
    open_input,
    outside_loops,
    watcher_of,
)
from burnish.graphs.commands.progress import ProgressCallback
from burnish.graphs.commands.refine import services_for
from burnish.graphs.documents import record_graph
from burnish.graphs.documents.foreign import adopt
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.questions.dry_run import QuestionTrial, try_questions
from burnish.graphs.questions.operate.foreign import foreign_agents
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.question_settings import ASKED_FOR, OWN_OPERATIONS
from burnish.graphs.runs.settings import Settings, resolve

TRIED = 200
"""Documents that a trial looks at."""
Approval = Callable[[Mapping[str, Any]], bool]
"""Is shown the plan of a run and says whether it is carried out."""
_LATER = frozenset({"unsent", "unreachable", "rate_limited", "overloaded"})
"""Failures of a server that may be another time; what is wrong with the request stays wrong."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run."""

    folder: Path
    """The run folder: `data/`, `ledger/`, `report.html` and the rest."""
    kind: Kind
    totals: Mapping[str, int]
    """Rows in all (`rows`) and by outcome (they add up), characters before and after, tokens."""
    faults: tuple[str, ...] = ()
    """What is wrong with the result, one line each; empty when all is well."""
    approved: bool = True
    """False where the plan was shown and refused: then nothing was done."""
    divergence: Mapping[str, float] | None = None
    """Questions: bits from the target `before` and `after`, and the `floor` that is chance."""

    @property
    def report(self) -> Path:
        """The report for people; `report.json` beside it has the same figures."""
        return self.folder / "report.html"

    @property
    def data(self) -> Path:
        """The folder of the refined set."""
        return self.folder / "data"

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, or 1 where there are faults."""
        return 1 if self.faults else 0


@dataclass(frozen=True, slots=True)
class DocumentTrial:
    """What a run would do to the first documents."""

    outcomes: Mapping[str, int]
    chars_in: int
    chars_out: int
    refiner: str


def run(
    source: str | Path,
    output: str | Path | None = None,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    kind: KindWish = "auto",
    workers: int | None = None,
    refiner: AnyRefiner | None = None,
    operations: Sequence[Operation] = (),
    validators: Sequence[Validator] = (),
    approve: Approval | None = None,
    progress: ProgressCallback | None = None,
) -> RunResult:
    """Refine a corpus or a set of questions into a run folder; the same call again resumes it.

    Args:
        source: File, folder, quoted glob pattern or `hf:org/name@split`.
        output: The run folder; `runs/<name of the input>` where none is given.
        settings: `Settings`, or a mapping with dotted keys such as `{"refiner.name": "rules"}`;
            `burnish config show` lists them all.
        kind: `documents`, `qa`, or `auto`: by the columns of the input.
        workers: Worker processes; as many as there are processors where it is not given. They do
            not run the script that calls, unless it hands them an object of a class of its own: its
            code then belongs under `if __name__ == "__main__":`.
        refiner: Documents: an object that is a `Refiner`, in the place of the one that the
            settings name. It works in this process alone; where `workers` are asked for it must
            be one that pickle takes, of a class in a module that they can import.
        operations: Questions: objects that are an `Operation` and change one item, beside what
            the settings allow; each is tried on every item that nothing better is done to.
        validators: Questions: objects that are a `Validator`, asked of every new and changed item
            beside those of the settings.
        approve: Where `run.approval` is `ask`: is shown the plan and says whether it is carried
            out.
        progress: Is told how far the run is.

    Returns:
        Totals and faults. A run with faults is whole, and its `exit_code` is 1.

    Raises:
        UsageError: a setting or a path does not fit, or a plan waits and nobody approves it.
        SourceError: the input cannot be read.
        RunError: the folder is in use, or holds another run.
        BudgetExhausted: the token budget is used up; call again with a larger one to go on.
        QuotaPaused: the server's quota is used up; call again later to go on.
        ModelError: the model server cannot be used.
    """
    location, chosen = location_of(source), resolve(settings)
    folder = open_folder(location, output, chosen)
    found = kind_of(location, kind, chosen)
    if workers is not None and workers < 1:
        raise UsageError(f"workers={workers}: at least one process has to work")
    if found == "qa" and refiner is not None:
        raise UsageError("refiner: refines documents, and the input holds questions")
    if found == "documents" and (operations or validators):
        raise UsageError("operations and validators: are for questions; the input holds documents")
    adopted = None if refiner is None else adopt(refiner)
    if adopted is not None:
        named = chosen.refiner.model_copy(update={"name": adopted.name})
        chosen = chosen.model_copy(update={"refiner": named})
        workers = 1 if workers is None else workers
        _check_travels(adopted, workers)

    def work() -> RunResult:
        watcher = watcher_of(progress)
        context: QaContext | RunContext
        count = workers or count_cores()
        if found == "qa":
            others = foreign_agents(chosen.qa, operations, validators)
            told = _with_operations(chosen, operations)
            context = QaContext(folder, told, location, watcher, count, foreign=others)
        else:
            opened = open_input(location, chosen)
            context = RunContext(folder, chosen, location, opened, count, watcher, refiner=adopted)
        state = carry_out(context)
        if chosen.run.approval == "ask" and "approved" not in state:
            state = carry_out(context, answer=_answer(state.get("plan", {}), approve))
        return _result(folder, found, state)

    return outside_loops(work)


def _with_operations(settings: Settings, operations: Sequence[Operation]) -> Settings:
    """Return settings that allow the operations of the caller, besides what they allow already."""
    if not operations:
        return settings
    allowed = settings.qa.operations
    if allowed is None:
        allowed = [name for name in OWN_OPERATIONS if name not in ASKED_FOR]
    names = [*allowed, *(one.name for one in operations)]
    qa = settings.qa.model_copy(update={"operations": list(dict.fromkeys(names))})
    return settings.model_copy(update={"qa": qa})


def _check_travels(refiner: AnyRefiner, workers: int) -> None:
    """Refuse an object that cannot go to worker processes, before they are started."""
    if workers == 1:
        return
    try:
        pickle.dumps(refiner)
    except Exception as error:  # noqa: BLE001 - whatever an object of somebody else's raises
        raise UsageError(
            f"refiner {refiner.name}: cannot go to {workers} worker processes "
            f"({type(error).__name__}); give workers=1, or a class of a module"
        ) from None


def _answer(plan: Mapping[str, Any], approve: Approval | None) -> bool:
    if approve is None:
        raise UsageError(
            f"the plan {json.dumps(plan)} waits for approval; run in a terminal, or set "
            "run.approval=auto"
        )
    return approve(plan)


def _result(folder: RunFolder, kind: Kind, state: RunState) -> RunResult:
    approved = bool(state.get("approved"))
    far: Mapping[str, float] | None = None
    if approved and kind == "qa":
        far = json.loads(folder.report.with_suffix(".json").read_text("utf-8"))["divergence"]
    faults = tuple(state.get("faults", [])) if approved else ()
    return RunResult(folder.root, kind, state.get("totals", {}), faults, approved, far)


def may_go_on(error: BurnishError) -> bool:
    """Tell whether the same call may go on later with what this failure stopped."""
    if isinstance(error, ModelError):
        return error.kind in _LATER
    return isinstance(error, BudgetExhausted | QuotaPaused)


def try_out(
    source: str | Path,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    kind: KindWish = "auto",
) -> DocumentTrial | QuestionTrial:
    """Say what a run would do: to the first documents, or in its first round over questions.

    No model is asked and nothing is written.

    Raises:
        BurnishError: the input cannot be read or the settings do not fit.
    """
    location, chosen = location_of(source), resolve(settings)
    if kind_of(location, kind, chosen) == "qa":
        return outside_loops(lambda: try_questions(location, chosen))
    if chosen.refiner.name == "served":
        raise UsageError("--dry-run asks no model: leave out --llm, or run with a small --limit")
    limit = chosen.selection.limit
    limited = chosen.selection.model_copy(
        update={"limit": TRIED if limit is None else min(limit, TRIED), "sample": None}
    )
    opened = open_input(location, chosen.model_copy(update={"selection": limited}))
    services = services_for(chosen)
    return outside_loops(lambda: _tried(opened, services))


def _tried(source: Source, services: record_graph.Services) -> DocumentTrial:
    survey = source.survey()
    graph = record_graph.build()
    counts: Counter[str] = Counter(quarantined=survey.bad_rows)
    before = after = 0
    for shard in source.shards(survey):
        documents = [
            Document(name, text) for name, text in zip(shard.ids, shard.texts, strict=True)
        ]
        for decision in asyncio.run(record_graph.drive(graph, documents, services)):
            counts[decision.outcome] += 1
            before += len(decision.document.text)
            after += 0 if decision.outcome == "dropped" else len(decision.refined)
    tried = {outcome: counts[outcome] for outcome in DOCUMENTS.outcomes}
    return DocumentTrial(tried, before, after, services.refiner.name)

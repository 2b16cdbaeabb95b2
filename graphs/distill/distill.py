"""`burnish distill`: from documents and what an expert made of them to fine-tuning data.

The third kind of run: killed anywhere, the same command goes on, and the replies of an expert are
asked for once.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from burnish.agents.llm.messages import Model
from burnish.agents.refiners.expert import Expert
from burnish.corpora.errors import BudgetExhausted, QuotaPaused, UsageError
from burnish.corpora.readers.document_source import Source, open_source
from burnish.corpora.readers.rows import Fields, RowSelection, Survey
from burnish.corpora.runs.balance import row_fault
from burnish.corpora.runs.folder import RunFolder, write_json
from burnish.corpora.runs.manifest import InputFacts, claim, make_manifest
from burnish.graphs.distill.output import Figures, assemble, report_of
from burnish.graphs.distill.settings import DistillSettings
from burnish.graphs.distill.shard_runner import DistillRunner
from burnish.graphs.runs.graph import RunState, Silence, Watcher, carry_out
from burnish.graphs.runs.worker_pool import Marker, refine_here, refine_with

EXPERT_ROWS = 64
"""Rows of a shard where an expert is asked: what is lost at most when a process is killed."""


@dataclass(frozen=True, slots=True)
class ExpertAccess:
    """How the expert is reached."""

    open: Callable[[Path], "OpenedExpert"]
    """Opens the model, its reply store and its budget in the folder."""
    name: str


@dataclass(frozen=True, slots=True)
class OpenedExpert:
    """A model that is ready, and what to do when it is no longer needed."""

    model: Model
    close: Callable[[asyncio.Runner], None]
    invoice: Callable[[], Mapping[str, Any]]
    """Tokens spent so far, earlier processes included."""


@dataclass(frozen=True, slots=True)
class DistillOutcome:
    """What came of a distillation."""

    report: Figures
    faults: tuple[str, ...]


@dataclass(frozen=True)
class DistillJob:
    """What a worker process needs to know."""

    root: Path
    settings: DistillSettings

    def runner(self) -> DistillRunner:
        """Make the runner."""
        return DistillRunner(RunFolder(self.root, "jsonl"), self.settings)


@dataclass
class Distillation:
    """The stages of a distillation: one input, one folder."""

    location: str
    root: Path
    settings: DistillSettings
    access: ExpertAccess | None = None
    workers: int = 1
    watcher: Watcher = field(default_factory=Silence)
    survey: Survey | None = None
    figures: Figures = field(default_factory=dict[str, Any])
    """What the report says."""
    spent: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def folder(self) -> RunFolder:
        """Where everything lies."""
        return RunFolder(self.root, "jsonl")

    @property
    def approval(self) -> Literal["auto", "ask"]:
        """Nobody is asked."""
        return "auto"

    def carry_out(self) -> DistillOutcome:
        """Make all pairs that are not made yet, choose, split and report.

        Raises:
            UsageError: settings contradict one another.
            SourceError: the input cannot be read.
            RunError: the folder holds something else, or is in use.
        """
        self.settings.check()
        if (self.settings.teacher == "expert") != (self.access is not None):
            raise UsageError(
                "say who refines: --refined-field, --labels-field, or --llm URL --model NAME; "
                "one of them"
            )
        self._source()
        state = carry_out(self)
        return DistillOutcome(self.figures, tuple(state.get("faults", ())))

    def profile(self, state: RunState) -> RunState:  # noqa: ARG002
        """Survey the input and claim the folder for it."""
        survey = self.survey = self._source().survey(self.watcher.reading)
        self._check_columns(survey)
        new = claim(self.folder, self._manifest(survey))
        self.folder.make()
        return RunState(
            rows=survey.rows, bad_rows=survey.bad_rows, chars=survey.chars, resumed=not new
        )

    def pilot(self, state: RunState) -> RunState:
        """Do nothing: every document is read."""
        return state

    def plan(self, state: RunState) -> RunState:
        """State what will be done."""
        return RunState(plan={"teacher": self.settings.teacher, "documents": state.get("rows", 0)})

    def refine(self, state: RunState) -> RunState:
        """Make the pairs of every shard that has no marker yet.

        When the budget or the quota ends, what there is by then is chosen from all the same.
        """
        faults: list[str] = []
        with self._expert() as (runner, opened):
            rows = state.get("rows", 0) + state.get("bad_rows", 0)
            self.watcher.begins(rows, _progress(self.folder.markers()))
            try:
                with closing(self._made(runner)) as markers:
                    for marker in markers:
                        self.watcher.shard(marker)
            except (BudgetExhausted, QuotaPaused) as stop:
                faults.append(str(stop))
            self.spent = opened.invoice() if opened else {}
        return RunState(totals=_progress(self.folder.markers()), faults=faults)

    def validate(self, state: RunState) -> RunState:
        """Check that every row is accounted for, unless it is known why not."""
        rows = state.get("rows", 0) + state.get("bad_rows", 0)
        fault = row_fault(rows, state.get("totals", {})["rows"])
        return RunState(faults=state.get("faults") or [fault] * bool(fault))

    def commit(self, state: RunState) -> RunState:
        """Choose among the pairs, split them, and clear away what interrupted writes left."""
        self.folder.sweep()
        taken = assemble(self.folder, self.settings)
        self.figures = report_of(self.folder.markers(), taken, self.spent)
        documents = self.figures["documents"]
        documents["unread"] = state.get("rows", 0) + state.get("bad_rows", 0) - documents["in"]
        return state

    def report(self, state: RunState) -> RunState:
        """Write the report."""
        write_json(self.folder.report.with_suffix(".json"), self.figures)
        return state

    def _source(self) -> Source:
        settings = self.settings
        return open_source(
            self.location,
            Fields(settings.columns.text, settings.columns.id),
            RowSelection(settings.limit, settings.sample, settings.choice.seed),
            strict=settings.strict,
        )

    def _check_columns(self, survey: Survey) -> None:
        columns = self.settings.columns
        wanted = (
            columns.refined, columns.labels, columns.partial, columns.group, columns.stratum,
        )  # fmt: skip
        for name in wanted:
            if name is not None and name not in survey.schema.names:
                known = ", ".join(survey.schema.names)
                raise UsageError(f"{self.location}: there is no column {name!r} (has: {known})")

    def _made(self, runner: DistillRunner | None) -> Generator[Marker]:
        source, settings = self._source(), self.settings
        shards = source.shards(
            self.survey or source.survey(),
            max_rows=min(settings.shard_rows, EXPERT_ROWS if runner else settings.shard_rows),
            max_chars=settings.shard_chars,
            done=frozenset(self.folder.finished()),
        )
        job = DistillJob(self.root, settings)
        if runner is None and self.workers > 1:
            return refine_with(job, shards, self.workers)
        return refine_here(runner or job.runner(), shards)

    @contextmanager
    def _expert(self) -> Generator[tuple[DistillRunner | None, OpenedExpert | None]]:
        if self.access is None:
            yield None, None
            return
        prompt = Path(self.settings.prompt) if self.settings.prompt else None
        with ExitStack() as stack:
            loop = stack.enter_context(asyncio.Runner())
            opened = self.access.open(self.root)
            stack.callback(opened.close, loop)
            expert = Expert.load(opened.model, prompt, self.settings.expert)
            yield DistillRunner(self.folder, self.settings, expert, loop), opened

    def _manifest(self, survey: Survey) -> dict[str, Any]:
        marks = self.settings.marks(survey.digest)
        marks["expert"] = self.access.name if self.access else "none"
        settings = asdict(self.settings) | {"run": {"format": "jsonl"}}
        columns = self.settings.columns
        facts = InputFacts.of(survey, self.location, columns.text, columns.id)
        return make_manifest("distill", settings, marks, facts)


def _progress(markers: list[Marker]) -> dict[str, Any]:
    names = ("edited", "dropped", "quarantined")
    counts = {name: sum(marker["outcomes"][name] for marker in markers) for name in names}
    return counts | {"rows": sum(marker["rows"] for marker in markers)}

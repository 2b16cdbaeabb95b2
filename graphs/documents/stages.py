"""Documents in the run graph: surveyed, refined shard by shard, counted and reported on."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Literal

from burnish.agents.refiners.refiner import AnyRefiner
from burnish.corpora.readers.document_source import Source
from burnish.corpora.readers.rows import Survey
from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.balance import loss_fault, row_fault
from burnish.corpora.runs.folder import RunFolder, read_json, write_json
from burnish.corpora.runs.manifest import claim
from burnish.graphs.documents.assembly import is_planned, make_escalation, make_services
from burnish.graphs.documents.escalation import Escalation
from burnish.graphs.documents.manifest import manifest_of
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.documents.shard_job import Job
from burnish.graphs.documents.shard_runner import ShardRunner
from burnish.graphs.runs.sections import RunSettings
from burnish.graphs.runs.settings import Settings
from burnish.graphs.runs.stages import RunState, Silence, Watcher
from burnish.graphs.runs.worker_pool import Marker, refine_here, refine_with


@dataclass
class RunContext:
    """The stages of a run over documents, and what they work with."""

    folder: RunFolder
    settings: Settings
    location: str
    source: Source
    workers: int = 1
    watcher: Watcher = field(default_factory=Silence)
    services: Services | None = None
    """Agents made by the caller; then all work is done in this process."""
    escalation: Escalation | None = None
    """Made by the caller too, where `services` is: the documents for a language model."""
    survey: Survey | None = None
    refiner: AnyRefiner | None = None
    """One of the caller's, in the place of that of the settings."""

    @property
    def approval(self) -> Literal["auto", "ask"]:
        """Whether a person is asked before the plan is carried out."""
        return self.settings.run.approval

    def profile(self, state: RunState) -> RunState:  # noqa: ARG002
        """Survey the input and claim the folder for it."""
        survey = self.source.survey(self.watcher.reading)
        self.survey = survey
        services = self.services or make_services(self.settings, self.refiner)
        alone = self.workers == 1 or _fits_one_shard(survey, self.settings.run)
        self.services = services if self.services or alone else None
        revision, id_column = _revision(self.settings, services), self.source.id_name(survey)
        manifest = manifest_of(self.settings, survey, self.location, id_column, revision)
        new = claim(self.folder, manifest)
        self.folder.make()
        return RunState(
            rows=survey.rows, bad_rows=survey.bad_rows, chars=survey.chars, resumed=not new
        )

    def pilot(self, state: RunState) -> RunState:
        """Do nothing: documents are estimated one by one, without asking a model."""
        return state

    def plan(self, state: RunState) -> RunState:
        """State what will be done: without a language model one refiner reads every document.

        With a model and a budget, the documents that go to the model are chosen here, once for the
        folder; the choice is in the plan file.
        """
        settings = self.settings
        counts: dict[str, Any] = {
            "refiner": settings.refiner.name,
            "documents": state.get("rows", 0),
            "characters": state.get("chars", 0),
            "tokens": 0,
        }
        if settings.refiner.name == "served":
            counts |= {"budget": settings.llm.budget, "served": state.get("rows", 0)}
        if is_planned(settings):
            counts |= _planned(self)
        return RunState(plan=counts)

    def refine(self, state: RunState) -> RunState:
        """Refine every shard that has no marker yet."""
        if self.survey is None:
            self.survey = self.source.survey(self.watcher.reading)
        self.watcher.begins(
            state.get("rows", 0) + state.get("bad_rows", 0), totals(self.folder.markers())
        )
        _check_server(self, state)
        # Closed on any way out, so that shards in flight are finished before anybody counts them.
        with closing(_refined(self, self.survey)) as markers:
            for marker in markers:
                self.watcher.shard(marker)
        return RunState(totals=totals(self.folder.markers()) | _tokens(self))

    def validate(self, state: RunState) -> RunState:
        """Check that every row is accounted for and that every file is there."""
        sums = state.get("totals", {})
        counted = sum(sums.get(outcome, 0) for outcome in DOCUMENTS.read)
        expected = state.get("rows", 0) + state.get("bad_rows", 0)
        missing = [
            name
            for marker in self.folder.markers()
            for name in marker["files"]
            if not (self.folder.root / name).is_file()
        ]
        lost = sums.get("failed", 0) + sums.get("quarantined", 0)
        faults = [
            row_fault(expected, counted),
            *(f"{name} is missing" for name in missing[:10]),
            loss_fault(lost, expected, self.settings.run.max_failure_ratio),
        ]
        return RunState(faults=[fault for fault in faults if fault])

    def commit(self, state: RunState) -> RunState:
        """Clear away what interrupted writes left behind."""
        self.folder.sweep()
        return state

    def report(self, state: RunState) -> RunState:
        """Write the report and the dataset card."""
        from burnish.graphs.reports.document_card import write_card
        from burnish.graphs.reports.document_report import write_report

        folder = self.folder
        manifest = read_json(folder.manifest)
        workers = self.workers if self.services is None else 1
        write_card(folder, manifest, write_report(folder, manifest, workers=workers))
        return state


def _revision(settings: Settings, services: Services) -> str:
    """Return what decides for every document, the language model included."""
    own = services.refiner.revision
    if settings.refiner.name != "served":
        return own
    from burnish.graphs.documents.llm_refiner import served_revision

    return f"{own} + {served_revision(settings.llm)}"


def _fits_one_shard(survey: Survey, run: RunSettings) -> bool:
    rows = survey.rows + survey.bad_rows
    return rows <= run.shard_rows and survey.chars <= run.shard_chars


def _planned(context: RunContext) -> dict[str, Any]:
    from burnish.agents.refiners.embedded import EmbeddedRefiner
    from burnish.graphs.documents import escalation
    from burnish.graphs.documents.llm_refiner import config_of

    file, root = context.folder.root / "plan.json", context.folder.root
    if not file.exists():
        llm, survey = context.settings.llm, context.survey or context.source.survey()
        tagger = EmbeddedRefiner.load().tagger
        costs = escalation.Costs(config_of(llm), llm.bytes_per_token)
        shards = context.source.shards(survey)
        choice = escalation.choose(shards, tagger, costs, llm.budget or 0, root)
        write_json(file, choice._asdict())
    held = read_json(file)
    return {"served": held["documents"], "tokens": round(held["cost"]), "gain": held["gain"]}


def _tokens(context: RunContext) -> dict[str, int]:
    """Return what the run has spent on a language model so far; nothing where there is none."""
    settings = context.settings
    if settings.refiner.name != "served":
        return {}
    from burnish.graphs.runs.llm import account_of

    account = account_of(settings.llm, context.folder.root)
    return {"tokens": account.spent + account.held} if account else {}


def _check_server(context: RunContext, state: RunState) -> None:
    """Try the server before documents depend on it, if any are left."""
    settings = context.settings
    done = totals(context.folder.markers())["rows"]
    if settings.refiner.name != "served" or context.escalation is not None:
        return
    if done < state.get("rows", 0) + state.get("bad_rows", 0):
        from burnish.graphs.runs.llm import check_server

        Context().run(asyncio.run, check_server(settings.llm, context.folder.root))


def _refined(context: RunContext, survey: Survey) -> Generator[Marker]:
    run = context.settings.run
    shards = context.source.shards(
        survey,
        max_rows=run.shard_rows,
        max_chars=run.shard_chars,
        done=frozenset(context.folder.finished()),
    )
    if context.services is None:
        job = Job(context.folder.root, context.settings, survey.schema, context.refiner)
        return refine_with(job, shards, context.workers)
    runner = ShardRunner(
        context.folder,
        context.services,
        survey.schema,
        context.settings.fields.text,
        run.concurrency,
        context.escalation or make_escalation(context.settings, context.folder.root),
    )
    return refine_here(runner, shards)


def totals(markers: list[Marker]) -> dict[str, int]:
    """Add up what the markers of shards say."""
    sums: Counter[str] = Counter(
        dict.fromkeys((*DOCUMENTS.outcomes, "rows", "flagged", "calls"), 0)
    )
    for marker in markers:
        sums.update(marker["outcomes"])
        sums.update({key: marker[key] for key in _SUMMED})
    sums["shards"] = len(markers)
    return dict(sums)


_SUMMED = ("rows", "flagged", "calls", "chars_in", "chars_out", "bytes_in")

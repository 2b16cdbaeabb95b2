"""Questions in the run graph: profiled, tried, planned, refined round by round, committed.

The context holds the set in memory; what survives a kill are the plans (`plan-NN.json`), written
before anything is done, and the batches of the journal (`edits/`), written as they are finished.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from burnish.corpora.records import QUESTIONS
from burnish.corpora.runs.balance import loss_fault, row_fault
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.manifest import claim
from burnish.graphs.profile.vector_cache import Vectoring
from burnish.graphs.questions.commit import outcome_of, write_set
from burnish.graphs.questions.manifest import manifest_of
from burnish.graphs.questions.opening import open_working_set
from burnish.graphs.questions.operate import assembly
from burnish.graphs.questions.operate.foreign import ForeignAgents, foreign_agents
from burnish.graphs.questions.operate.record_graph import QuestionServices, build, drive
from burnish.graphs.questions.plan.plan_file import (
    PILOT,
    has_pilot,
    held_plan,
    make_pilot,
    make_round,
)
from burnish.graphs.questions.plan.solve import edits_left
from burnish.graphs.questions.state.journal import LOOKING, CompletedEdit, Journal, PlannedEdit
from burnish.graphs.questions.state.working_set import ADDING, WorkingSet
from burnish.graphs.runs.settings import Settings
from burnish.graphs.runs.stages import RunState, Silence, Watcher
from burnish.graphs.runs.worker_pool import Marker

ServicesOpener = Callable[
    [Settings, WorkingSet, Path], AbstractAsyncContextManager[QuestionServices]
]
_NEAR = 0.05
"""A divergence of so many times the floor is not worth another round."""


@dataclass
class QaContext:
    """The stages of a run over questions, and what they work with."""

    folder: RunFolder
    settings: Settings
    location: str
    watcher: Watcher = field(default_factory=Silence)
    opened: ServicesOpener | None = None
    """Opens the agents; none: those of the settings."""
    foreign: ForeignAgents | None = None
    """Operations and validators of others; none: those that the settings name."""
    vectoring: Vectoring | None = None
    """Where vectors for labels come from; none: from the embedder of the settings."""
    working: WorkingSet | None = None
    round: int = PILOT - 1
    """The last round that the working set has taken in."""

    @property
    def approval(self) -> Literal["auto", "ask"]:
        """Whether a person is asked before the plan is carried out."""
        return self.settings.run.approval

    def profile(self, state: RunState) -> RunState:  # noqa: ARG002
        """Read set, reserve and target, and claim the folder for them."""
        working = self._start()
        own = working.own
        agents: dict[str, str] = dict(self._others.revisions)
        if self.settings.llm.endpoint:
            from burnish.graphs.questions.operate.llm_operations import prompts_digest

            agents["model"] = prompts_digest(self.settings.llm)
        manifest = manifest_of(self.settings, own, working.reserve, working.target, agents)
        new = claim(self.folder, manifest)
        self.folder.make()
        chars = sum(len(item.question) for item in own.items)
        return RunState(
            rows=len(own.rows), bad_rows=len(own.bad), chars=chars, resumed=not new, round=0
        )

    def pilot(self, state: RunState) -> RunState:
        """Try operations with a model on a sample; what passes stays in the set."""
        settings, root = self.settings, self.folder.root
        if not settings.llm.endpoint:
            return state
        planned, _ = make_pilot(root, self._working(PILOT - 1), settings)
        if self.opened is None and planned and not self._journal.has(PILOT, 0):
            from burnish.graphs.runs.llm import check_server

            Context().run(asyncio.run, check_server(settings.llm, root))
        self._round_done(PILOT, planned)
        return state

    def plan(self, state: RunState) -> RunState:
        """Solve the program of the next round, unless that was done before."""
        number = state.get("round", 0) + 1
        working = self._working(number - 1)
        planned, figures = make_round(self.folder.root, working, self.settings, number)
        plan = {
            "round": number,
            "orders": len(planned),
            **{key: figures.get(key) for key in _TOLD},
        }
        return RunState(plan=plan, round=number)

    def refine(self, state: RunState) -> RunState:
        """Carry out the orders of the round that are in no batch yet."""
        number = state.get("round", 1)
        working = self._working(number - 1)
        planned, _ = held_plan(self.folder.root, working, number)
        self._round_done(number, planned)
        return RunState(totals={"orders": len(working.done)})

    def _round_done(self, number: int, planned: list[PlannedEdit]) -> None:
        """Carry out what is in no batch of a round yet, and take in all of it."""
        journal, working = self._journal, self._working(number - 1)
        if self.round == number:
            return
        batches = list(_batches(planned, self.settings.qa.batch))
        left = [at for at in range(len(batches)) if not journal.has(number, at)]
        begun = sum(len(batch) for batch in batches) - sum(len(batches[at]) for at in left)
        self.watcher.begins(len(planned), {"rows": begun} | _NO_OUTCOMES)
        for at, batch in enumerate(batches[: left[0] if left else None]):
            working.apply(journal.read(number, at, batch))
        if left:
            # A fresh context: inside a node of the run graph the record graph would take over its
            # settings, which mean nothing without a checkpointer.
            Context().run(asyncio.run, self._carry_out(number, batches, left[0]))
        self.round = number

    @property
    def _others(self) -> ForeignAgents:
        if self.foreign is None:
            self.foreign = foreign_agents(self.settings.qa)
        return self.foreign

    @property
    def _journal(self) -> Journal:
        return Journal(self.folder.root)

    async def _carry_out(self, number: int, batches: list[list[PlannedEdit]], first: int) -> None:
        """Carry out batches one after the other; each sees the set as the one before left it."""
        graph = build()
        journal, working = self._journal, self._working(number - 1)
        opened = self.opened or partial(assembly.open_question_services, foreign=self._others)
        async with opened(self.settings, working, self.folder.root) as services:
            for at in range(first, len(batches)):
                if not journal.has(number, at):
                    repairs = _repairs(self.settings, working, batches[at:])
                    done = await drive(graph, batches[at], services, number, repairs)
                    journal.write(number, at, done)
                # Read back even when it was just written: a resumed run takes the same.
                done = journal.read(number, at, batches[at])
                working.apply(done)
                self.watcher.shard(_told(done))

    def validate(self, state: RunState) -> RunState:
        """Check the balance of rows, and ask for another round where one may help."""
        number = state.get("round", 1)
        working = self._working(number)
        last = [one for one in working.done if one.round == number]
        strata = working.strata()
        near = working.target.divergence(strata) <= _NEAR * working.target.floor(len(strata))
        moved = any(one.changes for one in last)
        again = moved and not near and number < self.settings.qa.rounds
        return RunState(again=again)

    def commit(self, state: RunState) -> RunState:
        """Write the refined set, and clear away what interrupted writes left behind."""
        working = self._working(state.get("round", 1))
        marker = self.folder.marker(0)
        said = read_json(marker) if marker.exists() else None
        if said is None:
            said = write_set(self.folder, working)
        self.folder.sweep()
        totals = self._totals(said)
        return RunState(totals=totals, faults=self._faults(said, working))

    def report(self, state: RunState) -> RunState:
        """Write the report and the dataset card."""
        from burnish.graphs.questions.report import write_qa_report

        write_qa_report(self.folder, self._working(state.get("round", 1)), self.settings)
        return state

    def _totals(self, marker: dict[str, Any]) -> dict[str, int]:
        totals: dict[str, int] = {
            **marker["outcomes"],
            "rows": marker["rows"],
            "rows_out": marker["rows_out"],
            "review": marker["review"],
        }
        if self.settings.llm.endpoint:
            from burnish.graphs.runs.llm import account_of

            account = account_of(self.settings.llm, self.folder.root)
            totals["tokens"] = account.spent + account.held if account else 0
        return totals

    def _faults(self, marker: dict[str, Any], working: WorkingSet) -> list[str]:
        outcomes = marker["outcomes"]
        rows = len(working.own.rows) + len(working.own.bad)
        counted = sum(outcomes[name] for name in QUESTIONS.read)
        out = rows - outcomes["dropped"] - outcomes["quarantined"] + outcomes["added"]
        faults = [row_fault(rows, counted)]
        if out != marker["rows_out"]:
            faults.append(
                f"rows do not balance: {out} should be in the set, not {marker['rows_out']}"
            )
        unwritten = sum(
            one.planned.order.operation in ADDING and one.status == "failed" for one in working.done
        )
        lost = outcomes["failed"] + outcomes["quarantined"] + unwritten
        allowed = self.settings.run.max_failure_ratio
        lossy = loss_fault(lost, rows, allowed, " (new ones that failed among them)")
        faults.append(lossy and lossy + _why(working))
        return [fault for fault in faults if fault]

    def _start(self) -> WorkingSet:
        """Read everything anew."""
        self.working = open_working_set(
            self.location, self.settings, self.vectoring, self.watcher.reading
        )
        self.round = PILOT - 1
        return self.working

    def _working(self, number: int) -> WorkingSet:
        """Return the working set with everything up to a round taken in."""
        working = self.working or self._start()
        journal = Journal(self.folder.root)
        while self.round < number:
            self.round += 1
            if self.round == PILOT and not has_pilot(self.folder.root):
                continue
            planned, _ = held_plan(self.folder.root, working, self.round)
            for at, batch in enumerate(_batches(planned, self.settings.qa.batch)):
                working.apply(journal.read(self.round, at, batch))
        return working


def _why(working: WorkingSet) -> str:
    """Say what most failed orders failed of."""
    reasons = Counter(
        one.reason.partition(":")[0] for one in working.done if one.status == "failed"
    )
    return "".join(f"; most often: {reason}" for reason, _ in reasons.most_common(1))


_NO_OUTCOMES = {"edited": 0, "dropped": 0, "quarantined": 0}
_TOLD = ("value", "bound", "gap", "cost", "budget", "price_per_1000_tokens", "operations", "size")


def _batches(planned: list[PlannedEdit], size: int) -> Iterator[list[PlannedEdit]]:
    for start in range(0, len(planned), size):
        yield planned[start : start + size]


def _repairs(
    settings: Settings, working: WorkingSet, left: Sequence[Sequence[PlannedEdit]]
) -> int | None:
    """Return how many checked items may be repaired beside what is still ordered; None: all."""
    free = edits_left(settings.qa, working.earlier)
    if free is None:
        return None
    ordered = sum(one.order.operation not in LOOKING for batch in left for one in batch)
    return max(free - ordered, 0)


def _told(done: list[CompletedEdit]) -> Marker:
    """Return what a batch did, in the words that a watcher knows."""
    found = Counter(outcome_of(one) for one in done)
    size = sum(len(one.before.question.encode("utf-8", "replace")) for one in done if one.before)
    outcomes = {name: found[name] for name in _NO_OUTCOMES}
    return {"rows": len(done), "bytes_in": size, "outcomes": outcomes}

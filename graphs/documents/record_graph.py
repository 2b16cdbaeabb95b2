"""The record graph: routes documents between the agents until something is decided on each.

`refine → guard → (refine again | validate) → decide`, over a batch where the refiner works in
bulk and over one document where it converses: the same nodes and the same routes. It is compiled
without a checkpointer, so texts may stand in its state; they never reach a disk from here.
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from burnish.agents.refiners.refiner import AnyRefiner, Attempt, ConversingRefiner, Refiner
from burnish.corpora.errors import RefinerError, ReplyError
from burnish.corpora.records import Document, Outcome
from burnish.graphs.documents.foreign import ForeignRefiner
from burnish.tools.deletion.program import (
    Certificate,
    Guard,
    Program,
    Resolution,
    cut,
    resolve,
)

NOTHING = Resolution((), (), ())


@dataclass(frozen=True, slots=True)
class Services:
    """What the nodes work with; context of the graph, never part of its state."""

    refiner: AnyRefiner
    guard: Guard = field(default_factory=Guard)
    attempts: int = 2
    """How often a conversing refiner is asked before its edit is rolled back."""


@dataclass(frozen=True, slots=True)
class Case:
    """A document on its way through the graph."""

    document: Document
    attempts: tuple[Attempt, ...] = ()
    program: Program | None = None
    resolution: Resolution = NOTHING
    complaints: tuple[str, ...] = ()
    flag: str = ""
    """Why the program cannot stand as it is: `guard`, `rejected_calls`, `reply:<kind>`."""
    failure: str = ""
    """Why there is no program at all."""
    refined: str = ""
    certificate: Certificate | None = None
    agent: str = ""
    """Name of the refiner that was asked."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one document, with the proof."""

    document: Document
    outcome: Outcome
    resolution: Resolution
    refined: str
    certificate: Certificate
    flag: str
    attempts: int
    agent: str
    """Name of the refiner that decided."""


class RecordState(TypedDict):
    """State of the graph: the cases of one batch."""

    cases: list[Case]
    decisions: list[Decision]


RecordGraph = CompiledStateGraph[RecordState, Services, RecordState, RecordState]


async def refine(state: RecordState, runtime: Runtime[Services]) -> dict[str, list[Case]]:
    """Ask the refiner for a program for each document."""
    refiner = runtime.context.refiner
    if isinstance(refiner, Refiner):
        return {"cases": _propose(refiner, state["cases"])}
    return {
        "cases": [case if _settled(case) else await _ask(refiner, case) for case in state["cases"]]
    }


def _propose(refiner: Refiner, cases: Sequence[Case]) -> list[Case]:
    """Ask about a batch; a refiner that cannot answer for it leaves its documents as they are.

    Raises:
        RefinerError: it gives more or fewer programs than it was given documents.
    """
    cases = [replace(case, agent=refiner.name) for case in cases]
    documents = [case.document for case in cases]
    if isinstance(refiner, ForeignRefiner):
        return [
            replace(case, failure=str(one))
            if isinstance(one, RefinerError)
            else replace(case, program=one)
            for case, one in zip(cases, refiner.answer(documents), strict=True)
        ]
    try:
        programs = refiner.propose(documents)
    except RefinerError as error:
        return [replace(case, failure=str(error)) for case in cases]
    if len(programs) != len(cases):
        raise RefinerError(
            f"refiner {refiner.name}: {len(programs)} programs for {len(cases)} documents; it must"
            " give one for each, in their order"
        )
    return [replace(case, program=one) for case, one in zip(cases, programs, strict=True)]


def _settled(case: Case) -> bool:
    return bool(case.failure) or (case.program is not None and not case.complaints)


async def _ask(refiner: ConversingRefiner, case: Case) -> Case:
    case = replace(case, agent=refiner.name)
    try:
        program = await refiner.propose_one(case.document, case.attempts)
    except ReplyError as error:
        return replace(case, program=None, flag=f"reply:{error.kind}", complaints=(str(error),))
    except RefinerError as error:
        return replace(case, program=None, failure=str(error), complaints=())
    return replace(case, program=program, flag="", complaints=())


def guard(state: RecordState, runtime: Runtime[Services]) -> dict[str, list[Case]]:
    """Resolve the programs; object to calls that name nothing and to programs that go too far."""
    return {"cases": [_guarded(case, runtime.context.guard) for case in state["cases"]]}


def _guarded(case: Case, limits: Guard) -> Case:
    if case.program is None:
        return replace(case, resolution=NOTHING)
    resolution = resolve(case.program, case.document.text)
    excess = limits.fault(resolution, case.document.text)
    complaints = tuple(rejection.message for rejection in resolution.rejected)
    rejected = (*resolution.rejected, *case.program.refused)
    resolution = replace(resolution, rejected=rejected)
    flag = case.program.flag or ("rejected_calls" if rejected else "")
    if excess:
        flag, complaints = "guard", (*complaints, excess)
    return replace(case, resolution=resolution, complaints=complaints, flag=flag)


def after_guard(state: RecordState, runtime: Runtime[Services]) -> Literal["retry", "validate"]:
    """Send a conversing refiner its complaints while it has attempts left."""
    if isinstance(runtime.context.refiner, Refiner):
        return "validate"
    open_cases = any(
        case.complaints and len(case.attempts) + 1 < runtime.context.attempts
        for case in state["cases"]
    )
    return "retry" if open_cases else "validate"


def retry(state: RecordState) -> dict[str, list[Case]]:
    """Keep what was tried and why it came back, for the next asking."""
    return {
        "cases": [
            replace(case, attempts=(*case.attempts, Attempt(case.program, case.complaints)))
            if case.complaints
            else case
            for case in state["cases"]
        ]
    }


def validate(state: RecordState) -> dict[str, list[Case]]:
    """Carry out what stands, roll back what the guard refused, and certify the result."""
    return {"cases": [_validated(case) for case in state["cases"]]}


def _validated(case: Case) -> Case:
    text = case.document.text
    resolution = NOTHING if case.flag == "guard" else case.resolution
    refined = cut(text, resolution.spans)
    certificate = Certificate.issue(text, resolution.spans, refined)
    return replace(case, resolution=resolution, refined=refined, certificate=certificate)


def decide(state: RecordState) -> dict[str, list[Decision]]:
    """Name the outcome of each document."""
    return {"decisions": [_decided(case) for case in state["cases"]]}


def _decided(case: Case) -> Decision:
    resolution = case.resolution
    outcome: Outcome = "unchanged"
    if case.failure:
        outcome = "failed"
    elif resolution.drops:
        outcome = "dropped"
    elif resolution.spans:
        outcome = "edited"
    assert case.certificate is not None
    return Decision(
        case.document,
        outcome,
        resolution,
        case.refined,
        case.certificate,
        f"failed: {case.failure}" if case.failure else case.flag,
        len(case.attempts) + 1,
        case.agent,
    )


def build() -> RecordGraph:
    """Compile the record graph."""
    graph = StateGraph(RecordState, context_schema=Services)
    graph.add_node("refine", refine)
    graph.add_node("guard", guard)
    graph.add_node("retry", retry)
    graph.add_node("validate", validate)
    graph.add_node("decide", decide)
    graph.add_edge(START, "refine")
    graph.add_edge("refine", "guard")
    graph.add_conditional_edges("guard", after_guard, ["retry", "validate"])
    graph.add_edge("retry", "refine")
    graph.add_edge("validate", "decide")
    graph.add_edge("decide", END)
    return graph.compile(checkpointer=False)


async def drive(
    graph: RecordGraph, documents: Sequence[Document], services: Services
) -> list[Decision]:
    """Run documents through the graph together and return their decisions in order."""
    start = RecordState(cases=[Case(document) for document in documents], decisions=[])
    limit = RunnableConfig(recursion_limit=10 + 4 * services.attempts)
    state = await graph.ainvoke(start, limit, context=services)
    return state["decisions"]

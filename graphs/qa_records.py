# pyright: reportUnknownMemberType=false
"""The record graph of questions: orders go to their operations and what they write to validators.

`operate → validate → (operate again | decide)`, over a batch of orders whose agents work side by
side. It is compiled without a checkpointer, so texts may stand in its state; they never reach a
disk from here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypedDict, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from burnish.agents.editing import Edit, Operation
from burnish.agents.validator import Verdict
from burnish.corpora.documents import QAItem
from burnish.corpora.errors import BudgetExhausted, BurnishError, ModelError, ReplyError
from burnish.graphs.qa_journal import UNSPENT, Done, Planned, done_of

T = TypeVar("T")
R = TypeVar("R")
WRITING = frozenset({
    "expand", "generate", "rephrase", "recalibrate", "rewrite_distractors", "mine_distractors",
    "repair",
})  # fmt: skip
"""Operations whose result says something that nobody has checked yet."""


class Panel(Protocol):
    """The validators together."""

    async def check(self, item: QAItem) -> Sequence[Verdict]:
        """Return every validator's opinion; a failure of a boundary is an abstention."""
        ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the nodes work with; context of the graph, never part of its state."""

    operations: Mapping[str, Operation]
    panel: Panel | None = None
    attempts: int = 2
    """How often an operation is tried before what it writes is rolled back."""
    concurrency: int = 16
    """Orders in flight."""
    review_below: float = 0.7


@dataclass(frozen=True, slots=True)
class Case:
    """An order on its way through the graph."""

    planned: Planned
    edit: Edit | None = None
    verdicts: tuple[Verdict, ...] = ()
    spent: int = 0
    """Tokens of earlier attempts and of validators."""
    tried: int = 0
    complaints: tuple[str, ...] = ()
    unspent: str = ""
    """Why the budget did not last."""
    stop: BurnishError | None = None
    """What ends the run here and lets it go on later."""


class QaState(TypedDict):
    """State of the record graph."""

    cases: list[Case]
    done: list[Done]


@dataclass(frozen=True, slots=True)
class Round:
    """Context of one batch."""

    workshop: Workshop
    number: int
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))


QaGraph = CompiledStateGraph[QaState, Round, QaState, QaState]


async def operate(state: QaState, runtime: Runtime[Round]) -> dict[str, list[Case]]:
    """Carry out every order that has no edit yet."""
    context = runtime.context

    async def one(case: Case) -> Case:
        if case.edit is not None or case.unspent or case.stop:
            return case
        operation = context.workshop.operations[case.planned.order.operation]
        return await _guarded(case, lambda: _operated(operation, case))

    return {"cases": await _side_by_side(context, one, state["cases"])}


async def _operated(operation: Operation, case: Case) -> Case:
    edit = await operation.apply(case.planned.order)
    return replace(case, edit=edit, tried=case.tried + 1)


async def _guarded(case: Case, work: Callable[[], Awaitable[Case]]) -> Case:
    """Let a failed boundary concern its order alone; an empty budget ends what is left of it."""
    try:
        return await work()
    except BudgetExhausted as error:
        return replace(case, unspent=str(error))
    except (ModelError, ReplyError) as error:
        failed = Edit(case.planned.order, "failed", case.planned.order.item, reason=str(error))
        return replace(case, edit=failed, tried=case.tried + 1)
    except BurnishError as error:
        return replace(case, stop=error)


async def _side_by_side(
    context: Round, work: Callable[[T], Awaitable[R]], things: Sequence[T]
) -> list[R]:
    async def one(thing: T) -> R:
        async with context.free:
            return await work(thing)

    return list(await asyncio.gather(*map(one, things)))


async def validate(state: QaState, runtime: Runtime[Round]) -> dict[str, list[Case]]:
    """Ask the validators about every item that was written."""
    context = runtime.context
    panel = context.workshop.panel

    async def one(case: Case) -> Case:
        edit = case.edit
        if panel is None or edit is None or case.verdicts or edit.verdicts or not _written(edit):
            return case
        item = edit.after
        assert item is not None
        return await _guarded(case, lambda: _judged(panel, item, case))

    return {"cases": await _side_by_side(context, one, state["cases"])}


async def _judged(panel: Panel, item: QAItem, case: Case) -> Case:
    verdicts = tuple(await panel.check(item))
    tokens = sum(verdict.tokens for verdict in verdicts)
    return replace(case, verdicts=verdicts, spent=case.spent + tokens)


def _written(edit: Edit) -> bool:
    return edit.status == "done" and edit.after is not None and edit.order.operation in WRITING


def after_validate(state: QaState, runtime: Runtime[Round]) -> Literal["again", "decide"]:
    """Send refused drafts back to their agents while they have attempts left."""
    attempts = runtime.context.workshop.attempts
    open_cases = any(refused(case) and case.tried < attempts for case in state["cases"])
    return "again" if open_cases else "decide"


def refused(case: Case) -> bool:
    """Tell whether validators reject what was written."""
    return not case.unspent and any(verdict.opinion == "reject" for verdict in case.verdicts)


def again(state: QaState, runtime: Runtime[Round]) -> dict[str, list[Case]]:
    """Take refused drafts back and order them anew, with another seed."""
    attempts = runtime.context.workshop.attempts
    return {
        "cases": [
            _reopened(case) if refused(case) and case.tried < attempts else case
            for case in state["cases"]
        ]
    }


def _reopened(case: Case) -> Case:
    edit = case.edit
    assert edit is not None
    order = replace(case.planned.order, seed=case.planned.order.seed + 1)
    return replace(
        case,
        planned=replace(case.planned, order=order),
        edit=None,
        verdicts=(),
        spent=case.spent + edit.tokens,
        complaints=(*case.complaints, *edit.complaints, *_objections(case)),
    )


def _objections(case: Case) -> list[str]:
    return [f"{v.validator}: {v.reason}" for v in case.verdicts if v.opinion == "reject"]


def decide(state: QaState, runtime: Runtime[Round]) -> dict[str, list[Done]]:
    """Say what came of each order; what stayed refused is rolled back, its tokens stay."""
    return {"done": [_decided(case, runtime.context.number) for case in state["cases"]]}


def _decided(case: Case, number: int) -> Done:
    planned = case.planned
    if case.edit is None or case.unspent:
        spent = case.spent + (case.edit.tokens if case.edit else 0)
        reason = case.unspent or "the run was stopped"
        return Done(planned, number, UNSPENT, planned.order.item, "", reason, spent, case.tried)
    done = done_of(planned, number, case.edit)
    done = replace(
        done,
        tokens=done.tokens + case.spent,
        attempts=max(case.tried, done.attempts),
        complaints=(*case.complaints, *done.complaints),
        verdicts=(*done.verdicts, *case.verdicts),
    )
    if not refused(case):
        return done
    objections = _objections(case)
    return replace(
        done,
        status="rolled_back",
        after=planned.order.item,
        reason=objections[0],
        complaints=(*done.complaints, *objections),
    )


def build() -> QaGraph:
    """Compile the record graph of questions."""
    graph = StateGraph(QaState, context_schema=Round)
    graph.add_node("operate", operate)
    graph.add_node("validate", validate)
    graph.add_node("again", again)
    graph.add_node("decide", decide)
    graph.add_edge(START, "operate")
    graph.add_edge("operate", "validate")
    graph.add_conditional_edges("validate", after_validate, ["again", "decide"])
    graph.add_edge("again", "operate")
    graph.add_edge("decide", END)
    return graph.compile(checkpointer=False)


async def drive(
    graph: QaGraph, planned: Sequence[Planned], workshop: Workshop, number: int
) -> list[Done]:
    """Carry out orders side by side and return what came of each, in order.

    Raises:
        QuotaPaused: the server's quota is used up; orders in flight were finished first.
    """
    context = Round(workshop, number, asyncio.Semaphore(workshop.concurrency))
    start = QaState(cases=[Case(one) for one in planned], done=[])
    limit = RunnableConfig(recursion_limit=10 + 4 * workshop.attempts)
    state = await graph.ainvoke(start, limit, context=context)
    stopped = next((case.stop for case in state["cases"] if case.stop is not None), None)
    if stopped is not None:
        raise stopped
    return state["done"]

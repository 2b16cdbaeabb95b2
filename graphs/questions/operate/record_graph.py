"""The record graph of questions: orders go to their operations, what is doubted to validators.

`operate → validate → (operate again | decide)`, over a batch of orders whose agents work side by
side. An operation checks, mends or takes back its own draft
(`burnish.agents.operations.checked`); here drafts
enter the set in the order of the plan, what the validators said of them is weighed, items that only
want checking are checked, and a wrong key that independent paths agree on goes on to the repair.
Nothing depends on which answer comes first, so a batch that is done again ends the same. It is
compiled without a checkpointer, so texts may stand in its state; they never reach a disk from here.
"""

# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from burnish.agents.operations.checked import Admitting
from burnish.agents.operations.operation import EditResult, Operation
from burnish.agents.validators.validation import (
    ReviewPolicy,
    Validation,
    ValidationDecision,
    combine,
)
from burnish.corpora.errors import (
    STOPPING,
    BudgetExhausted,
    BurnishError,
    ModelError,
    ReplyError,
)
from burnish.corpora.records import Verdict
from burnish.graphs.questions.state.journal import (
    UNSPENT,
    CompletedEdit,
    PlannedEdit,
    complete_edit,
)

CHECK, REPAIR = "check", "repair"
"""Operations: look at an item and change nothing; mend its key."""
WRITING = frozenset({"generate", "expand", "rephrase", "recalibrate", "rewrite_distractors"})
"""Operations whose result a person should see where no validator could judge it."""


@dataclass(frozen=True, slots=True)
class QuestionServices:
    """What the nodes work with; context of the graph, never part of its state."""

    operations: Mapping[str, Operation]
    validation: Validation | None = None
    policy: ReviewPolicy = field(default_factory=ReviewPolicy)
    concurrency: int = 16
    """Orders in flight."""
    begin: Callable[[Sequence[PlannedEdit]], None] = lambda _: None
    """Called before each batch with its orders: agents take in what the set has become."""


@dataclass(frozen=True, slots=True)
class OrderCase:
    """An order on its way through the graph."""

    planned: PlannedEdit
    edit: EditResult | None = None
    decision: ValidationDecision | None = None
    """What the validators together said of the item, or of the draft."""
    earlier: tuple[Verdict, ...] = ()
    """What they said of the item before it was repaired."""
    unspent: str = ""
    """Why the budget did not last."""
    stop: BurnishError | None = None
    """What ends the run here and lets it go on later."""
    refused: tuple[str, ...] = ()
    """Why its result may not enter the set beside those before it."""


class QaState(TypedDict):
    """State of the record graph."""

    cases: list[OrderCase]
    done: list[CompletedEdit]


@dataclass(frozen=True, slots=True)
class BatchContext:
    """Context of one batch."""

    services: QuestionServices
    number: int
    """Of the round."""
    free: asyncio.Semaphore
    repairs: int | None = None
    """Most checked items that may go on to a repair; None: all."""


QaGraph = CompiledStateGraph[QaState, BatchContext, QaState, QaState]


async def operate(state: QaState, runtime: Runtime[BatchContext]) -> dict[str, list[OrderCase]]:
    """Carry out every order that has no edit yet."""
    operations = runtime.context.services.operations

    async def one(case: OrderCase) -> OrderCase:
        order = case.planned.order
        if case.edit is not None or case.unspent or case.stop:
            return case
        if order.operation == CHECK:
            return replace(case, edit=EditResult(order, "done", order.item, order.item))
        return replace(case, edit=await operations[order.operation].apply(order))

    cases = await _side_by_side(runtime.context, one, state["cases"])
    before = [case.edit for case in state["cases"]]
    fresh = [case.edit is not old for case, old in zip(cases, before, strict=True)]
    return {"cases": await _admitted(runtime.context, cases, fresh)}


async def _admitted(
    batch: BatchContext, cases: Sequence[OrderCase], fresh: Sequence[bool]
) -> list[OrderCase]:
    """Enter new results into the set in the order of the plan; what repeats others is mended."""
    operations = batch.services.operations

    def entered(case: OrderCase) -> OrderCase:
        operation = operations.get(case.planned.order.operation)
        if case.edit is None or not isinstance(operation, Admitting):
            return case
        return replace(case, refused=operation.admit(case.edit))

    async def mend(case: OrderCase) -> OrderCase:
        operation = operations.get(case.planned.order.operation)
        if case.edit is None or not case.refused or not isinstance(operation, Admitting):
            return case
        return replace(case, edit=await operation.mend(case.edit, case.refused))

    held = [entered(case) if new else case for case, new in zip(cases, fresh, strict=True)]
    while any(case.refused and not case.stop for case in held):
        held = await _side_by_side(batch, mend, held)
        held = [entered(case) if case.refused and not case.stop else case for case in held]
    return held


async def _side_by_side(
    batch: BatchContext,
    work: Callable[[OrderCase], Awaitable[OrderCase]],
    cases: Sequence[OrderCase],
) -> list[OrderCase]:
    """Work on cases at once; a failed boundary concerns its own order alone."""

    async def one(case: OrderCase) -> OrderCase:
        async with batch.free:
            order = case.planned.order
            try:
                return await work(case)
            except BudgetExhausted as error:
                return replace(case, unspent=str(error))
            except (ModelError, ReplyError) as error:
                if isinstance(error, ModelError) and error.kind in STOPPING:
                    return replace(case, stop=error)
                return replace(
                    case, edit=EditResult(order, "failed", order.item, reason=str(error))
                )
            except BurnishError as error:
                return replace(case, stop=error)

    return list(await asyncio.gather(*map(one, cases)))


async def validate(state: QaState, runtime: Runtime[BatchContext]) -> dict[str, list[OrderCase]]:
    """Weigh what the validators said of drafts, and ask them about items that want checking."""
    services = runtime.context.services

    async def one(case: OrderCase) -> OrderCase:
        edit = case.edit
        if edit is None or case.decision is not None:
            return case
        if edit.verdicts:
            return replace(case, decision=combine(edit.verdicts, services.policy))
        item, validation = edit.after, services.validation
        if edit.order.operation != CHECK or item is None or validation is None:
            return case
        return replace(case, decision=await validation.decide(item))

    return {"cases": await _side_by_side(runtime.context, one, state["cases"])}


def after_validate(state: QaState, runtime: Runtime[BatchContext]) -> Literal["repair", "decide"]:
    """Send items on whose key may be mended; everything else is decided."""
    return "repair" if any(_mendable(state["cases"], runtime.context)) else "decide"


def _mendable(cases: Sequence[OrderCase], batch: BatchContext) -> list[bool]:
    """Tell which checked items go on to a repair: the first ones, as many as may be changed."""
    left = len(cases) if batch.repairs is None else batch.repairs
    left -= sum(bool(case.earlier) for case in cases)
    found: list[bool] = []
    for case in cases:
        checked = case.planned.order.operation == CHECK
        sure = case.decision is not None and case.decision.may_edit_key
        mend = checked and sure and REPAIR in batch.services.operations and left > 0
        left -= mend
        found.append(mend)
    return found


def repair(state: QaState, runtime: Runtime[BatchContext]) -> dict[str, list[OrderCase]]:
    """Order the repair of keys that independent paths call wrong, with one answer between them."""
    cases = state["cases"]
    chosen = zip(cases, _mendable(cases, runtime.context), strict=True)
    return {"cases": [_repairing(case) if mend else case for case, mend in chosen]}


def _repairing(case: OrderCase) -> OrderCase:
    order = replace(case.planned.order, operation=REPAIR)
    verdicts = () if case.decision is None else case.decision.verdicts
    planned = replace(case.planned, order=order)
    return replace(case, planned=planned, edit=None, decision=None, earlier=verdicts)


def decide(state: QaState, runtime: Runtime[BatchContext]) -> dict[str, list[CompletedEdit]]:
    """Say what came of each order."""
    return {"done": [_decided(case, runtime.context.number) for case in state["cases"]]}


def _decided(case: OrderCase, number: int) -> CompletedEdit:
    planned, edit, decision = case.planned, case.edit, case.decision
    before = sum(verdict.tokens for verdict in case.earlier)
    if edit is None or case.unspent:
        reason = case.unspent or "the run was stopped"
        return CompletedEdit(
            planned, number, UNSPENT, planned.order.item, reason=reason, tokens=before, attempts=0,
            verdicts=case.earlier,
        )  # fmt: skip
    done = complete_edit(planned, number, edit)
    asked = 0 if edit.verdicts or decision is None else decision.tokens
    said = () if decision is None else decision.verdicts
    # A repair asks the validators itself, which are the same questions: told and counted once.
    again = before if set(case.earlier) <= set(edit.verdicts) else 0
    told = tuple(dict.fromkeys((*case.earlier, *said)))
    done = replace(done, tokens=done.tokens + asked + before - again, verdicts=told)
    if decision is None:
        return done
    doubted = decision.opinion == "abstain" and edit.status == "done" and edit.after != edit.before
    unsure = doubted and edit.order.operation in WRITING
    review = decision.reason if decision.to_review or unsure else ""
    done = replace(done, review=review, suggested=decision.answer)
    if edit.order.operation == CHECK:
        status = "flagged" if decision.opinion == "reject" else "done"
        return replace(done, status=status, reason=decision.reason)
    return done


def build() -> QaGraph:
    """Compile the record graph of questions."""
    graph = StateGraph(QaState, context_schema=BatchContext)
    graph.add_node("operate", operate)
    graph.add_node("validate", validate)
    graph.add_node("repair", repair)
    graph.add_node("decide", decide)
    graph.add_edge(START, "operate")
    graph.add_edge("operate", "validate")
    graph.add_conditional_edges("validate", after_validate, ["repair", "decide"])
    graph.add_edge("repair", "operate")
    graph.add_edge("decide", END)
    return graph.compile(checkpointer=False)


async def drive(
    graph: QaGraph,
    planned: Sequence[PlannedEdit],
    services: QuestionServices,
    number: int,
    repairs: int | None = None,
) -> list[CompletedEdit]:
    """Carry out orders side by side and return what came of each, in order.

    Raises:
        QuotaPaused: the server's quota is used up; orders in flight were finished first.
        ModelError: the server cannot be used at all.
    """
    services.begin(planned)
    context = BatchContext(services, number, asyncio.Semaphore(services.concurrency), repairs)
    start = QaState(cases=[OrderCase(one) for one in planned], done=[])
    state = await graph.ainvoke(start, RunnableConfig(recursion_limit=20), context=context)
    stopped = next((case.stop for case in state["cases"] if case.stop is not None), None)
    if stopped is not None:
        raise stopped
    return state["done"]

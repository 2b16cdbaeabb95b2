"""The conversation graph: how a served refiner comes to a program for one document.

`number → ask → parse → try → (feedback → ask | merge)`, over all windows of the document at once;
windows that are done wait while others go on. What follows (guard, another attempt, certificate) is
the record graph's, inside whose `refine` node this graph runs. It is compiled without a
checkpointer: texts stand in its state and reach no disk from here.
"""

# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from burnish.agents.prompting.fencing import NumberedText
from burnish.agents.refiners.conversation import (
    Conversation,
    apply_calls,
    parse_reply,
    with_feedback,
)
from burnish.agents.refiners.refiner import Attempt
from burnish.agents.refiners.served import ServedRefiner
from burnish.corpora.records import Document
from burnish.tools.deletion.program import Program


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """Who talks about what; context of the graph."""

    refiner: ServedRefiner
    page: NumberedText
    attempts: tuple[Attempt, ...]


class ConversationState(TypedDict, total=False):
    """State of the graph: one conversation a window, and in the end the program."""

    conversations: list[Conversation]
    program: Program


ConversationGraph = CompiledStateGraph[
    ConversationState, ConversationContext, ConversationState, ConversationState
]


def number(state: ConversationState, runtime: Runtime[ConversationContext]) -> ConversationState:  # noqa: ARG001
    """Number the lines, cut the document into windows and open a conversation for each."""
    subject = runtime.context
    return ConversationState(conversations=subject.refiner.begin(subject.page, subject.attempts))


async def ask(state: ConversationState, runtime: Runtime[ConversationContext]) -> ConversationState:
    """Ask the model about every window that is not done, all at the same time."""
    refiner = runtime.context.refiner

    async def asked(conversation: Conversation) -> Conversation:
        return await refiner.ask(conversation) if conversation.open else conversation

    # Requests that are under way are awaited even when one fails: they are paid for.
    results = await asyncio.gather(*map(asked, _conversations(state)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    held = [result for result in results if isinstance(result, Conversation)]
    return ConversationState(conversations=held)


def parse(state: ConversationState) -> ConversationState:
    """Read the replies as calls."""
    return _advance(state, parse_reply)


def try_out(state: ConversationState, runtime: Runtime[ConversationContext]) -> ConversationState:
    """Try the calls on the document."""
    page = runtime.context.page
    return _advance(state, lambda conversation: apply_calls(conversation, page))


def after_try(state: ConversationState) -> Literal["feedback", "merge"]:
    """Go on while some window has something left to say."""
    return "feedback" if any(each.open for each in _conversations(state)) else "merge"


def feedback(state: ConversationState) -> ConversationState:
    """Tell the model what came of its calls."""
    return _advance(state, with_feedback)


def merge(state: ConversationState, runtime: Runtime[ConversationContext]) -> ConversationState:
    """Join the windows' programs into the document's."""
    subject = runtime.context
    return ConversationState(program=subject.refiner.finish(subject.page, _conversations(state)))


def _conversations(state: ConversationState) -> list[Conversation]:
    return state.get("conversations", [])


def _advance(
    state: ConversationState, step: Callable[[Conversation], Conversation]
) -> ConversationState:
    """Take a step in every conversation that still goes on."""
    moved = [step(each) if each.open else each for each in _conversations(state)]
    return ConversationState(conversations=moved)


@cache
def build() -> ConversationGraph:
    """Compile the conversation graph."""
    graph = StateGraph(ConversationState, context_schema=ConversationContext)
    graph.add_node("number", number)
    graph.add_node("ask", ask)
    graph.add_node("parse", parse)
    graph.add_node("try", try_out)
    graph.add_node("feedback", feedback)
    graph.add_node("merge", merge)
    graph.add_edge(START, "number")
    graph.add_edge("number", "ask")
    graph.add_edge("ask", "parse")
    graph.add_edge("parse", "try")
    graph.add_conditional_edges("try", after_try, ["feedback", "merge"])
    graph.add_edge("feedback", "ask")
    graph.add_edge("merge", END)
    return graph.compile(checkpointer=False)


async def converse(
    refiner: ServedRefiner, document: Document, attempts: Sequence[Attempt]
) -> Program:
    """Drive a served refiner through the graph; the `drive` to make one with."""
    subject = ConversationContext(refiner, NumberedText.of(document), tuple(attempts))
    limit = RunnableConfig(recursion_limit=10 + 4 * refiner.config.most_turns)
    state = await build().ainvoke(ConversationState(), limit, context=subject)
    return state["program"]

"""The conversation graph: how a served refiner comes to a program for one document.

`number → ask → parse → try → (feedback → ask | merge)`, over all windows of the document at once;
windows that are done wait while others go on. What follows (guard, another attempt, certificate) is
the record graph's, inside whose `refine` node this graph runs. It is compiled without a
checkpointer: texts stand in its state and reach no disk from here.
"""

# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from burnish.agents.prompting.fencing import Page
from burnish.agents.refiners import conversation as talks
from burnish.agents.refiners.conversation import Talk
from burnish.agents.refiners.refiner import Attempt
from burnish.agents.refiners.served import ServedRefiner
from burnish.corpora.records import Document
from burnish.tools.deletion.program import Program


@dataclass(frozen=True, slots=True)
class Subject:
    """Who talks about what; context of the graph."""

    refiner: ServedRefiner
    page: Page
    attempts: tuple[Attempt, ...]


class TalkState(TypedDict, total=False):
    """State of the graph: one conversation a window, and in the end the program."""

    talks: list[Talk]
    program: Program


ConversationGraph = CompiledStateGraph[TalkState, Subject, TalkState, TalkState]


def number(state: TalkState, runtime: Runtime[Subject]) -> TalkState:  # noqa: ARG001
    """Number the lines, cut the document into windows and open a conversation for each."""
    subject = runtime.context
    return TalkState(talks=subject.refiner.begin(subject.page, subject.attempts))


async def ask(state: TalkState, runtime: Runtime[Subject]) -> TalkState:
    """Ask the model about every window that is not done, all at the same time."""
    refiner = runtime.context.refiner

    async def asked(talk: Talk) -> Talk:
        return await refiner.ask(talk) if talk.open else talk

    # Requests that are under way are awaited even when one fails: they are paid for.
    results = await asyncio.gather(*map(asked, _talks(state)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return TalkState(talks=[result for result in results if isinstance(result, Talk)])


def parse(state: TalkState) -> TalkState:
    """Read the replies as calls."""
    return TalkState(talks=[talks.read(talk) if talk.open else talk for talk in _talks(state)])


def try_out(state: TalkState, runtime: Runtime[Subject]) -> TalkState:
    """Try the calls on the document."""
    page = runtime.context.page
    return TalkState(talks=[talks.tried(talk, page) for talk in _talks(state)])


def after_try(state: TalkState) -> Literal["feedback", "merge"]:
    """Go on while some window has something left to say."""
    return "feedback" if any(talk.open for talk in _talks(state)) else "merge"


def feedback(state: TalkState) -> TalkState:
    """Tell the model what came of its calls."""
    return TalkState(talks=[talks.answered(talk) if talk.open else talk for talk in _talks(state)])


def merge(state: TalkState, runtime: Runtime[Subject]) -> TalkState:
    """Join the windows' programs into the document's."""
    subject = runtime.context
    return TalkState(program=subject.refiner.finish(subject.page, _talks(state)))


def _talks(state: TalkState) -> list[Talk]:
    return state.get("talks", [])


@cache
def build() -> ConversationGraph:
    """Compile the conversation graph."""
    graph = StateGraph(TalkState, context_schema=Subject)
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
    subject = Subject(refiner, Page.of(document), tuple(attempts))
    limit = RunnableConfig(recursion_limit=10 + 4 * refiner.config.most_turns)
    state = await build().ainvoke(TalkState(), limit, context=subject)
    return state["program"]

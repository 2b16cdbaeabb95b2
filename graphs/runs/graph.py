"""The run graph: `profile → pilot → plan → approve → refine → validate → commit → report`.

One graph for documents, questions and training pairs; its context says which stages stand behind
the nodes. A few checkpointed steps a run, whose state holds counts and decisions, never texts. The
ledger and the markers, not the checkpoints, say what is done: a run goes on from its markers
wherever it was killed.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from burnish.corpora.errors import RunError
from burnish.graphs.runs.lock import locked
from burnish.graphs.runs.stages import RunState, Silence, Stages, Watcher

__all__ = ["RunState", "Silence", "Stages", "Watcher", "build", "carry_out"]


@dataclass(frozen=True, slots=True)
class StageContext:
    """Context of the run graph: whoever does the work behind its nodes."""

    stages: Stages


RunGraph = CompiledStateGraph[RunState, StageContext, RunState, RunState]


def approve(state: RunState, runtime: Runtime[StageContext]) -> RunState:
    """Wait for a person's yes where the settings ask for it, once a run."""
    if state.get("approved") or runtime.context.stages.approval == "auto":
        return RunState(approved=True)
    return RunState(approved=bool(interrupt({"plan": state.get("plan", {})})))


def after_approve(state: RunState) -> Literal["refine", "__end__"]:
    """End a run that was not approved before anything is touched."""
    return "refine" if state.get("approved") else "__end__"


def after_validate(state: RunState) -> Literal["plan", "commit"]:
    """Plan once more where another round may bring the set nearer to its target."""
    return "plan" if state.get("again") else "commit"


class _Node(Protocol):
    def __call__(self, state: RunState, runtime: Runtime[StageContext]) -> RunState: ...


def _node(stage: str) -> _Node:
    """Return a node that hands the state to a stage of the run; `Stages` says what each does."""

    def node(state: RunState, runtime: Runtime[StageContext]) -> RunState:
        return getattr(runtime.context.stages, stage)(state)

    return node


def build(saver: SqliteSaver) -> RunGraph:
    """Compile the run graph over a checkpointer."""
    graph = StateGraph(RunState, context_schema=StageContext)
    for stage in ("profile", "pilot", "plan"):
        graph.add_node(stage, _node(stage))
    graph.add_node("approve", approve)
    for stage in ("refine", "validate", "commit", "report"):
        graph.add_node(stage, _node(stage))
    graph.add_edge(START, "profile")
    graph.add_edge("profile", "pilot")
    graph.add_edge("pilot", "plan")
    graph.add_edge("plan", "approve")
    graph.add_conditional_edges("approve", after_approve, ["refine", END])
    graph.add_edge("refine", "validate")
    graph.add_conditional_edges("validate", after_validate, ["plan", "commit"])
    graph.add_edge("commit", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=saver)


_THREAD = RunnableConfig(configurable={"thread_id": "run"}, recursion_limit=200)


def carry_out(
    context: Stages, *, answer: bool | None = None, until: Literal["plan"] | None = None
) -> RunState:
    """Run, or go on with, the run of a folder; `until` stops after that stage.

    With `run.approval = "ask"` the state comes back without `approved` while the plan waits;
    call again with the answer.

    Raises:
        RunError: the folder is in use, or holds another run.
        SourceError: the input cannot be read.
    """
    try:
        context.folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{context.folder.root}: cannot be made ({error.strerror}); give another folder with -o"
        ) from None
    with locked(context.folder.root), _saver(context.folder.root) as saver:
        graph = build(saver)
        if answer is None:
            # The markers are the truth: an earlier process's checkpoints must not steer this one.
            saver.delete_thread("run")
        start = RunState(faults=[]) if answer is None else Command(resume=answer)
        result = graph.invoke(
            start,
            _THREAD,
            context=StageContext(context),
            durability="sync",
            interrupt_after=[until] if until else None,
        )
    return RunState(**{key: result[key] for key in RunState.__annotations__ if key in result})


@contextmanager
def _saver(root: Path) -> Generator[SqliteSaver]:
    path = root / "checkpoints.sqlite"
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)

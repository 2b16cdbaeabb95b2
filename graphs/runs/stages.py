"""What a run of either kind of record is to the run graph: a state, stages and a watcher."""

from typing import Any, Literal, Protocol, TypedDict

from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.runs.worker_pool import Marker


class RunState(TypedDict, total=False):
    """State of a run: counts and decisions only."""

    rows: int
    bad_rows: int
    chars: int
    resumed: bool
    plan: dict[str, Any]
    approved: bool
    totals: dict[str, int]
    faults: list[str]
    round: int
    """Of a run over questions: the last round that was planned."""
    again: bool
    """Whether another round is to be planned."""


class Stages(Protocol):
    """The work behind the nodes of the run graph, for one kind of record.

    The context of the graph: agents, stores and texts live here and are never checkpointed. Each
    stage gets the state as it stands and returns what changes.
    """

    @property
    def folder(self) -> RunFolder:
        """Where the run lies."""
        ...

    @property
    def approval(self) -> Literal["auto", "ask"]:
        """Whether a person is asked before the plan is carried out."""
        ...

    def profile(self, state: RunState) -> RunState:
        """Read the input, claim the folder for it and say what is in it."""
        ...

    def pilot(self, state: RunState) -> RunState:
        """Try operations on a sample, where their gains and costs are to be estimated."""
        ...

    def plan(self, state: RunState) -> RunState:
        """Say what will be done."""
        ...

    def refine(self, state: RunState) -> RunState:
        """Carry out what is planned and not yet done."""
        ...

    def validate(self, state: RunState) -> RunState:
        """Check what was done; `again` asks for another round."""
        ...

    def commit(self, state: RunState) -> RunState:
        """Make the result final."""
        ...

    def report(self, state: RunState) -> RunState:
        """Write report and card."""
        ...


class Watcher(Protocol):
    """Whoever shows how a run goes on."""

    def reading(self, more_bytes: int) -> None:
        """Tell that more of the input was surveyed."""
        ...

    def begins(self, rows: int, finished: Marker) -> None:
        """Tell how many rows there are, and the sums of the shards that are already finished."""
        ...

    def shard(self, marker: Marker) -> None:
        """Tell that a shard is finished."""
        ...


class Silence:
    """Watches and says nothing."""

    def reading(self, more_bytes: int) -> None:
        """Say nothing."""

    def begins(self, rows: int, finished: Marker) -> None:
        """Say nothing."""

    def shard(self, marker: Marker) -> None:
        """Say nothing."""

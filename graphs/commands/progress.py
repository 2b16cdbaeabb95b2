"""How far a command is, told to whoever asked: one event after another, for a bar or a log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_SHOWN = ("edited", "dropped", "quarantined")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a command is."""

    step: Literal["reading", "refining", "embedding", "labelling"]
    done: int
    """Reading: bytes of the input that were surveyed. Refining: rows that are finished, those that
    earlier processes finished included. Embedding and labelling: texts."""
    total: int | None = None
    """Rows there are; None while that is not known."""
    new_rows: int = 0
    """Rows that this process has finished; 0 in the event that begins a step."""
    new_bytes: int = 0
    """Bytes of text in them."""
    outcomes: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many of the finished rows were edited, dropped or quarantined."""


ProgressCallback = Callable[[Progress], None]


def counting(
    step: Literal["embedding", "labelling"], tell: ProgressCallback | None
) -> Callable[[int], None]:
    """Return what is told how many more texts are done, and tells the callback how many in all."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        if tell is not None:
            tell(Progress(step, done))

    return count


@dataclass
class Reporter:
    """The watcher of a run that turns what it hears into events."""

    tell: ProgressCallback
    _read: int = 0
    _rows: int = 0
    _total: int = 0
    _new_rows: int = 0
    _new_bytes: int = 0
    _outcomes: dict[str, int] = field(default_factory=dict[str, int])

    def reading(self, more_bytes: int) -> None:
        """Tell how much of the input was surveyed."""
        self._read += more_bytes
        self.tell(Progress("reading", self._read))

    def begins(self, rows: int, finished: Mapping[str, Any]) -> None:
        """Tell how much there is to do, and what was done before."""
        self._total, self._rows = rows, finished["rows"]
        self._new_rows = self._new_bytes = 0
        self._outcomes = {name: finished[name] for name in _SHOWN}
        self._refining()

    def shard(self, marker: Mapping[str, Any]) -> None:
        """Tell that a shard, or a batch, is finished."""
        self._rows += marker["rows"]
        self._new_rows += marker["rows"]
        self._new_bytes += marker["bytes_in"]
        for name in _SHOWN:
            self._outcomes[name] += marker["outcomes"][name]
        self._refining()

    def _refining(self) -> None:
        self.tell(
            Progress(
                "refining",
                self._rows,
                self._total,
                self._new_rows,
                self._new_bytes,
                dict(self._outcomes),
            )
        )

"""Shows how a run goes on: a bar in a terminal, plain lines in a log."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

_QUIET_SECONDS = 10.0
"""How long a log stays silent while work goes on."""


@dataclass
class ProgressBar:
    """A live bar with counts, rate and time left."""

    console: Console
    _bar: Progress = field(init=False)
    _task: TaskID | None = None
    _read: int = 0
    _counts: "_Counts" = field(default_factory=lambda: _Counts())

    def __post_init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
            console=self.console,
            transient=True,
        )

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        self._task = self._bar.add_task("surveying", total=None, rate="", counts="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def reading(self, more_bytes: int) -> None:
        """Show how much of the input was surveyed."""
        self._read += more_bytes
        if self._task is not None:
            self._bar.update(self._task, rate=f"{self._read / 1e6:,.0f} MB")

    def begins(self, rows: int, finished: dict[str, Any]) -> None:
        """Show the bar, with what earlier processes finished."""
        self._counts.begin(rows, finished)
        if self._task is not None:
            self._bar.update(
                self._task, description="refining", total=rows, completed=self._counts.rows
            )

    def shard(self, marker: dict[str, Any]) -> None:
        """Move the bar by a shard."""
        self._counts.add(marker)
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=self._counts.rows,
                rate=self._counts.rate(),
                counts=self._counts.outcomes(),
            )


@dataclass
class ProgressLog:
    """A line now and then, for logs and pipes."""

    _said: float = field(default_factory=time.monotonic)
    _counts: "_Counts" = field(default_factory=lambda: _Counts())
    _read: int = 0

    def __enter__(self) -> "ProgressLog":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def reading(self, more_bytes: int) -> None:
        """Say how much was surveyed, now and then."""
        self._read += more_bytes
        self._say(f"surveying: {self._read / 1e6:,.0f} MB read")

    def begins(self, rows: int, finished: dict[str, Any]) -> None:
        """Say how much there is to do."""
        self._counts.begin(rows, finished)
        done = f", {self._counts.rows:,} already done" if self._counts.rows else ""
        self._say(f"refining {rows:,} rows{done}", now=True)

    def shard(self, marker: dict[str, Any]) -> None:
        """Say how far the run is, now and then."""
        self._counts.add(marker)
        counts = self._counts
        last = counts.rows >= counts.total
        self._say(
            f"{counts.rows:,} of {counts.total:,} rows, {counts.rate()}, {counts.left()} left, "
            f"{counts.outcomes()}",
            now=last,
        )

    def _say(self, line: str, *, now: bool = False) -> None:
        if now or time.monotonic() - self._said >= _QUIET_SECONDS:
            self._said = time.monotonic()
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


@dataclass
class _Counts:
    total: int = 0
    rows: int = 0
    new_rows: int = 0
    new_bytes: int = 0
    started: float = 0.0
    by_outcome: dict[str, int] = field(default_factory=dict[str, int])

    def begin(self, rows: int, finished: dict[str, Any]) -> None:
        self.total = rows
        self.rows = finished["rows"]
        self.by_outcome = {name: finished[name] for name in ("edited", "dropped", "quarantined")}
        self.started = time.monotonic()

    def add(self, marker: dict[str, Any]) -> None:
        self.rows += marker["rows"]
        self.new_rows += marker["rows"]
        self.new_bytes += marker["bytes_in"]
        for name in self.by_outcome:
            self.by_outcome[name] += marker["outcomes"][name]

    def rate(self) -> str:
        return f"{self.new_bytes / 1e6 / self._seconds():.1f} MB/s"

    def left(self) -> str:
        if not self.new_rows:
            return "?"
        seconds = int((self.total - self.rows) * self._seconds() / self.new_rows)
        return f"{seconds // 60}:{seconds % 60:02d}"

    def outcomes(self) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in self.by_outcome.items() if count)

    def _seconds(self) -> float:
        return max(time.monotonic() - self.started, 1e-6)


def watcher_for(console: Console) -> ProgressBar | ProgressLog:
    """Return a bar for a terminal, a log for everything else."""
    return ProgressBar(console) if console.is_terminal else ProgressLog()

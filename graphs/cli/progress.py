"""Shows how a command goes on: a bar in a terminal, plain lines in a log."""

import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from burnish.graphs.commands.progress import Progress as Event

_QUIET_SECONDS = 10.0
"""How long a log stays silent while work goes on."""


@dataclass
class ProgressBar:
    """A live bar with counts, rate and time left."""

    console: Console
    _bar: Progress = field(init=False)
    _task: TaskID | None = None
    _started: float = 0.0

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

    def __call__(self, event: Event) -> None:
        """Move the bar."""
        if self._task is None:
            return
        if event.step == "reading":
            self._bar.update(self._task, rate=f"{event.done / 1e6:,.0f} MB")
        elif event.step == "refining":
            if not event.new_rows:
                self._started = time.monotonic()
            self._bar.update(
                self._task,
                description=event.step,
                total=event.total,
                completed=event.done,
                rate=_rate(event, self._started) if event.new_rows else "",
                counts=_outcomes(event),
            )
        else:
            self._bar.update(
                self._task, description=event.step, rate=f"{event.done:,} texts", counts=""
            )


@dataclass
class ProgressLog:
    """A line now and then, for logs and pipes."""

    _said: float = field(default_factory=time.monotonic)
    _started: float = 0.0

    def __enter__(self) -> "ProgressLog":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Say how far it is, when it begins, now and then, and when it ends."""
        if event.step == "reading":
            self._say(f"surveying: {event.done / 1e6:,.0f} MB read")
        elif event.step != "refining":
            self._say(f"{event.step}: {event.done:,} texts")
        elif not event.new_rows:
            self._started = time.monotonic()
            done = f", {event.done:,} already done" if event.done else ""
            self._say(f"refining {event.total or 0:,} rows{done}", now=True)
        else:
            total = event.total or 0
            self._say(
                f"{event.done:,} of {total:,} rows, {_rate(event, self._started)}, "
                f"{_left(event, self._started)} left, {_outcomes(event)}",
                now=event.done >= total,
            )

    def _say(self, line: str, *, now: bool = False) -> None:
        if now or time.monotonic() - self._said >= _QUIET_SECONDS:
            self._said = time.monotonic()
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _seconds(started: float) -> float:
    return max(time.monotonic() - started, 1e-6)


def _rate(event: Event, started: float) -> str:
    return f"{event.new_bytes / 1e6 / _seconds(started):.1f} MB/s"


def _left(event: Event, started: float) -> str:
    if not event.new_rows:
        return "?"
    seconds = int(((event.total or 0) - event.done) * _seconds(started) / event.new_rows)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _outcomes(event: Event) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in event.outcomes.items() if count)


def shown_progress() -> ProgressBar | ProgressLog:
    """Return a bar for a terminal, a log for everything else; both on standard error."""
    console = Console(stderr=True)
    return ProgressBar(console) if console.is_terminal else ProgressLog()

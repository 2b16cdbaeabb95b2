"""What running a program gives: limits in, a result with a class out."""

from dataclasses import dataclass
from typing import Literal, get_args

Outcome = Literal[
    "finished",
    "syntax_error",
    "raised",
    "timed_out",
    "out_of_memory",
    "forbidden",
    "output_limit",
    "crashed",
    "too_long",
]
"""The class of a result.

`forbidden` is a call, file or module that the sandbox withholds, even where the program swallowed
the error; `crashed` is an end without a report (a fault in native code, `os._exit`, a forged
report); `too_long` is a program over the source limit, which is not run.
"""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one program; the processor limit is the verdict, the wall limit its backstop."""

    cpu_seconds: int = 5
    wall_seconds: float = 15.0
    memory_bytes: int = 768 << 20
    """Address space beyond what the program inherits with its libraries."""
    output_bytes: int = 64 << 10
    source_bytes: int = 64 << 10


@dataclass(frozen=True, slots=True)
class Value:
    """A program's answer as text; nothing of it may be evaluated outside the sandbox."""

    type: str
    """Name of the value's type."""
    text: str
    """Its `repr`, made inside the sandbox, at most 4096 characters."""
    number: str | None
    """`7`, `0.5` or `7/12` when the value is a finite real number, exact where the value is."""
    cut: bool
    """Whether `text` is not all of the `repr`."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program took: processor and wall seconds, most resident memory in bytes.

    The memory counts the libraries a child shares with its server.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The result of one program.

    Output, answer and message are written by the program: escape control characters before showing
    them, and never evaluate them.
    """

    outcome: Outcome
    stdout: str
    value: Value | None
    error: str
    """Type of the exception, or the signal that ended the program; empty when it finished."""
    message: str
    line: int | None
    """Line of the program the error came from."""
    cost: Cost
    layers: tuple[str, ...]
    """The layers of isolation that were in force."""

"""Standard output: it carries the answer of a command and nothing else, whatever a library prints.

While a command works, descriptor 1 leads to standard error, for Python and for C alike and for
every process that the command starts. Only what is written through this module reaches the real
standard output, by a descriptor that no library knows. Help and usage, which come before a command
works, are printed as ever.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import typer

if TYPE_CHECKING:
    from rich.console import Console

_IN: Final = 0
_OUT: Final = 1
_ERROR: Final = 2
_answers: ContextVar[TextIO | None] = ContextVar("answers", default=None)


def say(answer: str | bytes) -> None:
    """Write one line of the answer; it has left this process when the call returns.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    typer.echo(answer, file=_stream())  # noqa: TID251 - the one place that may


def answer_console() -> "Console":
    """Return a console of rich that draws into the answer."""
    from rich.console import Console

    return Console(file=_stream())


def _stream() -> TextIO:
    return _answers.get() or sys.stdout


def guard(command: object, *, for_good: bool = False) -> None:
    """Let a command, or every command of a group, work with `guarded` standard output."""
    for inner in cast("dict[str, object]", getattr(command, "commands", {})).values():
        guard(inner, for_good=for_good)
    work = cast("Callable[..., object] | None", getattr(command, "callback", None))
    if work is None or hasattr(command, "commands"):
        return

    @wraps(work)
    def apart(*args: Any, **options: Any) -> object:  # noqa: ANN401 - whatever the command takes
        with guarded(for_good=for_good):
            return work(*args, **options)

    cast("Any", command).callback = apart


@contextlib.contextmanager
def guarded(*, for_good: bool = False) -> Generator[None]:
    """Lead descriptor 1 and `sys.stdout` to standard error; answers go where they led before.

    Args:
        for_good: leave the descriptor so, in a process that ends after this: what libraries print
            while the interpreter shuts down is no answer either.
    """
    outer = sys.stdout
    ours = _writes_to_descriptor_1(outer)
    outer.flush()
    if not for_good:
        _flush_c()
    saved = os.dup(_OUT)
    os.dup2(_ERROR, _OUT)
    stream = outer
    if ours:
        stream = open(saved, "w", encoding=outer.encoding, errors=outer.errors, closefd=False)  # noqa: SIM115
    token = _answers.set(stream)
    try:
        # A stand-in for standard output, as tests have, does not write to descriptor 1.
        with contextlib.nullcontext() if ours else contextlib.redirect_stdout(sys.stderr):
            yield
        stream.flush()
    finally:
        _answers.reset(token)
        if stream is not outer:
            # What could not be written is given up here, or it would be tried again at exit.
            with contextlib.suppress(OSError):
                stream.close()
        if not for_good:
            # What lies in buffers was printed under the guard: it leaves before that turns back.
            outer.flush()
            _flush_c()
            os.dup2(saved, _OUT)
        os.close(saved)


def _writes_to_descriptor_1(stream: TextIO) -> bool:
    try:
        return stream.fileno() == _OUT
    except (AttributeError, OSError, ValueError):
        return False


def open_closed_streams() -> None:
    """Lead each of the three streams that the caller closed to nowhere.

    Otherwise the next file that is opened, a ledger perhaps, takes the number of the stream and
    receives what is printed.
    """
    for descriptor in (_IN, _OUT, _ERROR):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given out, and those below are taken.
            os.open(os.devnull, os.O_RDWR)
    for name, descriptor in (("stdout", _OUT), ("stderr", _ERROR)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _flush_c() -> None:
    """Let C write what its own buffers hold: `printf` into a pipe waits there until the exit."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)

"""What runs inside the throw-away child: one program, and the rendering of its answer.

Everything here happens under the filter and its limits, `compile` and the answer's `repr` included,
because both run code that the program controls. The report is what the program says about itself;
`sandbox_worker` believes the kernel first.
"""

import ast
import builtins
import contextlib
import errno
import io
import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import CodeType, TracebackType
from typing import NamedTuple, cast

PROGRAM_FD, OUTPUT_FD, REPORT_FD = 0, 1, 3
FILE = "<program>"
ANSWERS = ("answer", "ans")
"""Names whose value is a program's answer, the first that is set."""

_LAST = "__last_expression__"
_NO_MEMORY = b'{"outcome": "out_of_memory", "error": "MemoryError", "message": ""}'


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a report is kept, in characters."""

    answer: int = 4096
    message: int = 500


class _Compiled(NamedTuple):
    body: CodeType
    calls_solution: bool
    """The last statement is `solution(...)` itself, so it must not be called once more."""


def execute(source: str, bounds: Bounds) -> dict[str, object]:
    """Run a program and report on it: outcome, error, line, answer.

    Args:
        source: the program's text.
        bounds: what is cut off.
    """
    space: dict[str, object] = {"__name__": "__main__", "__builtins__": builtins}
    try:
        compiled = _compile(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        return _failure("syntax_error", error, bounds, line=getattr(error, "lineno", None))
    except MemoryError as error:
        return _failure("out_of_memory", error, bounds)
    try:
        _run(compiled.body, space)
        value = _answer(space, compiled)
        rendered = {} if value is None else _render(value, bounds)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        return _raised(error, space, bounds)
    return {"outcome": "finished", **rendered}


def _run(body: CodeType, space: dict[str, object]) -> None:
    try:
        exec(body, space)  # noqa: S102
    except SystemExit as end:
        if end.code not in {None, 0}:
            raise


def _compile(source: str) -> _Compiled:
    """Compile a program; the value of a last expression is kept under a name of our own."""
    tree = ast.parse(source, FILE)
    last = tree.body[-1] if tree.body else None
    calls_solution = False
    if isinstance(last, ast.Expr):
        keep = ast.Assign([ast.Name(_LAST, ast.Store())], last.value)
        tree.body[-1] = ast.fix_missing_locations(ast.copy_location(keep, last))
        call = last.value
        named = call.func if isinstance(call, ast.Call) else None
        calls_solution = isinstance(named, ast.Name) and named.id == "solution"
    return _Compiled(compile(tree, FILE, "exec", dont_inherit=True), calls_solution)


def _answer(space: dict[str, object], compiled: _Compiled) -> object:
    """Return `answer` (or `ans`), what `solution()` returns, or the last expression's value."""
    last = space.pop(_LAST, None)
    for name in ANSWERS:
        if space.get(name) is not None:
            return space[name]
    solution = space.get("solution")
    if not compiled.calls_solution and callable(solution) and _takes_nothing(solution):
        return cast("Callable[[], object]", solution)()
    return last


def _takes_nothing(function: object) -> bool:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return False
    defaults = cast("tuple[object, ...] | None", getattr(function, "__defaults__", None)) or ()
    return code.co_argcount == len(defaults) and code.co_kwonlyargcount == 0


def _render(value: object, bounds: Bounds) -> dict[str, object]:
    text = repr(value)
    rendered: dict[str, object] = {
        "type": type(value).__name__,
        "text": text[: bounds.answer],
        "cut": len(text) > bounds.answer,
    }
    number = None if len(text) > bounds.answer else _number(value)
    return rendered if number is None else {**rendered, "number": number}


def _number(value: object) -> str | None:
    """Write a real number so that it can be read without running code: `7`, `0.5` or `7/12`."""
    if isinstance(value, bool) or type(value).__name__ in {
        "bool",
        "bool_",
        "BooleanTrue",
        "BooleanFalse",
    }:
        return None
    try:
        if isinstance(value, int | Fraction):
            return str(value)
        if getattr(value, "is_Rational", False):
            return str(Fraction(int(getattr(value, "p")), int(getattr(value, "q"))))  # noqa: B009
        if (
            isinstance(value, str | bytes | bytearray | complex)
            or getattr(value, "shape", ()) != ()
        ):
            return None
        integral = hasattr(value, "__index__")
        number = int(cast("int", value)) if integral else float(cast("float", value))
        return repr(number) if math.isfinite(number) else None
    except Exception:  # noqa: BLE001 - a value that cannot be a number simply has none
        return None


def _raised(error: BaseException, space: dict[str, object], bounds: Bounds) -> dict[str, object]:
    line = _line(error.__traceback__)
    if _is_shortage(error):
        traceback.clear_frames(error.__traceback__)
        space.clear()
        return _failure("out_of_memory", error, bounds, line=line)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    return _failure("forbidden" if _is_refusal(error) else "raised", error, bounds, line=line)


def _is_shortage(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OSError) and error.errno == errno.ENOMEM


def _is_refusal(error: BaseException) -> bool:
    """Say whether an error tells of something the sandbox withholds: a file, a module, a call."""
    if isinstance(error, PermissionError | ModuleNotFoundError):
        return True
    return isinstance(error, OSError) and "not permitted" in _message(error, 300)


def _failure(
    outcome: str, error: BaseException, bounds: Bounds, *, line: object = None
) -> dict[str, object]:
    report: dict[str, object] = {
        "outcome": outcome,
        "error": type(error).__name__,
        "message": _message(error, bounds.message),
    }
    return report if not isinstance(line, int) else {**report, "line": line}


def _message(error: BaseException, length: int) -> str:
    try:
        return str(error)[:length]
    except BaseException:  # noqa: BLE001 - a program's __str__ may do anything
        return ""


def _line(trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def read_program() -> str:
    """Read the program that the worker sends; empty when the worker closed without one."""
    with io.FileIO(PROGRAM_FD, "r", closefd=False) as pipe:
        return pipe.readall().decode("utf-8", "replace")


def run(bounds: Bounds) -> None:
    """Read a program, run it and write its report; the caller then ends the process.

    A worker that closes its end without a program wants nothing run.
    """
    source = read_program()
    if not source:
        return
    try:
        report = json.dumps(execute(source, bounds)).encode("ascii")
    except MemoryError:
        report = _NO_MEMORY
    data = memoryview(report)
    while data:
        data = data[os.write(REPORT_FD, data) :]

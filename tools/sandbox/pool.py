"""Run programs that a model wrote, on Linux, without trusting them.

A program runs in a throw-away process forked from a sealed server (`sandbox_server`): a separate
interpreter with an empty environment, its own session, no capabilities, the user nobody where
burnish runs as root, SymPy and NumPy already loaded. The process has four descriptors (program,
output, a sink, report) and a filter of system calls without any that takes a path, opens a
socket, makes a process, signals another or makes memory executable. Landlock and bubblewrap are
added where they work; each result names the layers that were in force.

Covered: files (reading, writing, even asking whether one exists), network, processes, signals,
shared memory, the environment, the traces of earlier programs, processor and wall time, memory,
output. Random generators and hashes start from the same state each time.

Not covered: faults of the kernel behind the forty or so calls that remain, and side channels.
Clocks cannot be taken away. Two programs at work share the processor: one that loops costs its
neighbours a core until its limit. What comes back (output, answer, message) is the program's word;
only the class of its end is the kernel's.

Where that isolation cannot be had, programs run in CPython compiled to WebAssembly if the extra
`wasm` is installed (`wasm_worker`; said once as a warning, and by the layers of each result).
Otherwise nothing is run: every entry raises `SandboxUnavailable`.
"""

import asyncio
import logging
import os
import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, Protocol

from burnish.corpora.errors import SandboxError, SandboxUnavailable
from burnish.corpora.storage.closing import Closing
from burnish.tools.sandbox.layers import BUBBLEWRAP, WASM, Layer, available, layers, require
from burnish.tools.sandbox.results import Cost, Execution, Limits, Outcome, Value

if TYPE_CHECKING:
    from burnish.tools.sandbox.native.worker import Worker

_LOG = logging.getLogger(__name__)

Isolation = Literal["auto", "native", "wasm"]
"""`auto`: native where it can be had, else WebAssembly where that is installed, else refusal."""

__all__ = [
    "Cost",
    "Execution",
    "Isolation",
    "Layer",
    "Limits",
    "Outcome",
    "Sandbox",
    "Value",
    "layers",
    "run_program",
]

SELF_TEST: tuple[tuple[str, Outcome], ...] = (
    ("import os\ntry: os.fork()\nexcept BaseException: pass", "forbidden"),
    ("import socket\ntry: socket.socket()\nexcept BaseException: pass", "forbidden"),
    ("open('/')", "forbidden"),
    ("import os\nos.stat('/')", "forbidden"),
    ("import os\ntry: os.kill(os.getppid(), 0)\nexcept BaseException: pass", "forbidden"),
    ("import mmap\nmmap.mmap(-1, 4096, prot=7)", "forbidden"),
    ("bytearray(1 << 40)", "out_of_memory"),
    ("6 * 7", "finished"),
)
"""What every new worker must prove before it gets a program, and how each has to end."""


class SandboxWorker(Protocol):
    """What runs programs one at a time: a native worker, or one with WebAssembly."""

    layers: tuple[str, ...]

    @property
    def pid(self) -> int:
        """Id of the process around the programs."""
        ...

    def run(self, source: bytes) -> Execution:
        """Run one program; raises WorkerLostError when the process is gone."""
        ...

    def kill(self) -> None:
        """End the process at once."""
        ...

    def close(self) -> None:
        """End the process and free what it holds."""
        ...


class Sandbox(Closing):
    """A pool of sealed workers; safe to use from many threads and from asyncio at once."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int = 0,
        found: Sequence[Layer] | None = None,
        isolation: Isolation = "auto",
    ) -> None:
        """Check the system; workers start when they are needed.

        Args:
            limits: bounds of each program.
            workers: how many programs run at a time; 0 for one a processor.
            found: the layers of this system, as `layers()` reports them when not given.
            isolation: what keeps programs in.

        Raises:
            SandboxUnavailable: a layer that must be there is missing.
        """
        found = layers() if found is None else found
        self._wasm = _settles_for_wasm(found, isolation)
        self._namespaces = available(found, BUBBLEWRAP)
        self.limits = limits or Limits()
        self.workers = workers or _cores()
        self._alive: set[SandboxWorker] = set()
        self._closed = self._stopped = False
        self._threads: ThreadPoolExecutor | None = None
        self._slots: queue.LifoQueue[SandboxWorker | None] = queue.LifoQueue()
        for _ in range(self.workers):
            self._slots.put(None)

    @property
    def pids(self) -> set[int]:
        """Process ids of the workers' servers."""
        return {worker.pid for worker in tuple(self._alive)}

    def run(self, program: str) -> Execution:
        """Run a program; waits for a free worker.

        A worker that is lost is replaced and the program tried once more.

        Raises:
            SandboxUnavailable: the isolation cannot be had, or the sandbox is closed.
            SandboxError: two workers in a row were lost.
        """
        source = program.encode("utf-8", "replace")
        if len(source) > self.limits.source_bytes:
            return self._too_long(len(source))
        for _ in range(2):
            worker = self._slots.get()
            kept: SandboxWorker | None = None
            try:
                worker = worker or self._start()
                result = _try(worker, source)
                kept = None if result is None else worker
            finally:
                if kept is None and worker is not None:
                    self._end(worker)
                self._slots.put(kept)
            if result is not None:
                return result
        raise SandboxError("a program could not be run: two workers ended under it; try it again")

    def _start(self) -> SandboxWorker:
        if self._closed or self._stopped:
            raise SandboxUnavailable("the sandbox is closed; open another one")
        worker = (
            start_wasm(self.limits)
            if self._wasm
            else start(self.limits, namespaces=self._namespaces)
        )
        self._alive.add(worker)
        if self._stopped:
            self._end(worker)
            raise SandboxUnavailable("the sandbox was stopped; open another one")
        return worker

    def _end(self, worker: SandboxWorker) -> None:
        worker.close()
        self._alive.discard(worker)

    async def run_async(self, program: str) -> Execution:
        """Run a program without blocking the event loop; raises as `run` does.

        A cancelled call leaves its program to its limits.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run, program)

    def stop(self) -> None:
        """End the programs at work now; whoever waits for one gets SandboxUnavailable.

        The sandbox takes no further program; `close` frees what is left.
        """
        self._stopped = True
        for worker in tuple(self._alive):
            worker.kill()

    def close(self) -> None:
        """Wait for the programs at work, then end every worker; harmless when called again."""
        if self._closed:
            return
        self._closed = True
        if self._threads is not None:
            self._threads.shutdown()
        for _ in range(self.workers):
            worker = self._slots.get()
            if worker is not None:
                self._end(worker)
        for _ in range(self.workers):
            self._slots.put(None)

    def _too_long(self, length: int) -> Execution:
        message = f"the program has {length} bytes; {self.limits.source_bytes} are allowed"
        return Execution("too_long", "", None, "", message, None, Cost(0.0, 0.0, 0), ())


def start(limits: Limits, *, namespaces: bool = False) -> "Worker":
    """Start a worker and have it prove its isolation.

    Raises:
        SandboxUnavailable: it could not seal itself, or a proof failed.
    """
    from burnish.tools.sandbox.native.worker import Worker, WorkerLostError

    try:
        worker = Worker(limits, namespaces=namespaces)
    except (OSError, WorkerLostError) as error:
        raise SandboxUnavailable(f"no worker could be started: {error}") from None
    _prove_or_close(worker)
    return worker


def start_wasm(limits: Limits) -> SandboxWorker:
    """Start a worker with WebAssembly and have it prove its isolation; raises as `start` does."""
    from burnish.tools.sandbox.wasm.worker import WasmWorker

    worker = WasmWorker(limits)
    _prove_or_close(worker)
    return worker


def _prove_or_close(worker: SandboxWorker) -> None:
    """Have a worker prove its isolation; one that cannot is not left running."""
    try:
        _prove(worker)
    except BaseException:
        worker.close()
        raise


def _settles_for_wasm(found: Sequence[Layer], isolation: Isolation) -> bool:
    """Choose between the native sandbox and WebAssembly.

    Raises:
        SandboxUnavailable: neither, or not the one that was asked for, can be had.
    """
    if isolation == "wasm":
        require(found, only=WASM)
        return True
    missing = next((each for each in found if each.required and not each.available), None)
    if missing is None:
        return False
    if isolation == "native" or not available(found, WASM):
        require(found)
    _LOG.warning(
        "burnish: programs run in WebAssembly here, slower and with 32-bit NumPy integers, because"
        " of %s: %s; the first start compiles for minutes",
        missing.name,
        missing.detail,
    )
    return True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _prove(worker: SandboxWorker) -> None:
    for program, expected in SELF_TEST:
        result = _try(worker, program.encode())
        if result is None or result.outcome != expected:
            seen = "no result" if result is None else result.outcome
            raise SandboxUnavailable(
                f"programs cannot be run here, and were not: the sandbox's test of itself "
                f"({program!r}) gave {seen}, not {expected}"
            )


def run_program(program: str, limits: Limits | None = None) -> Execution:
    """Run one program in a sandbox of its own; raises as `Sandbox.run` does."""
    with Sandbox(limits, workers=1) as sandbox:
        return sandbox.run(program)


def _try(worker: SandboxWorker, source: bytes) -> Execution | None:
    """Run a program on a worker; None when the worker was lost."""
    from burnish.tools.sandbox.native.worker import WorkerLostError

    try:
        return worker.run(source)
    except WorkerLostError:
        return None

"""The sealed fork server: a program of its own that a fresh interpreter runs.

It imports SymPy and NumPy, takes every means away from itself, tells its worker that it is ready
and then forks one child for each program. It never sees a program, its output or its answer: those
go between worker and child through pipes whose ends the worker sends along, so nothing of one
program can be in the memory the next child inherits.

Messages over the control socket (one packet each): the worker sends `fork` with three descriptors
(program, output, report) or `kill`; the server sends a JSON object once when it is ready and one
after each child's end. When the socket closes, the server kills its child and ends; when the
server dies, the kernel kills the child.
"""

import contextlib
import gc
import json
import os
import random
import select
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from burnish.tools.sandbox.native import child as sandbox_child
from burnish.tools.sandbox.native import modules, sealing
from burnish.tools.sandbox.native.seccomp import Filter, machine

FORK, KILL = b"fork", b"kill"
FAILED = 70
"""Exit code of a child that could not be sealed, or could not report."""
INT_DIGITS = 65536
"""Longest integer Python writes in decimal for a program."""


@dataclass(frozen=True, slots=True)
class NativeServerSettings:
    """What the worker asks of its server, passed as JSON on the command line."""

    control: int
    """Descriptor of the control socket."""
    paths: tuple[str, ...]
    """Where SymPy and NumPy are installed."""
    cpu_seconds: int
    memory_bytes: int
    """What a program may map beyond what it inherits."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The server's first message: whether it is sealed, and by what."""

    ready: bool = False
    reason: str = ""
    landlock: int = 0
    """Version of Landlock in force, 0 for none."""
    stored: int = 0
    """How many modules can be imported besides those loaded."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    control: socket.socket
    sink: int
    seccomp: Filter
    settings: NativeServerSettings
    address_space: int
    hello: Hello


def main(arguments: Sequence[str]) -> None:
    """Seal this process and serve until the control socket closes."""
    settings = NativeServerSettings(**json.loads(arguments[0]))
    control = socket.socket(fileno=settings.control)
    control.set_inheritable(False)
    try:
        sealed = _seal(settings, control)
    except (OSError, ImportError, RuntimeError) as error:
        control.send(json.dumps(asdict(Hello(reason=str(error)[:300]))).encode())
        return
    control.send(json.dumps(asdict(sealed.hello)).encode())
    _serve(sealed)


def _seal(settings: NativeServerSettings, control: socket.socket) -> _Sealed:
    kind = machine()
    if kind is None:
        raise RuntimeError("no system call table for this machine (x86_64 and aarch64 have one)")
    sys.path.extend(settings.paths)
    sys.set_int_max_str_digits(INT_DIGITS)
    modules.preload()
    if not modules.required_are_loaded():
        raise RuntimeError("SymPy and NumPy cannot be imported; install both")
    stored = modules.close_imports()
    modules.warm_up()
    seccomp = Filter(kind)
    address_space = _check_memory()
    sink = os.open(os.devnull, os.O_WRONLY)
    sealing.drop_identity()
    sealing.hide()
    landlock = sealing.landlock_version()
    confined = sealing.close_files(landlock)
    hello = Hello(ready=True, landlock=landlock if confined else 0, stored=stored)
    limit = address_space + settings.memory_bytes
    return _Sealed(control, sink, seccomp, settings, limit, hello)


def _check_memory() -> int:
    """Return the bytes of address space in use, once it is sure that children share none of them.

    Raises:
        RuntimeError: a writable mapping is shared with children, or a library started a thread.
    """
    gc.collect()
    gc.freeze()
    sealing.gather_pages()
    if sealing.shared_mappings():
        raise RuntimeError("a library made memory that programs would share; nothing is run")
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("a library started a thread in the fork server; nothing is run")
    return sealing.address_space()


def _serve(sealed: _Sealed) -> None:
    """Fork, kill and reap, one child at a time, until the worker is gone."""
    child: _Child | None = None
    poll = select.poll()
    poll.register(sealed.control, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if child is not None and child.handle in ready:
            poll.unregister(child.handle)
            sealed.control.send(child.reap())
            child = None
        if sealed.control.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(sealed.control, 16, 3)
            if not message:
                break
            if message == KILL and child is not None:
                child.kill()
            if message == FORK and child is None:
                child = _fork(sealed, descriptors)
                poll.register(child.handle, select.POLLIN)
            for descriptor in descriptors:
                os.close(descriptor)
    if child is not None:
        child.kill()
        child.reap()


@dataclass(slots=True)
class _Child:
    """A forked child, by its process id and a descriptor that cannot mean another process."""

    pid: int
    handle: int

    def kill(self) -> None:
        """End the child; one that has ended already is not an error."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def reap(self) -> bytes:
        """Collect the ended child and return the message about its end."""
        _, status, used = os.wait4(self.pid, 0)
        os.close(self.handle)
        code = os.waitstatus_to_exitcode(status)
        return json.dumps({
            "code": code,
            "cpu": used.ru_utime + used.ru_stime,
            "memory": used.ru_maxrss * 1024,
        }).encode()


def _fork(sealed: _Sealed, descriptors: Sequence[int]) -> _Child:
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(sealed, descriptors, server)
    return _Child(pid, os.pidfd_open(pid))


def _live(sealed: _Sealed, descriptors: Sequence[int], server: int) -> NoReturn:
    """Be the child: keep four descriptors, take on the limits and the filter, run, end."""
    try:
        sealing.die_with(server)
        program, output, report = descriptors
        os.dup2(program, sandbox_child.PROGRAM_FD)
        os.dup2(output, sandbox_child.OUTPUT_FD)
        os.dup2(sealed.sink, 2)
        os.dup2(report, sandbox_child.REPORT_FD)
        os.closerange(sandbox_child.REPORT_FD + 1, 256)
        sealing.limit(cpu_seconds=sealed.settings.cpu_seconds, address_space=sealed.address_space)
        random.seed(0)  # Python seeds the generator anew in every forked process
        sealed.seccomp.install()
        sandbox_child.run(sandbox_child.Bounds())
    except BaseException:  # noqa: BLE001 - nothing may climb back into the server's loop
        os._exit(FAILED)
    os._exit(0)

"""The worker's side of one sealed fork server: start it, hand it programs, judge how they ended.

The kernel's word comes first (signal, exit code, bytes read), the program's report on itself last
and only when it has the right shape. Every descriptor is owned by one object that closes it once:
in a process with threads, a second close of the same number closes somebody else's file.
"""

import contextlib
import importlib.util
import io
import json
import os
import select
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.classify import End, judge
from burnish.tools.sandbox.native import bubblewrap
from burnish.tools.sandbox.native.server import FORK, KILL, Hello, NativeServerSettings
from burnish.tools.sandbox.results import Execution, Limits

START_SECONDS = 180.0
"""The first start compiles the libraries' modules where Python has not cached them yet."""
GRACE_SECONDS = 15.0
"""How long a killed child may take to end: freeing much memory on a busy machine is slow."""
REPORT_BYTES = 64 << 10

_BOOT = """
import sys, types
for name, path in (("burnish", []), ("burnish.tools", [sys.argv[1]])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from burnish.tools.sandbox.native.server import main
main(sys.argv[2:])
"""
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""All a server and its programs see of the environment; `python -I` would ignore the hash seed."""
_FLAGS = ("-s", "-P", "-S")


class WorkerLostError(Exception):
    """The fork server ended or stopped answering; another one has to be started."""


class Worker:
    """One sealed fork server with one child waiting for the next program. Not for many threads."""

    def __init__(self, limits: Limits, *, namespaces: bool = False) -> None:
        """Start the server and wait until it is sealed.

        Args:
            limits: bounds of each program.
            namespaces: whether to start it inside bubblewrap.

        Raises:
            SandboxUnavailable: the server could not seal itself; says why.
        """
        self._limits = limits
        around = bubblewrap.command() if namespaces else ()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._control = ours
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [*around, *_command(theirs.fileno(), limits)],
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._ready: _Pipes | None = None
        try:
            self.layers = (*self._await_seal(), *(("bubblewrap",) if around else ()))
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the server, or of the bubblewrap around it."""
        return self._process.pid

    def run(self, source: bytes) -> Execution:
        """Run one program in a child of its own.

        Raises:
            WorkerLostError: the server is gone; the program may be tried on another worker.
        """
        pipes, self._ready = self._ready, None
        if pipes is None:
            raise WorkerLostError("no child was prepared")
        started = time.monotonic()
        with pipes:
            talk = _Exchange(self._control, pipes, source, self._limits)
            talk.finish(started + self._limits.wall_seconds)
        wall = time.monotonic() - started
        self._prepare()
        return judge(talk.ending(), self._limits, wall, self.layers)

    def kill(self) -> None:
        """End the server at once; whoever runs a program on it gets WorkerLostError.

        Inside bubblewrap only the closed socket reaches the server itself.
        """
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.kill()

    def close(self) -> None:
        """End the server and its child; harmless when it has ended already."""
        if self._ready is not None:
            self._ready.close()
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_seal(self) -> tuple[str, ...]:
        self._control.settimeout(START_SECONDS)
        try:
            hello = Hello(**json.loads(self._control.recv(4096) or b"{}"))
        except (OSError, ValueError, TypeError):
            hello = Hello(reason="the fork server ended before it was sealed")
        self._control.settimeout(None)
        if not hello.ready:
            raise SandboxUnavailable(f"programs cannot be run here, and were not: {hello.reason}")
        return ("seccomp", "rlimits", *(("landlock",) if hello.landlock else ()))

    def _prepare(self) -> None:
        """Have the server fork the next child, so that it waits sealed when a program comes."""
        program, output, report = _pipe(), _pipe(), _pipe()
        child_ends = [program.read, output.write, report.write]
        try:
            socket.send_fds(self._control, [FORK], [end.fileno() for end in child_ends])
        except OSError as error:
            for end in (program.write, output.read, report.read):
                end.close()
            raise WorkerLostError("the fork server is gone") from error
        finally:
            for end in child_ends:
                end.close()
        self._ready = _Pipes(program.write, output.read, report.read)


@dataclass(frozen=True, slots=True)
class _Ends:
    read: io.FileIO
    write: io.FileIO


def _pipe() -> _Ends:
    read, write = os.pipe()
    return _Ends(io.FileIO(read, "r"), io.FileIO(write, "w"))


@dataclass(frozen=True, slots=True)
class _Pipes(contextlib.AbstractContextManager["_Pipes"]):
    """The worker's ends of a child's three pipes; each is closed once, however often asked."""

    program: io.FileIO
    output: io.FileIO
    report: io.FileIO

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all that is still open; a child without a program ends by itself."""
        for end in (self.program, self.output, self.report):
            end.close()


@dataclass(slots=True)
class _Stream:
    """What was read from a pipe, up to a limit; the rest is read and dropped."""

    limit: int
    data: bytearray = field(default_factory=bytearray)
    over: bool = False

    def take(self, chunk: bytes) -> None:
        """Keep a chunk as far as the limit allows."""
        room = self.limit - len(self.data)
        self.over = self.over or len(chunk) > room
        self.data += chunk[:room]


class _Exchange:
    """Sends a program and collects output, report and end, under the wall and output limits."""

    def __init__(
        self, control: socket.socket, pipes: _Pipes, source: bytes, limits: Limits
    ) -> None:
        self._output = _Stream(limits.output_bytes)
        self._report = _Stream(REPORT_BYTES)
        self._end: dict[str, float] | None = None
        self._late = False
        self._killed = False
        self._unsent = memoryview(source)
        self._control = control
        self._pipes = pipes
        self._streams = {
            pipes.output.fileno(): (pipes.output, self._output),
            pipes.report.fileno(): (pipes.report, self._report),
        }
        self._poll = select.poll()
        for descriptor in (control.fileno(), *self._streams):
            self._poll.register(descriptor, select.POLLIN)
        os.set_blocking(pipes.program.fileno(), False)
        self._poll.register(pipes.program.fileno(), select.POLLOUT)

    def finish(self, deadline: float) -> None:
        """Go on until the child has ended and its pipes are empty.

        Raises:
            WorkerLostError: the server is gone, or the child outlives its kill by the grace period.
        """
        while self._end is None or self._streams:
            left = deadline - time.monotonic()
            if left <= 0:
                if self._killed and self._late:
                    raise WorkerLostError("a killed program did not end")
                self._late = self._late or not self._killed
                self._kill()
                deadline += GRACE_SECONDS
                continue
            for descriptor, _ in self._poll.poll(left * 1000 + 1):
                self._serve(descriptor)
            if self._output.over or self._report.over:
                self._kill()

    def ending(self) -> End:
        """Return what is known of the child's end once `finish` has returned."""
        known = self._end or {}
        return End(
            code=int(known["code"]),
            cpu_seconds=known["cpu"],
            memory_bytes=int(known["memory"]),
            output=bytes(self._output.data),
            report=bytes(self._report.data),
            over=self._output.over or self._report.over,
            late=self._late,
        )

    def _serve(self, descriptor: int) -> None:
        if descriptor in self._streams:
            pipe, stream = self._streams[descriptor]
            chunk = pipe.read(1 << 16)
            stream.take(chunk or b"")
            if not chunk:
                self._poll.unregister(descriptor)
                del self._streams[descriptor]
        elif descriptor == self._control.fileno():
            message = self._hear()
            self._end = cast("dict[str, float]", json.loads(message))
        else:
            self._send()

    def _hear(self) -> bytes:
        try:
            message = self._control.recv(4096)
        except OSError:
            message = b""
        if not message:
            raise WorkerLostError("the fork server ended")
        return message

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._pipes.program.write(self._unsent) or 0 :]
        except BrokenPipeError:
            raise WorkerLostError("the waiting child ended before it had its program") from None
        if not self._unsent:
            self._poll.unregister(self._pipes.program.fileno())
            self._pipes.program.close()

    def _kill(self) -> None:
        if not self._killed and self._end is None:
            self._killed = True
            try:
                self._control.send(KILL)
            except OSError as error:
                raise WorkerLostError("the fork server ended") from error


def _command(control: int, limits: Limits) -> list[str]:
    specs = [importlib.util.find_spec(name) for name in ("numpy", "sympy", "mpmath")]
    found = [Path(spec.origin).parent.parent for spec in specs if spec and spec.origin]
    settings = NativeServerSettings(
        control=control,
        paths=tuple(sorted({str(path) for path in found})),
        cpu_seconds=limits.cpu_seconds,
        memory_bytes=limits.memory_bytes,
    )
    tools = str(Path(__file__).parents[2])
    return [sys.executable, *_FLAGS, "-c", _BOOT, tools, json.dumps(asdict(settings))]

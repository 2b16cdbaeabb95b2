"""Keep a model server alive: start it, wait until it answers, start it again when it dies.

The server leads a process group of its own, which is ended as a whole: a server that dies leaves
its workers behind, and they hold the port and the memory that the next one needs.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from burnish.agents.llm.messages import Message, Model, Request, Sampling
from burnish.corpora.errors import ModelError, UsageError

Progress = Callable[[str], None]
_NOT_YET = frozenset({"unsent", "connection", "overloaded", "timeout", "server", "rate_limited"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try again; times in seconds."""

    start_s: float = 900.0
    """For a server to answer its first request; large models load for minutes."""
    poll_s: float = 0.5
    restarts: int = 5
    """How many deaths are mended; a server that stayed up for `stable_s` has its count back."""
    stable_s: float = 600.0
    first_wait_s: float = 1.0
    """Before the first restart; it doubles with each."""
    longest_wait_s: float = 60.0
    interrupt_s: float = 15.0
    """After SIGINT, before the group gets SIGTERM."""
    terminate_s: float = 5.0
    """After SIGTERM, before it gets SIGKILL."""

    def wait(self, deaths: int) -> float:
        """Return the pause before the restart that follows a number of deaths."""
        return min(self.longest_wait_s, self.first_wait_s * 2 ** (deaths - 1))


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to keep running."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: BinaryIO | None = None
    """Where its output goes; None: to standard error."""


class ServerDied(Exception):  # noqa: N818
    """Raised when the server's process has ended although nobody stopped it."""

    def __init__(self, code: int) -> None:
        reason = f"by signal {-code}" if code < 0 else f"with code {code}"
        super().__init__(f"the server ended {reason}")


@dataclass(slots=True)
class ServerProcess:
    """A running server and its process group."""

    process: asyncio.subprocess.Process
    patience: Patience = field(default_factory=Patience)

    @classmethod
    async def start(cls, launch: Launch, patience: Patience) -> "ServerProcess":
        """Start the program in a session of its own.

        Raises:
            UsageError: it cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *launch.command,
                env=dict(launch.environment),
                stdin=asyncio.subprocess.DEVNULL,
                # Standard output belongs to the URL.
                stdout=launch.log or 2,
                stderr=launch.log or 2,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(f"{launch.command[0]}: cannot be started ({error.strerror})") from None
        return cls(process, patience)

    async def died(self) -> ServerDied:
        """Wait until the process ends, and say how."""
        return ServerDied(await self.process.wait())

    async def stop(self) -> None:
        """End the whole group: ask, insist, kill. Does nothing where it has ended."""
        # vLLM's front process shuts its workers down when only it is asked to. Workers that
        # outlive it have lost whoever they work for: no use asking them.
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            if await self._gone(self.patience.interrupt_s):
                return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            self._send(sign)
            if await self._gone(self.patience.terminate_s):
                return

    def _send(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)

    async def _gone(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            if self.process.returncode is not None and not self.group_lives():
                return True
            await asyncio.sleep(0.05)
        return False

    def group_lives(self) -> bool:
        """Tell whether any process of the group is still there."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody has: their answers would pass for the new server's.

    Raises:
        UsageError: the address is taken or cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            mend = "take another with --port, or use what runs there with --url"
            raise UsageError(f"{host}:{port}: {error.strerror}; {mend}") from None


def find_port(host: str) -> int:
    """Return a port that is free at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def wait_until_answering(model: Model, patience: Patience) -> float:
    """Ask for one token until it comes; return the seconds that took.

    A health page that says yes proves little: chat template, model name and key are only tried
    by a request.

    Raises:
        ModelError: the server answers that it never will (no such model, wrong key, no chat
            template), or it did not answer in time.
    """
    request = Request((Message("user", "Hello."),), Sampling(max_tokens=1), task="health")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while True:
        try:
            await model.ask(request)
        except ModelError as error:
            if error.kind not in _NOT_YET:
                raise
            if loop.time() - begin > patience.start_s:
                text = f"no answer within {patience.start_s:g} s; the last attempt: {error}"
                raise ModelError("unreachable", text) from None
        else:
            return loop.time() - begin
        await asyncio.sleep(patience.poll_s)


async def supervise(
    launch: Launch,
    patience: Patience,
    ready: Callable[[], Awaitable[None]],
    say: Progress,
) -> None:
    """Keep a server running until this is cancelled; then nothing of it is left.

    `ready` returns once the server answers, and is called after every start.

    Raises:
        UsageError: the server ended before it ever answered, or died too often.
        ModelError: `ready` raised it.
    """
    deaths = 0
    answered = False
    loop = asyncio.get_running_loop()
    while True:
        begin = loop.time()
        try:
            async with _running(launch, patience) as server:
                await _unless_dead(ready(), server)
                answered = True
                raise await server.died()
        except ServerDied as death:
            if not answered:
                raise UsageError(f"{death} before it answered; its messages say why") from None
            deaths = 1 if loop.time() - begin > patience.stable_s else deaths + 1
            if deaths > patience.restarts:
                text = f"{death}; that was death {deaths} in a row, burnish gives up"
                raise UsageError(text) from None
            pause = patience.wait(deaths)
            say(f"{death}; restart {deaths} of {patience.restarts} in {pause:g} s")
        await asyncio.sleep(pause)


@asynccontextmanager
async def _running(launch: Launch, patience: Patience) -> AsyncGenerator[ServerProcess]:
    server = await ServerProcess.start(launch, patience)
    try:
        yield server
    finally:
        await _to_the_end(server.stop())


async def _to_the_end(job: Coroutine[None, None, None]) -> None:
    """Finish a job although this is cancelled: a second signal must not leave half a group."""
    task = asyncio.ensure_future(job)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def _unless_dead(ready: Awaitable[None], server: ServerProcess) -> None:
    """Wait for `ready`, but no longer than the server lives."""
    death = asyncio.ensure_future(server.died())
    answer = asyncio.ensure_future(ready)
    try:
        await asyncio.wait({death, answer}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise await death
        await answer
    finally:
        for task in (death, answer):
            task.cancel()
        await asyncio.gather(death, answer, return_exceptions=True)

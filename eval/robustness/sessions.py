"""Processes started in a session of their own, so that all of them can be found, and killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

LINGER_S = 120.0
"""Longest time that workers may outlive the process that started them. They need a fraction of a
second, and on a busy machine as long as they wait for a processor; a forgotten one stays."""
POLL_S = 0.004


class Member(NamedTuple):
    """A living process of a session."""

    pid: int
    role: Literal["parent", "worker", "other"]


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; what it says goes to the log."""
    with log.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - our own command on our own files
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
            # Started in the background, we may have been told to ignore Ctrl-C; they are not.
            preexec_fn=_hear,
        )


def _hear() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def members(session: int) -> list[Member]:
    """Return the living processes of a session, zombies left out."""
    return [Member(pid, _role(pid, session)) for pid in _pids() if _session_of(pid) == session]


def _pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def _session_of(pid: int) -> int | None:
    try:
        # The command's name stands in parentheses and may hold anything.
        state, _, _, session = (
            Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
        )
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(session)


def _role(pid: int, session: int) -> Literal["parent", "worker", "other"]:
    if pid == session:
        return "parent"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "other"
    return "worker" if b"spawn_main" in command else "other"


def settle(session: int, patience_s: float = LINGER_S) -> float:
    """Wait until a session has no process left; return how long that took, in seconds.

    What is left when patience ends is killed.
    """
    started = time.monotonic()
    while members(session):
        if time.monotonic() - started > patience_s:
            kill(session, members(session))
            break
        time.sleep(POLL_S)
    return time.monotonic() - started


def kill(session: int, victims: Sequence[Member]) -> None:
    """Kill processes of a session; those that ended by themselves meanwhile are passed over."""
    for victim in victims:
        if _session_of(victim.pid) == session:
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

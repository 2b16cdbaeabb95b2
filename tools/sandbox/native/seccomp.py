"""The filter between a model's program and the kernel: an allow-list of system calls.

The filter is a program of the classic Berkeley Packet Filter, built here instruction by instruction
and handed to the kernel with `prctl`, so no library is needed. Everything not allowed answers
EPERM; calls that no program of arithmetic makes (`syscalls.FATAL`) end the process with SIGSYS;
calls the table does not know answer ENOSYS. No call that takes a path is allowed at all, since a
filter cannot see what a pointer points to.
"""

import ctypes
import os
import platform
import struct
from typing import Literal, NamedTuple, assert_never

from burnish.tools.sandbox.native.syscalls import ALLOWED, CHECKED, FATAL, NEWEST, Numbers

Machine = Literal["x86_64", "aarch64"]

ALLOW = 0x7FFF0000
KILL = 0x80000000
REFUSE = 0x00050001
"""SECCOMP_RET_ERRNO with EPERM."""
NOT_A_TERMINAL = 0x00050019
UNKNOWN_CALL = 0x00050026

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _AND, _RETURN = (
    0x20,
    0x15,
    0x35,
    0x45,
    0x54,
    0x06,
)
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

_PROT_EXEC = 0x4
_FUTEX_FLAGS = 0x80 | 0x100
_FUTEX_WAITS_AND_WAKES = (0, 1, 9, 10)
_F_GETFD, _F_GETFL = 1, 3
_TCGETS = 0x5401

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2


class Instruction(NamedTuple):
    """One instruction: operation, jump when true, jump when false, constant."""

    code: int
    yes: int
    no: int
    constant: int


def machine() -> Machine | None:
    """Return the machine this process runs on, or None where the table has no numbers for it."""
    match platform.machine():
        case "x86_64" | "amd64":
            return "x86_64" if struct.calcsize("P") == 8 else None
        case "aarch64" | "arm64":
            return "aarch64"
        case _:
            return None


def build(kind: Machine) -> tuple[Instruction, ...]:
    """Write the filter for one machine.

    It never looks at memory, only at the call's number and register values; the test suite
    interprets it for every number on both machines.
    """
    program = [
        Instruction(_LOAD, 0, 0, _ARCHITECTURE_AT),
        *_unless(_AUDIT[kind], KILL),
        Instruction(_LOAD, 0, 0, _NUMBER_AT),
    ]
    if kind == "x86_64":
        program += [Instruction(_JUMP_AT_LEAST, 0, 1, _X32_BIT), _answer(KILL)]
    for numbers in ALLOWED.values():
        program += _for_call(numbers, kind, [_answer(ALLOW)])
    for name, numbers in CHECKED.items():
        program += _for_call(numbers, kind, _check(name))
    for numbers in FATAL.values():
        program += _for_call(numbers, kind, [_answer(KILL)])
    program += [Instruction(_JUMP_AT_LEAST, 0, 1, NEWEST + 1), _answer(UNKNOWN_CALL)]
    program.append(_answer(REFUSE))
    return tuple(program)


def _check(name: str) -> list[Instruction]:
    """Return the instructions that decide about one call by its arguments."""
    match name:
        case "mmap" | "mprotect":
            return [
                _load_low(2),
                Instruction(_JUMP_ANY_BIT, 0, 1, _PROT_EXEC),
                _answer(REFUSE),
                _answer(ALLOW),
            ]
        case "futex":
            mask = Instruction(_AND, 0, 0, 0xFFFFFFFF ^ _FUTEX_FLAGS)
            return [_load_low(1), mask, *_one_of(_FUTEX_WAITS_AND_WAKES, ALLOW)]
        case "fcntl":
            return [_load_low(1), *_one_of((_F_GETFD, _F_GETFL), ALLOW)]
        case "ioctl":
            return [_load_low(1), *_one_of((_TCGETS,), NOT_A_TERMINAL)]
        case "prlimit64":
            zero = [_load_low(0), *_unless(0, KILL), _load_low(2), *_unless(0, KILL)]
            return [*zero, _load_high(2), *_unless(0, KILL), _answer(ALLOW)]
        case _:
            raise ValueError(f"no check is written for {name}")


def _for_call(numbers: Numbers, kind: Machine, body: list[Instruction]) -> list[Instruction]:
    match kind:
        case "x86_64":
            number = numbers.x86_64
        case "aarch64":
            number = numbers.aarch64
        case _:
            assert_never(kind)
    if number is None:
        return []
    return [Instruction(_JUMP_EQUAL, 0, len(body), number), *body]


def _unless(value: int, answer: int) -> list[Instruction]:
    return [Instruction(_JUMP_EQUAL, 1, 0, value), _answer(answer)]


def _one_of(values: tuple[int, ...], answer: int) -> list[Instruction]:
    tests = [
        Instruction(_JUMP_EQUAL, len(values) - position, 0, value)
        for position, value in enumerate(values)
    ]
    return [*tests, _answer(REFUSE), _answer(answer)]


def _answer(value: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, value)


def _load_low(argument: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)


def _load_high(argument: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument + 4)


class Filter:
    """A built filter in the layout the kernel reads, ready to be installed after a fork."""

    def __init__(self, kind: Machine) -> None:
        program = build(kind)
        packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        self._code = ctypes.create_string_buffer(packed, len(packed))
        self._head = ctypes.create_string_buffer(
            struct.pack("@HP", len(program), ctypes.addressof(self._code))
        )
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install(self) -> None:
        """Put the calling process under the filter; it cannot be taken off again.

        Raises:
            OSError: the kernel does not accept a filter here.
        """
        word = ctypes.c_ulong
        if self._prctl(_PR_SET_NO_NEW_PRIVS, word(1), word(0), word(0), word(0)) != 0:
            raise OSError(ctypes.get_errno(), "no-new-privileges was refused")
        head = word(ctypes.addressof(self._head))
        if self._prctl(_PR_SET_SECCOMP, word(_MODE_FILTER), head, word(0), word(0)) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"a seccomp filter was refused: {os.strerror(error)}")

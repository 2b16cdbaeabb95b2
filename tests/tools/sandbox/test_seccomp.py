import struct
from typing import Literal

import pytest

from burnish.tools.sandbox.native.seccomp import (
    ALLOW,
    KILL,
    NOT_A_TERMINAL,
    REFUSE,
    UNKNOWN_CALL,
    Instruction,
    Machine,
    build,
)
from burnish.tools.sandbox.native.syscalls import ALLOWED, CHECKED, FATAL, NEWEST, Numbers

MACHINES: tuple[Machine, ...] = ("x86_64", "aarch64")
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003


def answer(program: tuple[Instruction, ...], audit: int, number: int, *arguments: int) -> int:
    """Interpret a filter as the kernel does, over the same 64 bytes."""
    registers = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, audit, 0, *registers)
    at, accumulator = 0, 0
    while True:
        code, yes, no, constant = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x06:
            return constant
        else:
            tests = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }
            at += yes if tests[code] else no


def number_of(table: dict[str, Numbers], name: str, machine: Machine) -> int:
    number = getattr(table[name], machine)
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_gets_the_answer_of_its_table(machine: Machine) -> None:
    program = build(machine)
    allowed = {getattr(numbers, machine) for numbers in ALLOWED.values()}
    checked = {getattr(numbers, machine) for numbers in CHECKED.values()}
    fatal = {getattr(numbers, machine) for numbers in FATAL.values()}
    for number in range(NEWEST + 200):
        if number in checked:
            continue
        expected = ALLOW if number in allowed else KILL if number in fatal else REFUSE
        if number > NEWEST:
            expected = UNKNOWN_CALL
        assert answer(program, AUDIT[machine], number) == expected, number


@pytest.mark.parametrize("machine", MACHINES)
def test_no_number_stands_in_two_tables(machine: Machine) -> None:
    every = [
        getattr(numbers, machine)
        for table in (ALLOWED, CHECKED, FATAL)
        for numbers in table.values()
        if getattr(numbers, machine) is not None
    ]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_end_the_process(machine: Machine) -> None:
    program = build(machine)
    others = [I386, *(audit for name, audit in AUDIT.items() if name != machine)]
    assert {answer(program, audit, n) for audit in others for n in range(500)} == {KILL}


def test_the_second_numbering_of_x86_ends_the_process() -> None:
    program = build("x86_64")
    assert {answer(program, AUDIT["x86_64"], 0x40000000 + n) for n in range(500)} == {KILL}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["mmap", "mprotect"])
def test_memory_is_never_made_executable(machine: Machine, name: str) -> None:
    number = number_of(CHECKED, name, machine)
    for protection in range(16):
        seen = answer(build(machine), AUDIT[machine], number, 0, 4096, protection, 0x22)
        assert seen == (REFUSE if protection & 4 else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("futex", (0, 0), ALLOW),
        ("futex", (0, 129), ALLOW),
        ("futex", (0, 137 | 256), ALLOW),
        ("futex", (0, 6), REFUSE),
        ("futex", (0, 134), REFUSE),
        ("futex", (0, 0x1000), REFUSE),
        ("fcntl", (1, 1), ALLOW),
        ("fcntl", (1, 3), ALLOW),
        ("fcntl", (1, 8), REFUSE),
        ("fcntl", (1, 10), REFUSE),
        ("ioctl", (1, 0x5401), NOT_A_TERMINAL),
        ("ioctl", (0, 0x5412), REFUSE),
        ("prlimit64", (0, 9, 0, 1), ALLOW),
        ("prlimit64", (0, 9, 1, 0), KILL),
        ("prlimit64", (0, 9, 1 << 40, 0), KILL),
        ("prlimit64", (7, 9, 0, 0), KILL),
    ],
)
def test_arguments_decide(
    machine: Machine, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    number = number_of(CHECKED, name, machine)
    assert answer(build(machine), AUDIT[machine], number, *arguments) == expected


PATHS: tuple[Literal["open", "stat", "readlink", "unlink"], ...] = (
    "open",
    "stat",
    "readlink",
    "unlink",
)


def test_no_call_that_takes_a_path_is_allowed() -> None:
    assert not set(PATHS) & {*ALLOWED, *CHECKED}
    assert not [
        name
        for name in (*ALLOWED, *CHECKED)
        if name.endswith(("at", "at2")) and name != "sigaltstack"
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_jump_lands_inside_and_every_path_ends(machine: Machine) -> None:
    program = build(machine)
    assert len(program) < 4096
    for at, instruction in enumerate(program):
        if instruction.code & 7 == 5:
            assert at + 1 + max(instruction.yes, instruction.no) < len(program)
            assert max(instruction.yes, instruction.no) < 256
    assert program[-1].code == 6

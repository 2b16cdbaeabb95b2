"""`burnish sandbox run` and `burnish sandbox check`."""

import contextlib
import json
import sys
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from burnish.corpora.errors import UsageError
from burnish.graphs.cli.standard_output import say

if TYPE_CHECKING:
    from burnish.tools.sandbox.pool import Isolation, Sandbox
    from burnish.tools.sandbox.results import Limits

sandbox_app = typer.Typer(
    help="Run programs that nobody vouches for, in isolation.", no_args_is_help=True
)

CpuSeconds = Annotated[int, typer.Option(min=1, help="Processor seconds of a program.")]
WallSeconds = Annotated[float, typer.Option(min=0.1, help="Seconds until it is ended anyway.")]
Memory = Annotated[int, typer.Option("--memory-mb", min=1, help="MiB beyond its libraries.")]
OutputBytes = Annotated[int, typer.Option(min=0, help="Bytes it may print.")]
Kept = Annotated[str, typer.Option("--isolation", help="auto, native or wasm (WebAssembly).")]


@sandbox_app.command("run")
def run_program(
    program: Annotated[str, typer.Argument(metavar="PROGRAM.py", help="The program; -: stdin.")],
    cpu_seconds: CpuSeconds = 5,
    wall_seconds: WallSeconds = 15.0,
    memory: Memory = 768,
    output_bytes: OutputBytes = 64 << 10,
    isolation: Kept = "auto",
) -> None:
    """Run one program and print its result as JSON; a program that fails is a result too."""
    from burnish.tools.sandbox.pool import Sandbox

    source = _read(program)
    limits = _limits(cpu_seconds, wall_seconds, memory, output_bytes)
    with _stopped_early(Sandbox(limits, workers=1, isolation=_isolation(isolation))) as sandbox:
        say(json.dumps(asdict(sandbox.run(source))))


@sandbox_app.command("check")
def check(
    programs: Annotated[
        Path, typer.Argument(metavar="PROGRAMS.jsonl", help="Rows of id, code, expect, answer.")
    ],
    cpu_seconds: CpuSeconds = 5,
    wall_seconds: WallSeconds = 15.0,
    memory: Memory = 768,
    output_bytes: OutputBytes = 64 << 10,
    isolation: Kept = "auto",
    workers: Annotated[
        int, typer.Option(min=0, help="Programs at a time; 0: as many as there are cores.")
    ] = 0,
) -> None:
    """Run programs with known results, a JSON line each; exit code 1 when one differs."""
    from burnish.tools.sandbox.expectations import check_all, read_expectations
    from burnish.tools.sandbox.pool import Sandbox

    expectations = read_expectations(programs)
    limits = _limits(cpu_seconds, wall_seconds, memory, output_bytes)
    differing = 0
    with _stopped_early(
        Sandbox(limits, workers=workers, isolation=_isolation(isolation))
    ) as sandbox:
        for row in check_all(expectations, sandbox):
            say(json.dumps(asdict(row)))
            differing += not row.agrees
    sys.stderr.write(f"burnish: {len(expectations):,} checked, {differing:,} different\n")
    raise typer.Exit(1 if differing else 0)


@contextlib.contextmanager
def _stopped_early(sandbox: "Sandbox") -> "Generator[Sandbox]":
    """Give out a sandbox; on an interrupt, end its programs instead of waiting for them."""
    with sandbox:
        try:
            yield sandbox
        except BaseException as error:
            sandbox.stop()
            if isinstance(error, KeyboardInterrupt):
                sys.stderr.write("burnish: interrupted; the programs at work were ended\n")
            raise


def _limits(cpu_seconds: int, wall_seconds: float, memory: int, output_bytes: int) -> "Limits":
    from burnish.tools.sandbox.results import Limits

    return Limits(
        cpu_seconds=cpu_seconds,
        wall_seconds=wall_seconds,
        memory_bytes=memory << 20,
        output_bytes=output_bytes,
    )


def _isolation(name: str) -> "Isolation":
    if name not in {"auto", "native", "wasm"}:
        raise UsageError(f"--isolation {name!r}: write auto, native or wasm")
    return cast("Isolation", name)


def _read(program: str) -> str:
    try:
        data = sys.stdin.buffer.read() if program == "-" else Path(program).read_bytes()
    except OSError as error:
        raise UsageError(f"{program}: {error.strerror}; give a Python program, or -") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{program}: not UTF-8; give a Python program in UTF-8") from None

"""`burnish doctor`, `config show` and `sandbox`: what is installed, set and safe to run."""

import contextlib
import json
import sys
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from burnish.corpora.errors import UsageError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.agents.llm.endpoints import Endpoint
    from burnish.graphs.system.doctor import Check
    from burnish.tools.sandbox.pool import Isolation, Sandbox
    from burnish.tools.sandbox.results import Limits

_COLOURS = {"ok": "green", "missing": "red", "broken": "red", "optional": "yellow"}


def doctor(
    config: options.Configs = None,
    set_: options.Pairs = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Try the model on this server too.")
    ] = None,
    model: options.Model = None,
    as_json: options.AsJson = False,
) -> None:
    """Check the installation part by part; exit code 1 when something needed does not work."""
    endpoint = _endpoint(config, set_, llm, model)
    from burnish.graphs.system.doctor import examine, is_healthy

    checks = examine(endpoint)
    well = is_healthy(checks)
    if as_json:
        options.print_json({"ok": well, "checks": [asdict(check) for check in checks]})
    else:
        _show(checks)
    raise typer.Exit(0 if well else 1)


def _endpoint(
    config: Sequence[Path] | None, set_: Sequence[str] | None, llm: str | None, model: str | None
) -> "Endpoint | None":
    """Return the server that flags or settings name; None where they name none.

    Raises:
        UsageError: the settings cannot be read, or name half a server.
    """
    if not (config or set_ or llm or model):
        return None
    from burnish.graphs.runs.llm import endpoint_of

    flags = {"llm.endpoint": llm, "llm.model": model}
    chosen = options.settings_of(config, set_, flags).llm
    return endpoint_of(chosen) if chosen.endpoint or chosen.model else None


def _show(checks: "Sequence[Check]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    table.add_column("state")
    table.add_column("what was found", overflow="fold")
    for check in checks:
        found = Text(check.detail)
        if check.mend:
            found.append(f"\n-> {check.mend}", style="bold")
        state = Text(check.state, style=_COLOURS[check.state])
        table.add_row(Text(check.name), state, found)
    answer_console().print(table)


config_app = typer.Typer(cls=options.ByPurpose, help="Look at the settings.", no_args_is_help=True)


@config_app.command("show")
def show_settings(
    config: options.Configs = None, set_: options.Pairs = None, as_json: options.AsJson = False
) -> None:
    """Print every setting with its value, meaning, unit and choices, as TOML for --config."""
    from burnish.graphs.commands.settings import about_settings, as_toml

    settings = options.settings_of(config, set_)
    if as_json:
        options.print_json({**settings.model_dump(), "about": about_settings()})
    else:
        say(as_toml(settings))


sandbox_app = typer.Typer(
    cls=options.ByPurpose,
    help="Run programs that nobody vouches for, in isolation.",
    no_args_is_help=True,
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

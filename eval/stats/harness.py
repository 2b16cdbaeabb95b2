"""What the commands of all benchmarks do alike: options, errors in one line, JSON and tables."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import orjson
from rich.console import Console

from burnish.corpora.errors import BurnishError, SourceError, UsageError

PLAIN_WIDTH = 220
"""Of tables that no terminal shows."""


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def data_root() -> Path:
    """Return the folder that holds the labelled sets: BURNISH_DATA, or beside the repository."""
    return Path(os.environ.get("BURNISH_DATA") or "../shared/data")


def benchmark_parser(name: str, purpose: str | None) -> argparse.ArgumentParser:
    """Return a parser for the options of `python -m burnish.eval.<name>`."""
    return _OneLineParser(
        prog=f"python -m burnish.eval.{name}",
        description=purpose,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def carry_out(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None,
) -> int:
    """Run a benchmark with the options given; an error is one line on the standard error.

    Returns:
        What `run` returns (None is 0), 2 for options or data that cannot be used, 1 where else it
        failed.
    """
    try:
        return run(parser.parse_args(argv)) or 0
    except (UsageError, SourceError) as error:
        print(f"{parser.prog.rsplit('.', 1)[-1]}: {error}", file=sys.stderr)
        return 2
    except BurnishError as error:
        print(f"{parser.prog.rsplit('.', 1)[-1]}: {error}", file=sys.stderr)
        return 1


def say_skipped(what: str, root: Path) -> int:
    """Say that the data of a benchmark is not there, which is no failure."""
    print(f"skipped: no {what} at {root} (set BURNISH_DATA)")
    return 0


def tell(figures: Mapping[str, object], path: Path | None = None) -> None:
    """Print figures as JSON, and write the same to a file if there is one.

    Raises:
        UsageError: the file cannot be written.
    """
    shown = orjson.dumps(figures, option=orjson.OPT_INDENT_2)
    print(shown.decode())
    if path is not None:
        write_json(path, shown)


def tell_line(figures: object) -> None:
    """Print figures as one line of JSON, at once."""
    print(orjson.dumps(figures, default=str).decode(), flush=True)


def write_json(path: Path, content: bytes) -> None:
    """Write figures to the file that `--json` names.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.write_bytes(content + b"\n")
    except OSError as error:
        raise UsageError(f"--json {path}: {error.strerror}") from None


def plain_or_rich() -> Console:
    """Return a console on stdout: as wide as the terminal, or wide and uncoloured without one."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH, color_system=None)

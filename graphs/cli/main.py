"""The command line: reads what the user typed, calls one function, prints what came of it.

Results go to standard output, progress and errors to standard error. Exit codes: 0 all well, 1 rows
do not balance, too many failed or a check found faults, 2 the command cannot be carried out, 3 the
token budget or a quota is used up, or the model server is gone, and the run can go on later, 130
interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from burnish.corpora.errors import BurnishError, QuotaPaused
from burnish.graphs.cli.checks import config_app, doctor, sandbox_app
from burnish.graphs.cli.options import ByPurpose
from burnish.graphs.cli.profile import profile
from burnish.graphs.cli.replay import diff, replay
from burnish.graphs.cli.run import plan, run
from burnish.graphs.cli.serve import serve
from burnish.graphs.cli.solve import solve
from burnish.graphs.cli.standard_output import guard, open_closed_streams, say
from burnish.graphs.cli.train import distill, train
from burnish.graphs.cli.wiki import wiki_app

app = typer.Typer(
    name="burnish",
    cls=ByPurpose,
    help="Refine the data that language models learn from: delete noise, never write a word.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
REFINE, LOOK, UNDO = "Refine", "Look", "Undo and verify"
MODELS, CHECKS = "Models and their data", "Checks"
app.command(rich_help_panel=REFINE)(run)
app.command(rich_help_panel=REFINE)(plan)
app.command(rich_help_panel=REFINE)(solve)
app.command(rich_help_panel=LOOK)(profile)
app.command(rich_help_panel=LOOK)(diff)
app.add_typer(wiki_app, name="wiki", rich_help_panel=LOOK)
app.command(rich_help_panel=UNDO)(replay)
app.command(rich_help_panel=MODELS)(distill)
app.command(rich_help_panel=MODELS)(train)
app.command(rich_help_panel=MODELS)(serve)
app.command(rich_help_panel=CHECKS)(doctor)
app.add_typer(config_app, name="config", rich_help_panel=CHECKS)
app.add_typer(sandbox_app, name="sandbox", rich_help_panel=CHECKS)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"burnish {version('burnish')}")
        raise typer.Exit


@app.callback()
def burnish(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Refine the data that language models learn from: delete noise, never write a word."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Args:
        argv: the arguments; None takes those of this process, which the command then has to itself.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # One thread a process: the workers are the parallelism, and results then share one BLAS path.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    open_closed_streams()
    command = typer.main.get_command(app)
    guard(command, for_good=argv is None)
    try:
        command(arguments, prog_name="burnish")
    except BurnishError as error:
        sys.stderr.write(f"burnish: {error}\n")
        sys.exit(3 if isinstance(error, QuotaPaused) else 2)
    except OSError as error:
        # A full disk behind standard output, say; what belongs to files is told where it happens.
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"burnish: {error.strerror or error}{where}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("burnish: interrupted; run the same command again to go on\n")
        sys.exit(130)

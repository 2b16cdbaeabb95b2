"""`burnish doctor` and `burnish config show`: what is installed, and what is set."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.agents.llm.endpoints import Endpoint
    from burnish.graphs.system.doctor import Check

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


config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


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

"""`burnish doctor`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.agents.llm.endpoints import Endpoint
    from burnish.graphs.system.doctor import Check

_COLOURS = {"ok": "green", "missing": "red", "broken": "red", "optional": "yellow"}


def doctor(
    config: Annotated[
        list[Path] | None, typer.Option("--config", help="TOML file whose server is tried.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")
    ] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Try the model on this server too.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model on that server.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the installation part by part; exit code 1 when something needed does not work."""
    endpoint = _endpoint(config, set_, llm, model)
    from burnish.graphs.system.doctor import examine, is_healthy

    checks = examine(endpoint)
    well = is_healthy(checks)
    if as_json:
        say(json.dumps({"ok": well, "checks": [asdict(check) for check in checks]}))
    else:
        _show(checks)
    raise typer.Exit(0 if well else 1)


def _endpoint(
    config: list[Path] | None, set_: list[str] | None, llm: str | None, model: str | None
) -> "Endpoint | None":
    """Return the server that flags or settings name; None where they name none.

    Raises:
        UsageError: the settings cannot be read, or name half a server.
    """
    if not (config or set_ or llm or model):
        return None
    from burnish.graphs.runs.llm import endpoint_of
    from burnish.graphs.runs.settings import load

    flags = {"llm.endpoint": llm, "llm.model": model}
    given = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    chosen = load(config or (), [*(set_ or ()), *given]).llm
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

"""Options that several commands have, how they and the settings go together, how help lists."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer
from typer.core import TyperGroup

from burnish.graphs.cli.standard_output import say

if TYPE_CHECKING:
    from burnish.graphs.runs.settings import Settings

Source = Annotated[
    str, typer.Argument(metavar="INPUT", help="File, folder, glob or hf:org/name[@split].")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Configs = Annotated[
    list[Path] | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings; may be repeated."),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, such as refiner.name=rules; `burnish config show` lists them.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
RunOutput = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FOLDER",
        help="Run folder; one that was begun is resumed. Else runs/<name of the input>.",
    ),
]
Kind = Annotated[str, typer.Option(metavar="KIND", help="documents, qa, or auto: by the columns.")]
IdField = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help='Column of the id; else "id" where there is one.'),
]
TextField = Annotated[
    str | None, typer.Option(metavar="COLUMN", help='Column of the text; else "text".')
]
Limit = Annotated[int | None, typer.Option(min=0, metavar="N", help="Only the first N rows.")]
Sample = Annotated[int | None, typer.Option(min=0, metavar="N", help="N rows drawn at random.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Worker processes; else as many as processors."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at the first bad row instead of setting it aside.")
]
Url = Annotated[
    str | None,
    typer.Option("--llm", metavar="URL", help="Server of a language model (OpenAI-compatible)."),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the model on that server.")
]
Budget = Annotated[
    int | None,
    typer.Option(min=0, metavar="TOKENS", help="Tokens that may ever be spent; else no bound."),
]
Target = Annotated[
    str | None,
    typer.Option(help="Questions: uniform (the default), a reference set, or a TOML of shares."),
]
Reserve = Annotated[
    str | None,
    typer.Option(metavar="POOL", help="Questions: more of them that may be drawn from."),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Questions: labels for items that name no domain, one a line."
    ),
]


def settings_of(
    files: Sequence[Path] | None,
    pairs: Sequence[str] | None,
    flags: Mapping[str, object] | None = None,
) -> "Settings":
    """Merge files, pairs and flags, later over earlier.

    Raises:
        UsageError: a setting does not fit.
    """
    from burnish.graphs.runs.settings import load

    return load(files or (), pairs or (), flags)


def print_json(value: object) -> None:
    """Print one JSON object."""
    say(json.dumps(value))


class _Formatter(Protocol):
    """What writes help texts."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Begin a section that ends with the context."""
        ...

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write terms beside what they mean."""
        ...


class ByPurpose(TyperGroup):
    """Lists commands under what people do with them, each with all of its first sentence."""

    def format_commands(self, ctx: object, formatter: _Formatter) -> None:
        """Write a section for each purpose, in the order of the commands."""
        del ctx
        purposes: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            told = (command.help or "").split("\n\n")[0].replace("\n", " ")
            panel = getattr(command, "rich_help_panel", None)
            purpose = panel if isinstance(panel, str) else "Commands"
            purposes.setdefault(purpose, []).append((name, told))
        for purpose, rows in purposes.items():
            with formatter.section(purpose):
                formatter.write_dl(rows)

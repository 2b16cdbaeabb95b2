"""Writes the pages of the reference that are made from the code: `python docs/reference.py`.

Commands come from the command line's own tree, settings from the fields of the settings tree,
errors from the docstring of `corpora/errors.py`. The pages are committed, so that they can be read
without building the site; `make docs` writes them anew, and `tests/docs` holds them to the code.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from burnish.corpora import errors
from burnish.graphs.cli.main import app
from burnish.graphs.runs.settings import Settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
_MADE = "<!-- Made by docs/reference.py from the code: `make docs` writes it anew. -->\n\n"


def commands() -> str:
    """Return the page of all commands with their arguments and options."""
    root = get_command(app)
    parts = [
        "# Commands\n",
        "Results go to standard output, progress and errors to standard error. What ends a command "
        "is said under [exit codes](errors.md).\n",
    ]
    group = ""
    for panel, name, command in _grouped(root):
        if panel != group:
            group = panel
            parts.append(f"## {panel}\n")
        parts.append(_command(name, command, "###" if group else "##"))
    return _MADE + "\n".join(parts)


# Typer brings a Click of its own or another's, by its version: only what both have is used here.
def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", command


def _panel(root: Any, name: str) -> str:  # noqa: ANN401
    panel = getattr(root.commands[name.split(" ", 1)[0]], "rich_help_panel", "")
    return panel if isinstance(panel, str) else ""


def _grouped(root: Any) -> list[tuple[str, str, Any]]:  # noqa: ANN401
    """Return panel, name and command; panels stay together, in the order of their first one."""
    found = [(_panel(root, name), name, command) for name, command in _commands(root)]
    panels = list(dict.fromkeys(panel for panel, _, _ in found))
    return sorted(found, key=lambda one: panels.index(one[0]))


def _command(name: str, command: Any, level: str) -> str:  # noqa: ANN401
    kinds = get_type_hints(command.callback)
    about = inspect.cleandoc(command.help or "")
    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, ...]] = []
    for one in command.params:
        meaning = " ".join((one.help or "").split())
        if one.param_type_name == "argument":
            shown = (one.metavar or one.name.upper()).strip("[]")
            arguments.append((shown if one.required else f"[{shown}]", meaning))
        elif "--help" not in one.opts and not one.hidden:
            options.append((_names(one, kinds[one.name]), meaning, _default(one)))
    usage = " ".join(["burnish", name, *(shown for shown, _ in arguments), "[OPTIONS]"])
    rows = [*((f"`{shown}`", meaning, "") for shown, meaning in arguments), *options]
    table = _table(("argument or option", "meaning", "default"), rows) if rows else ""
    said = "<!-- not run: it only says how the command is written -->"
    return f"{level} burnish {name}\n\n{about}\n\n{said}\n```text\n{usage}\n```\n\n{table}"


_VALUES: dict[object, str] = {int: "N", float: "X", Path: "PATH", str: "TEXT"}


def _names(option: Any, kind: object) -> str:  # noqa: ANN401
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    kinds = [one for one in _parts(kind) if one is not NoneType]
    if option.is_flag:
        return names
    shown = option.metavar or next((_VALUES[one] for one in kinds if one in _VALUES), "TEXT")
    return f"{names} `{shown}`" + (" …" if option.multiple else "")


def _parts(kind: object) -> Iterator[object]:
    inside = get_args(kind)
    if not inside:
        yield kind
    for one in inside:
        yield from _parts(one)


def _default(option: Any) -> str:  # noqa: ANN401
    default = option.default
    if default is None or default is False or callable(default) or default in ((), []):
        return "required" if option.required else ""
    return f"`{option.opts[0]}`" if default is True else f"`{default}`"


def settings() -> str:
    """Return the page of all settings, a table for each section."""
    parts = [
        "# Settings\n",
        "Defaults, then files (`--config FILE.toml`), then pairs (`--set section.key=value`), then "
        "flags: later beats earlier. A value is TOML; what is no TOML is taken as text. A misspelt "
        "key is an error that names the right one. `burnish config show` prints all of them with "
        "the values a command would use.\n",
    ]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        about = inspect.cleandoc(section.__doc__ or "")
        rows = [
            (f"`{name}.{key}`", " ".join((below.description or "").split()), _allowed(below),
             _value(below.get_default(call_default_factory=True)))
            for key, below in section.model_fields.items()
        ]  # fmt: skip
        parts.append(f"## {name}\n\n{about}\n")
        parts.append(_table(("key", "meaning", "values", "default"), rows))
    return _MADE + "\n".join(parts)


_KINDS: dict[object, str] = {
    str: "text", int: "whole number", float: "number", bool: "`true` or `false`",
}  # fmt: skip
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def _allowed(field: FieldInfo) -> str:
    """Say in words what a field takes."""
    bounds = [
        f"{sign} {getattr(part, name):g}"
        for part in field.metadata
        for name, sign in _BOUNDS.items()
        if getattr(part, name, None) is not None
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: object) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return " or ".join(_kind(one) for one in inside if one is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in {list, tuple}:
        return f"list of {_kind(inside[0])}"
    if origin is dict:
        return "table"
    return _KINDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _value(value: Any) -> str:  # noqa: ANN401
    return "none" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


FOLDERS = ("corpora", "tools", "agents", "graphs", "eval")


def rooms() -> str:
    """Return the page of all rooms with the sentence that each says of itself."""
    parts = [
        "# Rooms\n",
        "Every room says in its `__init__` what lives in it and what may not. A folder imports "
        "only folders above it on this page; inside a folder the rooms are "
        "[layers](../design/house.md).\n",
    ]
    for folder in FOLDERS:
        inside = sorted(path.parent for path in (ROOT / folder).rglob("__init__.py"))
        rows = [(f"`{room.relative_to(ROOT)}`", _sentence(room)) for room in inside[1:]]
        parts.append(f"## {folder}\n\n{_sentence(inside[0])}\n")
        parts.append(_table(("room", "what lives there"), rows))
    return _MADE + "\n".join(parts)


def _sentence(room: Path) -> str:
    about = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    # What the front door says beyond its first sentence is how to use it.
    said = [part for part in about.split("\n\n") if room.name != "api" or part in about[:100]]
    return " ".join(" ".join(said).split())


def failures() -> str:
    """Return the tree of errors, as the module that names them draws it."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("\n\n")[1]
    return f"```text\n{tree}\n```\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    lines = [head, tuple("---" for _ in head), *rows]
    cells = [[cell.replace("\n", " ").replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


PAGES = {"commands.md": commands, "rooms.md": rooms, "settings.md": settings}
"""Pages that are made as a whole."""


def with_errors(page: str) -> str:
    """Return the page of exit codes with its tree of errors made anew."""
    before, _, rest = page.partition("<!-- made: errors -->\n")
    _, _, after = rest.partition("<!-- end -->")
    return f"{before}<!-- made: errors -->\n{failures()}<!-- end -->{after}"


def main() -> int:
    """Write all pages anew."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), "utf-8")
    path = FOLDER / "errors.md"
    path.write_text(with_errors(path.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

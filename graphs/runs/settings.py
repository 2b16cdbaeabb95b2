"""The settings of a run: one frozen tree, merged from TOML files and `key=value` pairs.

Later beats earlier: defaults, then files in the order given, then pairs. A misspelt key is an
error that names the right one.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from burnish.corpora.errors import UsageError
from burnish.graphs.runs.command_settings import (
    DistillSection,
    ProfileSection,
    ServeSection,
    SolveSection,
    WikiSection,
)
from burnish.graphs.runs.question_settings import QaSettings
from burnish.graphs.runs.sections import (
    FieldSettings,
    GuardSettings,
    LlmSettings,
    RefinerSettings,
    RunSettings,
    Section,
    SelectionSettings,
)


class Settings(Section):
    """All settings: those of runs, and a section for each other command that has some."""

    fields: FieldSettings = FieldSettings()
    selection: SelectionSettings = SelectionSettings()
    refiner: RefinerSettings = RefinerSettings()
    llm: LlmSettings = LlmSettings()
    guard: GuardSettings = GuardSettings()
    qa: QaSettings = QaSettings()
    run: RunSettings = RunSettings()
    profile: ProfileSection = ProfileSection()
    distill: DistillSection = DistillSection()
    solve: SolveSection = SolveSection()
    wiki: WikiSection = WikiSection()
    serve: ServeSection = ServeSection()

    def of_run(self) -> dict[str, Any]:
        """Return what concerns runs as a tree: what is said of other commands changes none."""
        return self.model_dump(exclude=_OTHERS)


_OTHERS = {"profile", "distill", "solve", "wiki", "serve"}
"""Sections of commands that are no runs."""


def load(
    files: Sequence[Path] = (),
    pairs: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Merge TOML files, `section.key=value` pairs and flags, left to right, over the defaults.

    Flags are dotted keys with their values; one that is None says nothing.

    Raises:
        UsageError: a file cannot be read, a key is unknown or a value does not fit.
    """
    tree: dict[str, Any] = {}
    for path in files:
        _merge(tree, read_toml(path))
    for pair in pairs:
        _merge(tree, read_pair(pair))
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(tree, _nested(key, value))
    return _validated(tree)


def resolve(
    given: "Settings | Mapping[str, object] | None" = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Return settings as a caller gave them, changed by what flags say.

    A mapping has dotted keys (`{"refiner.threshold": 0.2}`), tables in tables as TOML has them, or
    both. A flag that is None says nothing.

    Raises:
        UsageError: a key is unknown or a value does not fit.
    """
    tree: dict[str, Any] = {}
    if isinstance(given, Settings):
        tree = given.model_dump()
    else:
        for key, value in _checked(given).items():
            _merge(tree, _nested(key, value))
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(tree, _nested(key, value))
    return _validated(tree)


def _checked(given: object) -> Mapping[str, object]:
    """Return a mapping of settings; what else a caller without a type checker gave is refused."""
    if given is None:
        return {}
    mapping = cast("Mapping[object, object]", given)
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in mapping):
        raise UsageError('settings: give Settings, or a mapping such as {"refiner.name": "rules"}')
    return cast("Mapping[str, object]", mapping)


def _validated(tree: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise UsageError(_explain(error)) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a settings file.

    Raises:
        UsageError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not TOML ({error})") from None


def read_pair(pair: str) -> dict[str, Any]:
    """Return the tree that `section.key=value` stands for; the value is TOML, or else text.

    Raises:
        UsageError: it is not of that form.
    """
    key, equals, text = pair.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {pair!r}: write section.key=value, such as refiner.name=rules")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return _nested(key.strip(), value)


def _nested(key: str, value: object) -> dict[str, Any]:
    tree: Any = deepcopy(value)
    for name in reversed(key.split(".")):
        tree = {name: tree}
    return cast("dict[str, Any]", tree)


def _merge(tree: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        held = tree.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(cast("dict[str, Any]", held), cast("dict[str, Any]", value))
        else:
            tree[key] = value


def _explain(error: ValidationError) -> str:
    fault = error.errors()[0]
    path = [str(part) for part in fault["loc"]]
    where = ".".join(path)
    if fault["type"] != "extra_forbidden":
        why = fault["msg"].removeprefix("Value error, ")
        return f"setting {where}: {why} (given: {fault['input']!r})"
    near = difflib.get_close_matches(where, keys(), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "see `burnish config show`"
    return f"setting {where}: there is no such key; {hint}"


def keys() -> list[str]:
    """Return the names of all settings and of their sections."""
    tree = cast("dict[str, dict[str, object]]", Settings().model_dump())
    return [name for section in tree for name in (section, *_below(section, tree[section]))]


def _below(section: str, values: dict[str, object]) -> list[str]:
    return [f"{section}.{key}" for key in values]

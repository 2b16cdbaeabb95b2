"""The settings as a page for people and programs: every key with its meaning and its choices."""

import json
import textwrap
from collections.abc import Iterator
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from burnish.graphs.runs.settings import Settings

_WIDTH = 98


def as_toml(settings: Settings) -> str:
    """Return settings as a TOML file that loads again, each key below what it means."""
    return "\n\n".join(
        "\n".join(_section(name, getattr(settings, name))) for name in Settings.model_fields
    )


def _section(name: str, section: BaseModel) -> Iterator[str]:
    yield f"[{name}]"
    yield from _comment(" ".join((type(section).__doc__ or "").split()))
    for key, field in type(section).model_fields.items():
        yield ""
        yield from _comment(f"{meaning_of(field)}{_told_range(field)}")
        value: object = getattr(section, key)
        yield f"# {key} is not set" if value is None else f"{key} = {_toml(value)}"


def _comment(text: str) -> Iterator[str]:
    # A word that is long is not broken: it may be a path or a key.
    yield from (
        f"# {line}"
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    )


def _toml(value: object) -> str:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        pairs = (f"{_toml(key)} = {_toml(one)}" for key, one in table.items())
        return "{" + ", ".join(pairs) + "}"
    # TOML knows no surrogate pairs, and wants a bare delete character escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def about_settings() -> dict[str, dict[str, object]]:
    """Return for each key, such as `refiner.name`, its meaning, choices, bounds and default."""
    told: dict[str, dict[str, object]] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        for key, one in section.model_fields.items():
            told[f"{name}.{key}"] = {
                "meaning": meaning_of(one),
                "choices": choices_of(one.annotation),
                "range": _range_of(one),
                "default": one.get_default(call_default_factory=True),
            }
    return told


def meaning_of(field: FieldInfo) -> str:
    """Return what a key means, on one line."""
    return " ".join((field.description or "").split())


def choices_of(annotation: Any) -> list[object]:  # noqa: ANN401 - any type of a field
    """Return the values a key may have where they are a list, else none."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    found: list[object] = []
    for part in get_args(annotation):
        if part is not NoneType:
            found += choices_of(part)
    return found


def _range_of(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [
        f"{word} {getattr(one, name)}"
        for one in field.metadata
        for name, word in words.items()
        if hasattr(one, name)
    ]
    return ", ".join(bounds)


def _told_range(field: FieldInfo) -> str:
    choices = ", ".join(str(one) for one in choices_of(field.annotation))
    parts = [f"One of {choices}." if choices else "", _range_of(field)]
    told = " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)
    return f" {told}" if told else ""

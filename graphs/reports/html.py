"""Builds HTML in which text is text: whatever is not made by `tag` is escaped."""

from collections.abc import Iterable
from html import escape

from burnish.tools.text.visible import visible

_VOID = frozenset({"meta", "input", "br"})


class Markup(str):
    """HTML made by `tag` or `join`; any other string is text of unknown origin."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """Return an element; strings among the children are escaped, `Markup` passes.

    Attribute names lose a final underscore and get dashes for the others; an attribute that is
    None or False is left out, one that is True has no value.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {attribute}")
        elif value is not None and value is not False:
            parts.append(f' {attribute}="{escape(visible(str(value)))}"')
    parts.append(">")
    if name not in _VOID:
        parts += (join(children), f"</{name}>")
    return Markup("".join(parts))


def join(children: Iterable[str]) -> Markup:
    """Put children one after another, those that are plain text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(visible(child)) for child in children
        )
    )

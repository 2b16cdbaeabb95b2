"""What other distributions add to burnish by an entry point: refiners, operations, validators.

An entry point in the group `burnish.refiners` names something that is called to make a refiner,
such as its class; what the settings say under `refiner.options` are its keyword arguments. The
groups `burnish.operations` and `burnish.validators` go with `qa.options.NAME`.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from burnish.corpora.errors import UsageError

Group = Literal["refiners", "operations", "validators"]
GROUPS: tuple[Group, ...] = ("refiners", "operations", "validators")


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point of another distribution."""

    group: Group
    name: str
    origin: str
    """Name and version of the distribution; part of the fingerprint of runs that use it."""


def find_plugins(group: Group) -> list[Plugin]:
    """Return what is installed, by name."""
    found = {point.name: point for point in entry_points(group=f"burnish.{group}")}
    return [Plugin(group, name, _origin(found[name])) for name in sorted(found)]


def _origin(point: EntryPoint) -> str:
    return "unknown" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def is_plugin(group: Group, name: str) -> bool:
    """Tell whether something of this name is installed."""
    return bool(entry_points(group=f"burnish.{group}", name=name))


def load_plugin(group: Group, name: str, options: Mapping[str, Any], where: str) -> object:
    """Make what an entry point names; `where` is the setting that asked for it.

    Raises:
        UsageError: it is not installed, or cannot be made.
    """
    points = entry_points(group=f"burnish.{group}", name=name)
    if not points:
        raise UsageError(f"{where}: no distribution adds {name!r} under burnish.{group}")
    point = next(iter(points))
    try:
        return point.load()(**options)
    except Exception as error:  # noqa: BLE001 - whatever foreign code raises is told, not passed on
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UsageError(
            f"{where}: {name!r} of {_origin(point)} cannot be made ({words})"
        ) from None


def origin_of(group: Group, name: str) -> str:
    """Return the distribution that adds a name; empty where none does."""
    return next((one.origin for one in find_plugins(group) if one.name == name), "")


def is_writable(value: object) -> bool:
    """Tell whether a value is text that files can hold: half a surrogate pair is none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_share(value: object) -> bool:
    """Tell whether a value is a number from 0 to 1."""
    return isinstance(value, int | float) and 0 <= value <= 1


def check_part(part: object, what: str, members: Sequence[str], taken: Container[str]) -> None:
    """Check that an object of somebody else's has the members of its protocol and a free name.

    Raises:
        UsageError: it has not.
    """
    kind = type(part).__name__
    # A class has the members too, but it is its objects that work.
    if isinstance(part, type):
        raise UsageError(f"{what}: {part.__name__} is a class; give an object of it")
    lacking = [name for name in ("name", "revision", *members) if not hasattr(part, name)]
    if lacking:
        raise UsageError(f"{what}: {kind} has no {', '.join(lacking)}; see what its protocol asks")
    for text in (getattr(part, "name", None), getattr(part, "revision", None)):
        if not text or not is_writable(text):
            raise UsageError(f"{what}: {kind} needs texts as its name and revision")
    name = str(getattr(part, "name", ""))
    if name in taken:
        raise UsageError(f"{what}: {kind}: the name {name!r} is taken; choose another")

"""What other distributions add to burnish by an entry point: refiners, operations, validators.

An entry point in the group `burnish.refiners` names something that is called to make a refiner,
such as its class; what the settings say under `refiner.options` are its keyword arguments. The
groups `burnish.operations` and `burnish.validators` go with `qa.options.NAME`.
"""

from collections.abc import Mapping
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

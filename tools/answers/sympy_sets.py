"""Sets of numbers as SymPy writes them: `Interval.open(0, 1)`, `Union(…)`, `(2 < x) & (x < 3)`.

Programs of the reasoner often end in such a value. Here it is taken apart as text; nothing of it is
handed to SymPy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

MOST_TERMS = 16

Joint = Literal["and", "or"]

_CALL: Final = re.compile(r"(Interval(?:\.(?:open|Lopen|Ropen))?|Union|FiniteSet|And|Or)\((.*)\)")
_OPEN_LOW: Final = frozenset({"Interval.open", "Interval.Lopen"})
_OPEN_HIGH: Final = frozenset({"Interval.open", "Interval.Ropen"})
_JOINTS: Final[tuple[tuple[str, Joint], ...]] = (("|", "or"), ("&", "and"))


@dataclass(frozen=True, slots=True)
class Borders:
    """An interval whose borders are still text."""

    low: str
    high: str
    closed_low: bool
    closed_high: bool


@dataclass(frozen=True, slots=True)
class JoinedSets:
    """Parts that are still text, and how they belong together."""

    kind: Literal["union", "set", "and"]
    parts: tuple[str, ...]


def parted(text: str) -> Borders | JoinedSets | None:
    """Take the outermost set or logical operation apart; None where the text is none."""
    for sign, joint in _JOINTS:
        if sign in text:
            parts = _parts(text, sign)
            if len(parts) > 1 and all(map(_is_bracketed, parts)):
                inner = tuple(part[1:-1].strip() for part in parts)
                return JoinedSets("union" if joint == "or" else "and", inner)
    call = _CALL.fullmatch(text)
    if call is None or not _is_bracketed(f"({call[2]})"):
        return None
    name, parts = call[1], tuple(_parts(call[2], ","))
    if not all(parts) or len(parts) > MOST_TERMS:
        return None
    if name.startswith("Interval"):
        return _borders(name, parts)
    kinds: dict[str, Literal["union", "set", "and"]] = {"FiniteSet": "set", "And": "and"}
    return JoinedSets(kinds.get(name, "union"), parts)


def _borders(name: str, parts: Sequence[str]) -> Borders | None:
    if len(parts) not in {2, 3, 4}:
        return None
    opened = [part.casefold() == "true" for part in (*parts[2:], "False", "False")]
    return Borders(
        parts[0],
        parts[1],
        name not in _OPEN_LOW and not opened[0],
        name not in _OPEN_HIGH and not opened[1],
    )


def _parts(text: str, sign: str) -> list[str]:
    """Split at a sign outside brackets."""
    parts, depth = [""], 0
    for one in text:
        depth += (one in "([{") - (one in ")]}")
        if one == sign and depth == 0:
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts]


def _is_bracketed(text: str) -> bool:
    """Say whether one pair of brackets holds all of the text."""
    if len(text) < 3 or text[0] != "(" or text[-1] != ")":
        return False
    depth = 0
    for place, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        if depth <= 0:
            return place == len(text) - 1
    return False

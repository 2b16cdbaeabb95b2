"""What an answer can be: a number, a ratio, several values, an interval, a formula, words."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from burnish.tools.answers.normalize import MOST_CHARS, folded, plain
from burnish.tools.answers.numbers import Number, number_of
from burnish.tools.answers.symbolic import canonical
from burnish.tools.answers.sympy_sets import Borders, JoinedSets, parted

MOST_PARTS = 64
UNION = "\u222a"
_MOST_NESTING = 4

_RATIO = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)((?: ?: ?| to )\d{1,30}(?:\.\d{1,30})?){1,5}")
_THOUSANDS = re.compile(r"[+-]?[$€£¥]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BOUND = r"([^<>=,]{1,80})"
_BETWEEN = re.compile(rf"{_BOUND}(<=?) ?[A-Za-z] ?(<=?){_BOUND}")
_ONE_SIDED = re.compile(rf"[A-Za-z] ?(<=?|>=?){_BOUND}")
_TURNED = re.compile(rf"{_BOUND}(<=?|>=?) ?([A-Za-z])")
_TURN = str.maketrans("<>", "><")
_LETTERED = re.compile(r"([A-Za-z]) ?= ?(?=[^=])")


@dataclass(frozen=True, slots=True)
class Ratio:
    """`3:4`; a ratio of two equals its quotient."""

    parts: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Symbols:
    """A formula in SymPy's notation, all tokens known."""

    formula: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words, folded."""

    words: str
    written: str = field(default="", compare=False)
    """In plain signs, with its capitals."""


@dataclass(frozen=True, slots=True)
class Several:
    """Values in brackets, or listed without any (`bare`)."""

    kind: Literal["set", "tuple", "list", "bare", "union", "half-open"]
    parts: tuple["Reading", ...]


@dataclass(frozen=True, slots=True)
class NamedValues:
    """Values of several names, as in `x = 1, y = 2`: each belongs to its own."""

    names: tuple[str, ...]
    """Sorted, each once."""
    values: tuple["Reading", ...]
    """As many."""


@dataclass(frozen=True, slots=True)
class ValueInterval:
    """An interval of which at least one border is known to be closed or infinite."""

    low: "Reading"
    high: "Reading"
    closed_low: bool
    closed_high: bool


Reading = Number | Ratio | Symbols | Text | Several | NamedValues | ValueInterval

_LOWEST, _HIGHEST = Text("-∞"), Text("∞")
_INFINITE = {"oo": "∞", "+oo": "∞", "inf": "∞", "infinity": "∞", "-oo": "-∞", "-inf": "-∞",
             "-infinity": "-∞", "- oo": "-∞", "{}": "∅"}  # fmt: skip


@lru_cache(maxsize=8192)
def reading_of(text: str) -> Reading:
    """Read an answer; whatever has no better reading is words."""
    if len(text) > MOST_CHARS:
        return Text(folded(text), text)
    return _read(plain(text), 0)


def _read(text: str, depth: int) -> Reading:
    text = text.strip()
    if (sign := _INFINITE.get(text.casefold())) is not None:
        return Text(sign)
    if (number := number_of(text)) is not None:
        return number
    found: Reading | None = _ratio(text)
    if found is None and depth < _MOST_NESTING:
        found = _set(text, depth) or _inequality(text, depth)
        found = found or _bracketed(text, depth) or _listed(text, depth)
    if found is None and (formula := canonical(text)) is not None:
        found = Symbols(formula)
    return found or Text(_TRUTHS.get(words := folded(text), words), text)


_TRUTHS = {"true": "yes", "false": "no", "none": "", "nan": ""}


def _ratio(text: str) -> Ratio | None:
    if _RATIO.fullmatch(text) is None:
        return None
    return Ratio(tuple(Fraction(part) for part in re.split(r" ?: ?| to ", text)))


def _set(text: str, depth: int) -> Reading | None:
    """Read a set or a condition in SymPy's notation."""
    found = parted(text)
    if isinstance(found, Borders):
        low, high = _read(found.low, depth + 1), _read(found.high, depth + 1)
        # SymPy calls infinite borders closed where its constructor was not told otherwise.
        return ValueInterval(
            low, high, found.closed_low and low != _LOWEST, found.closed_high and high != _HIGHEST
        )
    if not isinstance(found, JoinedSets):
        return None
    parts = tuple(_read(part, depth + 1) for part in found.parts)
    if found.kind == "and":
        return _common(parts)
    return parts[0] if len(parts) == 1 else Several(found.kind, parts)


def _common(parts: tuple[Reading, ...]) -> ValueInterval | None:
    """Return what half-lines have in common; None for anything else, or for two equal borders."""
    spans = [part for part in parts if isinstance(part, ValueInterval)]
    below = [span for span in spans if span.low != _LOWEST]
    above = [span for span in spans if span.high != _HIGHEST]
    if len(spans) < len(parts) or len(below) > 1 or len(above) > 1:
        return None
    low, closed_low = (below[0].low, below[0].closed_low) if below else (_LOWEST, False)
    high, closed_high = (above[0].high, above[0].closed_high) if above else (_HIGHEST, False)
    return ValueInterval(low, high, closed_low, closed_high)


def _inequality(text: str, depth: int) -> ValueInterval | None:
    if found := _BETWEEN.fullmatch(text):
        low, high = _read(found[1], depth + 1), _read(found[4], depth + 1)
        return ValueInterval(low, high, found[2] == "<=", found[3] == "<=")
    if found := _ONE_SIDED.fullmatch(text):
        return _half_line(found[1], _read(found[2], depth + 1))
    if found := _TURNED.fullmatch(text):
        return _half_line(found[2].translate(_TURN), _read(found[1], depth + 1))
    return None


def _half_line(sign: str, bound: Reading) -> ValueInterval:
    closed = sign.endswith("=")
    if bound in {_LOWEST, _HIGHEST}:
        return ValueInterval(_LOWEST, _HIGHEST, closed_low=False, closed_high=False)
    if sign.startswith("<"):
        return ValueInterval(_LOWEST, bound, closed_low=False, closed_high=closed)
    return ValueInterval(bound, _HIGHEST, closed_low=closed, closed_high=False)


def _bracketed(text: str, depth: int) -> Reading | None:
    if len(text) < 3 or text[0] not in "([{" or text[-1] not in ")]}" or not _encloses(text):
        return None
    parts = _split(text[1:-1])
    if parts is None or (len(parts) == 1 and text[0] == "("):
        return None
    readings = tuple(_read(part, depth + 1) for part in parts)
    if len(readings) == 1:
        return readings[0]
    brackets = text[0] + text[-1]
    if len(readings) == 2 and (brackets in {"(]", "[)"} or _unbounded(readings)):
        return ValueInterval(*readings, closed_low=text[0] == "[", closed_high=text[-1] == "]")
    kinds: dict[str, Literal["set", "tuple", "list"]] = {"{}": "set", "()": "tuple", "[]": "list"}
    return Several(kinds[brackets], readings) if brackets in kinds else None


def _unbounded(readings: tuple[Reading, ...]) -> bool:
    return any(part in {_LOWEST, _HIGHEST} for part in readings)


def _encloses(text: str) -> bool:
    """Say whether the first bracket closes at the end only."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth <= 0:
            return place == len(text) - 1
    return False


def _listed(text: str, depth: int) -> Several | NamedValues | None:
    """Read `1, 2 and 3`, `x = 1 or x = 2`, `x = 1, y = 2`, a union; parts must not be words."""
    if UNION in text:
        union = tuple(_read(part, depth + 1) for part in text.split(UNION)[:MOST_PARTS])
        return Several("union", union)
    text = re.sub(r",? (?:and|or) ", ", ", text)
    parts = _split(text)
    if parts is None or len(parts) < 2:
        return None
    readings = tuple(_read(_LETTERED.sub("", part, count=1), depth + 1) for part in parts)
    if any(isinstance(part, Text) for part in readings):
        return None
    names = [found[1] if (found := _LETTERED.match(part)) else "" for part in parts]
    if len(set(names) - {""}) < 2:
        return Several("bare", readings)
    if "" in names or len(set(names)) < len(names):
        return None
    named = sorted(zip(names, readings, strict=True), key=lambda pair: pair[0])
    return NamedValues(tuple(name for name, _ in named), tuple(value for _, value in named))


def _split(text: str) -> list[str] | None:
    """Split at commas outside brackets; None where there are too many or an empty part.

    `1,000, 2` holds two numbers: where other commas have a space, one without is of thousands.
    """
    spaced = ", " in text
    parts: list[str] = [""]
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        parting = sign == "," and depth == 0
        if parting and spaced and _THOUSANDS.fullmatch(_word_at(text, place)):
            parting = False
        if parting or (sign == ";" and depth == 0):
            parts.append("")
        else:
            parts[-1] += sign
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    parts = [part.strip() for part in parts]
    return parts if all(parts) and len(parts) <= MOST_PARTS else None


def _word_at(text: str, place: int) -> str:
    start = text.rfind(" ", 0, place) + 1
    end = text.find(" ", place)
    return text[start : len(text) if end < 0 else end].rstrip(",;")

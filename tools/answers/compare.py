"""Compare answers: is what a validator found the same as what is keyed?

Pure and exact where it can be: numbers are fractions with units, so `1/2 = 0.5 = 50%`,
`1,000 = 1000`, `100 cm = 1 m`, and 5 cm is neither 5 m nor 5 kg. Nothing here evaluates a text as
code. Where two answers are formulas, the comparison is left open and carries the program that
decides it in the sandbox (`judge`).

Stated tolerance (`Tolerance`): numbers agree when they differ by at most a millionth of the
greater; or when one is the other rounded to the decimals it shows (at least one decimal and two
significant digits). A number without a unit agrees with one that has a unit when the figures do:
keys often leave it out. A whole number that the other would round to is `unclear`, never a match.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from burnish.tools.answers.likeness import may_mean_the_same
from burnish.tools.answers.normalize import folded, name_of, plain, primes_of
from burnish.tools.answers.numbers import WORDS, Number, is_percent
from burnish.tools.answers.parse import (
    NamedValues,
    Ratio,
    Reading,
    Several,
    Symbols,
    Text,
    ValueInterval,
    reading_of,
)
from burnish.tools.answers.symbolic import comparing_program
from burnish.tools.answers.units import Unit

Relation = Literal["same", "different", "unclear"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two numbers may lie apart and still be one answer."""

    relative: float = 1e-6
    """Of the greater of the two."""
    rounding: bool = True
    """Whether a number may be the other one, rounded to the decimals that are written."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two answers stand to each other."""

    relation: Relation
    ground: str
    """What it rests on, in a few words."""
    program: str | None = None
    """Where only algebra can tell: the program whose answer is the relation, for the sandbox."""
    alike: bool = False
    """Whether what is unclear may well be one answer: `WHO` and `World Health Organization`."""

    @property
    def same(self) -> bool:
        """Whether the answers are one."""
        return self.relation == "same"

    @property
    def may_be_same(self) -> bool:
        """Whether the two should not stand side by side as a right and a wrong answer."""
        return self.same or self.alike


def normal(text: str) -> str:
    """Return an answer as it is compared by its words."""
    return folded(plain(text))


def compare(left: str, right: str, tolerance: Tolerance | None = None) -> Comparison:
    """Compare two answers; symmetric, and never raises.

    Args:
        left: an answer as somebody wrote it.
        right: another one.
        tolerance: how far numbers may lie apart.
    """
    if left == right:
        return Comparison("same", "the same words")
    found = _compare(reading_of(left), reading_of(right), tolerance or Tolerance())
    found = _in_signs(plain(left), plain(right)) or found
    names = {name_of(left), name_of(right)}
    if len(names) > 1 and "" not in names and found.relation != "different":
        return Comparison("unclear", "the same value under another name", alike=True)
    return found


def _in_signs(left: str, right: str) -> Comparison | None:
    """Compare plain texts sign by sign; None where that tells nothing."""
    if left == right != "":
        return Comparison("same", "the same words")
    (bare, primes), (other, others) = primes_of(left), primes_of(right)
    if primes != others and folded(bare) == folded(other):
        return Comparison("different", "not as many primes")
    return None


_ORDER = (NamedValues, Several, ValueInterval, Number, Ratio, Symbols, Text)


def _compare(left: Reading, right: Reading, tolerance: Tolerance) -> Comparison:
    if _ORDER.index(type(left)) > _ORDER.index(type(right)):
        left, right = right, left
    match left, right:
        case NamedValues(), _:
            return _assigned(left, right, tolerance)
        case Several(), Several():
            return _collections(left, right, tolerance)
        case Several(), ValueInterval():
            return _span_or_parts(left, right, tolerance)
        case ValueInterval(), ValueInterval():
            return _spans(left, right, tolerance)
        case Number(), Number():
            return _numbers(left, right, tolerance)
        case (Number() | Ratio(), Ratio()):
            return _ratios(left, right)
        case _, Text():
            return _texts(left, right)
        case _:
            return _formulas(left, right, tolerance)


def _formulas(left: Reading, right: Reading, tolerance: Tolerance) -> Comparison:
    if (one := _formula(left)) and (other := _formula(right)):
        steps = [_step(n, converted=True) or 0 for n in (left, right) if isinstance(n, Number)]
        half = float(max(steps, default=0)) / 2 if tolerance.rounding else 0.0
        return _symbolic((one,), (other,), tolerance, absolute=half)
    return Comparison("unclear", "answers of different kinds")


def _numbers(left: Number, right: Number, tolerance: Tolerance) -> Comparison:
    if left.unit is None or right.unit is None:
        found = _bare(left, right, tolerance)
    elif left.unit.dimension == right.unit.dimension:
        found = _figures(left, right, tolerance, converted=True)
    elif left.unit.known and right.unit.known:
        if _kin(left.unit) == _kin(right.unit):
            return Comparison("unclear", "units that do not convert by a factor")
        return Comparison("different", "different kinds of units")
    else:
        found = _figures(left, right, tolerance, converted=False)
        if found.same:
            return Comparison("unclear", "the same figures with different words")
    return found


_KIN = {"calendar": "time", "angle": "degrees", "celsius": "degrees", "fahrenheit": "degrees",
        "kelvin": "degrees"}  # fmt: skip


def _kin(unit: Unit) -> Sequence[tuple[str, int]]:
    """Return a dimension in which months and days count as one kind, and all degrees do."""
    return sorted((_KIN.get(kind, kind), power) for kind, power in unit.dimension)


def _bare(left: Number, right: Number, tolerance: Tolerance) -> Comparison:
    """Compare where at least one number has no unit."""
    found = _figures(left, right, tolerance, converted=False)
    if left.unit == right.unit or found.same:
        return found
    if is_percent(left) or is_percent(right):
        return _figures(left, right, tolerance, converted=True)
    if left.mixed or right.mixed:
        return Comparison("unclear", "a number without a unit, and one in several")
    return found


def _figures(left: Number, right: Number, tolerance: Tolerance, *, converted: bool) -> Comparison:
    one, other = (n.quantity if converted else n.value for n in (left, right))
    gap = abs(one - other)
    if gap == 0:
        return Comparison("same", "equal numbers")
    if gap <= Fraction(tolerance.relative) * max(abs(one), abs(other)):
        return Comparison("same", "equal within the tolerance")
    steps = (_step(left, converted=converted), _step(right, converted=converted))
    if tolerance.rounding and _rounds(gap, *steps):
        return Comparison("same", "equal when rounded to the decimals written")
    if tolerance.rounding and gap < 1 and 20 * gap <= max(abs(one), abs(other)):
        wholes = [
            n.denominator == 1 and s is None for n, s in zip((one, other), steps, strict=True)
        ]
        if wholes in ([True, False], [False, True]):
            return Comparison("unclear", "perhaps rounded to a whole number", alike=True)
    return Comparison("different", "different numbers")


def _step(number: Number, *, converted: bool) -> Fraction | None:
    if number.step is None or number.digits < 2:
        return None
    factor = number.unit.factor if converted and number.unit else Fraction(1)
    return number.step * factor


def _rounds(gap: Fraction, left: Fraction | None, right: Fraction | None) -> bool:
    """Say whether the number written more coarsely may be the other one, rounded."""
    if left == right:
        return False
    return gap <= max(left or 0, right or 0) / Fraction(2)


def _ratios(left: Ratio | Number, right: Ratio | Number) -> Comparison:
    parts = [r.parts if isinstance(r, Ratio) else (r.quantity, Fraction(1)) for r in (left, right)]
    if len(parts[0]) != len(parts[1]):
        return Comparison("different", "ratios of different length")
    one, other = parts
    equal = all(
        one[i] * other[j] == one[j] * other[i] for i in range(len(one)) for j in range(i)
    ) and any(one) == any(other)
    return Comparison("same" if equal else "different", "ratios in lowest terms")


def _spans(left: ValueInterval, right: ValueInterval, tolerance: Tolerance) -> Comparison:
    if (left.closed_low, left.closed_high) != (right.closed_low, right.closed_high):
        return Comparison("different", "different borders")
    return _all(((left.low, right.low), (left.high, right.high)), tolerance)


def _span_or_parts(several: Several, span: ValueInterval, tolerance: Tolerance) -> Comparison:
    """Compare brackets that may be an interval or a list or point with what is an interval."""
    if len(several.parts) != 2 or several.kind not in {"list", "tuple"}:
        return Comparison("different", "an interval and no interval")
    closed = several.kind == "list"
    found = _spans(ValueInterval(*several.parts, closed, closed), span, tolerance)
    borders = _all(((several.parts[0], span.low), (several.parts[1], span.high)), tolerance)
    if found.relation == "different" and borders.relation != "different":
        return Comparison("unclear", "the same borders in different brackets")
    return found


def _collections(left: Several, right: Several, tolerance: Tolerance) -> Comparison:
    if len(left.parts) != len(right.parts):
        return Comparison("different", "not as many parts")
    kinds = {left.kind, right.kind}
    if len(kinds) == 1 or "bare" in kinds or kinds == {"set", "list"}:
        loose = kinds <= {"set", "bare", "union"} or kinds == {"set", "list"}
        if loose:
            return _unordered(left, right, tolerance)
        return _all(tuple(zip(left.parts, right.parts, strict=True)), tolerance)
    found = _unordered(left, right, tolerance)
    if found.relation == "different":
        return found
    return Comparison("unclear", "the same parts in different brackets")


def _all(pairs: Sequence[tuple[Reading, Reading]], tolerance: Tolerance) -> Comparison:
    found = [_compare(*pair, tolerance) for pair in pairs]
    relations = {one.relation for one in found}
    if "different" in relations:
        return Comparison("different", "a part differs")
    if "unclear" not in relations:
        return Comparison("same", "the same parts")
    left = tuple(formula for pair in pairs if (formula := _formula(pair[0])))
    right = tuple(formula for pair in pairs if (formula := _formula(pair[1])))
    if len(left) == len(right) == len(pairs):
        return _symbolic(left, right, tolerance, ordered=True)
    return Comparison("unclear", "a part is unclear")


def _unordered(left: Several, right: Several, tolerance: Tolerance) -> Comparison:
    left_formulas = tuple(formula for part in left.parts if (formula := _formula(part)))
    right_formulas = tuple(formula for part in right.parts if (formula := _formula(part)))
    symbolic = any(isinstance(part, Symbols) for part in left.parts + right.parts)
    if symbolic and len(left_formulas) == len(right_formulas) == len(left.parts):
        return _symbolic(left_formulas, right_formulas, tolerance, ordered=False)
    table: list[list[Relation]] = [
        [_compare(one, other, tolerance).relation for other in right.parts] for one in left.parts
    ]
    if _matches(table, frozenset({"same"})):
        return Comparison("same", "the same parts")
    if _matches(table, frozenset({"same", "unclear"})):
        return Comparison("unclear", "a part is unclear")
    return Comparison("different", "a part differs")


def _assigned(left: NamedValues, right: Reading, tolerance: Tolerance) -> Comparison:
    """Compare values that belong to names with others, or with values in a row.

    A row without names stands for the names in their order, as a point `(1, 2)` does for x and y.
    """
    if isinstance(right, NamedValues) and left.names == right.names:
        return _all(tuple(zip(left.values, right.values, strict=True)), tolerance)
    if not isinstance(right, NamedValues | Several):
        return Comparison("unclear", "answers of different kinds")
    values = right.values if isinstance(right, NamedValues) else right.parts
    if len(values) != len(left.values):
        return Comparison("different", "not as many parts")
    if isinstance(right, Several) and right.kind in {"tuple", "bare"}:
        found = _all(tuple(zip(left.values, values, strict=True)), tolerance)
        if found.relation != "different":
            return found
    found = _unordered(Several("set", left.values), Several("set", values), tolerance)
    if found.relation == "different":
        return found
    return Comparison("unclear", "the same values, perhaps of other names")


def _matches(table: list[list[Relation]], wanted: frozenset[str]) -> bool:
    """Say whether every row can get a column of its own (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, relation in enumerate(table[row]):
            if relation in wanted and column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))


def _texts(left: Reading, right: Reading) -> Comparison:
    if any(isinstance(one, Text) and _is_notation(one.words) for one in (left, right)):
        if left == right:
            return Comparison("same", "the same words")
        return Comparison("unclear", "notation that is not read")
    if not (isinstance(left, Text) and isinstance(right, Text)):
        text = left if isinstance(left, Text) else right
        if isinstance(text, Text) and (not text.words or _mentions_number(text.words)):
            return Comparison("unclear", "a number beside words with numbers")
        return Comparison("different", "words and no words")
    return _words(left, right)


def _words(left: Text, right: Text) -> Comparison:
    one, other = left.words, right.words
    if not one or not other:
        return Comparison("unclear", "nothing to compare")
    digits = [_DIGIT.search(words) is not None for words in (one, other)]
    if one == other or (not any(digits) and _letters(one) == _letters(other)):
        return Comparison("same", "the same words")
    if f" {one} " in f" {other} " or f" {other} " in f" {one} ":
        return Comparison("unclear", "one is a part of the other", alike=True)
    if may_mean_the_same(left.written, right.written):
        return Comparison("unclear", "perhaps other words for one answer", alike=True)
    if digits[0] != digits[1] and all(map(_mentions_number, (one, other))):
        return Comparison("unclear", "a number in words and one in figures")
    return Comparison("different", "different words")


_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W_]+")
_NOTATION = re.compile(r"[\\^_=<>+*|~{}\[\]]|(?<![^\W\d_]{2})/(?![^\W\d_]{2})")
_ORDINALS = frozenset({
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
})  # fmt: skip


def _letters(words: str) -> list[str]:
    """Return the words of a folded text, hyphens and other punctuation aside."""
    return _LETTERS.findall(words)


def _is_notation(words: str) -> bool:
    r"""Say whether a text holds signs whose meaning is not known here: `A ∩ B`, `x̄`, `\alpha`."""
    return (
        _NOTATION.search(words) is not None
        or primes_of(words)[1] > 0
        or any(unicodedata.category(sign) in {"Sm", "Mn", "Me"} for sign in words)
    )


def _mentions_number(words: str) -> bool:
    named = any(word in WORDS or word in _ORDINALS for word in _letters(words))
    return named or _DIGIT.search(words) is not None


def _formula(reading: Reading) -> str | None:
    if isinstance(reading, Symbols):
        return reading.formula
    if isinstance(reading, Number) and (reading.unit is None or is_percent(reading)):
        return f"Rational({reading.quantity.numerator},{reading.quantity.denominator})"
    return None


def _symbolic(
    left: tuple[str, ...],
    right: tuple[str, ...],
    tolerance: Tolerance,
    *,
    ordered: bool = True,
    absolute: float = 0.0,
) -> Comparison:
    if left == right:
        return Comparison("same", "the same formula")
    left, right = sorted((left, right))
    program = comparing_program(
        left, right, ordered=ordered, relative=tolerance.relative, absolute=absolute
    )
    alike = " ".join(left).casefold() == " ".join(right).casefold()
    return Comparison("unclear", "algebra decides", program, alike)

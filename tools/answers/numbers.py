"""Read a number as answers write it: exact, with its unit and how finely it is written."""

import re
from dataclasses import dataclass
from fractions import Fraction

from burnish.tools.answers.units import PERCENT, Unit, unit_of

MOST_EXPONENT = 300
"""Powers of ten beyond this are no answer that arithmetic should touch."""

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
_SHAPES = (
    ("mixed", re.compile(r"(\d{1,30}) (?:and )?(\d{1,30}) ?/ ?(\d{1,30})(?![\d.,])")),
    (
        "power",
        re.compile(
            rf"(?:({_DECIMAL}) ?[*xX] ?)?10 ?(?:\^|\*\*) ?"
            r"(?:\(([+-]?\d{1,4})\)|\{([+-]?\d{1,4})\}|([+-]?\d{1,4}))(?![\d.])"
        ),
    ),
    ("scientific", re.compile(rf"({_DECIMAL})[eE]([+-]?\d{{1,4}})(?![\w.])")),
    ("fraction", re.compile(rf"({_DECIMAL}) ?/ ?({_DECIMAL})(?![\d.,]*\d)")),
    (
        "bracketed",
        re.compile(rf"\( ?([+-]?) ?({_DECIMAL}) ?\) ?/ ?\( ?([+-]?) ?({_DECIMAL}) ?\)"),
    ),
    ("decimal", re.compile(rf"({_DECIMAL})(?![\d]|,\d)")),
)
_HEAD = re.compile(r"([+-]?) ?(US\$|usd|eur|gbp|[$€£¥₹¢])? ?([+-]?) ?", re.IGNORECASE)
_SCALES: dict[str, Fraction | int] = {
    "half": Fraction(1, 2), "halves": Fraction(1, 2), "third": Fraction(1, 3),
    "thirds": Fraction(1, 3), "fourth": Fraction(1, 4), "fourths": Fraction(1, 4),
    "fifth": Fraction(1, 5), "fifths": Fraction(1, 5), "tenths": Fraction(1, 10),
    "quarter": Fraction(1, 4), "quarters": Fraction(1, 4),
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "mil": 10**6, "billion": 10**9,
    "bn": 10**9, "trillion": 10**12, "dozen": 12, "k": 10**3,
}  # fmt: skip
_SCALE = re.compile(rf"[ -]?({'|'.join(sorted(_SCALES, reverse=True))})\b", re.IGNORECASE)
_LONE = re.compile(
    r"(?:an? )?(half|hundred|thousand|million|billion|dozen)\b"
    r"|an? (third|quarter|fourth|fifth)\b",
    re.IGNORECASE,
)
"""A share or a power of ten without a number before it: one of it."""
_OVER = re.compile(r"(?<=\d) over (?=\d)", re.IGNORECASE)
_SPACED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_PIECE = re.compile(
    r"(?:^-?|,? and |, | |(?<=[A-Za-z.]))"
    r"((?:[$€£¥₹] ?)?\d[\d.,]*(?: \d+/\d+)?(?: ?(?!and\b)[A-Za-z]{1,12})?\.?)(?=$|,| |\d)"
)
"""A number with a word after it, in a row of such."""
_MOST_PIECES = 4
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {
    **{word: value for value, word in enumerate(_SMALL)},
    **{word: 10 * (place + 2) for place, word in enumerate(_TENS)},
    "hundred": 100,
}
"""Numbers in words that are read."""
_WORD = re.compile(
    rf"(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>{'|'.join(_SMALL[1:10])}))?"
    rf"|(?P<small>{'|'.join(_SMALL)}))\b(?!\s*/|\s*-\s*\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A real number with what stands behind it."""

    value: Fraction
    """As written, before the unit's factor: 50 for `50%`."""
    unit: Unit | None = None
    step: Fraction | None = None
    """Place value of the last decimal written; None for whole numbers and fractions."""
    digits: int = 0
    """Significant digits written."""
    mixed: bool = False
    """Whether it was written in several units, the smallest of which is `unit`."""

    @property
    def quantity(self) -> Fraction:
        """The number in base units: 1/2 for `50%`, 1 for `100 cm`."""
        return self.value * (self.unit.factor if self.unit else 1)


@dataclass(frozen=True, slots=True)
class _Magnitude:
    value: Fraction
    end: int
    step: Fraction | None = None
    digits: int = 0


def number_of(text: str) -> Number | None:
    """Read plain text that is one number, with or without a unit; None for anything else.

    Args:
        text: as `normalize.plain` returns it.
    """
    text = _OVER.sub("/", text)
    return _single(text) or _compound(text)


def _compound(text: str) -> Number | None:
    """Read `5 ft 3 in` or `2 hours and 30 minutes`: ever smaller units, each less than the last.

    The number is in the smallest unit written.
    """
    pieces = _PIECE.findall(text)
    if not 2 <= len(pieces) <= _MOST_PIECES or _PIECE.sub("", text).strip():
        return None
    found = [number for piece in pieces if (number := _single(piece)) is not None]
    units = [number.unit for number in found if number.unit is not None and number.unit.known]
    if len(found) < len(pieces) or len(units) < len(pieces):
        return None
    for (number, unit), before in zip(
        list(zip(found, units, strict=True))[1:], units, strict=False
    ):
        whole = number.value >= 0 and before.dimension == unit.dimension
        if not whole or number.quantity >= before.factor:
            return None
    total = sum((number.quantity for number in found), Fraction(0))
    last = found[-1]
    value = total / units[-1].factor * (-1 if text.startswith("-") else 1)
    return Number(value, units[-1], last.step, sum(number.digits for number in found), mixed=True)


def _single(text: str) -> Number | None:
    text = _unwrapped(text)
    if _SPACED.fullmatch(text):
        text = text.replace(" ", "")
    head = _HEAD.match(text)
    if head is None:
        return None
    magnitude = _magnitude(text, head.end()) or _in_words(text, head.end())
    if magnitude is None:
        return None
    value, step, end = magnitude.value, magnitude.step, magnitude.end
    while scale := _SCALE.match(text, end):
        size = _SCALES[scale[1].casefold()]
        value, end = value * size, scale.end()
        step = None if step is None else step * size
    unit = _unit(head[2], text[end:])
    if unit is None and text[end:].strip():
        return None
    if (head[1] == "-") != (head[3] == "-"):
        value = -value
    return Number(value, unit, step, magnitude.digits)


def _unit(currency: str | None, tail: str) -> Unit | None:
    tail = tail.strip()
    if len(tail) > 60:
        return None
    if currency is not None:
        tail = f"{currency.casefold().removeprefix('us')} {tail}".strip() if tail else currency
        if tail.casefold() in {"us$", "usd"}:
            tail = "$"
    return unit_of(tail) if tail else None


def _unwrapped(text: str) -> str:
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and "(" not in text[1:]:
        text = text[1:-1].strip()
    return text


def _magnitude(text: str, at: int) -> _Magnitude | None:
    for shape, pattern in _SHAPES:
        found = pattern.match(text, at)
        if found is not None and (read := _read(shape, found)) is not None:
            return read
    return None


def _read(shape: str, found: re.Match[str]) -> _Magnitude | None:
    end = found.end()
    if shape == "mixed":
        whole, top, bottom = (int(part) for part in found.groups())
        return _Magnitude(whole + Fraction(top, bottom), end) if bottom else None
    if shape == "fraction":
        return _quotient(_decimal(found[1]), _decimal(found[2]), end)
    if shape == "bracketed":
        sign = -1 if (found[1] == "-") != (found[3] == "-") else 1
        return _quotient(sign * _decimal(found[2]), _decimal(found[4]), end)
    if shape == "decimal":
        return _Magnitude(_decimal(found[1]), end, _step(found[1]), _digits(found[1]))
    mantissa = found[1] or "1"
    exponent = int(next(part for part in found.groups()[1:] if part is not None))
    if abs(exponent) > MOST_EXPONENT:
        return None
    scale = Fraction(10) ** exponent
    step = _step(mantissa)
    return _Magnitude(
        _decimal(mantissa) * scale, end, None if step is None else step * scale, _digits(mantissa)
    )


def _quotient(top: Fraction, bottom: Fraction, end: int) -> _Magnitude | None:
    return _Magnitude(top / bottom, end) if bottom else None


def _decimal(text: str) -> Fraction:
    text = text.replace(",", "")
    return Fraction(f"0{text}" if text.startswith(".") else text.rstrip("."))


def _step(text: str) -> Fraction | None:
    _, _, decimals = text.partition(".")
    return Fraction(1, 10 ** len(decimals)) if decimals else None


def _digits(text: str) -> int:
    return len(text.replace(",", "").replace(".", "").lstrip("0"))


def _in_words(text: str, at: int) -> _Magnitude | None:
    if lone := _LONE.match(text, at):
        return _Magnitude(Fraction(_SCALES[(lone[1] or lone[2]).casefold()]), lone.end())
    found = _WORD.match(text, at)
    if found is None:
        return None
    if found["small"]:
        return _Magnitude(Fraction(WORDS[found["small"].casefold()]), found.end())
    ones = WORDS[found["ones"].casefold()] if found["ones"] else 0
    return _Magnitude(Fraction(WORDS[found["tens"].casefold()] + ones), found.end())


def first_number(text: str) -> Number | None:
    """Return the first number that a text mentions, its unit left out; None where it has none."""
    text = text.translate(_MARKS).replace("\\times", "x")
    for found in _START.finditer(text):
        magnitude = _magnitude(text, found.end())
        if magnitude is not None:
            value = -magnitude.value if found[1] else magnitude.value
            return Number(value, None, magnitude.step, magnitude.digits)
    return None


_START = re.compile(r"(-)?(?=\d|\.\d)")
_MARKS = str.maketrans({"\u2212": "-", "\u00d7": "x"})


def is_percent(number: Number) -> bool:
    """Say whether the number was written in percent."""
    return number.unit == PERCENT

"""What an answer says apart from how it is written: its shape, its value, its words.

Everything here errs towards "the same": two answers that might mean the same are not set side by
side as a right and a wrong one.
"""

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal, NamedTuple

Shape = Literal["number", "date", "name", "formula", "phrase", "sentence", "reference"]
"""`reference`: an answer that points at other answers (`all of the above`, `I and II only`)."""

SENTENCE_WORDS = 9
"""An answer of so many words is a sentence, whatever it ends in."""
_LONGEST_NUMBER = 300
_READ: Final = 8_192
"""Texts whose reading is kept: an answer is compared with hundreds of others."""

_REFERENCE = re.compile(
    r"\b(?:all|none|both|neither|any|either|some|two|more than one)\s+(?:of\s+)?"
    r"(?:the|these|those|them)\b(?:\s+(?:above|below|other|answer|option|choice|statement)\w*)?\W*$"
    r"|\b(?:the\s+)?(?:above|foregoing)\b|\bneither\s+.+\bnor\b|^\s*(?:both|neither)\b"
    r"|\b(?:options?|choices?|answers?|statements?)\s+\(?(?:[a-e]|[ivx]+|\d)\b"
    r"|^\W*(?:only\s+)?\(?(?:[a-e]|[ivx]+|\d)\)?(?:(?:\s*(?:,|and|or|&))+\s*\(?(?:[a-e]|[ivx]+|\d)\)?)+"
    r"(?:\s+only)?\W*$|^\W*(?:[ivx]+|[a-e])\s+only\W*$|^\W*only\s+(?:[ivx]+|[a-e])\W*$"
    r"|^\W*(?:true|false|yes|no|wrong|not wrong|neither|none|all|both)"
    r"(?:\s*,\s*(?:true|false|yes|no|wrong|not wrong))*\W*$",
    re.IGNORECASE,
)
_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_DATE = re.compile(
    rf"^\W*(?:(?:in|on|by|circa|c\.|about|around)\s+)?(?:"
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?\s+)?(?:{_MONTHS})\.?(?:\s+\d{{1,2}}(?:st|nd|rd|th)?)?,?"
    rf"(?:\s+\d{{2,4}})?|(?:1[0-9]|20)\d\d(?:\s*s)?(?:\s*[-\u2013]\s*\d{{2,4}})?"
    rf"|\d{{1,4}}\s*(?:bce?|ad|ce)|\d{{1,2}}(?:st|nd|rd|th)\s+century(?:\s+(?:bce?|ad|ce))?"
    rf"|\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}/\d{{2,4}})\W*$",
    re.IGNORECASE,
)
_OPERATORS = re.compile(
    r"[=^*+<>\\|~/{}\[\]_\u2200-\u22ff\u00b1\u00d7\u00f7\u2190-\u21ff]|\b[A-Za-z]\("
)
_TOKEN = re.compile(r"[^\W_]+")
_SMALL = frozenset({
    "a", "an", "the", "of", "and", "or", "in", "on", "to", "for", "by", "at", "de", "la",
    "von", "with",
})  # fmt: skip
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIONS = frozenset({
    "not", "no", "never", "non", "without", "neither", "nor", "none", "cannot", "isn", "aren",
    "doesn", "don", "didn", "wasn", "weren", "won", "except", "un", "anti",
})  # fmt: skip
_COUNTS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
]  # fmt: skip
_COUNTED = {word: Fraction(value) for value, word in enumerate(_COUNTS)} | {
    "thirty": Fraction(30), "forty": Fraction(40), "fifty": Fraction(50), "sixty": Fraction(60),
    "seventy": Fraction(70), "eighty": Fraction(80), "ninety": Fraction(90),
    "hundred": Fraction(100), "a hundred": Fraction(100), "one hundred": Fraction(100),
    "thousand": Fraction(1000), "one thousand": Fraction(1000), "one million": Fraction(10**6),
    "half": Fraction(1, 2), "one half": Fraction(1, 2), "a half": Fraction(1, 2),
    "one third": Fraction(1, 3), "one quarter": Fraction(1, 4), "a quarter": Fraction(1, 4),
}  # fmt: skip
_OVER = re.compile(r"(?<=\d)\s+over\s+(?=\d)", re.IGNORECASE)
_MIXED = re.compile(r"(?<=\d)\s+and\s+(?=\d+\s*(?:/|over)\s*\d)", re.IGNORECASE)
_PLAIN = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+\.?"
_QUANTITY = re.compile(
    rf"(?P<sign>[-+])?\s*(?P<currency>[$\u20ac\u00a3\u00a5])?\s*(?P<inner>[-+])?"
    rf"(?P<whole>\d+\s+(?=\d+\s*/))?(?P<body>{_PLAIN})(?:\s*/\s*(?P<under>{_PLAIN}))?"
    r"(?:\s*(?:x|\*|\u00d7)\s*10\s*\^?\s*[({]?\s*(?P<power>[-+]?\d{1,3})\s*[)}]?"
    r"|e(?P<exponent>[-+]?\d{1,3}))?\s*(?P<unit>[^\d\s.,;][^\d]*?)?[\s.,;)]*",
    re.IGNORECASE,
)
_SCALES: dict[str, tuple[str, Fraction]] = {
    name: (kind, Fraction(factor))
    for kind, factor, names in (
        ("m", "1", "m meter metre"), ("m", "1000", "km kilometer kilometre"),
        ("m", "1/100", "cm centimeter centimetre"), ("m", "1/1000", "mm millimeter millimetre"),
        ("m", "1/1000000000", "nm nanometer nanometre"), ("g", "1", "g gram"),
        ("g", "1000", "kg kilogram"), ("g", "1/1000", "mg milligram"),
        ("s", "1", "s sec second"), ("s", "1/1000", "ms millisecond"), ("s", "60", "min minute"),
        ("s", "3600", "h hr hour"), ("s", "86400", "day"), ("s", "604800", "week"),
        ("hz", "1", "hz hertz"), ("hz", "1000", "khz"), ("hz", "1000000", "mhz"),
        ("j", "1", "j joule"), ("j", "1000", "kj kilojoule"), ("l", "1", "l liter litre"),
        ("l", "1/1000", "ml milliliter millilitre"), ("w", "1", "w watt"),
        ("w", "1000", "kw kilowatt"), ("v", "1", "v volt"), ("n", "1", "n newton"),
        ("%", "1", "% percent pct"), ("$", "1", "dollar usd"), ("\u20ac", "1", "euro eur"),
    )
    for name in names.split()
}  # fmt: skip


class Quantity(NamedTuple):
    """A number with its unit, scaled to a base unit where the unit is a known one."""

    value: Fraction
    unit: str
    decimals: int | None
    """Digits after the point as written; None for whole numbers and fractions."""


def shape(text: str) -> Shape:
    """Return what kind of answer a text is, as far as its form shows."""
    words = _TOKEN.findall(text)
    if _REFERENCE.search(text):
        return "reference"
    if _DATE.match(text):
        return "date"
    if quantity(text) is not None:
        return "number"
    if _OPERATORS.search(text) or not words:
        return "formula"
    ended = text.rstrip().endswith((".", "!", "?")) and len(words) > 3
    if ended or len(words) >= SENTENCE_WORDS:
        return "sentence"
    return "name" if _is_name(words) else "phrase"


def _is_name(words: list[str]) -> bool:
    """Tell whether the words after the first are capitalised too, small ones aside."""
    later = [word for word in words[1:] if word.casefold() not in _SMALL]
    return bool(later) and words[0][0].isupper() and all(word[0].isupper() for word in later)


@lru_cache(_READ)
def quantity(text: str) -> Quantity | None:
    """Read a text that is nothing but a number and perhaps a unit; None where it is not."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2013", "-")
    plain = (
        plain.replace("$\\", "\\").strip().strip("$").strip() if "\\" in plain else plain.strip()
    )
    if len(plain) > _LONGEST_NUMBER:
        return None
    plain = _OVER.sub("/", _MIXED.sub(" ", plain))
    if (counted := _COUNTED.get(plain.casefold().replace("-", " ").rstrip("."))) is not None:
        return Quantity(counted, "", None)
    found = _QUANTITY.fullmatch(plain)
    if found is None or (value := _magnitude(found)) is None:
        return None
    written = found["unit"] or ""
    if len(written.split()) > 3 or _OPERATORS.search(written):
        return None
    unit, factor = _unit(written or found["currency"] or "")
    _, point, after = found["body"].partition(".")
    scaled = factor != 1 or found["power"] or found["exponent"] or found["under"]
    return Quantity(value * factor, unit, len(after) if point and not scaled else None)


def _magnitude(found: re.Match[str]) -> Fraction | None:
    value = _decimal(found["body"])
    if found["under"]:
        under = _decimal(found["under"])
        if under == 0:
            return None
        value /= under
    if found["whole"]:
        value += int(found["whole"])
    value *= Fraction(10) ** int(found["power"] or found["exponent"] or 0)
    return -value if (found["sign"] == "-") != (found["inner"] == "-") else value


def _decimal(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").rstrip(".") or "0")


def _unit(text: str) -> tuple[str, Fraction]:
    name = text.strip(" .,;").casefold()
    if name in _SCALES:
        return _SCALES[name]
    name = name[:-1] if len(name) > 2 and name.endswith("s") else name
    return _SCALES.get(name, (name, Fraction(1)))


def same_value(first: str, second: str) -> bool:
    """Tell whether two answers are quantities that may be equal.

    They may be when one lacks a unit, when one is the other rounded to its decimals, and when one
    is a percentage and the other its share.
    """
    one, two = quantity(first), quantity(second)
    if one is None or two is None:
        return False
    if one.unit == two.unit or not one.unit or not two.unit:
        return _close(one, two) or _is_share(one, two) or _is_share(two, one)
    return False


def _close(one: Quantity, two: Quantity) -> bool:
    if one.value == two.value:
        return True
    if one.decimals is None or two.decimals is None:
        return False
    place = Fraction(1, 2) * Fraction(1, 10 ** min(one.decimals, two.decimals))
    return min(one.decimals, two.decimals) > 0 and abs(one.value - two.value) <= place


def _is_share(one: Quantity, two: Quantity) -> bool:
    return one.unit == "%" and not two.unit and one.value / 100 == two.value


@lru_cache(_READ)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text in order, folded, without articles and plural endings."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = [word for word in _TOKEN.findall(plain) if word not in _ARTICLES]
    return tuple(_singular(word) for word in found or _TOKEN.findall(plain))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "siu" else word


@lru_cache(_READ)
def normal(text: str) -> str:
    """Return a text so that spellings of one answer come out equal.

    Formulas keep every sign but white space; words lose case, articles, plural and punctuation.
    """
    if _OPERATORS.search(text) or re.search(r"[-\u2212]\s*\d|\d\s*-", text):
        return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("$.,;")
    return " ".join(tokens(text)) or "".join(text.split())


def equal(first: str, second: str) -> bool:
    """Tell whether two answers are one: spellings of the same words, or of the same value."""
    return normal(first) == normal(second) or same_value(first, second)


def same_words(first: str, second: str) -> bool:
    """Tell whether two answers may mean the same by their words or values alone.

    They may when `equal`, when one is a list of the other's parts in another
    order, an acronym of the other, or adds words other than a negation to it.
    """
    if equal(first, second):
        return True
    if _OPERATORS.search(first + second) or (quantity(first) and quantity(second)):
        return False
    one, two = tokens(first), tokens(second)
    if _parts(first) == _parts(second) and len(_parts(first)) > 1:
        return True
    return _is_acronym(first, two) or _is_acronym(second, one) or _contains(one, two)


@lru_cache(_READ)
def _parts(text: str) -> frozenset[str]:
    """Return the members of an enumeration, each in `normal`."""
    pieces = re.split(r"\s*(?:,|;|&|\band\b)\s*", text)
    return frozenset(normal(piece) for piece in pieces if piece.strip())


def _is_acronym(text: str, words: tuple[str, ...]) -> bool:
    letters = re.sub(r"[^\w]", "", text)
    if not (2 <= len(letters) <= 8 and letters.isalpha() and letters.isupper()):
        return False
    initials = ["".join(w[0] for w in words), "".join(w[0] for w in words if w not in _SMALL)]
    return letters.casefold() in initials


def _contains(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    """Tell whether one says all that the other says, in its order and with its figures."""
    few, many = sorted(([w for w in words if w not in _SMALL] for words in (one, two)), key=len)
    if not few or _figures(few) != _figures(many):
        return False
    rest = iter(many)
    return all(word in rest for word in few) and not (set(many) - set(few)) & _NEGATIONS


def _figures(words: list[str]) -> list[str]:
    return [word for word in words if any(char.isdigit() for char in word)]

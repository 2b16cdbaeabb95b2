"""What an answer's form shows: its shape, its words, and whether other words may mean the same."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

from burnish.tools.answers.normalize import plain, singular
from burnish.tools.answers.numbers import number_of

Shape = Literal["number", "date", "name", "formula", "phrase", "sentence", "reference"]
"""`reference`: an answer that points at other answers (`all of the above`, `I and II only`)."""

SENTENCE_WORDS = 9
"""An answer of so many words is a sentence, whatever it ends in."""
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


def shape(text: str) -> Shape:
    """Return what kind of answer a text is, as far as its form shows."""
    words = _TOKEN.findall(text)
    if _REFERENCE.search(text):
        return "reference"
    if _DATE.match(text):
        return "date"
    if number_of(plain(text)) is not None:
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
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text in order, folded, without articles and plural endings."""
    bare = unicodedata.normalize("NFKC", text).casefold()
    found = [word for word in _TOKEN.findall(bare) if word not in _ARTICLES]
    return tuple(singular(word) for word in found or _TOKEN.findall(bare))


def may_mean_the_same(first: str, second: str) -> bool:
    """Tell whether two answers in words may be one, though they are written differently.

    They may when they differ in punctuation, articles and plurals only, when one is a list of the
    other's parts in another order or an acronym of the other, or adds words other than a negation.
    """
    one, two = tokens(first), tokens(second)
    if "".join(one) == "".join(two) or (_parts(first) == _parts(second) and len(_parts(first)) > 1):
        return True
    return _is_acronym(first, two) or _is_acronym(second, one) or _contains(one, two)


@lru_cache(_READ)
def _parts(text: str) -> frozenset[tuple[str, ...]]:
    """Return the words of each member of an enumeration."""
    pieces = re.split(r"\s*(?:,|;|&|\band\b)\s*", text)
    return frozenset(tokens(piece) for piece in pieces if piece.strip())


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

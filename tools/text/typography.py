"""Fold away spelling: two texts that differ in typography alone fold to the same symbols.

An expert who rewrites a text straightens quotes, drops accents, changes case, adds list marks and
blank lines. None of that is a rewrite of what the text says, and none of it can be carried out by
deletions: the raw spelling stays. Alignment therefore compares folded texts.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.alignment.lcs import code_points

_MARK = re.compile(
    r"(?:^|\n)[^\S\n]*((?:[-*+•●▪◦·\u2013\u2014>|#]+|\d{1,3}[.)]|\(?[a-z][.)])(?=[^\S\n]))"
)
"""What begins a list item or a heading; only before white space."""

_LOOKALIKES = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4`\u02bc\uff07",
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d",
    ".": "\u2026",
}
_DROPPED = "|*_•●▪◦·→"
"""Marks that tables, emphasis and lists are drawn with."""

_PLANE = 0x10000
_NEWLINE, _DOT = ord("\n"), ord(".")


@dataclass(frozen=True, slots=True)
class Folded:
    """The symbols of a text, and where in the text each stands."""

    symbols: str
    places: NDArray[np.intp]
    """Offset in the text of each symbol, rising."""

    def flat(self) -> "Folded":
        """Return the same without line borders."""
        kept = code_points(self.symbols) != _NEWLINE
        return Folded(self.symbols.replace("\n", ""), self.places[kept])


def fold(text: str) -> Folded:
    """Fold a text: case, accents, look-alikes, white space, list marks and runs of dots go.

    One newline stays between lines that hold a symbol. Every symbol is a character of the text, or
    what it folds to: none comes from two.
    """
    points = code_points(text)
    symbols = points.copy()
    low = points < _PLANE
    symbols[low] = _table()[points[low]]
    for mark in _MARK.finditer(text):
        symbols[mark.start(1) : mark.end(1)] = 0
    places = np.flatnonzero(symbols)
    kept = symbols[places]
    again = np.zeros(len(kept), np.bool_)
    again[1:] = (kept[1:] == kept[:-1]) & ((kept[1:] == _NEWLINE) | (kept[1:] == _DOT))
    kept, places = kept[~again], places[~again]
    if len(kept) and kept[0] == _NEWLINE:
        kept, places = kept[1:], places[1:]
    if len(kept) and kept[-1] == _NEWLINE:
        kept, places = kept[:-1], places[:-1]
    return Folded(kept.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"), places)


@cache
def _table() -> NDArray[np.uint32]:
    """Map each code point of the basic plane to its folded one, 0 where it goes."""
    table = np.fromiter((_folded(chr(point)) for point in range(_PLANE)), np.uint32, _PLANE)
    for symbol, alike in _LOOKALIKES.items():
        for other in alike:
            table[ord(other)] = ord(symbol)
    for mark in _DROPPED:
        table[ord(mark)] = 0
    table[_NEWLINE] = _NEWLINE
    return table


def _folded(char: str) -> int:
    if char.isspace() or unicodedata.category(char) in {"Cf", "Cc", "Mn"}:
        return 0
    if char < "\x80":
        return ord(char.lower())
    base = unicodedata.normalize("NFKD", char)[0]
    lower = base.lower()
    return ord(lower) if len(lower) == 1 and not lower.isspace() else ord(char)

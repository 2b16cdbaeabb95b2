"""Lines and hashed tokens of many documents at once, from their UTF-8 bytes with NumPy alone.

A token is a run of letters and digits, a run of symbols, or one CJK character. ASCII letters are
lower-cased and digits folded to "0" before hashing, so "May 3" and "May 7" share their tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.signedinteger[Any]]
Words32: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]

LINE_BYTES: Final = 4096
"""A longer line is read by its first three quarters and its last quarter of this many bytes."""

WINDOW_BYTES: Final = 1 << 19
"""Bytes tokenised at a time: bounds the memory and keeps the arrays within the caches."""

# Character classes, counted per line.
SPACE, LOWER, UPPER, DIGIT, LETTER, CJK, TAIL, SYMBOL = range(8)
DOT, COMMA, COLON, MARK, BAR, SLASH, DASH, BRACKET, QUOTE, AT, MONEY, STAR = range(8, 20)
CLASSES: Final = 20

_ASCII_SYMBOLS: Final = {
    DOT: ".",
    COMMA: ",",
    COLON: ":;",
    MARK: "?!",
    BAR: "|<>",
    SLASH: "/\\",
    DASH: "-+=",
    BRACKET: "()[]{}",
    QUOTE: "'\"`",
    AT: "@#",
    MONEY: "$%&~^",
    STAR: "*_",
}
_NONE, _WORD, _SIGN, _IDEOGRAM = range(4)
_BASE: Final = 0x9E3779B1
_SEED: Final = 0x85EBCA6B


@dataclass(frozen=True)
class LineTokens:
    r"""The lines of a batch of documents, and their tokens.

    `length`, `hashes`, `folded` and `counts` (lines, CLASSES) have a row for each "\n"-line;
    `hashes` are of the exact line, `folded` of the line in lower case with its digits folded.
    `ends` (lines, 2) are the classes of the first and last characters. Line i owns the tokens
    `starts[i]:starts[i + 1]`; a token has a hash and a kind: the class of its first character,
    plus CLASSES where its second is upper case. `documents` are the line numbers at which the
    documents start, and the number of lines last.
    """

    documents: Ints
    length: Ints
    hashes: Words32
    folded: Words32
    counts: NDArray[np.float32]
    ends: Bytes
    starts: Ints
    tokens: Words32
    kinds: Bytes


def tokenize(texts: Sequence[str]) -> LineTokens:
    """The lines and tokens of `texts`; any string goes, lone surrogates too."""
    documents = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([text.count("\n") + 1 for text in texts], out=documents[1:])
    data = "".join(text + "\n" for text in texts).encode("utf-8", "surrogatepass")
    raw = np.frombuffer(data, np.uint8)
    stops = np.flatnonzero(raw == 10)
    starts = np.concatenate(([0], stops[:-1] + 1)) if len(stops) else np.zeros(0, np.int64)
    length = stops - starts
    if len(length) and int(length.max()) > LINE_BYTES:
        raw, stops = _shorten(raw, starts, stops)
    parts = [_window(raw[a:b], stops[i:j] - a) for a, b, i, j in _windows(stops)]
    return _joined(parts, documents, length)


def mix_hashes(values: Words32) -> Words32:
    """`values` scrambled so that every bit of a result depends on every bit of its value."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values ^= values >> np.uint32(15)
    values *= np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def _shorten(raw: Bytes, starts: Ints, stops: Ints) -> tuple[Bytes, Ints]:
    keep = np.ones(len(raw), np.bool_)
    for line in np.flatnonzero(stops - starts > LINE_BYTES).tolist():
        keep[starts[line] + LINE_BYTES * 3 // 4 : stops[line] - LINE_BYTES // 4] = False
    raw = raw[keep]
    return raw, np.flatnonzero(raw == 10)


def _windows(stops: Ints) -> list[tuple[int, int, int, int]]:
    """Byte and line ranges of about WINDOW_BYTES that end at line ends."""
    windows: list[tuple[int, int, int, int]] = []
    start = line = 0
    while line < len(stops):
        after = int(np.searchsorted(stops, start + WINDOW_BYTES))
        last = min(max(after, line + 1), len(stops))
        stop = int(stops[last - 1]) + 1
        windows.append((start, stop, line, last))
        start, line = stop, last
    return windows


def _tables() -> tuple[Bytes, Bytes, Words32]:
    classes = np.full(256, SYMBOL, np.uint8)
    classes[:33] = SPACE
    classes[127] = SPACE
    classes[ord("a") : ord("z") + 1] = LOWER
    classes[ord("A") : ord("Z") + 1] = UPPER
    classes[ord("0") : ord("9") + 1] = DIGIT
    for kind, characters in _ASCII_SYMBOLS.items():
        classes[list(characters.encode())] = kind
    classes[0x80:0xC0] = TAIL
    classes[0xC3:0xE2] = LETTER
    classes[0xE3:0xEF] = CJK
    kinds = np.full(CLASSES, _SIGN, np.uint8)
    kinds[[LOWER, UPPER, DIGIT, LETTER]] = _WORD
    kinds[SPACE] = _NONE
    kinds[CJK] = _IDEOGRAM
    folded = np.arange(256, dtype=np.uint32)
    folded[ord("A") : ord("Z") + 1] += 32
    folded[ord("0") : ord("9") + 1] = ord("0")
    return classes, kinds, folded


_CLASS_OF, _KIND_OF, _FOLDED = _tables()


def _powers(count: int) -> tuple[Words32, Words32]:
    inverse = pow(_BASE, -1, 1 << 32)
    up = np.full(count, _BASE, np.uint32)
    down = np.full(count, inverse, np.uint32)
    up[0] = down[0] = 1
    return np.cumprod(up, dtype=np.uint32), np.cumprod(down, dtype=np.uint32)


_UP, _DOWN = _powers(WINDOW_BYTES + LINE_BYTES + 8)


def _classify(raw: Bytes) -> tuple[Bytes, Bytes]:
    """The class and the kind of each byte; the later bytes of a character have its kind."""
    classes = _CLASS_OF[raw]
    kinds = _KIND_OF[classes]
    wide = np.flatnonzero(raw >= 0x80)
    if not len(wide):
        return classes, kinds
    after = raw[np.minimum(wide + 1, len(raw) - 1)]
    first = raw[wide]
    classes[wide[(first == 0xE3) & (after == 0x80)]] = SYMBOL
    classes[wide[(first == 0xC2) & (after == 0xA0)]] = SPACE
    lead = first >= 0xC0
    owner = np.maximum(np.cumsum(lead) - 1, 0)
    leads = wide[lead] if lead.any() else wide[:1]
    kinds[wide] = _KIND_OF[classes[leads[owner]]]
    return classes, kinds


def _window(raw: Bytes, stops: Ints) -> dict[str, NDArray[Any]]:
    """The columns of LineTokens for whole lines that end at `stops`."""
    classes, kinds = _classify(raw)
    lines = np.arange(len(stops))
    begins = np.concatenate(([0], stops[:-1] + 1))
    line_of = np.repeat(lines, stops - begins + 1)
    counts = np.bincount(line_of * CLASSES + classes, minlength=len(stops) * CLASSES)
    counts = counts.reshape(-1, CLASSES).astype(np.float32)
    counts[:, SPACE] -= 1
    starts, ends = _token_bounds(classes, kinds)
    folded = _prefix(_FOLDED[raw] * (kinds != _NONE))
    exact = _prefix(raw.astype(np.uint32) * (kinds != _NONE))
    second = classes[np.minimum(starts + 1, len(raw) - 1)] == UPPER
    owners = line_of[starts]
    return {
        "hashes": mix_hashes(_hash(exact, begins, stops)),
        "folded": mix_hashes(_hash(folded, begins, stops)),
        "counts": counts,
        "ends": _ends(classes, begins, stops),
        "sizes": np.bincount(owners, minlength=len(stops)),
        "tokens": mix_hashes(_hash(folded, starts, ends) ^ np.uint32(_SEED)),
        "kinds": classes[starts] + CLASSES * second.astype(np.uint8),
    }


def _token_bounds(classes: Bytes, kinds: Bytes) -> tuple[Ints, Ints]:
    before = np.concatenate((np.zeros(1, np.uint8), kinds[:-1]))
    change = kinds != before
    start = (change | ((kinds == _IDEOGRAM) & (classes != TAIL))) & (kinds != _NONE)
    starts = np.flatnonzero(start)
    stop = (change | start) & (before != _NONE)
    ends = np.flatnonzero(stop)
    return starts, ends


def _prefix(values: Words32) -> Words32:
    """Sums of `values` times the powers of the base, one more than the values."""
    sums = np.zeros(len(values) + 1, np.uint32)
    np.cumsum(values * _UP[: len(values)], dtype=np.uint32, out=sums[1:])
    return sums


def _hash(prefix: Words32, starts: Ints, ends: Ints) -> Words32:
    """Polynomial hashes of many stretches at once: a difference of prefix sums, moved to power 0.

    The base is odd and so has an inverse modulo 2^32, whose powers undo the place of a stretch
    (Karp and Rabin 1987, "Efficient randomized pattern-matching algorithms").
    """
    return (prefix[ends] - prefix[starts]) * _DOWN[starts]


def _ends(classes: Bytes, begins: Ints, stops: Ints) -> Bytes:
    """Classes of the first and the last character that are no space (SPACE on blank lines)."""
    shown = np.flatnonzero((classes != SPACE) & (classes != TAIL))
    if not len(shown):
        return np.zeros((len(stops), 2), np.uint8)
    first = np.searchsorted(shown, begins)
    last = np.searchsorted(shown, stops) - 1
    blank = first > last
    pair = np.stack((np.minimum(first, len(shown) - 1), np.maximum(last, 0)), axis=1)
    found = classes[shown[pair]]
    found[blank] = SPACE
    return found


def _joined(parts: list[dict[str, NDArray[Any]]], documents: Ints, length: Ints) -> LineTokens:
    if not parts:
        parts = [_window(np.zeros(0, np.uint8), np.zeros(0, np.int64))]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    starts = np.zeros(len(length) + 1, np.int64)
    np.cumsum(columns.pop("sizes"), out=starts[1:])
    return LineTokens(documents=documents, length=length, starts=starts, **columns)

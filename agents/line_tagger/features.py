"""What the line tagger sees of a line: a bag of hashed tokens, and its look, place and relatives.

Blank lines take no part: the rows of a batch are the lines that hold something. All features of a
line depend on its own document alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.stop_words import is_stop
from burnish.agents.line_tagger.tokens import (
    AT,
    BAR,
    BRACKET,
    CJK,
    CLASSES,
    COLON,
    COMMA,
    DASH,
    DIGIT,
    DOT,
    LETTER,
    LOWER,
    MARK,
    MONEY,
    QUOTE,
    SLASH,
    SPACE,
    STAR,
    SYMBOL,
    TAIL,
    UPPER,
    Ints,
    LineTokens,
    Words32,
    mix_hashes,
    tokenize,
)

Floats: TypeAlias = NDArray[np.float32]

HEAD_TOKENS: Final = 48
TAIL_TOKENS: Final = 16
"""A line with more tokens than these two together is read by its first and last ones."""

FEATURES: Final = 112
"""Length of a feature vector."""

LONG_TOKENS: Final = 14
"""A line of so many tokens or more reads as running text."""

LAGS: Final = 8
"""How far a line looks up and down for lines of the same shape."""

_BITMAP_BITS: Final = 12


@dataclass(frozen=True)
class LineBatch:
    """The rows (lines that are not blank) of a batch of documents, ready for the network.

    `rows` are their line numbers within the batch, `documents` the rows at which the documents
    start and the number of rows last, `lines` the same in lines. Row i has the feature vector
    `features[i]` and the tokens `words[starts[i]:starts[i + 1]]` (32-bit hashes); `pairs` holds
    the hash of each token and the one before it. `weights` are the numbers of word tokens.
    """

    rows: Ints
    documents: Ints
    lines: Ints
    features: Floats
    words: Words32
    pairs: Words32
    starts: Ints
    weights: Floats


def encode(texts: Sequence[str]) -> LineBatch:
    """The rows of `texts`; the result for a text is the same whatever texts are beside it."""
    lines = tokenize(texts)
    sizes = np.diff(lines.starts)
    rows = np.flatnonzero(sizes)
    documents = np.searchsorted(rows, lines.documents)
    page = _Page.of(lines, rows, documents)
    features = np.concatenate(
        [_look(page), _ends(page), _place(page), _relatives(page), _topic(page), _whole(page)],
        axis=1,
        dtype=np.float32,
    )
    words, pairs, starts = _bags(page)
    return LineBatch(
        rows=rows,
        documents=documents,
        lines=lines.documents,
        features=features,
        words=words,
        pairs=pairs,
        starts=starts,
        weights=page.words.astype(np.float32),
    )


@dataclass(frozen=True)
class _Page:
    """Per-row columns that several groups of features share."""

    lines: LineTokens
    rows: Ints
    documents: Ints
    document: Ints
    tokens: Ints
    words: Ints
    owner: Ints
    length: Ints
    counts: Floats
    is_word: NDArray[np.bool_]
    is_stop: NDArray[np.bool_]
    is_long: NDArray[np.bool_]

    @classmethod
    def of(cls, lines: LineTokens, rows: Ints, documents: Ints) -> _Page:
        tokens = np.diff(lines.starts)[rows]
        owner = np.repeat(np.arange(len(rows)), tokens)
        kinds = lines.kinds % CLASSES
        is_word = (kinds <= CJK) & (kinds != SPACE)
        words = np.bincount(owner[is_word], minlength=len(rows))
        return cls(
            lines=lines,
            rows=rows,
            documents=documents,
            document=np.repeat(np.arange(len(documents) - 1), np.diff(documents)),
            tokens=tokens,
            words=words,
            owner=owner,
            length=lines.length[rows],
            counts=lines.counts[rows],
            is_word=is_word,
            is_stop=is_stop(lines.tokens),
            is_long=words >= LONG_TOKENS,
        )

    def per_row(self, tokens: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How many of `tokens` are true, row by row."""
        return np.bincount(self.owner[tokens], minlength=len(self.rows)).astype(np.float64)

    def per_document(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sums of the rows' integer `values`, document by document."""
        weights = values.astype(np.float64)
        sums = np.bincount(self.document, weights, minlength=len(self.documents) - 1)
        return sums.astype(np.float64)

    def before(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sums of the integer `values` over the rows before a row in its document."""
        sums = np.cumsum(values, dtype=np.int64) - values
        return (sums - sums[self.documents[self.document]]).astype(np.float64)


def _stack(*columns: NDArray[Any]) -> Floats:
    return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")


def _log(values: NDArray[Any]) -> NDArray[Any]:
    return np.log1p(values.astype(np.float32)) * np.float32(0.5)


def _look(page: _Page) -> Floats:
    """Length, characters by class, words by case."""
    kinds = page.lines.kinds
    count = page.counts
    shown = np.maximum(count[:, 1:].sum(axis=1) - count[:, TAIL], 1)
    words = np.maximum(page.words, 1)
    capital = page.per_row(kinds % CLASSES == UPPER)
    shouted = page.per_row(kinds == UPPER + CLASSES)
    numbers = page.per_row(kinds % CLASSES == DIGIT)
    stops = page.per_row(page.is_stop)
    signs = [SYMBOL, DOT, COMMA, COLON, MARK, BAR, SLASH, DASH, BRACKET, QUOTE, AT, MONEY, STAR]
    shares = np.stack([count[:, kind] / shown for kind in (LOWER, UPPER, DIGIT, LETTER, CJK)], 1)
    sizes = _stack(
        _log(page.length),
        _log(page.tokens),
        _log(page.words),
        shown / words * 0.1,
        np.minimum(page.words, 4) * 0.25,
        page.words == 1,
        page.words == 2,
        page.words == 0,
        page.is_long,
        capital / words,
        shouted / words,
        numbers / words,
        stops / words,
        _log(stops),
        (page.tokens - page.words) / np.maximum(page.tokens, 1),
    )
    return np.concatenate([sizes, shares, _log(count[:, signs])], axis=1, dtype=np.float32)


_END_GROUPS: Final = (
    (LOWER, LETTER), (UPPER,), (DIGIT,), (CJK,), (SYMBOL,), (DOT,), (COMMA, COLON), (MARK,),
    (BAR, SLASH, DASH, STAR, MONEY, AT), (BRACKET, QUOTE),
)  # fmt: skip


def _ends(page: _Page) -> Floats:
    """One-hot groups of the first and the last character."""
    group = np.zeros(CLASSES, np.int64)
    for number, classes in enumerate(_END_GROUPS):
        group[list(classes)] = number
    table = np.eye(len(_END_GROUPS), dtype=np.float32)
    first, last = group[page.lines.ends[page.rows]].T
    return np.concatenate([table[first], table[last]], axis=1)


def _place(page: _Page) -> Floats:
    """Where in its document a row stands, in rows, bytes and long rows."""
    total = np.diff(page.documents)[page.document]
    index = np.arange(len(page.rows)) - page.documents[page.document]
    size = page.per_document(page.length)[page.document]
    above = page.before(page.length)
    long_above = page.before(page.is_long)
    long_total = page.per_document(page.is_long)[page.document]
    long_below = long_total - long_above - page.is_long
    up, down = _distances(page, page.is_long)
    return _stack(
        _log(index) * 0.5,
        _log(total - 1 - index) * 0.5,
        index / total,
        _log(above) * 0.3,
        _log(size - above - page.length) * 0.3,
        above / np.maximum(size, 1),
        index == 0,
        index < 3,
        _log(long_above),
        _log(long_below),
        long_above / np.maximum(long_total, 1),
        _log(up),
        _log(down),
        up == 1,
        down == 1,
    )


_FAR: Final = 500


def _distances(page: _Page, marked: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Rows up to the last and down to the next marked row, _FAR at most or when there is none."""
    # A running maximum carries the last marked row down; one of another document does not count.
    number = np.arange(len(page.rows))
    last = np.maximum.accumulate(np.where(marked, number, -_FAR)) if len(number) else number
    last = np.concatenate(([-_FAR], last[:-1]))[: len(number)]
    last = np.where(last < page.documents[page.document], -_FAR, last)
    end = len(number) + _FAR
    upcoming = np.where(marked, number, end)[::-1]
    after = np.minimum.accumulate(upcoming)[::-1] if len(number) else number
    after = np.concatenate((after[1:], [end]))[: len(number)]
    after = np.where(after >= page.documents[page.document + 1], end, after)
    return np.minimum(number - last, _FAR), np.minimum(after - number, _FAR)


def _relatives(page: _Page) -> Floats:
    """Repeats of the row in its document, and rows around it of the same shape."""
    exact, exact_before, gap = _repeats(page, page.lines.hashes[page.rows])
    alike, alike_before, _ = _repeats(page, page.lines.folded[page.rows])
    shape = _shapes(page)
    kin, _, kin_gap = _repeats(page, shape)
    total = np.diff(page.documents)[page.document]
    columns = [
        _log(exact - 1),
        exact > 1,
        exact_before > 0,
        _log(exact_before),
        _log(np.minimum(gap, _FAR)),
        _log(alike - 1),
        _log(alike_before),
        _log(kin - 1),
        kin / total,
        _log(np.minimum(kin_gap, _FAR)),
    ]
    return np.concatenate([_stack(*columns), _same_at_lags(page, shape)], axis=1)


def _shapes(page: _Page) -> Words32:
    first, last = page.lines.ends[page.rows].T.astype(np.uint32)
    size = np.log2(np.maximum(page.tokens, 1) + 0.5).astype(np.uint32)
    digits = (page.counts[:, DIGIT] > 0).astype(np.uint32)
    return mix_hashes(
        ((first * np.uint32(32) + last) * np.uint32(32) + size) * np.uint32(2) + digits
    )


def _repeats(page: _Page, keys: Words32) -> tuple[Ints, Ints, Ints]:
    """For each row: rows of its document with its key, those before it, and rows to the last."""
    # One stable sort by document and key lays equal rows side by side, in their order.
    full = (page.document.astype(np.uint64) << np.uint64(32)) | keys
    order = np.argsort(full, kind="stable")
    ordered = full[order]
    fresh = np.ones(len(full), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    run = np.cumsum(fresh) - 1
    first = np.flatnonzero(fresh)
    size = np.diff(np.append(first, len(full)))
    count, earlier, gap = np.empty((3, len(full)), np.int64)
    count[order] = size[run]
    earlier[order] = np.arange(len(full)) - first[run]
    steps = np.full(len(full), _FAR, np.int64)
    steps[1:] = np.where(fresh[1:], _FAR, np.diff(order))
    gap[order] = steps
    return count, earlier, gap


def _same_at_lags(page: _Page, shape: Words32) -> Floats:
    """Whether the rows 1..LAGS above and below have the shape of this one."""
    same = np.zeros((len(shape), 2 * LAGS), np.float32)
    for lag in range(1, min(LAGS, len(shape) - 1) + 1):
        equal = (shape[lag:] == shape[:-lag]) & (page.document[lag:] == page.document[:-lag])
        same[lag:, lag - 1] = equal
        same[: len(shape) - lag, LAGS + lag - 1] = equal
    return same


def _topic(page: _Page) -> Floats:
    """Words shared with the title (the first row), with long rows and with all rows."""
    # A table of 4,096 slots for each document stands for its set of words: words that share a slot
    # are taken for one, which blurs long documents a little and keeps everything one array.
    tokens = page.lines.tokens
    told = page.is_word & ~page.is_stop
    owner = page.document[page.owner]
    size = (len(page.documents) - 1) << _BITMAP_BITS
    slot = (owner << _BITMAP_BITS) + (tokens & np.uint32((1 << _BITMAP_BITS) - 1))
    first = np.zeros(len(page.rows), np.bool_)
    first[page.documents[:-1][np.diff(page.documents) > 0]] = True
    in_first, in_long = first[page.owner], page.is_long[page.owner]
    title = np.zeros(size, np.bool_)
    title[slot[told & in_first]] = True
    long_count = np.bincount(slot[told & in_long], minlength=size)
    all_count = np.bincount(slot[told], minlength=size)
    told_here = np.maximum(page.per_row(told), 1)
    titled = page.per_row(told & title[slot])
    title_size = np.bincount(owner[told & in_first], minlength=len(page.documents) - 1)
    supported = page.per_row(told & (long_count[slot] > in_long))
    frequent = page.per_row(told & (all_count[slot] > 2))
    single = page.per_row(told & (all_count[slot] == 1))
    return _stack(
        titled / told_here,
        titled / np.maximum(title_size, 1)[page.document],
        (titled == told_here) & (titled > 1),
        supported / told_here,
        _log(supported),
        frequent / told_here,
        single / told_here,
    )


def _whole(page: _Page) -> Floats:
    """Facts of the whole document, the same for all of its rows."""
    total = np.maximum(np.diff(page.documents), 1)
    size = np.maximum(page.per_document(page.length), 1)
    long_size = page.per_document(page.length * page.is_long)
    sums = [page.per_document(page.counts[:, kind]) for kind in (CJK, LETTER, DIGIT, UPPER)]
    ends_dot = page.lines.ends[page.rows][:, 1] == DOT
    columns = [
        _log(total) * 0.5,
        _log(size) * 0.3,
        size / total * 0.01,
        page.per_document(page.is_long) / total,
        long_size / size,
        page.per_document(ends_dot) / total,
        page.per_document(page.words <= 3) / total,
        *[value / size for value in sums],
    ]
    return _stack(*columns)[page.document]


def _bags(page: _Page) -> tuple[Words32, Words32, Ints]:
    """The capped tokens of each row, the hashes of neighbouring pairs, and where rows start."""
    # The first token of a line makes its pair with 1, a hash that stands for the line's beginning.
    starts = np.cumsum(page.tokens) - page.tokens
    rank = np.arange(len(page.owner)) - starts[page.owner]
    before = np.concatenate((np.zeros(1, np.uint32), page.lines.tokens[:-1]))[: len(rank)]
    before = np.where(rank == 0, np.uint32(1), before)
    pairs = mix_hashes(before * np.uint32(0x01000193) + page.lines.tokens)
    size = page.tokens
    if len(size) and int(size.max()) > HEAD_TOKENS + TAIL_TOKENS:
        keep = (rank < HEAD_TOKENS) | (rank >= size[page.owner] - TAIL_TOKENS)
        size = np.minimum(size, HEAD_TOKENS + TAIL_TOKENS)
        words, pairs = page.lines.tokens[keep], pairs[keep]
    else:
        words = page.lines.tokens
    offsets = np.zeros(len(size) + 1, np.int64)
    np.cumsum(size, out=offsets[1:])
    return words, pairs, offsets

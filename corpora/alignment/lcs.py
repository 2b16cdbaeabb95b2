"""Longest common subsequences of two texts: exact, and bounded in memory however long they are.

Texts are compared character by character. Where the bit matrix of a native solver would grow too
large, the problem is halved first (Hirschberg, "A linear space algorithm for computing maximal
common subsequences", CACM 1975) on rows computed bit-parallel (Hyyrö, "Bit-parallel LCS-length
computation revisited", 2004) with Python's big integers.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

NATIVE_CELLS = 1 << 29
"""Largest matrix (characters of one text times the other) given to the native solver: 64 MiB."""

CACHED_SYMBOLS = 256
"""How many characters, the most frequent ones, keep their bit mask between rows."""


class Run(NamedTuple):
    """A shared piece: `size` characters from `raw` on in the one text, `refined` in the other."""

    raw: int
    refined: int
    size: int


def lcs_length(raw: str, refined: str) -> int:
    """Return the length of the longest common subsequence, in characters."""
    return LCSseq.similarity(raw, refined)


def common_prefix(left: str, left_at: int, right: str, right_at: int) -> int:
    """Count the equal characters from the two places onward."""
    # Slices are compared in C: doubling steps find a long match, halving ones its end.
    limit = min(len(left) - left_at, len(right) - right_at)
    size: int = 0
    step: int = 16
    while size < limit and step:
        stop = min(size + step, limit)
        if left[left_at + size : left_at + stop] == right[right_at + size : right_at + stop]:
            size = stop
            step *= 2
        else:
            step //= 2
    return size


def common_suffix(left: str, left_stop: int, right: str, right_stop: int) -> int:
    """Count the equal characters from just before the two places backward."""
    limit = min(left_stop, right_stop)
    size: int = 0
    step: int = 16
    while size < limit and step:
        stop = min(size + step, limit)
        pieces = (
            left[left_stop - stop : left_stop - size],
            right[right_stop - stop : right_stop - size],
        )
        if pieces[0] == pieces[1]:
            size = stop
            step *= 2
        else:
            step //= 2
    return size


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text (lone surrogates pass)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def merge_runs(runs: list[Run]) -> list[Run]:
    """Join runs that follow one another in both texts; empty ones go."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else Run(0, 0, 0)
        if joined and run.raw - last.raw == last.size == run.refined - last.refined:
            joined[-1] = Run(last.raw, last.refined, last.size + run.size)
        elif run.size:
            joined.append(run)
    return joined


def common_runs(raw: str, refined: str) -> list[Run]:
    """Return a longest common subsequence as runs, in order."""
    return merge_runs(list(_solve(raw, refined, 0, 0)))


def solve_between(
    raw: str, refined: str, solve: Callable[[str, str, int, int], Iterator[Run]]
) -> Iterator[Run]:
    """Yield the common prefix, what `solve` finds in between, and the common suffix.

    Both ends belong to some longest common subsequence, and to one with the fewest pieces cut
    out: a character kept later in the text can always be exchanged for its equal at the edge.
    `solve` gets the two inner texts and their offsets.
    """
    head = common_prefix(raw, 0, refined, 0)
    rest = min(len(raw), len(refined)) - head
    tail = min(common_suffix(raw, len(raw), refined, len(refined)), rest)
    yield Run(0, 0, head)
    raw_stop, refined_stop = len(raw) - tail, len(refined) - tail
    if head < raw_stop and head < refined_stop:
        yield from solve(raw[head:raw_stop], refined[head:refined_stop], head, head)
    yield Run(raw_stop, refined_stop, tail)


def shift_runs(runs: Iterator[Run] | list[Run], raw_by: int, refined_by: int) -> Iterator[Run]:
    """Yield the runs with their places moved."""
    for run in runs:
        yield Run(run.raw + raw_by, run.refined + refined_by, run.size)


def rising_chain(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest chain of pairs that rises in both places; the second ones rise already.

    Patience sorting (Fredman, "On computing the length of longest increasing subsequences", 1975),
    in n log n: `tails[n]` ends the chain of n + 1 pairs whose last first place is smallest,
    so one binary search a pair tells how long a chain it can end.
    """
    tails: list[int] = []
    heights: list[int] = []
    links: list[int] = []
    for at, (place, _) in enumerate(pairs):
        length = bisect_left(heights, place)
        links.append(tails[length - 1] if length else -1)
        tails[length : length + 1] = [at]
        heights[length : length + 1] = [place]
    chain: list[tuple[int, int]] = []
    at = tails[-1] if tails else -1
    while at >= 0:
        chain.append(pairs[at])
        at = links[at]
    return chain[::-1]


def _solve(raw: str, refined: str, raw_at: int, refined_at: int) -> Iterator[Run]:
    inner = solve_between(raw, refined, _native_or_halved)
    return shift_runs(inner, raw_at, refined_at)


def _native_or_halved(raw: str, refined: str, raw_at: int, refined_at: int) -> Iterator[Run]:
    if len(raw) * len(refined) <= NATIVE_CELLS or len(raw) == 1:
        for block in LCSseq.opcodes(raw, refined).as_matching_blocks():
            yield Run(block.a + raw_at, block.b + refined_at, block.size)
        return
    # Hirschberg: some longest common subsequence crosses the middle of `raw` where what both halves
    # share with the two sides of `refined` is most. Memory is one row; the work at most doubles.
    middle = len(raw) // 2
    before = _lengths(raw[:middle], refined)
    after = _lengths(raw[middle:][::-1], refined[::-1])
    border = int(np.argmax(before + after[::-1]))
    yield from _solve(raw[:middle], refined[:border], raw_at, refined_at)
    yield from _solve(raw[middle:], refined[border:], raw_at + middle, refined_at + border)


def _lengths(rows: str, columns: str) -> NDArray[np.int64]:
    """Return the LCS length of `rows` with each prefix of `columns`, the empty one first."""
    # Hyyrö's recurrence on one integer of `width` bits: a bit is 0 where the LCS grows by one from
    # a column to the next. A row costs a few additions of big integers, width / 64 words each; the
    # carry of the addition moves the first match of each stretch to its place.
    width = len(columns)
    full = (1 << width) - 1
    mask_of = _Masks(rows, columns)
    unmatched = full
    for symbol in rows:
        hits = unmatched & mask_of(symbol)
        unmatched = ((unmatched + hits) | (unmatched - hits)) & full
    packed = np.frombuffer(unmatched.to_bytes((width + 7) // 8, "little"), dtype=np.uint8)
    bits = np.unpackbits(packed, count=width, bitorder="little")
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(bits ^ 1, dtype=np.int64)])


class _Masks:
    """Where each character stands in `columns`, as the bits of one integer."""

    def __init__(self, rows: str, columns: str) -> None:
        symbols = code_points(columns)
        self._width = len(columns)
        self._order = np.argsort(symbols, kind="stable")
        values, firsts = np.unique(symbols[self._order], return_index=True)
        stops = [*firsts[1:].tolist(), len(columns)]
        spans = zip(firsts.tolist(), stops, strict=True)
        self._places = dict(zip(map(chr, values.tolist()), spans, strict=True))
        frequent = (symbol for symbol, _ in Counter(rows).most_common())
        kept = zip(count(), frequent, strict=False)
        self._cache = {symbol: self._build(symbol) for at, symbol in kept if at < CACHED_SYMBOLS}

    def __call__(self, symbol: str) -> int:
        cached = self._cache.get(symbol)
        return self._build(symbol) if cached is None else cached

    def _build(self, symbol: str) -> int:
        span = self._places.get(symbol)
        if span is None:
            return 0
        bits = np.zeros(self._width, np.uint8)
        bits[self._order[span[0] : span[1]]] = 1
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

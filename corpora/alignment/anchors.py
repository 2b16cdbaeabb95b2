"""Shared runs found fast: long pieces that stand once in each text, and exact solutions between.

Nothing here promises the longest common subsequence; whoever needs it compares the number of
characters kept with its length, which is far cheaper to compute than the subsequence itself.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.alignment.lcs import (
    Run,
    codes,
    common_prefix,
    common_runs,
    common_suffix,
    merged,
    rising_chain,
    shifted,
)

ANCHOR = 24
"""Length, in characters, of the pieces that must stand once in each text."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def anchored_runs(raw: str, refined: str) -> list[Run] | None:
    """Return runs shared by two texts, in order, or None where too little is anchored.

    The longest chain of unique pieces is kept; gaps between them are solved exactly.
    """
    chain = _chain(raw, refined)
    if not chain:
        return None
    solid = _extended(raw, refined, chain)
    runs: list[Run] = []
    for left, right in pairwise([Run(0, 0, 0), *solid, Run(len(raw), len(refined), 0)]):
        at, refined_at = left.raw + left.size, left.refined + left.size
        gap, wanted = raw[at : right.raw], refined[refined_at : right.refined]
        if gap and wanted:
            runs += shifted(common_runs(gap, wanted), at, refined_at)
        if right.size:
            runs.append(right)
    return merged(runs)


def _chain(raw: str, refined: str) -> list[tuple[int, int]]:
    here, there = _once(raw), _once(refined)
    shared, raw_order, refined_order = np.intersect1d(
        here[0], there[0], assume_unique=True, return_indices=True
    )
    if not len(shared):
        return []
    places, wanted = here[1][raw_order], there[1][refined_order]
    # Of pieces that follow one another in both texts, one is enough: it grows over the others.
    order = np.argsort(wanted)
    pairs = list(zip(places[order].tolist(), wanted[order].tolist(), strict=True))
    starts = [
        pair
        for before, pair in pairwise([(-2, -2), *pairs])
        if (pair[0] - before[0], pair[1] - before[1]) != (1, 1)
    ]
    # Equal hashes are not yet equal texts, so what the chain rests on is compared letter by letter.
    return [
        pair
        for pair in rising_chain(starts)
        if raw.startswith(refined[pair[1] : pair[1] + ANCHOR], pair[0])
    ]


def _once(text: str) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the hashes of the pieces that stand once in a text, and where they stand."""
    symbols = codes(text).astype(np.uint64)
    count = len(symbols) - ANCHOR + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.intp)
    # A polynomial hash of every window, by Horner's rule over all windows at once; it wraps at
    # 2^64. The multiplier is odd, so that no early character is lost (2^64 over the golden ratio).
    hashes = np.zeros(count, np.uint64)
    for offset in range(ANCHOR):
        hashes = hashes * _FACTOR + symbols[offset : offset + count]
    values, firsts, counts = np.unique(hashes, return_index=True, return_counts=True)
    return values[counts == 1], firsts[counts == 1]


def _extended(raw: str, refined: str, chain: Sequence[tuple[int, int]]) -> list[Run]:
    """Grow each piece both ways as far as the texts agree and the run before it allows."""
    runs: list[Run] = []
    edge = Run(0, 0, 0)
    for place, wanted in chain:
        if place < edge.raw + edge.size or wanted < edge.refined + edge.size:
            continue
        size = common_prefix(raw, place, refined, wanted)
        back = common_suffix(
            raw[edge.raw + edge.size : place],
            place - edge.raw - edge.size,
            refined[edge.refined + edge.size : wanted],
            wanted - edge.refined - edge.size,
        )
        edge = Run(place - back, wanted - back, size + back)
        runs.append(edge)
    return runs

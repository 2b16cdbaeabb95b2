"""Shared runs found fast: long pieces that stand once in each text, and exact solutions between.

The pieces play the part of lines in patience diff (Cohen): what stands once in both texts can
hardly be paired wrongly, and the longest chain of such pairs cuts a long problem into short ones.

Nothing here promises the longest common subsequence; whoever needs it compares the number of
characters kept with its length, which is far cheaper to compute than the subsequence itself.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.alignment.lcs import (
    Run,
    code_points,
    common_prefix,
    common_runs,
    common_suffix,
    merge_runs,
    rising_chain,
    shift_runs,
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
            runs += shift_runs(common_runs(gap, wanted), at, refined_at)
        if right.size:
            runs.append(right)
    return merge_runs(runs)


def _chain(raw: str, refined: str) -> list[tuple[int, int]]:
    here, there = _once(raw), _once(refined)
    shared, raw_order, refined_order = np.intersect1d(
        here[0], there[0], assume_unique=True, return_indices=True
    )
    if not len(shared):
        return []
    places, wanted = here[1][raw_order], there[1][refined_order]
    # Of pieces that follow one another by a character in both texts only the first is needed: it
    # grows over the others.
    order = np.argsort(wanted)
    pairs = list(zip(places[order].tolist(), wanted[order].tolist(), strict=True))
    starts = [
        pair
        for before, pair in pairwise([(-2, -2), *pairs])
        if (pair[0] - before[0], pair[1] - before[1]) != (1, 1)
    ]
    return [
        pair
        for pair in rising_chain(starts)
        if raw.startswith(refined[pair[1] : pair[1] + ANCHOR], pair[0])
    ]


def _once(text: str) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the hashes of the pieces that stand once in a text, and where they stand."""
    # A polynomial hash of every piece at once (Rabin and Karp), modulo 2**64: ANCHOR passes over
    # the text instead of one for each piece. Whoever takes a pair compares the pieces themselves.
    symbols = code_points(text).astype(np.uint64)
    count = len(symbols) - ANCHOR + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.intp)
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

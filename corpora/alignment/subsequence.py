"""Find where a text that was made by deletion alone stands in its raw text, in few pieces.

Any embedding keeps all of the refined text, so each is a longest common subsequence; what is
looked for is one with few pieces. Only such places are taken from which the rest still fits.

Small texts are solved exactly (`fewest_runs`, quadratic). Longer ones follow equal characters and,
at a break, leap to the nearest place where a long next piece stands: linear but for the searches,
whose reach is bounded, and not always the fewest pieces; small windows of the result are then
solved exactly again.
"""

from array import array
from collections.abc import Iterator

from rapidfuzz.distance import LCSseq

from burnish.corpora.alignment.fewest_runs import WINDOW_CELLS, fewest_runs, polish_runs
from burnish.corpora.alignment.lcs import (
    Run,
    common_prefix,
    common_suffix,
    merge_runs,
    shift_runs,
    solve_between,
)

_NATIVE_LENGTH = 4096
"""Up to so many characters the native solver is the quickest to tell a subsequence."""

_LEAPS = ((64, 1 << 20), (32, 1 << 16), (16, 1 << 14), (8, 1 << 12), (4, 1 << 10), (2, 1 << 9))
"""Length of the text looked for after a cut, and how far ahead it is looked for."""


def embed(raw: str, refined: str) -> list[Run] | None:
    """Return where the refined text stands in the raw text, or None if it is no subsequence."""
    if not contains(raw, refined):
        return None
    return merge_runs(list(solve_between(raw, refined, _inner)))


def _inner(raw: str, refined: str, raw_at: int, refined_at: int) -> Iterator[Run]:
    """Embed a text that shares neither its first nor its last character with the raw text."""
    place = raw.find(refined)
    if place >= 0:
        return iter([Run(raw_at + place, refined_at, len(refined))])
    if len(raw) * len(refined) <= WINDOW_CELLS:
        return shift_runs(fewest_runs(raw, refined), raw_at, refined_at)
    return shift_runs(polish_runs(raw, refined, _leap(raw, refined)), raw_at, refined_at)


def contains(raw: str, refined: str) -> bool:
    """Tell whether `refined` is a subsequence of `raw`."""
    if len(refined) > len(raw):
        return False
    if refined in raw:
        return True
    if len(raw) <= _NATIVE_LENGTH:
        return LCSseq.similarity(refined, raw, score_cutoff=len(refined)) == len(refined)
    at = done = 0
    while done < len(refined):
        at = raw.find(refined[done], at)
        if at < 0:
            return False
        size = common_prefix(raw, at, refined, done)
        at, done = at + size, done + size
    return True


def _leap(raw: str, refined: str) -> list[Run]:
    """Follow equal characters; at each break leap to where the longest next piece is found."""
    # Beyond latest[n] the characters after the n-th no longer fit: a leap never passes it, so the
    # embedding cannot fail once `contains` said that there is one.
    latest = _latest(raw, refined)
    runs: list[Run] = []
    at = done = 0
    while done < len(refined):
        size = common_prefix(raw, at, refined, done)
        runs.append(Run(at, done, size))
        at, done = at + size, done + size
        if done < len(refined):
            at = _landing(raw, refined, at, done, latest[done])
    return runs


def _landing(raw: str, refined: str, at: int, done: int, latest: int) -> int:
    # The longer the piece that is found, the less chance made it, and the farther it may be looked
    # for: a single letter is found anywhere and means nothing.
    for size, reach in _LEAPS:
        piece = refined[done : done + size]
        place = raw.find(piece, at, min(at + reach, latest) + len(piece))
        if 0 <= place <= latest:
            return place
    return raw.find(refined[done], at, latest + 1)


def _latest(raw: str, refined: str) -> "array[int]":
    """Return the last place in `raw` each character can take so that all after it still fit."""
    places = array("q", bytes(8 * len(refined)))
    at, left = len(raw), len(refined)
    while left:
        at = raw.rfind(refined[left - 1], 0, at) + 1
        size = common_suffix(raw, at, refined, left)
        places[left - size : left] = array("q", range(at - size, at))
        at, left = at - size, left - size
    return places

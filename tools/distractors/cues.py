"""What tells a key among its options without knowing the subject: looks, and likenesses.

Cues are arrays of sets x options x cues, the key's row first where it is known. Features are what a
guesser may make of cues: each within its set, its extremes, products, and all of these by the level
of the set, so that "the key is the likest of a set that is unlike the question" is one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from burnish.tools.answers.likeness import tokens
from burnish.tools.arrays import Floats

LOOKS: Final = (
    "length", "digits", "share of its words in the question", "words in the question",
    "capital first", "full stop", "commas", "marks", "length of words", "capitals",
)  # fmt: skip
NAMES: Final = (*LOOKS, "like the question", "like the others", "likest to another")
TOPICAL: Final = len(LOOKS)
"""The column of the likeness to the question."""
OTHERS: Final = TOPICAL + 1
"""The column of the mean likeness to the other options."""
_STRONG: Final = (0, TOPICAL, OTHERS, OTHERS + 1)
"""Cues that guessers did use on borrowed answers: length and likenesses."""
_PAIRED: Final = (*_STRONG, 3)
_FAR: Final = 4.0
"""Standard deviations at which a cue's distance is cut."""
_MARKS: Final = frozenset("-()/\"'")
_SMALL: Final = """
the a an of and or in on to for by at is are was were be that this which with as it its from not no
can may has have will their they he his she her you your what who how when where why if than then
there these those into all any most more one some such do does did would should could following
"""
_IDLE: Final = frozenset(_SMALL.split())
"""Words that questions and answers share by chance."""


def looks(texts: Sequence[str], question: str) -> Floats:
    """Return the cues in LOOKS of some answers to a question, an answer a row."""
    asked = frozenset(tokens(question))
    return np.array([_looks(text, asked) for text in texts], np.float64).reshape(-1, len(LOOKS))


def _looks(text: str, asked: frozenset[str]) -> tuple[float, ...]:
    words = tokens(text)
    content = [word for word in words if word not in _IDLE]
    shared = sum(word in asked for word in content)
    counted = (
        len(text),
        sum(char.isdigit() for char in text),
        sum(char in ",;:" for char in text),
        sum(char in _MARKS for char in text),
        sum(map(len, words)) / max(len(words), 1),
        sum(char.isupper() for char in text),
        shared,
    )
    size, digits, commas, marks, width, capitals, common = np.log1p(counted).tolist()
    share = shared / max(len(content), 1)
    first, last = float(text[:1].isupper()), float(text.rstrip()[-1:] in {".", "!", "?"})
    return (size, digits, share, common, first, last, commas, marks, width, capitals)


def cues_of(own: Floats, among: Floats) -> Floats:
    """Return all cues in NAMES.

    Args:
        own: sets x options x (looks, then the likeness to the question).
        among: sets x options x options, the likeness of each option to each.
    """
    size = among.shape[1]
    among = among.copy()
    among[:, np.arange(size), np.arange(size)] = 0
    mean = among.sum(axis=2) / max(size - 1, 1)
    among[:, np.arange(size), np.arange(size)] = -1
    return np.concatenate([own, mean[:, :, None], among.max(axis=2)[:, :, None]], axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """Units in which cues are measured, one a cue."""

    scale: Floats
    """Standard deviation within sets."""
    level: Floats
    """Mean over sets of the mean within the set."""
    spread: Floats
    """Standard deviation of these means."""


def ruler_of(cues: Floats) -> Ruler:
    """Measure the units on some sets."""
    means = cues.mean(axis=1)
    within = (cues - means[:, None]).std(axis=(0, 1))
    return Ruler(np.maximum(within, 1e-6), means.mean(axis=0), np.maximum(means.std(axis=0), 1e-6))


def features(cues: Floats, ruler: Ruler) -> Floats:
    """Return what a guesser may see, sets x options x features."""
    means = cues.mean(axis=1, keepdims=True)
    within = np.clip((cues - means) / ruler.scale, -_FAR, _FAR)
    level = np.clip((means - ruler.level) / ruler.spread, -3, 3)
    spread = within.std(axis=1, keepdims=True)
    most, least = extremes(within)
    strong = list(_STRONG)
    ours, high, low = within[:, :, strong], most[:, :, strong], least[:, :, strong]
    rank = (ours[:, :, None] > ours[:, None]).sum(axis=2)
    parts = [
        within, within**2, most, least,
        *(within[:, :, [a]] * within[:, :, [b]] for a, b in combinations(_PAIRED, 2)),
        *(ours * level[:, :, [b]] for b in _STRONG[:3]),
        *(ours**2 * level[:, :, [b]] for b in _STRONG[:3]),
        high * level[:, :, strong], low * level[:, :, strong],
        high * spread[:, :, strong], low * spread[:, :, strong],
        ours**3 / _FAR, np.abs(ours), _gaps(ours), (rank == 1).astype(np.float64),
    ]  # fmt: skip
    return np.concatenate(parts, axis=2)


def extremes(cues: Floats) -> tuple[Floats, Floats]:
    """Return 1 where an option is the largest of its set in a cue, and the smallest.

    A set in which all are equal has neither.
    """
    top, bottom = cues.max(axis=1, keepdims=True), cues.min(axis=1, keepdims=True)
    told = top > bottom
    return ((cues == top) & told).astype(np.float64), ((cues == bottom) & told).astype(np.float64)


def _gaps(cues: Floats) -> Floats:
    """Return the distance of each option to the next one in a cue."""
    size = cues.shape[1]
    apart = np.abs(cues[:, :, None] - cues[:, None])
    apart[:, np.arange(size), np.arange(size)] = _FAR
    return np.minimum(apart.min(axis=2), _FAR)

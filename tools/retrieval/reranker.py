"""Reorders passages found for a question by how its words stand in them.

Two rankings joined by reciprocal rank fusion know which words a passage has and how near it is in
meaning, but not where its words stand. Here the passages at the top are compared by phrases shared
with the question and by how many of its words stand close together (the evidence of proximity of
Tao and Zhai, SIGIR 2007), weighed by rarity, in one linear score.
"""

from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.retrieval.rank_fusion import Fused, Rows

Values = NDArray[np.float64]
Places = NDArray[np.int64]

CLOSE = 15
"""Stems of a window anywhere in title, section and text."""
CLOSER = 8
"""Stems of a window within the text."""
MOST = 60
"""Different stems of a question that are looked at: a window's words are bits of one integer."""


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """What each feature counts.

    The shipped values are those that `eval.retrieval` fits on its tuning half of the articles
    (conditional logit over the passages found for a question) with the default embedder.
    """

    words: float = 4.297
    """BM25, as a share of the best one found."""
    meaning: float = 10.06
    """Cosine; a passage that was found by words only has that of the last one found by meaning."""
    phrases: float = 1.121
    """Pairs of neighbouring stems of the question that are neighbours in the passage."""
    close: float = 3.402
    """Rarity of the question's stems within the best window of `CLOSE` stems, as a share."""
    closer: float = 2.791
    """The same in the best window of `CLOSER` stems of the text."""
    present: float = 4.285
    """The same in the whole passage."""
    title: float = -1.65
    """The same in its title; below 0, since words the text shares with the question say more."""


class Asked(NamedTuple):
    """The stems of a question that stand in any passage."""

    terms: Places
    """In the order asked, repetitions included."""
    rarity: Values
    """Inverse document frequency of each."""


class Shelf(NamedTuple):
    """The stems of some passages, one after another."""

    terms: Places
    starts: Places
    """Where each passage begins, and the end of the last."""
    titles: Places
    """Stems of each passage's title, its first ones."""
    heads: Places
    """Stems of each passage's title and section, which the text follows."""


class RetrievedRows(NamedTuple):
    """Passages found for a question: rows, BM25 and cosine of each."""

    rows: Rows
    words: Values
    meaning: Values


class _Marks(NamedTuple):
    """Where stems of the question stand: the passage, the place in it, which stem."""

    owner: Places
    at: Places
    stem: Places

    def only(self, kept: NDArray[np.bool_]) -> "_Marks":
        return _Marks(self.owner[kept], self.at[kept], self.stem[kept])


_WEIGHTS = FeatureWeights()


def reordered(
    asked: Asked, shelf: Shelf, found: RetrievedRows, weights: FeatureWeights = _WEIGHTS
) -> Fused:
    """Order passages by the linear score; equal scores keep the order given."""
    scores = features(asked, shelf, found) @ np.array(astuple(weights))
    order = np.argsort(-scores, kind="stable")
    return Fused(found.rows[order], scores[order])


def features(asked: Asked, shelf: Shelf, found: RetrievedRows) -> Values:
    """Return a row for each passage, a column for each weight, in their order."""
    count = len(found.rows)
    terms, first = np.unique(asked.terms, return_index=True)
    kept = np.argsort(first)[:MOST]
    terms, rarity = terms[kept], asked.rarity[first[kept]]
    share = rarity / max(float(rarity.sum()), 1e-9)
    marks = _marked(terms, shelf)
    text = marks.only(marks.at >= shelf.heads[marks.owner])
    titled = marks.only(marks.at < shelf.titles[marks.owner])
    columns = (
        found.words / max(float(found.words.max(initial=0.0)), 1e-9),
        found.meaning,
        _phrases(marks, _pairs(asked.terms, terms), count),
        _closest(marks, share, CLOSE, count),
        _closest(text, share, CLOSER, count),
        _present(marks, share, count),
        _present(titled, share, count),
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _marked(terms: Places, shelf: Shelf) -> _Marks:
    """Find the question's stems in the passages, in their order."""
    order = np.argsort(terms)
    if not len(terms) or not len(shelf.terms):
        nothing = np.zeros(0, np.int64)
        return _Marks(nothing, nothing, nothing)
    place = np.minimum(np.searchsorted(terms[order], shelf.terms), len(terms) - 1)
    hits = np.flatnonzero(terms[order][place] == shelf.terms)
    owner = np.searchsorted(shelf.starts, hits, side="right") - 1
    return _Marks(owner, hits - shelf.starts[owner], order[place[hits]])


def _pairs(asked: Places, terms: Places) -> Places:
    """Name the pairs of neighbours in the question by the places of their stems in `terms`."""
    place = {int(term): at for at, term in enumerate(terms)}
    stems = [place.get(int(term), -1) for term in asked]
    named = [one * MOST + other for one, other in pairwise(stems) if min(one, other) >= 0]
    return np.array(named, np.int64)


def _phrases(marks: _Marks, pairs: Places, count: int) -> Values:
    """Count the different pairs that stand side by side in each passage."""
    together = (marks.owner[1:] == marks.owner[:-1]) & (marks.at[1:] == marks.at[:-1] + 1)
    named = marks.stem[:-1] * MOST + marks.stem[1:]
    told = together & np.isin(named, pairs)
    different = np.unique(marks.owner[:-1][told] * MOST * MOST + named[told])
    return np.bincount(different // (MOST * MOST), minlength=count).astype(np.float64)


def _present(marks: _Marks, share: Values, count: int) -> Values:
    """Add up the shares of the different stems in each passage."""
    different = np.unique(marks.owner * MOST + marks.stem)
    return np.bincount(different // MOST, share[different % MOST], count).astype(np.float64)


def _closest(marks: _Marks, share: Values, width: int, count: int) -> Values:
    """Return the greatest share that a window of so many stems holds in each passage."""
    best = np.zeros(count)
    if not len(marks.owner):
        return best
    bit = np.left_shift(np.int64(1), marks.stem)
    held = bit.copy()
    for step in range(1, min(width, len(bit))):
        near = marks.at[step:] - marks.at[:-step] < width
        near &= marks.owner[step:] == marks.owner[:-step]
        if not near.any():
            break
        held[:-step] |= np.where(near, bit[step:], 0)
    bits = (held[:, None] >> np.arange(len(share))) & 1
    np.maximum.at(best, marks.owner, bits @ share)
    return best

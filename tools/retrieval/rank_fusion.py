"""Joins rankings by reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Ranking(NamedTuple):
    """Rows from best to worst, and what the ranking's voice counts."""

    rows: Rows
    weight: float = 1.0


class Fused(NamedTuple):
    """Rows from best to worst with their fused scores."""

    rows: Rows
    scores: NDArray[np.float64]


def fuse(rankings: Sequence[Ranking], *, constant: float = 60.0) -> Fused:
    """Score each row by the sum of weight / (constant + rank) over the rankings that hold it.

    Ties go to the lower row, so the result is the same whatever the order of the rankings.

    Args:
        rankings: what to join; a row stands in each at most once.
        constant: the larger, the less the first ranks outweigh the later ones.
    """
    rows = np.concatenate([ranking.rows for ranking in rankings] or [np.zeros(0, np.int64)])
    parts = [
        ranking.weight / (constant + np.arange(1, len(ranking.rows) + 1)) for ranking in rankings
    ]
    names, places = np.unique(rows, return_inverse=True)
    scores = np.zeros(len(names))
    np.add.at(scores, places, np.concatenate(parts or [np.zeros(0)]))
    order = np.lexsort((names, -scores))
    return Fused(names[order].astype(np.int64), scores[order])

"""Fits the weights by which the hybrid search reorders passages.

Conditional logit (McFadden 1974): given the passages found for a question, the one its question is
linked to should have the greatest score.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from burnish.tools.retrieval.hybrid_index import WikiIndex
from burnish.tools.retrieval.rank_fusion import Rows
from burnish.tools.retrieval.reranker import FeatureWeights, Values, features

PENALTY = 1e-3
"""Of the squared weights of standardised features; the mean likelihood hardly depends on it."""


class TrainingQuestion(NamedTuple):
    """The passages found for a question, of which one may be the right one."""

    rows: Rows
    features: Values
    right: int
    """Place of the linked passage; -1 where it was not found."""


def choices_of(
    index: WikiIndex, questions: Sequence[str], gold: Sequence[int], vectors: NDArray[np.float32]
) -> list[TrainingQuestion]:
    """Find the passages that are to be reordered for each question."""
    found: list[TrainingQuestion] = []
    for question, row, vector in zip(questions, gold, vectors, strict=True):
        seen = index.candidates(question, vector)
        right = np.flatnonzero(seen.found.rows == row)
        place = int(right[0]) if len(right) else -1
        found.append(TrainingQuestion(seen.found.rows, features(*seen), place))
    return found


def fitted(choices: Sequence[TrainingQuestion]) -> FeatureWeights:
    """Return the weights under which the right passages are likeliest."""
    usable = [choice for choice in choices if choice.right >= 0]
    sizes = np.array([len(choice.rows) for choice in usable])
    table = np.concatenate([choice.features for choice in usable])
    spread = table.std(0) + 1e-9
    table = table / spread
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    right = starts + np.array([choice.right for choice in usable])
    wanted = table[right].mean(0)

    def loss(weights: Values) -> tuple[float, Values]:
        scores = table @ weights
        scores -= np.repeat(np.maximum.reduceat(scores, starts), sizes)
        odds = np.exp(scores)
        sums = np.add.reduceat(odds, starts)
        expected = (odds / np.repeat(sums, sizes)) @ table / len(usable)
        likelihood = float(np.mean(scores[right] - np.log(sums)))
        slope = 2 * PENALTY * weights + expected - wanted
        return PENALTY * float(weights @ weights) - likelihood, slope

    start = np.zeros(table.shape[1])
    best = cast("Values", minimize(loss, start, jac=True, method="L-BFGS-B").x) / spread
    return FeatureWeights(*(round(float(one), 3) for one in best))


def reordered_rows(
    choices: Sequence[TrainingQuestion], weights: FeatureWeights, depth: int
) -> Rows:
    """Return the rows of each question, best first; -1 where fewer were found."""
    table = np.full((len(choices), depth), -1, np.int64)
    for at, choice in enumerate(choices):
        order = np.argsort(-(choice.features @ np.array(astuple(weights))), kind="stable")[:depth]
        table[at, : len(order)] = choice.rows[order]
    return table


def named(weights: FeatureWeights) -> dict[str, float]:
    """Return the weights by their names."""
    return dict(zip((one.name for one in fields(FeatureWeights)), astuple(weights), strict=True))

"""Models are better at some cells than at others: abilities by cell, drawn towards the overall one.

A model's ability in a cell is its ability plus an offset from a normal distribution, whose spread
is fitted too. Where each item has few answers, it then counts whether those who answered are good
at that kind of item. Offsets of a cell sum to nothing over the models, so that a cell cannot become
harder by them; difficulties stay those for the average model.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from burnish.tools.arrays import Floats, Ints
from burnish.tools.profile.rasch import (
    GRID,
    Difficulty,
    Records,
    chances,
    posterior_weights,
)

_ROUNDS: Final = 15
_FIRST_SPREAD: Final = 0.3
_LEAST_SPREAD: Final = 0.02
_CELL_ITEMS: Final = 20
"""Smaller cells are taken together."""


@dataclass(frozen=True, slots=True, eq=False)
class CellFit:
    """A fit with abilities by cell."""

    difficulty: Difficulty
    """With the new difficulties and errors; abilities are the overall ones."""
    weights: Floats
    """Each item's posterior over `difficulty.GRID`."""
    offset: Floats
    """What each model (a row) is better by in each cell (a column), in logits."""
    spread: float
    """Standard deviation of the offsets before the answers are seen."""


def fit_by_cell(
    records: Records, fit: Difficulty, cells: Ints, prior: Floats | None = None
) -> CellFit:
    """Fit what models are better or worse by in each cell, and the difficulties anew.

    Expectation-maximisation: offsets are the likeliest ones given the items' posteriors, which
    follow from the offsets in turn.

    Args:
        records: who answered what.
        fit: the fit with one ability for each model.
        cells: a code for each item, from 0.
        prior: the prior's means that `fit` was made with.

    Raises:
        ValueError: the fit has a chance of guessing, for which offsets are not worked out.
    """
    if fit.guess:
        raise ValueError("abilities by cell are fitted without a chance of guessing")
    codes = _joined(cells)
    count = int(codes.max()) + 1
    # A model in one cell is as good as a model of its own.
    place = records.model * count + codes[records.item]
    apart = Records(records.item, place, records.correct, records.items, records.models * count)
    ones = np.ones(len(place))
    asked = csr_array((ones, (place, records.item)), shape=(apart.models, apart.items))
    right = np.bincount(place, records.correct, minlength=apart.models)
    known = np.bincount(place, minlength=apart.models)
    means = np.zeros(records.items) if prior is None else prior
    offset, spread, moved = np.zeros(apart.models), _FIRST_SPREAD, fit
    weights = posterior_weights(records, fit, prior)
    for _ in range(_ROUNDS):
        ability, slope = np.repeat(moved.ability, count), np.repeat(fit.slope, count)
        chance = chances(ability + offset, slope, 0.0)
        shares = asked @ weights
        pull = slope * (right - (shares * chance).sum(axis=1))
        held = slope**2 * (shares * chance * (1 - chance)).sum(axis=1)
        left = 1 / (held + 1 / spread**2)
        step = (pull - offset / spread**2) * left
        offset = _centred(offset + np.clip(step, -1.0, 1.0), known, count)
        spread = max(float(np.sqrt((offset**2 + left)[known > 0].mean())), _LEAST_SPREAD)
        moved = _moved(moved, pull.reshape(-1, count), held.reshape(-1, count), weights, means)
        overall = np.repeat(moved.ability, count)
        weights = posterior_weights(
            apart, replace(moved, ability=overall + offset, slope=slope), prior
        )
    mean = weights @ GRID
    error = np.sqrt(np.maximum(weights @ GRID**2 - mean**2, 1e-12))
    return CellFit(
        replace(moved, difficulty=mean, error=error),
        weights,
        offset.reshape(records.models, count),
        spread,
    )


def _moved(
    fit: Difficulty, pull: Floats, held: Floats, weights: Floats, means: Floats
) -> Difficulty:
    """Return the fit a step on: overall abilities, and the difficulties' spread."""
    ability = fit.ability + pull.sum(axis=1) / (held.sum(axis=1) + 1.0)
    mean, centres = weights @ GRID, fit.trust * means
    squares = weights @ GRID**2 - 2 * centres * mean + centres**2
    return replace(fit, ability=ability, spread=float(np.sqrt(squares.mean())))


def _joined(cells: Ints) -> Ints:
    """Return codes from 0 without gaps, the small cells under one code."""
    sizes = np.bincount(cells)
    small = sizes < _CELL_ITEMS
    codes = np.cumsum(~small) - 1
    codes[small] = (~small).sum()
    return np.unique(codes[cells], return_inverse=True)[1].astype(np.int64)


def _centred(offset: Floats, known: Ints, count: int) -> Floats:
    table, weight = offset.reshape(-1, count), known.reshape(-1, count)
    mean = (table * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    return (table - mean).reshape(-1)

"""What a question says about its own difficulty: a ridge regression that never saw its answers.

Each item's prior mean is predicted by a model that was fitted on the other folds only. What is
fitted are the items' own difficulties, freed from shrinkage and weighted by their reliability, so
that items with few answers neither pull towards the mean nor count like items with many.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from burnish.tools.arrays import Floats, Ints
from burnish.tools.profile.rasch import Difficulty, Records, fit_rasch
from burnish.tools.profile.rasch_by_cell import fit_by_cell

FOLDS: Final = 10
_PENALTIES: Final = tuple(float(one) for one in np.geomspace(0.3, 10_000, 10))
_LEAST: Final = 0.02


def fit_with_content(
    records: Records,
    features: Floats,
    cells: Ints | None = None,
    *,
    slopes: bool = False,
    folds: int = FOLDS,
    seed: int = 0,
) -> Difficulty:
    """Fit difficulties whose prior means come from the content of the items.

    Args:
        records: who answered what.
        features: what is known of each item's content, an item a row, in like units.
        cells: a code for each item, from 0; models then have abilities by cell.
        slopes: as in `fit_rasch`.
        folds: parts the items are split into; each is predicted from the others.
        seed: of the split.

    Raises:
        ValueError: there is no answer, or too few items for the folds.
    """
    plain = fit_rasch(records, slopes=slopes)
    means = content_means(plain, features, folds=folds, seed=seed)
    told = fit_rasch(records, means, slopes=slopes, scaled=True)
    return told if cells is None else fit_by_cell(records, told, cells, means).difficulty


def content_means(
    plain: Difficulty, features: Floats, *, folds: int = FOLDS, seed: int = 0
) -> Floats:
    """Predict each item's difficulty from its features, by models fitted on other items."""
    items = len(features)
    if items < 2 * folds:
        raise ValueError(f"a content prior needs {2 * folds} items or more, not {items}")
    reliability = np.clip(1 - plain.error**2 / plain.spread**2, 0.0, 1.0)
    weights = np.where(plain.answers > 0, reliability, 0.0)
    freed = plain.difficulty / np.maximum(reliability, _LEAST)
    fold = np.random.default_rng(seed).permutation(items) % folds
    return cross_ridge(features, freed, np.where(reliability > _LEAST, weights, 0.0), fold)


def cross_ridge(features: Floats, values: Floats, weights: Floats, fold: Ints) -> Floats:
    """Predict every fold by a weighted ridge regression on the others.

    The penalty of each regression is the one of `_PENALTIES` with the least generalised
    cross-validation error over the items that it was fitted on (Golub, Heath & Wahba 1979).
    """
    moved = features - features.mean(axis=0)
    masks = [fold == part for part in range(int(fold.max()) + 1)]
    sums = [_Sums.of(moved[mask], values[mask], weights[mask]) for mask in masks]
    predicted = np.zeros(len(values))
    for part, mask in enumerate(masks):
        # Sums of the other folds only: nothing of the fold is subtracted, so nothing is left of it.
        rest = [one for at, one in enumerate(sums) if at != part]
        predicted[mask] = _ridge(_Sums.together(rest), moved[mask])
    return predicted


class _Sums(NamedTuple):
    """What a weighted regression needs to know of some items."""

    items: int
    weight: float
    features: Floats
    value: float
    squares: Floats
    along: Floats
    energy: float

    @staticmethod
    def of(features: Floats, values: Floats, weights: Floats) -> "_Sums":
        weighed = features * weights[:, None]
        return _Sums(
            int((weights > 0).sum()),
            float(weights.sum()),
            weighed.sum(axis=0),
            float(weights @ values),
            weighed.T @ features,
            weighed.T @ values,
            float(weights @ values**2),
        )

    @staticmethod
    def together(parts: "Sequence[_Sums]") -> "_Sums":
        return _Sums(
            sum(one.items for one in parts),
            sum(one.weight for one in parts),
            np.sum([one.features for one in parts], axis=0),
            sum(one.value for one in parts),
            np.sum([one.squares for one in parts], axis=0),
            np.sum([one.along for one in parts], axis=0),
            sum(one.energy for one in parts),
        )


def _ridge(known: _Sums, wanted: Floats) -> Floats:
    total = max(known.weight, 1e-9)
    middle, mean = known.features / total, known.value / total
    sizes, axes = np.linalg.eigh(known.squares - total * np.outer(middle, middle))
    sizes = np.maximum(sizes, 0)
    turned = axes.T @ (known.along - total * mean * middle)
    energy = known.energy - total * mean**2
    best, least = turned, np.inf
    for penalty in _PENALTIES:
        shrink = 1 / (sizes + penalty)
        missed = energy - float(turned**2 @ (2 * shrink - sizes * shrink**2))
        free = 1 - (1 + float(sizes @ shrink)) / max(known.items, 1)
        error = missed / max(free, 1e-6) ** 2
        if error < least:
            best, least = turned * shrink, error
    return mean + (wanted - middle) @ (axes @ best)

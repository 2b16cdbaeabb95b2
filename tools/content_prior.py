"""What a question says about its own difficulty: a ridge regression that never saw its answers.

Each item's prior mean is predicted by a model that was fitted on the other folds only. What is
fitted are the items' own difficulties, freed from shrinkage and weighted by their reliability, so
that items with few answers neither pull towards the mean nor count like items with many.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from burnish.tools.difficulty import Difficulty, Records, fit_rasch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS: Final = 10
_PENALTIES: Final = tuple(float(one) for one in np.geomspace(0.3, 3_000, 9))
_LEAST: Final = 0.02


def fit_with_content(
    records: Records, features: Floats, *, slopes: bool = False, folds: int = FOLDS, seed: int = 0
) -> Difficulty:
    """Fit difficulties whose prior means come from the content of the items.

    Args:
        records: who answered what.
        features: what is known of each item's content, an item a row, in like units.
        slopes: as in `fit_rasch`.
        folds: parts the items are split into; each is predicted from the others.
        seed: of the split.

    Raises:
        ValueError: there is no answer, or too few items for the folds.
    """
    plain = fit_rasch(records, slopes=slopes)
    means = content_means(plain, features, folds=folds, seed=seed)
    return fit_rasch(records, means, slopes=slopes, scaled=True)


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

    The penalty of each regression is the one of `_PENALTIES` with the least weighted error when
    every item it was fitted on is left out in turn, which needs no further fit (Allen 1974).
    """
    predicted = np.zeros(len(values))
    for part in range(int(fold.max()) + 1):
        held = fold == part
        predicted[held] = _ridge(features[~held], values[~held], weights[~held], features[held])
    return predicted


def _ridge(features: Floats, values: Floats, weights: Floats, wanted: Floats) -> Floats:
    total = max(float(weights.sum()), 1e-9)
    middle, mean = weights @ features / total, float(weights @ values) / total
    shifted, rest = features - middle, values - mean
    sizes, axes = np.linalg.eigh((shifted * weights[:, None]).T @ shifted)
    turned = shifted @ axes
    along = turned.T @ (weights * rest)
    squares, best, least = turned**2, along, np.inf
    for penalty in _PENALTIES:
        shrink = 1 / (np.maximum(sizes, 0) + penalty)
        leverage = weights * (squares @ shrink) + weights / total
        left_out = (rest - turned @ (along * shrink)) / np.maximum(1 - leverage, 1e-6)
        error = float((left_out**2 * weights).sum())
        if error < least:
            best, least = along * shrink, error
    return mean + ((wanted - middle) @ axes) @ best

"""How far a set's cells are from a target: Jensen-Shannon divergence, its floor, its slope.

All values are in bits (logarithms to base 2), so a divergence lies between 0 and 1. A finite sample
of the target itself is not at 0: figures are to be read against that floor.
"""

from typing import NamedTuple

import numpy as np

from burnish.tools.arrays import Floats, Ints

OUTSIDE = -1
"""In an array of cells: not in the set."""
FLOOR_COUNT = 0.5
"""Items that an empty cell counts as when its slope is taken, which is infinite at 0."""


class DivergenceInterval(NamedTuple):
    """An estimate between two percentiles."""

    low: float
    value: float
    high: float


def distribution(counts: Floats | Ints) -> Floats:
    """Scale counts or weights so that they sum to 1.

    Raises:
        ValueError: a count is negative or not finite, or all are 0.
    """
    weights = np.asarray(counts, np.float64)
    total = float(weights.sum())
    if not np.isfinite(total) or total <= 0 or (weights < 0).any():
        raise ValueError("counts must be finite, 0 or more, and not all 0")
    return weights / total


def jsd(p: Floats | Ints, q: Floats | Ints) -> float:
    """Return the Jensen-Shannon divergence of two distributions (or counts), in bits."""
    first, second = distribution(p), distribution(q)
    middle = (first + second) / 2
    value = (_relative(first, middle) + _relative(second, middle)) / 2
    return min(max(value, 0.0), 1.0)


def _relative(p: Floats, m: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / m[some])).sum())


def floor(target: Floats | Ints, items: int) -> float:
    """Approximate the mean divergence of `items` draws from the target itself.

    (cells - 1) / (8 items ln 2), from the second-order expansion of the divergence at equality;
    cells with no share in the target do not count.
    """
    if items < 1:
        raise ValueError("a floor needs at least one item")
    cells = int((distribution(target) > 0).sum())
    return min((cells - 1) / (8 * items * float(np.log(2))), 1.0)


def sampled_floor(
    target: Floats | Ints, items: int, *, draws: int = 1_000, seed: int = 0, level: float = 0.9
) -> DivergenceInterval:
    """Return mean and percentiles of the divergence of `items` draws from the target itself."""
    expected = distribution(target)
    sets = np.random.default_rng(seed).multinomial(items, expected, size=draws)
    values = np.array([jsd(each, expected) for each in sets])
    return _interval(values, float(values.mean()), level)


def bootstrap(
    counts: Ints, target: Floats | Ints, *, draws: int = 1_000, seed: int = 0, level: float = 0.9
) -> DivergenceInterval:
    """Return the divergence of counts from a target with a bias-corrected bootstrap interval.

    Resampling adds about one floor of divergence of its own; the mean excess of the resamples over
    the value is therefore taken off both ends (and the ends stay within 0 and 1).
    """
    value = jsd(counts, target)
    items = int(np.asarray(counts).sum())
    sets = np.random.default_rng(seed).multinomial(items, distribution(counts), size=draws)
    values = np.array([jsd(each, target) for each in sets])
    return _interval(values - (values.mean() - value), value, level)


def _interval(values: Floats, value: float, level: float) -> DivergenceInterval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return DivergenceInterval(
        min(max(float(low), 0.0), value), value, max(min(float(high), 1.0), value)
    )


def potential(counts: Floats | Ints, target: Floats | Ints) -> Floats:
    """Return the slope of the divergence in each cell: items times its change per item added.

    The derivative in a share p against the target t is log2(p / m) / 2 with m = (p + t) / 2;
    subtracting its mean over the set accounts for the other shares, which an added item thins out.
    """
    amounts = np.asarray(counts, np.float64)
    goal = distribution(target)
    shares = distribution(amounts)
    present = np.maximum(amounts, FLOOR_COUNT) / amounts.sum()
    slope = np.log2(2 * present / (present + goal)) / 2
    return slope - float(shares @ slope)


def move_gains(
    counts: Floats | Ints, target: Floats | Ints, cell_from: Ints, cell_to: Ints
) -> Floats:
    """Return the first-order fall of the divergence, in bits, for each move of one item.

    A move from OUTSIDE adds an item, a move to OUTSIDE removes one. Good for steps that are small
    beside the cells: after a larger one, count again and take the gains anew.
    """
    worth = np.append(potential(counts, target), 0.0)
    return (worth[cell_from] - worth[cell_to]) / float(np.asarray(counts).sum())


def moved(counts: Ints, cell_from: Ints, cell_to: Ints) -> Ints:
    """Return the counts after some moves."""
    cells = len(counts)
    gone = np.bincount(cell_from[cell_from != OUTSIDE], minlength=cells)
    come = np.bincount(cell_to[cell_to != OUTSIDE], minlength=cells)
    return np.asarray(counts) - gone + come

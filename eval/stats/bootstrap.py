"""Percentile bootstrap confidence intervals by page (Efron, Annals of Statistics 7, 1979).

Every figure is a ratio of two sums over pages (a mean is one whose denominators are all 1), so one
matrix of resampled page counts serves all figures of a set, and systems meet the same resamples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ConfidenceInterval(NamedTuple):
    """A figure with its confidence interval; all three are nan where the figure has no meaning."""

    value: float
    low: float
    high: float


def resamples(pages: int, *, draws: int, seed: int) -> Floats:
    """Draw `pages` pages with replacement, `draws` times: how often each page came, a row a draw.

    Raises:
        ValueError: there is no page or no draw.
    """
    if pages < 1 or draws < 1:
        raise ValueError(f"a bootstrap needs pages and draws, not {pages} and {draws}")
    share = np.full(pages, 1 / pages)
    return np.random.default_rng(seed).multinomial(pages, share, size=draws).astype(np.float64)


def interval(
    numerators: Floats, denominators: Floats, counts: Floats, *, level: float = 0.95
) -> ConfidenceInterval:
    """Return the ratio of sums with its percentile interval.

    Args:
        numerators: one number a page.
        denominators: one number a page; 0 leaves the page out of a mean.
        counts: resamples of the same pages; draws whose denominator is 0 say nothing.
        level: share of the resampled ratios that lie inside, 0 to 1.
    """
    total = float(denominators.sum())
    if total == 0:
        return ConfidenceInterval(float("nan"), float("nan"), float("nan"))
    below = counts @ denominators
    told = below > 0
    ratios = (counts @ numerators)[told] / below[told]
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return ConfidenceInterval(float(numerators.sum()) / total, float(low), float(high))

"""Ratings from pairwise judgements: Bradley-Terry by a convex fit, Elo for display and online.

Bradley & Terry (1952): the chance that i beats j is s(r_i - r_j). The fit does not depend on the
order of the judgements and gives standard errors; online Elo (1978) does depend on it, and is here
for comparison with work that used it.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import spsolve

from burnish.tools.arrays import Floats, Ints
from burnish.tools.profile.rasch import Difficulty

ELO_PER_LOGIT: Final = 400 / float(np.log(10))
ELO_MEAN: Final = 1500.0
_STEPS: Final = 100
_DENSE: Final = 4_000
"""Ratings up to here get exact standard errors; beyond, the diagonal's, which are too small."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgements:
    """Pairwise results: the first item of each pair beat the second, or they drew."""

    first: Ints
    second: Ints
    score: Floats
    """1: the first won; 0.5: a draw; 0: the second won."""
    items: int


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Ratings in logits with mean 0."""

    rating: Floats
    error: Floats


def elo(logits: Floats) -> Floats:
    """Return logits on the Elo scale: 400 points are odds of ten to one, the mean is 1500."""
    return ELO_MEAN + ELO_PER_LOGIT * logits


def fit_bradley_terry(judgements: Judgements, *, spread: float = 3.0) -> Ratings:
    """Return the ratings of greatest posterior density under a normal prior, by Newton's method.

    Args:
        judgements: who beat whom.
        spread: the prior's standard deviation in logits; it keeps who never lost finite, and joins
            groups that never met.

    Raises:
        ValueError: an item was judged against itself, or the fit does not settle.
    """
    if (judgements.first == judgements.second).any():
        raise ValueError("an item cannot be judged against itself")
    rating = np.zeros(judgements.items)
    precision = 1 / spread**2
    for _ in range(_STEPS):
        slope, curve = _derivatives(rating, judgements, precision)
        step = np.asarray(spsolve(curve.tocsc(), slope))
        # Newton's step is cut where it is long: the logistic curve is flat far out.
        step *= min(1.0, 2.0 / max(float(np.abs(step).max(initial=0.0)), 1e-12))
        rating = rating + step
        if float(np.abs(step).max(initial=0.0)) < 1e-9:
            break
    else:
        raise ValueError("the ratings do not settle; a smaller spread would make them")
    _, curve = _derivatives(rating, judgements, precision)
    if judgements.items <= _DENSE:
        # Only differences can be told: the common level's uncertainty is taken out.
        spreads = np.linalg.inv(curve.toarray())
        variance = np.diag(spreads) - 2 * spreads.mean(axis=0) + spreads.mean()
    else:
        variance = 1 / np.asarray(curve.diagonal(), np.float64)
    return Ratings(rating, np.sqrt(variance))


def online_elo(judgements: Judgements, *, factor: float = 32.0) -> Floats:
    """Return Elo ratings after the judgements in their order, all from 1500.

    Args:
        judgements: who beat whom, in order.
        factor: the most points one judgement moves (K).
    """
    rating = [ELO_MEAN] * judgements.items
    results = zip(
        judgements.first.tolist(),
        judgements.second.tolist(),
        judgements.score.tolist(),
        strict=True,
    )
    for first, second, score in results:
        expected = 1 / (1 + 10 ** ((rating[second] - rating[first]) / 400))
        move = factor * (score - expected)
        rating[first] += move
        rating[second] -= move
    return np.array(rating)


def judged_difficulty(judgements: Judgements, *, online: bool = False) -> Difficulty:
    """Return difficulties from judgements of which item of two is the harder.

    An item that nobody judged has 0 answers. Online ratings have no standard errors (nan).

    Args:
        judgements: the harder item of each pair first.
        online: rate by Elo in the order of the judgements, not by the fit.
    """
    if online:
        rating = (online_elo(judgements) - ELO_MEAN) / ELO_PER_LOGIT
        error = np.full(judgements.items, np.nan)
    else:
        found = fit_bradley_terry(judgements)
        rating, error = found.rating, found.error
    met = np.bincount(judgements.first, minlength=judgements.items)
    met += np.bincount(judgements.second, minlength=judgements.items)
    nobody = np.zeros(0)
    spread = float(rating[met > 0].std()) if met.any() else 0.0
    return Difficulty(rating, error, met, nobody, nobody, spread)


def _derivatives(
    rating: Floats, judgements: Judgements, precision: float
) -> tuple[Floats, csr_array]:
    first, second, items = judgements.first, judgements.second, judgements.items
    chance = 1 / (1 + np.exp(rating[second] - rating[first]))
    surprise = judgements.score - chance
    slope = np.bincount(first, surprise, items) - np.bincount(second, surprise, items)
    weight = chance * (1 - chance)
    sums = np.bincount(first, weight, items) + np.bincount(second, weight, items) + precision
    across = coo_array((weight, (first, second)), shape=(items, items)).tocsr()
    curve = csr_array(diags_array(sums) - across - across.T)
    return slope - precision * rating, curve

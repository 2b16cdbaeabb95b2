"""How well verdicts find wrong keys: precision, recall and abstention with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.records import Opinion
from burnish.eval.stats.bootstrap import ConfidenceInterval, Floats, interval, resamples

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class KeyOpinion:
    """What was said of one key, and whether it is wrong."""

    wrong: bool
    opinion: Opinion
    confidence: float
    """Of the opinion; 0 for an abstention."""

    @property
    def suspicion(self) -> float:
        """How strongly the key is doubted, -1 to 1; abstentions lie at 0."""
        return {"reject": 1.0, "abstain": 0.0, "accept": -1.0}[self.opinion] * self.confidence


@dataclass(frozen=True, slots=True)
class Detection:
    """The figures over one set of keys."""

    keys: int
    wrong: int
    abstained: ConfidenceInterval
    """Share of all keys."""
    precision: ConfidenceInterval
    """Share of the rejected keys that are wrong."""
    recall: ConfidenceInterval
    """Share of the wrong keys that are rejected, among those with an opinion."""
    recall_of_all: ConfidenceInterval
    """Share of all wrong keys that are rejected; abstentions count as missed."""
    false_rejects: ConfidenceInterval
    """Share of the right keys with an opinion that are rejected."""
    auroc: float
    """Chance that a wrong key is doubted more than a right one; ties count half."""


def detection(told: Sequence[KeyOpinion], *, seed: int = 0, draws: int = DRAWS) -> Detection:
    """Return the figures with 95 % intervals by item.

    Raises:
        ValueError: nothing was told.
    """
    counts = resamples(len(told), draws=draws, seed=seed)
    wrong = np.array([one.wrong for one in told])
    rejected = np.array([one.opinion == "reject" for one in told])
    abstained = np.array([one.opinion == "abstain" for one in told])

    def ratio(top: NDArray[np.bool_], bottom: NDArray[np.bool_]) -> ConfidenceInterval:
        return interval((top & bottom).astype(np.float64), bottom.astype(np.float64), counts)

    return Detection(
        keys=len(told),
        wrong=int(wrong.sum()),
        abstained=ratio(abstained, np.ones_like(wrong)),
        precision=ratio(wrong, rejected),
        recall=ratio(rejected, wrong & ~abstained),
        recall_of_all=ratio(rejected, wrong),
        false_rejects=ratio(rejected, ~wrong & ~abstained),
        auroc=auroc(np.array([one.suspicion for one in told]), wrong),
    )


def auroc(scores: Floats, wrong: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve (Mann-Whitney, ties half); nan without both kinds."""
    high, low = scores[wrong], scores[~wrong]
    if not high.size or not low.size:
        return float("nan")
    above = (high[:, None] > low[None, :]).mean()
    level = (high[:, None] == low[None, :]).mean()
    return float(above + level / 2)


def precision_at(scores: Floats, wrong: NDArray[np.bool_], top: int) -> float:
    """Return the expected share of wrong keys among the `top` most doubted.

    Keys of equal score stand in no order: the ones at the border count by their mean.
    """
    top = min(top, len(scores))
    border = np.sort(scores)[::-1][top - 1]
    above, level = scores > border, scores == border
    return float((wrong[above].sum() + (top - above.sum()) * wrong[level].mean()) / top)

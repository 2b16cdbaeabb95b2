"""Puts items into a list of labels by their vectors, with an `other` whose odds are calibrated.

The probability of label k is proportional to exp(scale * cosine(item, label k)), that of `other` to
exp(other). Both numbers are fitted by maximum likelihood (a convex problem) on items whose label is
known. No item needs to be known to be `other`: each known item is shown twice, once with its own
label hidden, when `other` is the right answer.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from burnish.tools.arrays import Floats, Ints, Vectors

OTHER: Final = "other"
_RIDGE: Final = 1e-3


class LabelModel(NamedTuple):
    """How sure a similarity makes."""

    scale: float
    """Multiplies cosines."""
    other: float
    """The logit of `other` on the same scale."""


DEFAULT: Final = LabelModel(scale=20.0, other=5.0)
"""For sentence embedders of the MiniLM family, where no item with a known label is at hand: a
cosine of a quarter to one label alone is as good as `other`."""


class ItemLabels(NamedTuple):
    """The label of each item."""

    codes: Ints
    """Place in the list of labels; the number of labels stands for `other`."""
    probability: Floats
    """That the label is right, by the model."""


def similarities(vectors: Vectors, labels: Vectors) -> Floats:
    """Return the cosines of items (rows) with labels (columns); rows of both are unit vectors."""
    return (vectors @ labels.T).astype(np.float64)


def assign(similarity: Floats, model: LabelModel = DEFAULT) -> ItemLabels:
    """Return the likeliest label of each item, which may be `other`."""
    chances = _chances(_logits(similarity, model))
    codes = chances.argmax(axis=1).astype(np.int64)
    return ItemLabels(codes, chances[np.arange(len(codes)), codes])


def fit_model(similarity: Floats, truth: Ints) -> LabelModel:
    """Fit the model on items with known labels.

    Args:
        similarity: cosines, an item a row, a label a column.
        truth: place of each item's label.

    Raises:
        ValueError: there is no item, or only one label.
    """
    items, labels = similarity.shape
    if items < 1 or labels < 2:
        raise ValueError("calibrating needs items with known labels, and two labels or more")
    rows = np.arange(items)
    hidden = similarity.copy()
    hidden[rows, truth] = -np.inf

    def loss(at: Floats) -> tuple[float, Floats]:
        model = LabelModel(float(at[0]), float(at[1]))
        value, slope = _RIDGE * float(at @ at) / 2, _RIDGE * at
        for cosines, right in ((similarity, truth), (hidden, np.full(items, labels))):
            logits = _logits(cosines, model)
            chance = _chances(logits)
            finite = np.where(np.isfinite(cosines), cosines, 0.0)
            own = np.where(right < labels, finite[rows, np.minimum(right, labels - 1)], 0.0)
            value -= float(np.log(np.maximum(chance[rows, right], 1e-300)).mean())
            by_scale = (chance[:, :labels] * finite).sum(axis=1) - own
            by_other = chance[:, labels] - (right == labels)
            slope = slope + np.array([by_scale.mean(), by_other.mean()])
        return value, slope

    start = np.array([DEFAULT.scale, DEFAULT.other])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    return LabelModel(float(found.x[0]), float(found.x[1]))


def _logits(similarity: Floats, model: LabelModel) -> Floats:
    # A hidden label stays hidden at scale 0, where 0 times infinity would be nan.
    shown = np.where(np.isfinite(similarity), model.scale * similarity, -np.inf)
    return np.column_stack([shown, np.full(len(similarity), model.other)])


def _chances(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)

"""Guessers of keys that see nothing but looks and likenesses: each cue alone, a logit, trees."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.arrays import Floats
from burnish.tools.distractors.cues import NAMES
from burnish.tools.planning.regression import told_by_trees

FITTED = "all cues, fitted"
TREES = "all cues, boosted trees"
FOLDS = 5


class Sheet(NamedTuple):
    """Four answers to one question, the key first."""

    fold: int
    cues: Floats
    """A row an answer, a column a cue of `option_cues.NAMES`."""
    likeness: Floats
    """Of each wrong answer to the key."""


def guesses(sheets: Sequence[Sheet]) -> dict[str, Floats]:
    """Return for each guesser how far it found each key: 1, 0, or a share where it ties."""
    cues = np.stack([one.cues for one in sheets])
    folds = np.array([one.fold for one in sheets])
    scores: dict[str, Floats] = {}
    for at, name in enumerate(NAMES):
        scores[f"most {name}"], scores[f"least {name}"] = cues[:, :, at], -cues[:, :, at]
    scores[FITTED] = fitted(cues, folds)
    scores[TREES] = grown(cues, folds)
    return {name: _credit(score) for name, score in scores.items()}


def grown(cues: Floats, folds: NDArray[np.int64]) -> Floats:
    """Score answers by boosted trees that see the cues and each within its question."""
    seen = np.concatenate([_features(cues), cues], axis=2)
    size = cues.shape[1]
    outcome = np.zeros(cues.shape[:2])
    outcome[:, 0] = 1
    if len(np.unique(folds)) < 2:
        return np.zeros(cues.shape[:2])
    flat = seen.reshape(-1, seen.shape[2])
    return told_by_trees(flat, outcome.ravel(), np.repeat(folds, size)).reshape(outcome.shape)


def _credit(score: Floats) -> Floats:
    best = np.isclose(score, score.max(axis=1, keepdims=True), rtol=0, atol=1e-9)
    return best[:, 0] / best.sum(axis=1)


def fitted(cues: Floats, folds: NDArray[np.int64]) -> Floats:
    """Score answers by a conditional logit on all cues, fitted on the other folds."""
    features = _features(cues)
    scores = np.zeros(cues.shape[:2])
    for fold in np.unique(folds):
        own = folds == fold
        scores[own] = features[own] @ _logit(features[~own])
    return scores


def _features(cues: Floats) -> Floats:
    """Return each cue within its question: centred, its square, and whether it is the extreme."""
    centred = cues - cues.mean(axis=1, keepdims=True)
    scale = np.maximum(centred.std(axis=(0, 1), keepdims=True), 1e-9)
    centred /= scale
    most = (centred == centred.max(axis=1, keepdims=True)).astype(np.float64)
    least = (centred == centred.min(axis=1, keepdims=True)).astype(np.float64)
    return np.concatenate([centred, centred**2, most, least], axis=2)


def _logit(features: Floats, steps: int = 300, ridge: float = 1e-2) -> Floats:
    """Fit a conditional logit whose first answer is right, by gradient steps (McFadden 1974)."""
    weights = np.zeros(features.shape[2])
    for _ in range(steps if len(features) else 0):
        odds = features @ weights
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        expected = np.einsum("qa,qaf->f", odds, features) / len(features)
        weights += 0.3 * (features[:, 0].mean(axis=0) - expected - ridge * weights)
    return weights

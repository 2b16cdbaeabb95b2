"""Numbers predicted from features, with intervals: ridge regression, or boosted trees.

Only this module knows scikit-learn. Two kinds of interval come with a prediction. `low` to `high`
holds a single new outcome: CV+ of Barber, Candes, Ramdas and Tibshirani ("Predictive inference with
the jackknife+", Annals of Statistics 49, 2021), with signed residuals. `sure_low` to `sure_high`
holds the mean of many such outcomes: a delete-a-group jackknife over the same folds (Kott 2001).
"""

# pyright: reportMissingTypeArgument=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from burnish.tools.arrays import Floats, Ints

FOLDS = 10
BOOSTED = 200
"""Records from which boosted trees are tried beside ridge regression."""
PENALTIES = (0.1, 1.0, 10.0, 100.0)
AT_ONCE = 4_000_000
"""Outcomes looked at together: rows predicted for, times records."""


class Predicted(NamedTuple):
    """Predictions for some rows."""

    mean: Floats
    low: Floats
    high: Floats
    """A single outcome lies between `low` and `high` with about the level asked for."""
    sure_low: Floats
    sure_high: Floats
    """The mean of outcomes of the kind lies between these with about the confidence asked for."""


class _Model(Protocol):
    def fit(self, X: Floats, y: Floats) -> object: ...  # noqa: N803 - scikit-learn's names

    def predict(self, X: Floats) -> Any: ...  # noqa: N803, ANN401


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted model, with those of its folds."""

    kind: str
    """ridge or boosted."""
    whole: _Model
    folds: tuple[_Model, ...]
    fold: Ints
    """The fold that each record was left out of."""
    residual: Floats
    """Outcome less prediction of the model that had not seen it."""

    def predict(
        self, features: Floats, *, level: float = 0.9, confidence: float = 0.9
    ) -> Predicted:
        """Predict for some rows.

        Args:
            features: a row each.
            level: chance that an outcome lies within `low` and `high`.
            confidence: chance, on either side, that the mean is beyond `sure_low` or `sure_high`
                no further.
        """
        if not len(features):
            return Predicted(*(np.empty(0) for _ in Predicted._fields))
        at_once = max(AT_ONCE // max(len(self.residual), 1), 1)
        parts = [
            self._predict(features[start : start + at_once], level, confidence)
            for start in range(0, len(features), at_once)
        ]
        return Predicted(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def _predict(self, features: Floats, level: float, confidence: float) -> Predicted:
        mean = np.asarray(self.whole.predict(features), np.float64)
        parts = np.stack([np.asarray(model.predict(features), np.float64) for model in self.folds])
        count = len(self.folds)
        spread = parts - parts.mean(axis=0)
        error = np.sqrt((count - 1) / count * (spread**2).sum(axis=0))
        reach = student(confidence, count - 1) * error
        records = len(self.residual)
        tail = (1 - level) / 2
        lowest = max(int(np.floor(tail * (records + 1))), 1) - 1
        highest = min(int(np.ceil((1 - tail) * (records + 1))), records) - 1
        outcomes = parts[self.fold] + self.residual[:, None]
        outcomes.partition((lowest, highest), axis=0)
        return Predicted(mean, outcomes[lowest], outcomes[highest], mean - reach, mean + reach)


def student(chance: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, chance))


def fit(features: Floats, outcome: Floats, *, seed: int = 0) -> Regression:
    """Fit outcomes to features; of ridge and boosted trees the one that predicts better is kept.

    With fewer records than `BOOSTED` it is ridge regression.

    Raises:
        ValueError: there are fewer than two records, or numbers of rows differ.
    """
    records = len(outcome)
    if records < 2 or features.shape[0] != records:
        raise ValueError("a regression needs at least two records, and features for each")
    fold = np.random.default_rng(seed).permutation(np.arange(records) % min(FOLDS, records))
    kinds = ("ridge", "boosted") if records >= BOOSTED else ("ridge",)
    fitted = [_fit(kind, features, outcome, fold, seed) for kind in kinds]
    return min(fitted, key=lambda one: float((one.residual**2).mean()))


def _fit(kind: str, features: Floats, outcome: Floats, fold: Ints, seed: int) -> Regression:
    models: list[_Model] = []
    residual = np.empty(len(outcome))
    for number in range(int(fold.max()) + 1):
        out = fold == number
        model = _made(kind, seed)
        model.fit(features[~out], outcome[~out])
        residual[out] = outcome[out] - np.asarray(model.predict(features[out]), np.float64)
        models.append(model)
    whole = _made(kind, seed)
    whole.fit(features, outcome)
    return Regression(kind, whole, tuple(models), fold, residual)


def _made(kind: str, seed: int) -> _Model:
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "ridge":
        return cast("_Model", make_pipeline(StandardScaler(), RidgeCV(PENALTIES)))
    # The histogram kind starts a thread for each core, which here costs more than it saves.
    return GradientBoostingRegressor(
        n_estimators=60, max_depth=3, min_samples_leaf=10, subsample=0.7, random_state=seed
    )


def told_by_trees(features: Floats, outcome: Floats, fold: Ints, *, seed: int = 0) -> Floats:
    """Return each record's chance of outcome 1 by boosted trees fitted on the other folds.

    Args:
        features: a record a row.
        outcome: 0 or 1.
        fold: of each record; those of one question belong into one.
        seed: of the trees.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    chance = np.zeros(len(outcome))
    for own in np.unique(fold):
        held = fold == own
        trees = HistGradientBoostingClassifier(
            max_iter=80,
            max_leaf_nodes=8,
            learning_rate=0.08,
            l2_regularization=5,
            random_state=seed,
        )
        trees.fit(features[~held], outcome[~held])
        chance[held] = trees.predict_proba(features[held])[:, 1]
    return chance

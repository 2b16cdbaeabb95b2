"""The planner: owns what operations are thought to bring and cost, and learns from what they did.

Each operation is tried on a few items first. What the trials brought (in the terms of the
objective) and cost (real tokens) is fitted to features of the items; a plan then counts on what is
sure, not on what is likely: the lower confidence bound of the mean gain and the upper one of the
mean cost. The bound of the mean is meant, since a plan makes many orders at once. A bound for every
single order would forbid whatever may fail: an order that is rolled back gains nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from burnish.tools.instances import Floats
from burnish.tools.regression import Predicted, Regression, fit

ENOUGH = 5
"""Trials from which an operation is fitted; before, they are only averaged with the prior."""

Caution = Literal["mean", "sure", "single"]
"""What a plan counts on: the mean, a confidence bound of it, or what nearly every order reaches."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An operation that was carried out: in the pilot, or in an earlier round."""

    operation: str
    features: tuple[float, ...]
    """What was known of the item before, such as the gain if all goes well, length, difficulty."""
    gain: float
    """Realised change of the objective: 0 for what was rolled back."""
    tokens: float
    """Real tokens, those of repairs and validation included."""


class Prior(NamedTuple):
    """What an operation is taken to bring and cost while hardly anything is known of it."""

    gain: float = 0.0
    tokens: float = 2_000.0


UNKNOWN = Prior()


class Estimated(NamedTuple):
    """What an operation should bring and cost for some items, and what a plan counts on."""

    gain: Predicted
    tokens: Predicted
    planned_gain: Floats
    planned_tokens: Floats


class _Fitted(NamedTuple):
    gain: Regression
    tokens: Regression


@dataclass(frozen=True, slots=True, eq=False)
class Planner:
    """Estimates from trials; immutable: `learnt` returns a planner that knows more."""

    trials: tuple[Trial, ...] = ()
    priors: Mapping[str, Prior] = field(default_factory=dict[str, Prior])
    prior: Prior = UNKNOWN
    """For operations that `priors` does not name."""
    caution: Caution = "sure"
    level: float = 0.9
    """Chance of the intervals."""
    seed: int = 0
    _fits: dict[str, _Fitted] = field(default_factory=dict[str, _Fitted], init=False, repr=False)

    def learnt(self, trials: Iterable[Trial]) -> "Planner":
        """Return a planner that knows these trials too."""
        return replace(self, trials=(*self.trials, *trials))

    def tried(self, operation: str) -> list[Trial]:
        """Return the trials of an operation."""
        return [trial for trial in self.trials if trial.operation == operation]

    def estimate(self, operation: str, features: Floats) -> Estimated:
        """Estimate gain and tokens of an operation for items with these features, a row each.

        Raises:
            ValueError: the rows have another number of features than the trials.
        """
        known = self.tried(operation)
        if len(known) < ENOUGH:
            return self._assumed(operation, known, len(features))
        if features.shape[1:] != (len(known[0].features),):
            raise ValueError(f"{operation} was tried with other features")
        fitted = self._fit_of(operation, known)
        gain = fitted.gain.predict(features, level=self.level, confidence=self.level)
        tokens = fitted.tokens.predict(features, level=self.level, confidence=self.level)
        tokens = Predicted(*(np.maximum(each, 0.0) for each in tokens))
        return self._planned(gain, tokens)

    def _fit_of(self, operation: str, known: list[Trial]) -> _Fitted:
        if operation not in self._fits:
            features = np.array([trial.features for trial in known], np.float64)
            features = features.reshape(len(known), -1)
            if not features.shape[1]:
                raise ValueError(f"{operation} was tried without any feature")
            gain = np.array([trial.gain for trial in known])
            tokens = np.array([trial.tokens for trial in known])
            self._fits[operation] = _Fitted(
                fit(features, gain, seed=self.seed), fit(features, tokens, seed=self.seed)
            )
        return self._fits[operation]

    def _assumed(self, operation: str, known: list[Trial], rows: int) -> Estimated:
        """Take the prior as one trial more; nothing is sure to gain, and costs may double."""
        prior = self.priors.get(operation, self.prior)
        gains = np.array([prior.gain, *(trial.gain for trial in known)])
        spent = np.array([prior.tokens, *(trial.tokens for trial in known)])
        gain, tokens = float(gains.mean()), float(spent.mean())
        low, most = min(0.0, float(gains.min())), 2 * float(spent.max())
        return self._planned(
            Predicted(*(np.full(rows, each) for each in (gain, low, gains.max(), low, gain))),
            Predicted(*(np.full(rows, each) for each in (tokens, 0.0, most, 0.0, spent.max()))),
        )

    def _planned(self, gain: Predicted, tokens: Predicted) -> Estimated:
        counted = {
            "mean": (gain.mean, tokens.mean),
            "sure": (gain.sure_low, tokens.sure_high),
            "single": (gain.low, tokens.high),
        }
        return Estimated(gain, tokens, *counted[self.caution])

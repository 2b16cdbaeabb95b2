"""The gain model: what operations are thought to bring and cost, learnt from what they did.

Each operation is tried on a few items first. What it costs (real tokens), and which share of the
gain that it promised it brings (in the terms of the objective), is fitted to features of the items;
the rounds of a run are trials as well. A plan then counts on what is sure, not on what is likely:
the lower confidence bound of the mean gain and the upper one of the mean cost. The bound of the
mean is meant, since a plan makes many orders at once. A bound for every single order would forbid
whatever may fail: an order that is rolled back gains nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from burnish.tools.arrays import Floats
from burnish.tools.planning.regression import Predicted, Regression, fit, student

ENOUGH = 8
"""Trials from which an operation is fitted; before, its outcomes are only averaged."""
FEW = 4
"""Trials that must all come to nothing before an operation is given up."""
UNTRIED_TOKENS = 4_000.0
"""Tokens that an order is taken to cost before anything is known: two long answers with prompts."""
LEAST, MOST = -1.0, 2.0
"""Limits on the share of its promise that one trial counts for: where next to nothing was promised,
the share is mostly noise."""
_BELIEF = 0.5

Caution = Literal["mean", "sure", "single"]
"""What a plan counts on: the mean, a confidence bound of it, or what nearly every order reaches."""


@dataclass(frozen=True, slots=True)
class EditTrial:
    """An operation that was carried out: in the pilot, or in an earlier round."""

    operation: str
    features: tuple[float, ...]
    """What was known of the item before, such as its length and difficulty."""
    promised: float
    """Gain if all goes well; a trial that promised none tells of tokens only."""
    gain: float
    """Realised change of the objective: 0 for what was rolled back."""
    tokens: float
    """Real tokens, those of repairs and validation included."""

    @property
    def share(self) -> float:
        """Return the part of its promise that it brought."""
        return min(max(self.gain / self.promised, LEAST), MOST)


class GainEstimate(NamedTuple):
    """What an operation should bring and cost for some items, and what a plan counts on."""

    share: Predicted
    """Of the promised gain."""
    tokens: Predicted
    planned_share: Floats
    planned_tokens: Floats


class OperationSummary(NamedTuple):
    """What trials told of an operation, over all items."""

    operation: str
    tried: int
    worked: int
    """Trials that gained anything."""
    share: float
    """Mean share of the promised gain, half a success and half a failure added (Jeffreys)."""
    sure_share: float
    """Its lower confidence bound."""
    tokens: float
    """Mean tokens of a trial."""


class _Fitted(NamedTuple):
    share: Regression | None
    tokens: Regression


@dataclass(frozen=True, slots=True, eq=False)
class GainModel:
    """Estimates from trials."""

    trials: tuple[EditTrial, ...] = ()
    priors: Mapping[str, float] = field(default_factory=dict[str, float])
    """Tokens that an operation is taken to cost while hardly anything is known of it."""
    prior: float = UNTRIED_TOKENS
    """For operations that `priors` does not name."""
    caution: Caution = "sure"
    level: float = 0.9
    """Chance of the intervals."""
    seed: int = 0
    _fits: dict[str, _Fitted] = field(default_factory=dict[str, _Fitted], init=False, repr=False)

    def trials_of(self, operation: str) -> list[EditTrial]:
        """Return the trials of an operation."""
        return [trial for trial in self.trials if trial.operation == operation]

    def gives_up(self, operation: str) -> bool:
        """Tell whether an operation was tried often enough and never gained anything."""
        tried = self.trials_of(operation)
        return len(tried) >= FEW and not any(trial.gain > 0 for trial in tried)

    def summarize(self) -> list[OperationSummary]:
        """Return what trials told of each operation that was tried, in the order of first use."""
        found: list[OperationSummary] = []
        for name in dict.fromkeys(trial.operation for trial in self.trials):
            tried = self.trials_of(name)
            plain = self._counted([trial.share for trial in tried if trial.promised > 0])
            worked = sum(trial.gain > 0 for trial in tried)
            tokens = float(np.mean([trial.tokens for trial in tried]))
            found.append(OperationSummary(name, len(tried), worked, plain.mean, plain.low, tokens))
        return found

    def estimate(self, operation: str, features: Floats) -> GainEstimate:
        """Estimate share of the gain and tokens of an operation for items, a row of features each.

        Raises:
            ValueError: the rows have another number of features than the trials.
        """
        tried = self.trials_of(operation)
        fitted: _Fitted | None = None
        if len(tried) >= ENOUGH:
            if features.shape[1:] != (len(tried[0].features),):
                raise ValueError(f"{operation} was tried with other features")
            fitted = self._fit_of(operation, tried)
        shares = [trial.share for trial in tried if trial.promised > 0]
        share = self._share(shares, features, None if fitted is None else fitted.share)
        if fitted is None:
            tokens = self._averaged(operation, tried, len(features))
        else:
            found = fitted.tokens.predict(features, level=self.level, confidence=self.level)
            tokens = Predicted(*(np.maximum(each, 0.0) for each in found))
        counted = {
            "mean": (share.mean, tokens.mean),
            "sure": (share.sure_low, tokens.sure_high),
            "single": (share.low, tokens.high),
        }
        return GainEstimate(share, tokens, *counted[self.caution])

    def _fit_of(self, operation: str, tried: list[EditTrial]) -> _Fitted:
        if operation not in self._fits:
            if not tried[0].features:
                raise ValueError(f"{operation} was tried without any feature")
            hopeful = [trial for trial in tried if trial.promised > 0]
            self._fits[operation] = _Fitted(
                self._fit(hopeful, [trial.share for trial in hopeful])
                if len(hopeful) >= ENOUGH
                else None,
                self._fit(tried, [trial.tokens for trial in tried]),
            )
        return self._fits[operation]

    def _fit(self, tried: list[EditTrial], outcome: list[float]) -> Regression:
        features = np.array([trial.features for trial in tried], np.float64)
        return fit(features, np.array(outcome), seed=self.seed)

    def _share(self, seen: list[float], features: Floats, fitted: Regression | None) -> Predicted:
        plain = self._counted(seen)
        least, most = min(0.0, *seen, 0.0), max(1.0, *seen, 1.0)
        if fitted is None:
            rows = len(features)
            columns = (plain.mean, least, most, plain.low, plain.high)
            return Predicted(*(np.full(rows, each) for each in columns))
        found = fitted.predict(features, level=self.level, confidence=self.level)
        mean = np.clip(found.mean, least, most)
        # Outcomes that are all alike leave a regression no doubt; their number still leaves some.
        down = np.maximum(found.mean - found.sure_low, plain.mean - plain.low)
        up = np.maximum(found.sure_high - found.mean, plain.high - plain.mean)
        return Predicted(mean, found.low, found.high, mean - down, mean + up)

    def _counted(self, shares: list[float]) -> "_Counted":
        """Take shares, cut to 0 to 1, for parts of successes: a Beta posterior, Jeffreys' prior.

        Of all outcomes within 0 to 1 with the same mean, successes and failures scatter most.
        """
        from scipy.special import betaincinv

        kept = float(np.clip(shares, 0.0, 1.0).sum()) + _BELIEF
        lost = len(shares) - kept + 2 * _BELIEF
        low, high = (float(betaincinv(kept, lost, p)) for p in (1 - self.level, self.level))
        return _Counted(kept / (kept + lost), low, high)

    def _averaged(self, operation: str, tried: list[EditTrial], rows: int) -> Predicted:
        """Average tokens with the prior as one trial more; a bound goes no higher than the most."""
        spent = np.array([self.priors.get(operation, self.prior), *(t.tokens for t in tried)])
        mean, most, reach = float(spent.mean()), float(spent.max()), 0.0
        if tried:
            error = float(spent.std(ddof=1)) / np.sqrt(len(spent))
            reach = student(self.level, len(tried)) * error
        columns = (mean, 0.0, 2 * most, max(mean - reach, 0.0), min(mean + reach, most))
        return Predicted(*(np.full(rows, each) for each in columns))


class _Counted(NamedTuple):
    mean: float
    low: float
    high: float

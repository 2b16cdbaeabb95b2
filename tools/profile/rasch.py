"""How hard items are, from who answered them right: Rasch's model by marginal maximum likelihood.

A model of ability t answers an item of difficulty b right with probability s(a (t - b)), s the
logistic function; in Rasch's model (1960) a = 1. Difficulties are draws from a normal prior, and
are integrated out on a grid (Bock & Aitkin 1981), so that abilities are fitted well even from a
handful of answers an item; with a = 1 the fit is convex in the abilities, since a log-concave
function stays so when it is integrated (Prekopa 1973). Each item then has a posterior: its mean is
the difficulty, its deviation the standard error. The prior's mean may differ by item: that is how
what a question says about its difficulty comes in (`tools.profile.content_prior`).
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array

from burnish.tools.arrays import Flags, Floats, Ints

GRID: Final[Floats] = np.linspace(-9.0, 9.0, 121)
"""Difficulties, in logits, at which the integrals are evaluated."""
_ABILITY_SD: Final = 10.0
"""A weak prior: who is always right or always wrong gets a finite ability."""
_SLOPE_SD: Final = 0.5
"""Of the logarithm of the slopes, where they are fitted."""
_ROUNDS: Final = 200
_SPREADS: Final = (0.1, 6.0)
"""Bounds of the fitted spread, in logits."""


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Answers as triplets: which item, which model, right or wrong; any may be missing."""

    item: Ints
    model: Ints
    correct: Flags
    items: int
    models: int

    def __post_init__(self) -> None:
        sizes = {len(self.item), len(self.model), len(self.correct)}
        if len(sizes) > 1:
            raise ValueError("answer records need an item, a model and a result each")
        if len(self.item) and not (
            0 <= self.item.min() <= self.item.max() < self.items
            and 0 <= self.model.min() <= self.model.max() < self.models
        ):
            raise ValueError("answer records name items or models that do not exist")

    def taken(self, chosen: Flags | Ints) -> "Records":
        """Return some of the records; items and models keep their numbers."""
        return Records(
            self.item[chosen], self.model[chosen], self.correct[chosen], self.items, self.models
        )

    def answers(self) -> Ints:
        """Count the answers of each item."""
        return np.bincount(self.item, minlength=self.items).astype(np.int64)


def from_matrix(answers: Floats) -> Records:
    """Return the records of a matrix, an item a row, a model a column: 1, 0, nan for none."""
    item, model = np.nonzero(~np.isnan(answers))
    return Records(item, model, answers[item, model] > 0.5, *answers.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Difficulty:
    """What a fit found; difficulties and abilities are on one scale, in logits."""

    difficulty: Floats
    """Mean of each item's posterior; the prior's mean where nobody answered."""
    error: Floats
    """Its standard deviation: 90 % of the true values lie within 1.645 of them."""
    answers: Ints
    """How many answers each item has."""
    ability: Floats
    slope: Floats
    """How sharply each model tells hard from easy; 1 in Rasch's model."""
    spread: float
    """Standard deviation of the difficulties about their prior's means."""
    guess: float = 0.0
    """Chance of a right answer to an item far too hard."""
    trust: float = 1.0
    """What the prior's means were multiplied by."""

    def interval(self, level: float = 0.9) -> tuple[Floats, Floats]:
        """Return the ends of an interval that holds the true difficulty with this chance."""
        from scipy.stats import norm

        reach = float(norm.ppf((1 + level) / 2)) * self.error
        return self.difficulty - reach, self.difficulty + reach


@dataclass(frozen=True, slots=True, eq=False)
class _Parameters:
    ability: Floats
    slope: Floats
    trust: float
    spread: float

    @staticmethod
    def of(vector: Floats, models: int, *, slopes: bool) -> "_Parameters":
        slope = np.exp(vector[models : 2 * models]) if slopes else np.ones(models)
        return _Parameters(vector[:models], slope, float(vector[-2]), float(np.exp(vector[-1])))


def fit_rasch(
    records: Records,
    prior: Floats | None = None,
    *,
    slopes: bool = False,
    guess: float = 0.0,
    scaled: bool = False,
) -> Difficulty:
    """Fit abilities and the spread of difficulties, then return each item's posterior.

    Args:
        records: who answered what.
        prior: the prior's mean for each item; 0 when not given.
        slopes: let each model have a slope of its own (no longer convex; starts at Rasch's fit).
        guess: chance of a right answer by guessing, 0 to 1.
        scaled: fit a factor to the prior's means, which mends their scale.

    Raises:
        ValueError: there is no answer at all.
    """
    if not len(records.item):
        raise ValueError("difficulties need at least one answer record")
    means = np.zeros(records.items) if prior is None else np.asarray(prior, np.float64)
    right, wrong = _tables(records)
    models = records.models
    start = np.concatenate([_first_abilities(records), [1.0, 0.0]])
    trust = (0.0, 3.0) if scaled else (1.0, 1.0)

    def solve(vector: Floats, *, sloped: bool) -> Floats:
        found = minimize(
            _loss,
            vector,
            args=(right, wrong, means, guess, sloped),
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None)] * (len(vector) - 2) + [trust, tuple(np.log(_SPREADS))],
            options={"maxiter": _ROUNDS, "ftol": 1e-10},
        )
        return np.asarray(found.x, np.float64)

    vector = solve(start, sloped=False)
    if slopes:
        vector = solve(
            np.concatenate([vector[:models], np.zeros(models), vector[-2:]]), sloped=True
        )
    fitted = _Parameters.of(vector, models, slopes=slopes)
    weights = _posterior(right, wrong, means, fitted, guess)[0]
    mean = weights @ GRID
    error = np.sqrt(np.maximum(weights @ GRID**2 - mean**2, 1e-12))
    return Difficulty(
        mean,
        error,
        records.answers(),
        fitted.ability,
        fitted.slope,
        fitted.spread,
        guess,
        fitted.trust,
    )


def posterior_weights(records: Records, fit: Difficulty, prior: Floats | None = None) -> Floats:
    """Return each item's posterior over GRID, for abilities that a fit found."""
    means = np.zeros(records.items) if prior is None else prior
    fitted = _Parameters(fit.ability, fit.slope, fit.trust, fit.spread)
    return _posterior(*_tables(records), means, fitted, fit.guess)[0]


class Placed(NamedTuple):
    """Where an item is by itself, on a scale that a fit found."""

    difficulty: float
    error: float


def placed(correct: Sequence[bool], ability: float, centre: float, spread: float) -> Placed:
    """Return mean and deviation of an item's posterior in Rasch's model, from a few answers.

    Args:
        correct: answers of solvers of one ability, right or wrong.
        ability: theirs, in logits.
        centre: where the item is thought to be before it is answered: the prior's mean.
        spread: the prior's standard deviation.
    """
    chance = np.clip(chances(np.array([ability]), np.ones(1), 0.0)[0], 1e-12, 1 - 1e-12)
    right = sum(correct)
    logits = right * np.log(chance) + (len(correct) - right) * np.log1p(-chance)
    logits -= ((GRID - centre) / spread) ** 2 / 2
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    mean = float(weights @ GRID)
    return Placed(mean, float(np.sqrt(weights @ (GRID - mean) ** 2)))


def chances(ability: Floats, slope: Floats, guess: float) -> Floats:
    """Return the chance of a right answer, a model a row, a difficulty of GRID a column."""
    plain = 1 / (1 + np.exp(-np.clip(slope[:, None] * (ability[:, None] - GRID), -30, 30)))
    return guess + (1 - guess) * plain


def _tables(records: Records) -> tuple[csr_array, csr_array]:
    shape = (records.items, records.models)
    tables: list[csr_array] = []
    for kind in (records.correct, ~records.correct):
        ones = np.ones(int(kind.sum()))
        tables.append(csr_array((ones, (records.item[kind], records.model[kind])), shape=shape))
    return tables[0], tables[1]


def _first_abilities(records: Records) -> Floats:
    known = np.bincount(records.model, minlength=records.models)
    right = np.bincount(records.model, records.correct, minlength=records.models)
    share = (right + 1) / (known + 2)
    return 1.2 * np.log(share / (1 - share))


def _posterior(
    right: csr_array, wrong: csr_array, means: Floats, at: _Parameters, guess: float
) -> tuple[Floats, float, Floats]:
    chance = chances(at.ability, at.slope, guess)
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    logits = right @ np.log(chance) + wrong @ np.log1p(-chance)
    logits -= ((GRID - at.trust * means[:, None]) / at.spread) ** 2 / 2
    # The greatest logit is taken out before exp and put back into the evidence: thousands of
    # answers multiply to less than the least float.
    top = logits.max(axis=1, keepdims=True)
    weights = np.exp(logits - top)
    total = weights.sum(axis=1, keepdims=True)
    # The grid's step is common to all items and left out.
    evidence = float((np.log(total) + top).sum()) - len(means) * float(np.log(at.spread))
    return weights / total, evidence, chance


def _loss(
    vector: Floats,
    right: csr_array,
    wrong: csr_array,
    means: Floats,
    guess: float,
    sloped: bool,  # noqa: FBT001 - scipy passes it by place
) -> tuple[float, Floats]:
    """Return minus the penalised marginal log-likelihood and its slope (Fisher's identity)."""
    models = (len(vector) - 2) // (2 if sloped else 1)
    at = _Parameters.of(vector, models, slopes=sloped)
    weights, evidence, chance = _posterior(right, wrong, means, at, guess)
    rights, wrongs = right.T @ weights, wrong.T @ weights
    plain = (chance - guess) / (1 - guess)
    # d log p / d logit and d log (1 - p) / d logit, expected over the posteriors.
    pull = rights * (1 - guess) * plain * (1 - plain) / chance - wrongs * plain
    by_ability = at.slope * pull.sum(axis=1) - at.ability / _ABILITY_SD**2
    # Fisher's identity: the slope of the marginal likelihood is the mean slope of the full one over
    # the posterior, so that no derivative of the integral itself is needed.
    centres, held = at.trust * means, weights @ GRID
    offsets = weights @ GRID**2 - 2 * centres * held + centres**2
    by_spread = float((offsets / at.spread**2 - 1).sum())
    by_trust = float((held - centres) @ means) / at.spread**2
    parts = [by_ability]
    value = evidence - float(at.ability @ at.ability) / (2 * _ABILITY_SD**2)
    if sloped:
        logs = np.log(at.slope)
        by_slope = (pull * (at.ability[:, None] - GRID)).sum(axis=1) * at.slope
        parts.append(by_slope - logs / _SLOPE_SD**2)
        value -= float(logs @ logs) / (2 * _SLOPE_SD**2)
    slope = np.concatenate([*parts, [by_trust, by_spread]])
    # Per answer: the optimiser's tolerances then mean the same for sets of any size.
    scale = max(float(right.sum() + wrong.sum()), 1.0)
    return -value / scale, -slope / scale

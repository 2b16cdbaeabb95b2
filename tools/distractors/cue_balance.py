"""How likely each set of wrong answers must be drawn, so that no cue tells the key on average.

Entropy balancing (Hainmueller, Political Analysis 20, 2012): of all ways to draw one of an item's
sets, the one nearest to the plain draw in which the key's features have the mean that features of
all options have. A set is drawn in proportion to exp(taste - weights . lead), where `lead` is what
the key's features exceed the set's mean by; the weights minimise a convex function whose gradient
is the mean lead. Where it is 0, a conditional logit on these features is best with no weights: it
finds keys by chance.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.arrays import Floats
from burnish.tools.distractors.cues import Ruler, features, ruler_of

TASTE: Final = 10.0
"""How much likelier a set is drawn for a likeness among its options: e per 0.1."""
_RIDGE: Final = 1e-3
_FEWEST: Final = 100.0
"""Items up to which the ridge grows as they get fewer."""
_STEPS: Final = 150


class DrawnSets(NamedTuple):
    """Sets drawn for one item."""

    cues: Floats
    """Sets x options x cues, the key first."""
    liked: Floats
    """Mean likeness among the options of each set."""


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """How sets are weighed."""

    ruler: Ruler | None = None
    weights: Floats | None = None
    items: int = 0
    """How many items it was fitted on."""

    def score(self, drawn: DrawnSets) -> Floats:
        """Return the logarithm of each set's chance, up to a constant."""
        taste = TASTE * drawn.liked
        if self.ruler is None or self.weights is None:
            return taste
        return taste - _lead(drawn, self.ruler) @ self.weights


def _lead(drawn: DrawnSets, ruler: Ruler) -> Floats:
    seen = features(drawn.cues, ruler)
    return seen[:, 0] - seen.mean(axis=1)


def balanced(held: Sequence[DrawnSets]) -> Balance:
    """Fit the weights on the sets of some items, as many sets for each; none give plain draws."""
    if not held:
        return Balance()
    from scipy.optimize import minimize

    ruler = ruler_of(np.concatenate([one.cues for one in held]))
    lead = np.stack([_lead(one, ruler) for one in held]).astype(np.float32)
    taste = TASTE * np.stack([one.liked for one in held])
    # Few items cannot tell a cue from chance: the fewer, the less the weights may trust what they
    # see.
    ridge = _RIDGE * max(1.0, _FEWEST / len(held))

    # The dual of entropy balancing: log-sum-exp of the tilted chances. It is convex, and its slope
    # is minus the mean lead that is left, so at the minimum the key leads in no feature, up to the
    # ridge.
    def loss(weights: Floats) -> tuple[float, Floats]:
        score = taste - lead @ weights.astype(np.float32)
        top = score.max(axis=1, keepdims=True)
        chance = np.exp(score - top)
        total = chance.sum(axis=1, keepdims=True)
        mean = np.einsum("is,isf->f", (chance / total).astype(np.float32), lead) / len(held)
        value = float((np.log(total) + top).mean() + ridge * weights @ weights)
        return value, 2 * ridge * weights - mean

    start = np.zeros(lead.shape[2])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return Balance(ruler, np.asarray(found.x, np.float64), len(held))


def order_of(score: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return sets in the order they are drawn without return, in proportion to exp(score)."""
    # Scores with Gumbel noise, sorted, are draws without return in proportion to exp(score): the
    # "Gumbel top-k trick" (Vieira 2014; Kool, van Hoof & Welling, ICML 2019).
    return np.argsort(-(score + rng.gumbel(size=len(score))), kind="stable")

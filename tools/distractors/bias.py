"""What choices give away or fail to do: the key's place and length, the worth of distractors."""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import chi2, norm

from burnish.tools.arrays import Ints, Vectors

PICKED: Final = 0.05
"""Share of all answers from which a distractor counts as working (Haladyna & Downing 1993)."""


class PlaceBias(NamedTuple):
    """Whether keys stand in some places more often than chance lets them."""

    counts: tuple[int, ...]
    """Keys at each place, of the items with this many choices."""
    excess: float
    """Largest share of a place less its share by chance."""
    low: float
    high: float
    """Ends of the 95 % interval of the share of that place (Wilson 1927), less chance."""
    p: float
    """Chance of such counts or stranger ones if places were drawn at random (chi-square)."""


class LengthBias(NamedTuple):
    """Whether the key is the longest choice more often than chance lets it."""

    items: int
    longest: float
    """Share of items whose key is the longest choice; ties count in part."""
    expected: float
    """The share by chance."""
    low: float
    high: float
    """Ends of the 95 % interval of longest less expected."""
    p: float
    """Two-sided, of a normal test of longest against expected."""
    ratio: float
    """Geometric mean of the key's length over that of the other choices' mean length."""


class DistractorWorth(NamedTuple):
    """Worth of an item's wrong choices; nan where it cannot be told."""

    plausibility: float
    """Mean cosine of the wrong choices with the key."""
    diversity: float
    """One less the mean cosine of the wrong choices among themselves."""


class Picks(NamedTuple):
    """How often the choices of an item were taken."""

    answers: int
    wrong: float
    """Share of answers that took a wrong choice."""
    top: float
    """Share of answers that took the likeliest wrong choice."""
    working: int
    """Wrong choices that at least PICKED of the answers took."""


def place_bias(keys: Sequence[int | None], sizes: Sequence[int]) -> dict[int, PlaceBias]:
    """Test the places of keys, apart for each number of choices (2 or more).

    Args:
        keys: place of each item's key, from 0; None where there is none.
        sizes: how many choices each item has.
    """
    found: dict[int, PlaceBias] = {}
    for size in sorted({size for size in sizes if size > 1}):
        held = [
            key for key, own in zip(keys, sizes, strict=True) if own == size and key is not None
        ]
        if held:
            found[size] = _place_bias(np.bincount(held, minlength=size), size)
    return found


def _place_bias(counts: Ints, size: int) -> PlaceBias:
    total = int(counts.sum())
    expected = total / size
    statistic = float(((counts - expected) ** 2 / expected).sum())
    share = float(counts.max()) / total
    low, high = wilson(int(counts.max()), total)
    chance = 1 / size
    p = float(chi2.sf(statistic, size - 1))
    own = tuple(int(count) for count in counts)
    return PlaceBias(own, share - chance, low - chance, high - chance, p)


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval (JASA 22, 1927) of a share."""
    if trials < 1:
        return 0.0, 1.0
    z = float(norm.ppf((1 + level) / 2))
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = (
        z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    )
    # Rounding must not put the share outside: with no success the lower end is 0 to the last bit.
    low, high = middle - float(reach), middle + float(reach)
    return min(max(low, 0.0), share), max(min(high, 1.0), share)


def length_bias(choices: Sequence[Sequence[str]], keys: Sequence[int | None]) -> LengthBias | None:
    """Test whether keys are the longest choices too often; None where no item has a key."""
    hits: list[float] = []
    chance: list[float] = []
    ratios: list[float] = []
    for own, key in zip(choices, keys, strict=True):
        if key is None or len(own) < 2:
            continue
        lengths = [len(choice.strip()) for choice in own]
        longest = max(lengths)
        tied = lengths.count(longest)
        hits.append(1 / tied if lengths[key] == longest else 0.0)
        chance.append(1 / len(own))
        others = (sum(lengths) - lengths[key]) / (len(own) - 1)
        if others and lengths[key]:
            ratios.append(float(np.log(lengths[key] / others)))
    if not hits:
        return None
    excess = np.array(hits) - np.array(chance)
    mean, items = float(excess.mean()), len(hits)
    null = float(np.sqrt(sum(one * (1 - one) for one in chance))) / items
    own_error = float(excess.std(ddof=1)) / np.sqrt(items) if items > 1 else 1.0
    reach = 1.96 * float(own_error)
    p = 2 * float(norm.sf(abs(mean) / null)) if null else 1.0
    ratio = float(np.exp(np.mean(ratios))) if ratios else float("nan")
    return LengthBias(
        items, float(np.mean(hits)), float(np.mean(chance)), mean - reach, mean + reach, p, ratio
    )


def distractor_worth(
    vectors: Vectors, starts: Ints, keys: Sequence[int | None]
) -> list[DistractorWorth]:
    """Return plausibility and diversity of each item's wrong choices.

    Args:
        vectors: a unit row for each choice, item after item.
        starts: where each item's rows begin; one more for the end.
        keys: place of each item's key.
    """
    found: list[DistractorWorth] = []
    nothing = DistractorWorth(float("nan"), float("nan"))
    for at, key in enumerate(keys):
        own = vectors[starts[at] : starts[at + 1]]
        if key is None or len(own) < 2:
            found.append(nothing)
            continue
        wrong = np.delete(own, key, axis=0)
        plausible = float((wrong @ own[key]).mean())
        count = len(wrong)
        if count < 2:
            found.append(DistractorWorth(plausible, float("nan")))
            continue
        total = wrong.sum(axis=0)
        alike = (float(total @ total) - count) / (count * (count - 1))
        found.append(DistractorWorth(plausible, 1 - alike))
    return found


def pick_rates(picked: Sequence[int], size: int, key: int | None) -> Picks | None:
    """Return how often an item's choices were taken; None where no pick or no key is known."""
    if key is None or not picked or size < 2:
        return None
    shares = np.bincount(picked, minlength=size) / len(picked)
    wrong = np.delete(shares, key)
    return Picks(len(picked), float(wrong.sum()), float(wrong.max()), int((wrong >= PICKED).sum()))

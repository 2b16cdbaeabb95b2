"""What the choices of an item say of its difficulty: how the key stands out from the others."""

import math
import re
from collections.abc import Sequence
from typing import Final

from burnish.corpora.records import QAItem
from burnish.tools.answers.numbers import Number, first_number

_BARE: Final = re.compile(r"\s*\$?[-\u2212+]?[\d.,]+\s*%?\s*")
_DIGIT: Final = re.compile(r"\d")
_SWEEPING: Final = re.compile(r"\b(?:all|none|both|neither) (?:of|the)\b", re.IGNORECASE)
_NO_PLACE: Final = -1
_HUGE: Final = 1e60
_DECADES: Final = 3.0
"""Powers of ten beyond which numbers count as equally far apart."""


def key_place(item: QAItem) -> int:
    """Return the place of the keyed choice, from 0; -1 where no choice is the answer."""
    return item.choices.index(item.answer) if item.answer in item.choices else _NO_PLACE


def choice_features(item: QAItem) -> list[float]:
    """Return figures on the choices: lengths, forms, and where the key lies among them."""
    choices = item.choices
    whole = "\n".join(choices)
    key = key_place(item)
    count = len(choices)
    sizes = [len(choice) for choice in choices] or [0]
    return [
        float(count),
        key / max(count - 1, 1) if key >= 0 else 0.5,
        *_lengths(sizes, len(item.answer)),
        len(_DIGIT.findall(whole)) / (len(whole) + 1),
        sum(_BARE.fullmatch(choice) is not None for choice in choices) / max(count, 1),
        float(_SWEEPING.search(whole) is not None),
        float(_SWEEPING.search(item.answer) is not None),
        *_numbers(choices, key),
    ]


def _lengths(sizes: Sequence[int], key: int) -> list[float]:
    mean, spread = sum(sizes) / len(sizes), _spread(sizes)
    return [
        math.log1p(mean),
        math.log1p(key),
        math.log1p(key) - math.log1p(mean),
        _rank([float(size) for size in sizes], float(key)),
        float(key >= max(sizes)),
        float(key <= min(sizes)),
        (key - mean) / (spread + 1),
        spread / (mean + 1),
    ]


def _rank(values: Sequence[float], own: float) -> float:
    """Return the share of the other values that are below one of them, ties in half."""
    below = sum(value < own for value in values)
    ties = sum(value == own for value in values) - 1
    return (below + max(ties, 0) / 2) / max(len(values) - 1, 1)


def _numbers(choices: Sequence[str], key: int) -> list[float]:
    """Return where the key's number lies among the choices' numbers, zeros where it has none."""
    found = [first_number(choice) for choice in choices]
    values = [_float(one) for one in found if one is not None]
    share = len(values) / max(len(choices), 1)
    distinct = len(set(values)) / max(len(values), 1)
    keyed = found[key] if key >= 0 else None
    if keyed is None or len(values) < 3:
        return [share, distinct, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    own, digits = _float(keyed), [one.digits if one else 0 for one in found]
    rank = _rank(values, own)
    logs = [math.log10(abs(value) + 1e-12) for value in values]
    log = math.log10(abs(own) + 1e-12)
    apart = sorted(abs(each - log) for each in logs)
    return [
        share,
        distinct,
        float(digits[key]),
        digits[key] - sum(digits) / len(digits),
        rank,
        abs(rank - 0.5),
        min(apart[1], _DECADES),
        min(_spread(logs), 2 * _DECADES),
        _within(log - _median(logs), _DECADES),
        _within(log, _DECADES),
        float(own < 0),
        float(own == round(own)),
    ]


def _float(number: Number) -> float:
    return float(max(-_HUGE, min(number.value, _HUGE)))


def _spread(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _median(values: Sequence[float]) -> float:
    ranked = sorted(values)
    return (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2


def _within(value: float, limit: float) -> float:
    return max(-limit, min(value, limit))

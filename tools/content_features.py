"""Plain features of an item's content for the prior of its difficulty, beside its vectors."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.documents import QAItem

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

_SYMBOL: Final = re.compile(r"[\\$^_=<>+*/%]")
_DIGIT: Final = re.compile(r"\d")
_NEGATED: Final = re.compile(r"\b(?:not|except|least|never|false|incorrect)\b", re.IGNORECASE)
_SWEEPING: Final = re.compile(r"\b(?:all|none|both|neither) (?:of|the)\b", re.IGNORECASE)
_VECTOR_WEIGHT: Final = 20.0
"""Vectors are of unit length over hundreds of columns; plain features have unit spread each."""


def content_features(
    items: Sequence[QAItem], cells: Sequence[str], vectors: Vectors | None = None
) -> Floats:
    """Return the features, an item a row: lengths, symbols, choices, cell, and vectors if given."""
    plain = np.array([_plain(item) for item in items], np.float64).reshape(len(items), -1)
    plain = (plain - plain.mean(axis=0)) / np.maximum(plain.std(axis=0), 1e-9)
    names = sorted(set(cells))
    places = {name: at for at, name in enumerate(names)}
    domain = np.zeros((len(items), len(names)))
    domain[np.arange(len(items)), [places[cell] for cell in cells]] = 1.0
    parts = [plain, plain**2, 2 * domain]
    if vectors is not None:
        parts.append(vectors.astype(np.float64) * _VECTOR_WEIGHT)
    return np.hstack(parts)


def _plain(item: QAItem) -> list[float]:
    question, choices = item.question, item.choices
    lengths = [len(choice) for choice in choices] or [0]
    mean = sum(lengths) / len(lengths)
    whole = "\n".join(choices)
    return [
        float(np.log1p(len(question))),
        float(np.log1p(question.count("\n"))),
        len(_SYMBOL.findall(question)) / (len(question) + 1),
        len(_DIGIT.findall(question)) / (len(question) + 1),
        float(np.log1p(mean)),
        float(np.log1p(len(item.answer)) - np.log1p(mean)),
        len(_DIGIT.findall(whole)) / (len(whole) + 1),
        float(len(choices)),
        float(np.std(lengths) / (mean + 1)),
        float(_NEGATED.search(question) is not None),
        float(_SWEEPING.search(whole) is not None),
        float("?" in question),
    ]

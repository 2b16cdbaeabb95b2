"""Features of an item's content for the prior of its difficulty, beside its vectors.

Plain features of question, choices and key are joined by the item's likeness to some landmark items
(Williams & Seeger 2001), so that a linear regression on them all can bend: what length or symbols
say of a question in law is not what they say in physics.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from burnish.corpora.records import QAItem
from burnish.tools.arrays import Floats, Vectors
from burnish.tools.distractors.features import choice_features, key_place

LANDMARKS: Final = 400
"""Items that the others are likened to; fewer in small sets."""
_SYMBOL: Final = re.compile(r"[\\$^_=<>+*/%]")
_DIGIT: Final = re.compile(r"\d")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_SENTENCE: Final = re.compile(r"[.!?](?:\s|$)")
_WORD: Final = re.compile(r"\w+")
_NEGATED: Final = frozenset({"not", "except", "least", "never", "false", "incorrect"})
_STRESSED: Final = frozenset({"NOT", "EXCEPT", "LEAST"})
_BEST: Final = frozenset({"best", "most"})
_NUMBERED: Final = frozenset({"II", "III", "Statement"})
_ASKED: Final = frozenset({"calculate", "compute", "determine", "find", "many", "much"})

_LIMIT: Final = 4.0
"""Spreads from the mean at which plain features are cut."""
_PLACES: Final = 12
_CELL_ITEMS: Final = 10
_CELLS: Final = 300
"""Cells with a column of their own: the largest ones, of so many items at least."""
_LENGTH: Final = 1.3
"""Distance over which likeness falls to exp(-1/2); unlike items are about 2 apart."""
_KIND_WEIGHT: Final = 2.0
_LANDMARK_WEIGHT: Final = 30.0
_VECTOR_WEIGHT: Final = 20.0
"""Vectors are of unit length over hundreds of columns; plain features have unit spread each."""


def content_features(
    items: Iterable[QAItem],
    cells: Sequence[str],
    vectors: Vectors | None = None,
    *,
    landmarks: int = LANDMARKS,
    seed: int = 0,
) -> Floats:
    """Return the features, an item a row; no answer record has a part in them.

    Args:
        items: the items, gone through once.
        cells: the cell of each item; its domain counts apart from that.
        vectors: a unit row for each item.
        landmarks: how many items the others are likened to; 0 for none.
        seed: of the draw of the landmarks.
    """
    raw, domains, keyed = array("d"), list[str](), list[int]()
    for item in items:
        raw.extend((*_question(item.question), *choice_features(item)))
        domains.append(item.domain or "")
        keyed.append(key_place(item))
    plain = np.array(raw, np.float64).reshape(len(keyed), -1)
    plain = (plain - plain.mean(axis=0)) / np.maximum(plain.std(axis=0), 1e-9)
    plain = np.clip(plain, -_LIMIT, _LIMIT)
    kinds = np.hstack([_indicators(cells), _indicators(domains)])
    places = np.minimum(np.array(keyed, np.int64), _PLACES - 1)
    place = np.eye(_PLACES + 1)[places]
    parts = [plain, plain**2, _KIND_WEIGHT * kinds, _KIND_WEIGHT * place]
    if landmarks:
        ground = np.hstack([plain / np.sqrt(plain.shape[1]), kinds, 0.3 * place])
        parts.append(_LANDMARK_WEIGHT * likeness(ground, landmarks, seed))
    if vectors is not None:
        parts.append(_VECTOR_WEIGHT * vectors.astype(np.float64))
    return np.hstack(parts)


def likeness(ground: Floats, landmarks: int, seed: int = 0) -> Floats:
    """Return columns whose inner products are near exp(-d²/2l²) of the rows' distances d.

    With every row a landmark they are equal to it (Nyström's method; Williams & Seeger 2001).
    """
    count = min(landmarks, len(ground))
    chosen = ground[np.sort(np.random.default_rng(seed).permutation(len(ground))[:count])]
    sizes, axes = np.linalg.eigh(_kernel(chosen, chosen))
    kept = sizes > 1e-8 * sizes.max()
    return _kernel(ground, chosen) @ (axes[:, kept] / np.sqrt(sizes[kept]))


def _kernel(first: Floats, second: Floats) -> Floats:
    squares = first @ (second.T * -2)
    squares += (first**2).sum(axis=1)[:, None]
    squares += (second**2).sum(axis=1)
    np.maximum(squares, 0, out=squares)
    squares *= -1 / (2 * _LENGTH**2)
    return np.exp(squares, out=squares)


def _indicators(names: Sequence[str]) -> Floats:
    """Return a column of ones and zeros for each name that enough items bear."""
    common = [name for name, held in Counter(names).most_common(_CELLS) if held >= _CELL_ITEMS]
    places = {name: at for at, name in enumerate(sorted(common))}
    table = np.zeros((len(names), len(places) + 1))
    table[np.arange(len(names)), [places.get(name, len(places)) for name in names]] = 1.0
    return table[:, :-1]


def _question(text: str) -> list[float]:
    words = _WORD.findall(text)
    cased = set(words)
    bare = {word.lower() for word in cased}
    count, length = len(words) + 1, len(text) + 1
    return [
        math.log1p(len(text)),
        math.log1p(len(words)),
        sum(map(len, words)) / count,
        len(bare) / count,
        math.log1p(text.count("\n")),
        math.log1p(len(_SENTENCE.findall(text))),
        math.log1p(len(_NUMBER.findall(text))),
        len(_SYMBOL.findall(text)) / length,
        len(_DIGIT.findall(text)) / length,
        sum(word.isupper() and len(word) > 1 for word in words) / count,
        text.count(",") / count,
        text.count("(") / count,
        float("?" in text),
        float("__" in text),
        float("\\" in text or "$" in text),
        float("following" in text),
        float(not bare.isdisjoint(_NEGATED)),
        float(not cased.isdisjoint(_STRESSED)),
        float(not bare.isdisjoint(_BEST)),
        float(not cased.isdisjoint(_NUMBERED)),
        float(not bare.isdisjoint(_ASKED)),
    ]

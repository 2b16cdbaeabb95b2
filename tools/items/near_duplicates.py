"""Items that occur twice, or nearly: the first of each group stays, the others are told.

Exact: equal texts after case and spaces are evened out. Near: sets of word triples whose Jaccard
similarity reaches a threshold; candidates come from MinHash in bands (Broder 1997; Leskovec,
Rajaraman & Ullman, Mining of Massive Datasets, section 3.4), and every one is then measured.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.records import QAItem

THRESHOLD: Final = 0.8
_WORDS: Final = 3
_BANDS, _ROWS = 20, 5
_EDGES: Final = re.compile(r"^[.,;:!?\"'()\[\]]+|[.,;:!?\"'()\[\]]+$")
_PRIME: Final = np.uint64((1 << 61) - 1)

Hashes = NDArray[np.uint64]


class Duplicate(NamedTuple):
    """An item that is a copy of an earlier one."""

    item: int
    of: int
    similarity: float
    """Of the sets of word triples; 1 for equal texts."""
    exact: bool


def item_text(item: QAItem) -> str:
    """Return what makes an item the same as another: its question and choices, in any order."""
    parts = [item.context or "", *item.turns, item.question, *sorted(item.choices)]
    return "\n".join(part for part in parts if part)


def find_duplicates(
    texts: Iterable[str], *, threshold: float = THRESHOLD, seed: int = 0
) -> list[Duplicate]:
    """Return every text that occurs before, exactly or nearly, with the earliest it copies.

    Args:
        texts: one for each item.
        threshold: similarity from which two texts are nearly the same, 0 to 1.
        seed: of the hash functions.
    """
    found: dict[int, Duplicate] = {}
    first: dict[bytes, int] = {}
    left: list[int] = []
    shingles: list[Hashes] = []
    # One text at a time: what is kept of it are eight bytes a run of words.
    for place, text in enumerate(texts):
        words = _words(text)
        before = first.setdefault(_digest(words), place)
        if before != place:
            found[place] = Duplicate(place, before, 1.0, exact=True)
            continue
        left.append(place)
        shingles.append(_shingles(words))
    for later, earlier, similarity in _near(shingles, threshold, seed):
        place = left[later]
        if place not in found:
            found[place] = Duplicate(place, left[earlier], similarity, exact=False)
    return [found[place] for place in sorted(found)]


def even_text(text: str) -> str:
    """Return a text with case, spaces and the edges of words evened out: equal in exact copies."""
    return " ".join(_words(text))


def _digest(words: Sequence[str]) -> bytes:
    text = " ".join(words).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()


def jaccard(first: Hashes, second: Hashes) -> float:
    """Return the share of the members of two sets that both have."""
    both = len(np.intersect1d(first, second, assume_unique=True))
    return both / max(len(first) + len(second) - both, 1)


def _words(text: str) -> list[str]:
    bare = (
        # Most words have no edges to cut, which is quicker seen than searched for.
        word if word[0].isalnum() and word[-1].isalnum() else _EDGES.sub("", word)
        for word in text.casefold().split()
    )
    return [word for word in bare if word]


def _shingles(words: Sequence[str]) -> Hashes:
    count = max(len(words) - _WORDS + 1, 1)
    runs = {" ".join(words[at : at + _WORDS]) for at in range(count)}
    digests = b"".join(
        blake2b(run.encode("utf-8", "surrogatepass"), digest_size=8).digest() for run in runs
    )
    return np.unique(np.frombuffer(digests, np.uint64) >> np.uint64(4))


def _near(sets: Sequence[Hashes], threshold: float, seed: int) -> Iterable[tuple[int, int, float]]:
    """Yield pairs at or above the threshold, the later first, each later one once."""
    if len(sets) < 2:
        return
    signatures = _signatures(sets, seed)
    best: dict[int, tuple[int, float]] = {}
    for band in range(_BANDS):
        rows = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * _ROWS))).ravel()
        heads: dict[bytes, int] = {}
        for place, key in enumerate(keys.tolist()):
            # One comparison a band keeps large groups linear: members meet at their first.
            head = heads.setdefault(key, place)
            if head == place or best.get(place, (place, 0.0))[0] <= head:
                continue
            similarity = jaccard(sets[place], sets[head])
            if similarity >= threshold:
                best[place] = (head, similarity)
    for place in sorted(best):
        yield place, *best[place]


def _signatures(sets: Sequence[Hashes], seed: int) -> Hashes:
    draw = np.random.default_rng(seed)
    size = _BANDS * _ROWS
    factors = draw.integers(1, 1 << 31, size, dtype=np.uint64) | np.uint64(1)
    shifts = draw.integers(0, 1 << 61, size, dtype=np.uint64)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in sets])[:-1]])
    flat = np.concatenate(sets)
    columns: list[Hashes] = []
    for factor, shift in zip(factors, shifts, strict=True):
        # Products wrap at 64 bits: a multiply-shift family, whose high bits are the good ones.
        mixed = (flat * factor + shift) ^ (flat >> np.uint64(29))
        columns.append(np.minimum.reduceat((mixed * _PRIME) >> np.uint64(16), starts))
    return np.stack(columns, axis=1)

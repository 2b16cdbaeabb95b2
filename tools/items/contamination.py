"""How much of a text stands in other texts: shared runs of words, and likeness of vectors.

Used against the set itself (duplicates) and against named evaluation sets (contamination). A text
is found in another when they are equal in folded words, when a run of `LONG_RUN` words is shared
(13, as in Brown et al. 2020, appendix C), when at least `SHARE` of its runs of `RUN` words are the
other's, or when the cosine of their vectors reaches `LIKENESS`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

RUN = 5
"""Words in a run that is counted."""
LONG_RUN = 13
"""Words in a run that is proof by itself."""
BOILERPLATE = 3
"""A run that more texts of one set share tells nothing: it is how the set puts its questions."""
SHARE = 0.5
"""Share of a text's runs that another must hold to be called its source."""
LIKENESS = 0.92
"""Cosine from which two questions say the same."""
_WORD = re.compile(r"[^\W_]+")
How = Literal["equal", "long run", "shared runs", "likeness"]


class TextMatch(NamedTuple):
    """A text that a draft was found in."""

    name: str
    """Of the set."""
    id: str
    how: How
    amount: float
    """Share of runs, or cosine; 1 for equal texts and long runs."""


def folded(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded."""
    return tuple(_WORD.findall(text.casefold()))


def runs(words: Sequence[str], length: int) -> set[int]:
    """Return the runs of so many words, as numbers that differ for different runs of a process."""
    return {hash(tuple(words[at : at + length])) for at in range(len(words) - length + 1)}


class TextIndex:
    """The texts of one set, to be asked whether a draft stands in them.

    Args:
        name: of the set, for complaints.
        rows: id and text of each.
        vectors: a unit row for each, in their order; None: texts are compared by words alone.
    """

    def __init__(
        self,
        name: str,
        rows: Iterable[tuple[str, str]],
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        self.name = name
        self._ids: list[str] = []
        self._texts: dict[str, str] = {}
        self._equal: dict[tuple[str, ...], list[int]] = {}
        self._short: dict[int, list[int]] = {}
        self._long: dict[int, list[int]] = {}
        self._gone: set[int] = set()
        self._vectors = vectors
        self._more: dict[int, NDArray[np.float32]] = {}
        for id, text in rows:
            self._enter(id, text)

    def add(self, id: str, text: str, vector: NDArray[np.float32] | None = None) -> None:
        """Take in a further text."""
        row = self._enter(id, text)
        if vector is not None:
            self._more[row] = vector

    def drop(self, id: str) -> None:
        """Forget the texts with an id."""
        if self._texts.pop(id, None) is not None:
            self._gone |= {row for row, known in enumerate(self._ids) if known == id}

    def become(self, rows: Iterable[tuple[str, str]]) -> None:
        """Hold these texts and no others from now on; ids must differ."""
        wanted = dict(rows)
        for id in [id for id, text in self._texts.items() if wanted.get(id) != text]:
            self.drop(id)
        for id, text in wanted.items():
            if id not in self._texts:
                self.add(id, text)

    def find(
        self,
        text: str,
        vector: NDArray[np.float32] | None = None,
        *,
        apart_from: str | None = None,
    ) -> TextMatch | None:
        """Return the text that a draft most surely stands in, None where there is none.

        Among texts that hold it as surely the one with the first id is told, in whatever order
        they came in.

        Args:
            text: the draft.
            vector: its unit vector, where likeness is to count.
            apart_from: id whose text does not count: the draft's own earlier form.
        """
        words = folded(text)
        if (id := self._first(self._equal.get(words, ()), apart_from)) is not None:
            return TextMatch(self.name, id, "equal", 1.0)
        long = [row for run in runs(words, LONG_RUN) for row in self._telling(self._long, run)]
        if (id := self._first(long, apart_from)) is not None:
            return TextMatch(self.name, id, "long run", 1.0)
        return self._shared(words, apart_from) or self._alike(vector, apart_from)

    def _enter(self, id: str, text: str) -> int:
        row = len(self._ids)
        self._ids.append(id)
        self._texts[id] = text
        words = folded(text)
        self._equal.setdefault(words, []).append(row)
        for run in runs(words, RUN):
            self._short.setdefault(run, []).append(row)
        for run in runs(words, LONG_RUN):
            self._long.setdefault(run, []).append(row)
        return row

    def _counts(self, row: int, apart_from: str | None) -> bool:
        return row not in self._gone and self._ids[row] != apart_from

    def _first(self, rows: Iterable[int], apart_from: str | None) -> str | None:
        return min((self._ids[row] for row in rows if self._counts(row, apart_from)), default=None)

    def _telling(self, held: Mapping[int, Sequence[int]], run: int) -> list[int]:
        """Return the rows that hold a run, none where so many do that it is how they are put."""
        rows = (row for row in held.get(run, ()) if row not in self._gone)
        few = list(islice(rows, BOILERPLATE + 1))
        return few if len(few) <= BOILERPLATE else []

    def _shared(self, words: Sequence[str], apart_from: str | None) -> TextMatch | None:
        asked = runs(words, RUN)
        held = Counter(row for run in asked for row in self._telling(self._short, run))
        found = [
            (-count, self._ids[row])
            for row, count in held.items()
            if count >= SHARE * len(asked) and self._counts(row, apart_from)
        ]
        if not found:
            return None
        count, id = min(found)
        return TextMatch(self.name, id, "shared runs", -count / len(asked))

    def _alike(
        self, vector: NDArray[np.float32] | None, apart_from: str | None
    ) -> TextMatch | None:
        if vector is None:
            return None
        found = [(float(one @ vector), row) for row, one in self._more.items()]
        if self._vectors is not None and len(self._vectors):
            likeness = self._vectors @ vector
            found += [(float(likeness[at]), int(at)) for at in np.flatnonzero(likeness >= LIKENESS)]
        for amount, row in sorted(found, reverse=True):
            if amount >= LIKENESS and self._counts(row, apart_from):
                return TextMatch(self.name, self._ids[row], "likeness", amount)
        return None

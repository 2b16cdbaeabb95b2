"""How much of a text stands in other texts: shared runs of words, and likeness of vectors.

Used against the set itself (duplicates) and against named evaluation sets (contamination). A text
is found in another when they are equal in folded words, when a run of `LONG_RUN` words is shared
(13, as in Brown et al. 2020, appendix C), when at least `SHARE` of its runs of `RUN` words are the
other's, or when the cosine of their vectors reaches `LIKENESS`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.items.run_index import RunIndex

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


def _entries(text: str) -> tuple[Iterable[int], Iterable[int], Iterable[int]]:
    """Return a text as a whole, its runs that are counted and its long ones, as numbers."""
    words = folded(text)
    return (hash(words),), runs(words, RUN), runs(words, LONG_RUN)


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
        self._vectors = vectors
        self.fill(rows)

    def fill(self, rows: Iterable[tuple[str, str]]) -> None:
        """Hold these texts and no others."""
        self._ids: list[str] = []
        self._rows: dict[str, tuple[int, ...]] = {}
        self._equal, self._short, self._long = RunIndex(), RunIndex(), RunIndex()
        self._gone: set[int] = set()
        self._more: dict[int, NDArray[np.float32]] = {}
        self._touched: set[str] = set()
        for id, text in rows:
            row = self._named(id)
            for index, found in zip(self._indices, _entries(text), strict=True):
                index.fill(row, found)
        for index in self._indices:
            index.settle()

    def add(self, id: str, text: str, vector: NDArray[np.float32] | None = None) -> None:
        """Take in a further text."""
        row = self._named(id)
        self._touched.add(id)
        for index, found in zip(self._indices, _entries(text), strict=True):
            index.add(row, found)
        if vector is not None:
            self._more[row] = vector

    def drop(self, id: str) -> None:
        """Forget the texts with an id."""
        self._touched.add(id)
        self._gone.update(self._rows.pop(id, ()))

    def renew(self, names: Iterable[str], text_of: Callable[[str], str | None]) -> None:
        """Hold some ids anew, and all that were added or dropped since this was called last.

        Args:
            names: ids whose texts may be others now.
            text_of: what stands under an id now; None: nothing does.
        """
        for id in sorted(self._touched | set(names)):
            self.drop(id)
            text = text_of(id)
            if text is not None:
                self.add(id, text)
        self._touched.clear()

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
        if (id := self._first(self._equal.rows(hash(words)), apart_from)) is not None:
            return TextMatch(self.name, id, "equal", 1.0)
        long = [row for run in runs(words, LONG_RUN) for row in self._telling(self._long, run)]
        if (id := self._first(long, apart_from)) is not None:
            return TextMatch(self.name, id, "long run", 1.0)
        return self._shared(words, apart_from) or self._alike(vector, apart_from)

    @property
    def _indices(self) -> tuple[RunIndex, RunIndex, RunIndex]:
        return self._equal, self._short, self._long

    def _named(self, id: str) -> int:
        row = len(self._ids)
        self._ids.append(id)
        self._rows[id] = (*self._rows.get(id, ()), row)
        return row

    def _counts(self, row: int, apart_from: str | None) -> bool:
        return row not in self._gone and self._ids[row] != apart_from

    def _first(self, rows: Iterable[int], apart_from: str | None) -> str | None:
        return min((self._ids[row] for row in rows if self._counts(row, apart_from)), default=None)

    def _telling(self, held: RunIndex, run: int) -> list[int]:
        """Return the rows that hold a run, none where so many do that it is how they are put."""
        rows = (row for row in held.rows(run) if row not in self._gone)
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

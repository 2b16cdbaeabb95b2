"""Which texts hold a run of words: sorted arrays of twelve bytes a run, and what came later.

A table of lists takes some two hundred bytes a run; a set of questions has a hundred runs a text.
"""

from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from burnish.tools.arrays import Ints


class RunIndex:
    """Rows by the runs that stand in them."""

    def __init__(self) -> None:
        self._runs: Ints = np.empty(0, np.int64)
        self._rows = np.empty(0, np.uint32)
        self._first: tuple[array[int], array[int]] = (array("q"), array("I"))
        self._later: dict[int, list[int]] = {}

    def fill(self, row: int, runs: Iterable[int]) -> None:
        """Enter a row before anything is asked."""
        hashes, rows = self._first
        before = len(hashes)
        hashes.extend(runs)
        rows.extend([row] * (len(hashes) - before))

    def settle(self) -> None:
        """Sort what was filled in."""
        hashes, rows = self._first
        held = np.frombuffer(hashes, np.int64) if hashes else self._runs
        order = np.argsort(held, kind="stable")
        self._runs = held[order]
        self._rows = (np.frombuffer(rows, np.uint32) if rows else self._rows)[order]
        self._first = (array("q"), array("I"))

    def add(self, row: int, runs: Iterable[int]) -> None:
        """Enter a row later on."""
        for run in runs:
            self._later.setdefault(run, []).append(row)

    def rows(self, run: int) -> Iterator[int]:
        """Yield the rows that hold a run, in the order in which they were entered."""
        start = int(np.searchsorted(self._runs, run, "left"))
        while start < len(self._runs) and self._runs[start] == run:
            yield int(self._rows[start])
            start += 1
        yield from self._later.get(run, ())

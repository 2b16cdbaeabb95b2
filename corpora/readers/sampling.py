"""Counts rows, and draws some at random while they pass (Vitter 1985, algorithm R)."""

from array import array
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

_BAD = -1


class RowCounts(NamedTuple):
    """How many rows were selected."""

    rows: int
    bad_rows: int
    chars: int


class RowSample:
    """The rows selected out of those offered: all, or `size` of them."""

    def __init__(self, size: int | None, seed: int) -> None:
        self._size = size
        # Not for secrets: a sample must come out the same again.
        self._random = Random(seed)  # noqa: S311
        self._offered = 0
        self._all = [0, 0, 0]
        self._positions = array("q")
        self._chars = array("q")

    def offer(self, position: int, chars: int | None) -> None:
        """Offer the next row with its characters, None when it is a bad one."""
        self._offered += 1
        if self._size is None:
            self._all[chars is None] += 1
            self._all[2] += chars or 0
            return
        value = _BAD if chars is None else chars
        if len(self._positions) < self._size:
            self._positions.append(position)
            self._chars.append(value)
            return
        place = self._random.randrange(self._offered)
        if place < self._size:
            self._positions[place] = position
            self._chars[place] = value

    def counts(self) -> RowCounts:
        """Return what the selected rows amount to."""
        if self._size is None:
            return RowCounts(*self._all)
        good = [chars for chars in self._chars if chars != _BAD]
        return RowCounts(len(good), len(self._chars) - len(good), sum(good))

    def positions(self) -> Sequence[int]:
        """Return the positions of the rows drawn, in order; none when all rows are taken."""
        return sorted(self._positions)

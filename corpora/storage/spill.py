"""Sequences that need no memory for what is in them: values on disk, and views that make values.

A set of questions is gone through many times while it is planned, and never needed at once. What is
appended to a `Spill` goes to a file without a name, which is gone with the process; in memory
stay eight bytes a value.
"""

import os
import pickle
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

T = TypeVar("T")
S = TypeVar("S")
_WRITTEN_AT_ONCE = 1 << 20
_READ_AT_ONCE = 256


class Lazy(Sequence[T]):
    """A sequence whose values are made when they are asked for."""

    def at(self, index: int) -> T:
        """Return the value at an index from 0."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        """Return a value, or a list of several."""
        if isinstance(index, slice):
            return [self.at(one) for one in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self.at(place)

    def __iter__(self) -> Iterator[T]:
        """Yield all values in order."""
        return map(self.at, range(len(self)))


def pack(value: object) -> bytes:
    """Return a value as bytes, as a spill holds it."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


class Spill(Lazy[T]):
    """A list on disk; what is taken out of it is another object than what was put in.

    Args:
        values: The first values.
        folder: Where the file lies; None: where temporary files go.
    """

    def __init__(self, values: Iterable[T] = (), folder: Path | None = None) -> None:
        self._file, name = tempfile.mkstemp(prefix=".spill-", suffix=".tmp", dir=folder)
        # The file loses its name at once, so that nothing of it is left however the process ends.
        Path(name).unlink()
        weakref.finalize(self, os.close, self._file)
        self._ends = array("Q", [0])
        self._waiting: list[bytes] = []
        self._size = 0
        self.extend(values)

    def append(self, value: T) -> None:
        """Put a value at the end."""
        self.append_packed(pack(value))

    def append_packed(self, packed: bytes) -> None:
        """Put a value at the end that `pack` made bytes of, in this process or another."""
        self._waiting.append(packed)
        self._size += len(packed)
        self._ends.append(self._ends[-1] + len(packed))
        if self._size >= _WRITTEN_AT_ONCE:
            self._flush()

    def extend(self, values: Iterable[T]) -> None:
        """Put values at the end, one after the other."""
        for value in values:
            self.append(value)

    def at(self, index: int) -> T:
        """Return the value at an index from 0."""
        return next(self._read(index, index + 1))

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[T]:
        """Yield the values that are there now, some hundred read at once."""
        for start in range(0, len(self), _READ_AT_ONCE):
            yield from self._read(start, min(start + _READ_AT_ONCE, len(self)))

    def _read(self, start: int, stop: int) -> Iterator[T]:
        self._flush()
        first = self._ends[start]
        whole = memoryview(os.pread(self._file, self._ends[stop] - first, first))
        for at in range(start, stop):
            # Nobody but this process has written here.
            yield pickle.loads(whole[self._ends[at] - first : self._ends[at + 1] - first])  # noqa: S301

    def _flush(self) -> None:
        if self._waiting:
            rest = memoryview(b"".join(self._waiting))
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._waiting, self._size = [], 0


class Mapped(Lazy[S], Generic[T, S]):
    """What a function makes of the values of a sequence, made anew each time."""

    def __init__(self, make: Callable[[T], S], values: Sequence[T]) -> None:
        self._make = make
        self._values = values

    def at(self, index: int) -> S:
        """Return the value at an index from 0."""
        return self._make(self._values[index])

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._values)

    def __iter__(self) -> Iterator[S]:
        """Yield all values in order."""
        return map(self._make, self._values)


class Chained(Lazy[T]):
    """Sequences one after the other."""

    def __init__(self, *parts: Sequence[T]) -> None:
        self._parts = parts
        self._starts = [0]
        for part in parts:
            self._starts.append(self._starts[-1] + len(part))

    def at(self, index: int) -> T:
        """Return the value at an index from 0."""
        part = bisect_right(self._starts, index) - 1
        return self._parts[part][index - self._starts[part]]

    def __len__(self) -> int:
        """Return how many values there are."""
        return self._starts[-1]

    def __iter__(self) -> Iterator[T]:
        """Yield all values in order."""
        for part in self._parts:
            yield from part

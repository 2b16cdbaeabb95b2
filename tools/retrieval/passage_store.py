"""Passages in one SQLite file beside their index; a passage's row is its number in the index."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from burnish.corpora.errors import SourceError
from burnish.corpora.storage.closing import Closing
from burnish.corpora.wikipedia.passages import Passage

_TABLE = (
    "CREATE TABLE IF NOT EXISTS passages"
    " (row INTEGER PRIMARY KEY, id TEXT NOT NULL, title TEXT NOT NULL, section TEXT NOT NULL,"
    " text TEXT NOT NULL)"
)
_MAPPED_BYTES = 1 << 40


class PassageStore(Closing):
    """The passages of an index; threads may share one.

    Args:
        path: the file.
        writable: whether passages will be added; otherwise the file is never touched.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self._lock = Lock()
        self._path = path
        try:
            # Only a finished index is opened for reading, so nobody changes the file under it.
            mode = "rwc" if writable else "ro&immutable=1"
            uri = f"{path.absolute().as_uri()}?mode={mode}"
            self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._db.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}")
            if writable:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.execute(_TABLE)
            self._db.execute("SELECT row, id, title, section, text FROM passages LIMIT 1")
        except sqlite3.Error as error:
            raise SourceError(
                f"{path}: not a store of passages ({error}); build it again"
            ) from None

    def __len__(self) -> int:
        with self._lock:
            (count,) = self._db.execute("SELECT coalesce(max(row) + 1, 0) FROM passages").fetchone()
        return int(count)

    def add(self, first: int, passages: Iterable[Passage]) -> None:
        """Add passages from a row on, all or none."""
        rows = (
            (first + at, one.id, one.title, one.section, _writable(one.text))
            for at, one in enumerate(passages)
        )
        with self._lock, self._db:
            self._db.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?)", rows)

    def get(self, rows: Sequence[int]) -> list[Passage]:
        """Return the passages at these rows, in this order.

        Raises:
            SourceError: the store and the index beside it do not belong together.
        """
        marks = ",".join("?" * len(rows))
        query = f"SELECT row, id, title, section, text FROM passages WHERE row IN ({marks})"  # noqa: S608 (marks only)
        try:
            with self._lock:
                found = self._db.execute(query, [int(row) for row in rows]).fetchall()
            by_row = {row: Passage(*fields) for row, *fields in found}
            return [by_row[row] for row in rows]
        except (KeyError, sqlite3.Error):
            raise SourceError(f"{self._path}: passages are missing; build it again") from None

    def block(self, first: int, count: int) -> list[Passage]:
        """Return up to so many passages from a row on."""
        with self._lock:
            found = self._db.execute(
                "SELECT id, title, section, text FROM passages WHERE row >= ? AND row < ?"
                " ORDER BY row",
                (first, first + count),
            ).fetchall()
        return [Passage(*fields) for fields in found]

    def every(self, size: int = 4096) -> Iterator[Passage]:
        """Yield all passages in order."""
        first = 0
        while block := self.block(first, size):
            yield from block
            first += len(block)

    def finish(self) -> None:
        """Fold the journal into the file, so that it can be read without being touched."""
        with self._lock:
            self._db.execute("PRAGMA journal_mode=DELETE")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")

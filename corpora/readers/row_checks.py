"""What makes a row a document: the checks on its text and its id, the same for every format."""

import sqlite3
from enum import Enum
from hashlib import blake2b
from typing import Final

from burnish.corpora.errors import SourceError

_SHOWN = 80


class Absent(Enum):
    """Stands for a value whose column the row does not have."""

    VALUE = "absent"


ABSENT: Final = Absent.VALUE


class Seen:
    """Remembers every id of an input, in memory first and in a temporary SQLite file beyond."""

    def __init__(self, *, spill_at: int = 500_000) -> None:
        self._spill_at = spill_at
        self._sources: dict[str, int] = {}
        self._names: list[str] = []
        self._recent: dict[bytes, int] = {}
        self._database: sqlite3.Connection | None = None

    def first(self, key: str, source: str, row: int) -> str | None:
        """Enter an id; return where it stood first when it is already there."""
        digest = blake2b(key.encode(), digest_size=16).digest()
        place = self._find(digest)
        if place is not None:
            return f"{self._names[place >> 40]} row {place & ((1 << 40) - 1)}"
        if source not in self._sources:
            self._sources[source] = len(self._names)
            self._names.append(source)
        self._recent[digest] = self._sources[source] << 40 | row
        if len(self._recent) >= self._spill_at:
            self._spill()
        return None

    def close(self) -> None:
        """Drop the temporary file, if there is one."""
        if self._database is not None:
            self._database.close()

    def _find(self, digest: bytes) -> int | None:
        place = self._recent.get(digest)
        if place is None and self._database is not None:
            query = "SELECT place FROM seen WHERE key = ?"
            found: tuple[int] | None = self._database.execute(query, (digest,)).fetchone()
            place = found[0] if found else None
        return place

    def _spill(self) -> None:
        if self._database is None:
            # An empty name makes a private file that SQLite deletes by itself.
            self._database = sqlite3.connect("", isolation_level=None)
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute("PRAGMA cache_size = -65536")
            self._database.execute(
                "CREATE TABLE seen (key BLOB PRIMARY KEY, place INTEGER) WITHOUT ROWID"
            )
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO seen VALUES (?, ?)", sorted(self._recent.items()))
        self._database.execute("COMMIT")
        self._recent.clear()


class Gate:
    """Judges rows one after the other; their order matters: a second use of an id is refused."""

    def __init__(self, text: str, given: str | None, *, spill_at: int = 500_000) -> None:
        self.text: Final = text
        """Name of the column of texts."""
        self.id: Final = given
        """Name of the column of ids; None where ids are made."""
        self._seen = Seen(spill_at=spill_at)
        self._judged = self._without_text = self._without_id = 0

    def refusal(self, source: str, number: int, text: object, given: object) -> str | None:
        """Return why the row cannot be a document, None when it can."""
        self._judged += 1
        self._without_text += text is ABSENT
        self._without_id += given is ABSENT
        fault = _text_fault(self.text, text)
        if fault is not None or self.id is None:
            return fault
        fault = _id_fault(self.id, given)
        if fault is not None:
            return fault
        first = self._seen.first(str(given), source, number)
        return None if first is None else f"id {_shown(str(given))} occurs again (first at {first})"

    def require_columns(self, source: str, columns: tuple[str, ...] | None) -> None:
        """Check, after all rows, that the named columns occurred at all.

        Raises:
            SourceError: no row had the column of texts, or none that of ids.
        """
        if not self._judged:
            return
        if self._without_text == self._judged:
            raise SourceError(no_column(source, self.text, columns, "--text-field"))
        if self.id is not None and self._without_id == self._judged:
            raise SourceError(no_column(source, self.id, columns, "--id-field"))

    def close(self) -> None:
        """Forget the ids."""
        self._seen.close()


def no_column(source: str, wanted: str, columns: tuple[str, ...] | None, flag: str) -> str:
    """Return the one line that says a column is missing, what there is, and the mend."""
    shown = [_shown(column) for column in (columns or ())[:20]]
    there = ", ".join(shown) + (", …" if len(columns or ()) > len(shown) else "")
    return f"{source}: there is no column {wanted!r}; it has {there or 'none'}; name it with {flag}"


def _text_fault(name: str, text: object) -> str | None:
    if type(text) is str:
        return None if text else f"{name} is empty"
    if text is ABSENT:
        return f"column {name!r} is missing"
    if text is None:
        return f"{name} is null"
    if isinstance(text, bytes):
        return "not valid UTF-8"
    return f"{name} is {type(text).__name__}, not a string"


def _id_fault(name: str, given: object) -> str | None:
    if type(given) is str:
        return None if given else f"{name} is empty"
    if type(given) is int:
        return None
    if given is ABSENT:
        return f"column {name!r} is missing"
    if given is None:
        return f"{name} is null"
    if isinstance(given, bytes):
        return "not valid UTF-8"
    return f"{name} is {type(given).__name__}, not a string or a whole number"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")

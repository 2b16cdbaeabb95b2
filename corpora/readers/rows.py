"""What passes between a source and whoever reads it: settings, rows, bad rows, shards."""

# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa

from burnish.corpora.readers.row_checks import Gate
from burnish.corpora.storage.streams import Tap


@dataclass(frozen=True, slots=True)
class Fields:
    """Which columns hold the text and the id."""

    text: str = "text"
    id: str | None = None
    """None: the column "id" when every file has one, else ids are made."""


@dataclass(frozen=True, slots=True)
class RowSelection:
    """Which rows of the input are taken; good and bad rows count alike."""

    limit: int | None = None
    """Only the first so many rows are read."""
    sample: int | None = None
    """So many rows are drawn at random without replacement, and kept in source order."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not become a document."""

    source: str
    """Name of the file relative to the input folder, or of the dataset."""
    row: int
    """Counts from 1: the line for JSONL, the record's first line for CSV, else the row."""
    reason: str
    raw: bytes
    """The raw lines of a text file (1 MB at most), or the row as JSON."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the input found."""

    rows: int
    """Good rows selected."""
    bad_rows: int
    chars: int
    """Characters of text in the good rows."""
    digest: str
    """SHA-256 (hexadecimal) over the names and bytes read of all files, in order."""
    schema: pa.Schema
    """The output's columns: the source's, after a first column of ids where ids are made."""
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """The unit of work and of resume."""

    index: int
    ids: list[str]
    texts: list[str]
    columns: pa.RecordBatch
    """Every output column but the text, for the same rows in the same order."""
    bad: list[BadRow]


class SourceRow(NamedTuple):
    """A good row as its part read it."""

    number: int
    text: str
    id: str | None
    """None where ids are made."""
    rest: object
    """What the part that read the row needs to build its columns later."""
    weight: int
    """Characters of text, or a quarter of the row's bytes where that is more."""


class Head(NamedTuple):
    """What a part says about its columns before its rows are read."""

    columns: tuple[str, ...] | None
    """Column names; None when no row shows any."""
    schema: pa.Schema | None
    """None for JSON lines, whose types are known only after all rows are read."""
    unfit: frozenset[str] = frozenset()
    """Columns of JSON lines whose first value can be no id."""


class SourcePart(Protocol):
    """One file of the input, or one split of a dataset."""

    @property
    def name(self) -> str:
        """Name that bad rows carry as their source."""
        ...

    def head(self) -> Head:
        """Open the part and look at its columns.

        Raises:
            SourceError: the part cannot be opened at all.
        """
        ...

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield every row in order, good ones as the gate admits them; feed the tap all bytes."""
        ...

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Build those columns of rows that this part yielded."""
        ...


def raw_row(row: BadRow) -> dict[str, object]:
    """Return an unreadable row as JSON can hold it: text, or base64."""
    entry: dict[str, object] = {"source": row.source, "row": row.row, "reason": row.reason}
    try:
        return entry | {"raw": row.raw.decode("utf-8")}
    except UnicodeDecodeError:
        return entry | {"raw": base64.b64encode(row.raw).decode("ascii"), "encoding": "base64"}

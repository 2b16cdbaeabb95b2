"""Readers of text formats: JSON lines, and CSV or TSV. A bad line costs one row, never the file."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import orjson
import pyarrow as pa

from burnish.corpora.errors import SourceError
from burnish.corpora.readers.row_checks import ABSENT, Gate
from burnish.corpora.readers.rows import BadRow, Head, SourceRow
from burnish.corpora.storage.streams import KEPT, LONGEST, BreakError, Overlong, Tap, lines
from burnish.corpora.storage.type_inference import columns_of

_DEEPEST = 200
_PEEKED = 1_000
"""Lines looked at for a first row that shows the columns."""
_LONGEST_FIELD = 64 << 20
_NO_IDS = {float, bool, list, dict}
_NAMES: Mapping[type, str] = {
    list: "list",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
_TOO_LONG = f"the line is longer than {LONGEST >> 20} MB"


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A file with one JSON object a line; rows are numbered by line."""

    name: str
    path: Path

    def head(self) -> Head:
        """Return the keys of the first row."""
        _openable(self.name, self.path)
        try:
            for line in islice(lines(self.path, None), _PEEKED):
                row = _parse(line)
                if not isinstance(row, str):
                    unfit = (key for key, value in row.items() if type(value) in _NO_IDS)
                    return Head(tuple(row), None, frozenset(unfit))
        except BreakError:
            pass  # `rows` tells it, with all that stands before
        return Head(None, None)

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield the rows; blank lines are none."""
        number = 0
        try:
            for number, line in enumerate(lines(self.path, tap), 1):
                if line and not line.isspace():
                    yield self._row(gate, number, line)
        except BreakError as error:
            yield BadRow(self.name, number + 1, error.reason, error.rest)

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Build the columns from the objects."""
        return columns_of(cast("Sequence[Mapping[str, object]]", rests), schema)

    def _row(self, gate: Gate, number: int, line: bytes) -> SourceRow | BadRow:
        row = _parse(line)
        if isinstance(row, str):
            return BadRow(self.name, number, row, line[:KEPT])
        text = row.get(gate.text, ABSENT)
        given = None if gate.id is None else row.get(gate.id, ABSENT)
        reason = gate.refusal(self.name, number, text, given)
        if reason is not None:
            return BadRow(self.name, number, reason, line[:KEPT])
        text = cast("str", text)
        weight = max(len(text), len(line) // 4)
        return SourceRow(number, text, None if gate.id is None else str(given), row, weight)


def _parse(line: bytes) -> dict[str, object] | str:
    """Return the line's object, or why there is none."""
    if isinstance(line, Overlong):
        return _TOO_LONG
    try:
        value: object = orjson.loads(line)
        if not isinstance(value, dict):
            return f"JSON {_NAMES[type(value)]}, not an object"
        row = cast("dict[str, object]", value)
        # orjson reads whole numbers beyond 64 bits as doubles.
        return json.loads(line) if _holds_huge(row.values(), 1) else row
    except orjson.JSONDecodeError:
        return _json_fault(line)
    except RecursionError:
        return f"JSON nested more than {_DEEPEST} deep"
    except ValueError:
        return "a whole number has too many digits"


def _holds_huge(values: Iterable[object], depth: int) -> bool:
    if depth > _DEEPEST:
        raise RecursionError
    found = False
    for value in values:
        kind = type(value)
        if kind is float:
            found |= abs(cast("float", value)) >= 1 << 63
        elif kind is dict:
            found |= _holds_huge(cast("dict[str, object]", value).values(), depth + 1)
        elif kind is list:
            found |= _holds_huge(cast("list[object]", value), depth + 1)
    return found


def _json_fault(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "not valid UTF-8"
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return "not valid JSON"
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "a lone surrogate in an escape, which no text file can hold"
    except RecursionError:
        return f"JSON nested more than {_DEEPEST} deep"
    return "not valid JSON (NaN, Infinity or a number too large)"


@dataclass(frozen=True, slots=True)
class Delimited:
    """A CSV or TSV file with a header; rows are numbered by their first line, the header's is 1."""

    name: str
    path: Path
    delimiter: str

    def head(self) -> Head:
        """Return the header as columns of strings."""
        _openable(self.name, self.path)
        try:
            first = next((one for one in self._records(None) if one.cells != []), None)
        except BreakError as error:
            raise SourceError(
                f"{self.name}: no header line can be read ({error.reason})"
            ) from error
        if first is None or first.cells is None or first.fault is not None:
            fault = "there is none" if first is None else first.fault
            raise SourceError(f"{self.name}: a header line must name the columns ({fault})")
        return Head(tuple(first.cells), pa.schema([(name, pa.string()) for name in first.cells]))

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield the rows after the header; blank lines are none."""
        header: list[str] | None = None
        after = 1
        try:
            for record in self._records(tap):
                after = record.after
                if record.cells == []:
                    continue
                if header is None:
                    header = record.cells
                    continue
                yield self._row(gate, header, record)
        except BreakError as error:
            yield BadRow(self.name, after, error.reason, error.rest)

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Build the columns from the cells, whose places the header gives."""
        rows = cast("Sequence[dict[str, object]]", rests)
        return columns_of(rows, schema)

    def _row(self, gate: Gate, header: list[str], record: "_Record") -> SourceRow | BadRow:
        fault = record.fault
        if fault is None and len(record.cells or ()) != len(header):
            fault = f"{len(record.cells or ())} fields where the header has {len(header)}"
        cells = dict(zip(header, record.cells or (), strict=False))
        given = None if gate.id is None else cells.get(gate.id)
        text = cells.get(gate.text, "")
        if fault is None:
            fault = gate.refusal(self.name, record.number, text, given)
        if fault is not None:
            return BadRow(self.name, record.number, fault, record.raw[:KEPT])
        return SourceRow(record.number, text, given, cells, max(len(text), len(record.raw) // 4))

    def _records(self, tap: Tap | None) -> Iterator["_Record"]:
        # The default bound of 128 kB is shorter than many documents.
        csv.field_size_limit(_LONGEST_FIELD)
        feed = _Feed(lines(self.path, tap))
        reader = csv.reader(feed, delimiter=self.delimiter, strict=True)
        while True:
            feed.start()
            cells, fault = None, None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = f"not valid CSV ({error})"
            raw = b"".join(feed.raw)
            yield _Record(feed.first, feed.number + 1, cells, feed.fault or fault, raw)


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of a CSV file."""

    number: int
    after: int
    """Number of the line after it."""
    cells: list[str] | None
    fault: str | None
    raw: bytes


class _Feed:
    """Gives lines to the CSV reader and remembers those of the record it is at."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._kept = 0
        self.number = 0
        self.start()

    def start(self) -> None:
        """Begin a record."""
        self.raw: list[bytes] = []
        self._kept = 0
        self.first = self.number + 1
        self.fault: str | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._source)
        self.number += 1
        if self._kept < KEPT:
            self.raw.append(line + b"\n")
            self._kept += len(line) + 1
        if isinstance(line, Overlong):
            self.fault = _TOO_LONG
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError:
            self.fault = self.fault or "not valid UTF-8"
            return line.decode(errors="replace") + "\n"


_MAGIC = {".gz": ((b"\x1f\x8b",), "gzip"), ".zst": ((b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"), "zstd")}


def _openable(name: str, path: Path) -> None:
    """Check that the file can be opened and is compressed as its suffix says.

    Raises:
        SourceError: it is not.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise SourceError(f"{name}: cannot be opened ({error.strerror})") from error
    magics, kind = _MAGIC.get(path.suffix.lower(), ((), ""))
    # A skippable zstd frame may come first: its first byte varies.
    found = any(start.startswith(magic) or start[1:] == magic for magic in magics)
    if magics and len(start) >= 4 and not found:
        raise SourceError(f"{name}: is not {kind} data; rename it, or compress it again")

"""Readers of column formats, Parquet and Arrow IPC. Columns pass without becoming Python."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as parquet
import pyarrow.types as kinds

from burnish.corpora.errors import SourceError
from burnish.corpora.readers.row_checks import Gate
from burnish.corpora.readers.rows import BadRow, Head, SourceRow
from burnish.corpora.storage.arrow_json import binary, json_lines
from burnish.corpora.storage.streams import KEPT, Tap

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 8_192
_FAULTS = (OSError, pa.ArrowException)


class BatchRow(NamedTuple):
    """Where a row's columns are."""

    batch: pa.RecordBatch
    row: int


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file, read a few megabytes of a row group at a time."""

    name: str
    path: Path

    def head(self) -> Head:
        """Return the schema in the file's footer."""
        try:
            with parquet.ParquetFile(self.path) as file:
                return head_of(file.schema_arrow)
        except _FAULTS as error:
            raise _cannot_open(self.name, "Parquet", error) from error

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield the rows of all row groups."""
        if tap is not None:
            tap.drink(self.path)
        return table_rows(self.name, self._batches(), gate)

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Take the columns of the rows out of their batches."""
        return taken(rests, schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with parquet.ParquetFile(self.path, buffer_size=1 << 20) as file:
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                step = _BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)
                step = min(max(step, 1), _BATCH_ROWS)
                yield from file.iter_batches(step, row_groups=[number], use_threads=False)


@dataclass(frozen=True, slots=True)
class ArrowFile:
    """An Arrow IPC file (Feather 2) or stream, mapped into memory; one of its batches must fit."""

    name: str
    path: Path

    def head(self) -> Head:
        """Return the schema that the file begins or ends with."""
        try:
            with pa.memory_map(str(self.path)) as file:
                return head_of(_reader(file).schema)
        except _FAULTS as error:
            raise _cannot_open(self.name, "Arrow", error) from error

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield the rows of all batches."""
        if tap is not None:
            tap.drink(self.path)
        return table_rows(self.name, self._batches(), gate)

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Take the columns of the rows out of their batches."""
        return taken(rests, schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(self.path)) as file:
            reader = _reader(file)
            if isinstance(reader, ipc.RecordBatchFileReader):
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)
            else:
                yield from reader


def _reader(file: pa.MemoryMappedFile) -> "ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader":
    is_file = file.read(6) == b"ARROW1"
    file.seek(0)
    return ipc.open_file(file) if is_file else ipc.open_stream(file)


def _cannot_open(name: str, kind: str, error: Exception) -> SourceError:
    reason = " ".join(str(error).split())[:200]
    return SourceError(f"{name}: cannot be opened as {kind} ({reason}); mend or remove it")


def head_of(schema: pa.Schema) -> Head:
    """Return the head that a schema makes."""
    return Head(tuple(schema.names), schema)


def table_rows(
    name: str, batches: Iterator[pa.RecordBatch], gate: Gate
) -> Iterator[SourceRow | BadRow]:
    """Yield the rows of record batches; where reading fails, one bad row tells it and ends them."""
    number = 0
    while True:
        try:
            batch = next(batches, None)
            if batch is not None:
                batch.validate()
        except _FAULTS as error:
            reason = " ".join(str(error).split())[:200]
            yield BadRow(name, number + 1, f"the file is damaged from here on ({reason})", b"")
            return
        if batch is None:
            return
        for piece in _pieces(batch):
            yield from _piece_rows(name, piece, gate, number)
            number += piece.num_rows


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    step = max(1, _BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def _piece_rows(
    name: str, batch: pa.RecordBatch, gate: Gate, before: int
) -> Iterator[SourceRow | BadRow]:
    texts = _values(batch.column(gate.text))
    ids = None if gate.id is None else _values(batch.column(gate.id))
    share = batch.nbytes // max(batch.num_rows, 1) // 4
    for index, text in enumerate(texts):
        number = before + index + 1
        given = None if ids is None else ids[index]
        reason = gate.refusal(name, number, text, given)
        if reason is None:
            text = cast("str", text)
            own = None if ids is None else str(given)
            yield SourceRow(number, text, own, BatchRow(batch, index), max(len(text), share))
        else:
            raw = json_lines(batch.slice(index, 1))[0].rstrip(b"\n")
            yield BadRow(name, number, reason, raw[:KEPT])


def _values(column: pa.Array) -> list[object]:
    """Return a column's values; a string that is not UTF-8 stays bytes."""
    if kinds.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        stored: list[bytes | None] = binary(column).to_pylist()
        return [one if one is None else _decoded(one) for one in stored]


def _decoded(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def taken(rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
    """Copy the columns of rows out of the batches they lie in, cast to a schema that fits all."""
    places = cast("Sequence[BatchRow]", rests)
    parts: list[pa.RecordBatch] = []
    for _, group in groupby(places, key=lambda place: id(place.batch)):
        run = list(group)
        indices = pa.array([place.row for place in run])
        parts.append(_fitted(run[0].batch, indices, schema))
    return joined(parts, schema)


def _fitted(batch: pa.RecordBatch, indices: pa.Array, schema: pa.Schema) -> pa.RecordBatch:
    arrays: list[pa.Array] = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        if at < 0:
            arrays.append(pa.nulls(len(indices), field.type))
            continue
        array = batch.column(at).take(indices)
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def joined(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Return one batch with the rows of all."""
    parts = list(batches)
    if len(parts) == 1:
        return parts[0]
    arrays = [
        pa.concat_arrays([part.column(at) for part in parts])
        if parts
        else pa.array([], type=schema.field(at).type)
        for at in range(len(schema))
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

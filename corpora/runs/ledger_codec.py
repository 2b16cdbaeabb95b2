"""Ledgers as Arrow tables: a frozen dataclass says what a row is, and this writes and reads it.

Fields become columns: `str`, `int`, `float` and `bool` as they are, literals as text, `X | None`
as X (every column takes nulls), `tuple[X, ...]` as a list, `Mapping` as a map, dataclasses and
named tuples as structs.
`Int32` and `Float32` are narrower columns.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import orjson
import pyarrow as pa
import pyarrow.parquet as parquet

Row = TypeVar("Row")
Int32 = Annotated[int, pa.int32()]
Float32 = Annotated[float, pa.float32()]

_SCALARS: dict[object, pa.DataType] = {
    str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(),
}  # fmt: skip
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class LedgerCodec(Generic[Row]):
    """Writes and reads rows of one class."""

    kind: type[Row]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, in the order of the fields."""
        return pa.schema(list(_struct(self.kind)))

    def table(self, rows: Sequence[Row]) -> pa.Table:
        """Return the rows as a table of `schema`."""
        columns = [_array(list(map(attrgetter(f.name), rows)), f.type) for f in self.schema]
        return pa.Table.from_arrays(columns, schema=self.schema)

    def rows(self, rows: Iterable[Row]) -> Iterator[dict[str, object]]:
        """Yield the rows as JSON lines hold them: what is None is left out."""
        for row in rows:
            values = {name: getattr(row, name) for name in self.schema.names}
            yield {name: value for name, value in values.items() if value is not None}

    def read(self, path: Path) -> Iterator[Row]:
        """Read the rows of one ledger file (Parquet or JSONL) in order."""
        return map(self._decode, read_rows(path))

    @cached_property
    def _decode(self) -> Callable[[Any], Row]:
        return _decoder(self.kind) or self.kind


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the plain rows of one Parquet or JSONL file in order, a few at a time."""
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            yield from map(parse_line, file)
        return
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            yield from batch.to_pylist()


def parse_line(line: bytes) -> dict[str, Any]:
    """Return a line of JSON as an object; numbers that orjson refuses pass too.

    Raises:
        ValueError: the line is no JSON.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def _struct(kind: type) -> pa.StructType:
    hints = get_type_hints(kind, include_extras=True)
    return pa.struct([(name, _arrow(hint)) for name, hint in hints.items()])


def _arrow(hint: object) -> pa.DataType:
    """Return the type of the column for a type hint."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return args[1]
    if origin is Literal:
        return pa.string()
    if origin in {Union, types.UnionType}:
        return _arrow(next(one for one in args if one is not type(None)))
    if origin is tuple:
        return pa.list_(_arrow(args[0]))
    if origin is Mapping:
        return pa.map_(_arrow(args[0]), _arrow(args[1]))
    return _SCALARS[hint] if hint in _SCALARS else _struct(cast("type", hint))


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    # Whole columns at a time: a dictionary a row would be several times slower.
    if pa.types.is_list(kind):
        offsets, items = [0], []
        for value in values:
            items.extend(value)
            offsets.append(len(items))
        inner = _array(items, kind.value_type)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner)
    if pa.types.is_struct(kind):
        members = [_array(list(map(attrgetter(f.name), values)), f.type) for f in kind]
        return pa.StructArray.from_arrays(members, fields=list(kind))
    if pa.types.is_map(kind):
        return pa.array([list(value.items()) for value in values], kind)
    return pa.array(values, kind)


def _decoder(hint: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - any type hint
    """Return what turns a value of a column into that of a field; None where they are equal."""
    if get_origin(hint) is tuple:
        item = _decoder(get_args(hint)[0])
        if item is None:
            return lambda value: tuple(value or ())
        return lambda value: tuple(map(item, value or ()))
    if hint in _SCALARS or not isinstance(hint, type):
        return None
    make = cast("Callable[..., object]", hint)
    inner = [(name, made) for name, of in get_type_hints(hint).items() if (made := _decoder(of))]
    if not inner:
        return lambda row: make(**row)
    return lambda row: make(**row | {name: made(row.get(name)) for name, made in inner})

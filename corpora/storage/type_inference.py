"""Which Arrow type holds every value that a JSON column was seen with, so that none is changed.

A column whose values fit no one type (mixed kinds, objects with different keys, whole numbers
beyond 64 bits) is kept as JSON text, and its field is marked so that a JSONL sink writes the
values back, not the text.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import orjson
import pyarrow as pa

from burnish.corpora.errors import SourceError

JSON_MARK: Final = {b"burnish": b"json"}
"""Metadata of a string field whose values are JSON texts."""
MOST_COLUMNS = 10_000
_DEEPEST = 8
"""Lists and objects nested deeper than this stay JSON text."""
_EXACT = 1 << 53
"""Whole numbers up to here survive as doubles."""

_NULL, _BOOL, _INT, _FLOAT, _STR, _LIST, _DICT, _MIXED = (1 << bit for bit in range(8))
_FLAGS: Final[Mapping[type, int]] = {
    type(None): _NULL, bool: _BOOL, int: _INT, float: _FLOAT, str: _STR, list: _LIST, dict: _DICT,
}  # fmt: skip
_SIMPLE: Final[Mapping[int, pa.DataType]] = {
    _BOOL: pa.bool_(), _INT: pa.int64(), _FLOAT: pa.float64(), _STR: pa.string(),
}  # fmt: skip


class Kind:
    """The kinds of all values seen at one place: a column, the items of lists, an object's key."""

    __slots__ = ("_flags", "_items", "_keys", "_members", "_wide")

    def __init__(self) -> None:
        self._flags = 0
        self._wide = False
        self._items: Kind | None = None
        self._members: dict[str, Kind] = {}
        self._keys: frozenset[str] | None = None

    def see(self, value: object) -> None:
        """Take one more value into account."""
        flag = _FLAGS.get(type(value), _MIXED)
        self._flags |= flag
        if flag == _INT:
            self._see_whole(cast("int", value))
        elif self._flags & _MIXED:
            return
        elif flag == _LIST:
            self._items = self._items or Kind()
            for item in cast("list[object]", value):
                self._items.see(item)
        elif flag == _DICT:
            self._see_object(cast("dict[str, object]", value))

    def join(self, later: "Kind") -> None:
        """Take into account all that another kind has seen, after what this one has seen."""
        self._flags |= later._flags
        self._wide |= later._wide
        if later._items is not None:
            self._items = self._items or Kind()
            self._items.join(later._items)
        if later._keys is None:
            return
        if self._keys is None:
            self._keys = later._keys
            self._members = {key: Kind() for key in later._members}
        if self._keys != later._keys:
            self._flags |= _MIXED
            return
        for key, member in later._members.items():
            self._members[key].join(member)

    def arrow(self, depth: int = 0) -> pa.DataType | None:
        """Return the type that holds all values seen unchanged, None when only JSON text does."""
        flags = self._flags & ~_NULL
        if flags == 0:
            return pa.null() if depth == 0 else pa.string()
        if flags == _INT | _FLOAT:
            return None if self._wide else pa.float64()
        if flags == _LIST:
            return self._arrow_list(depth)
        return self._arrow_struct(depth) if flags == _DICT else _SIMPLE.get(flags)

    def _see_whole(self, value: int) -> None:
        if not -_EXACT <= value <= _EXACT:
            self._wide = True
            if not -(1 << 63) <= value < 1 << 63:
                self._flags |= _MIXED

    def _see_object(self, value: dict[str, object]) -> None:
        if self._keys is None:
            self._keys = frozenset(value)
            self._members = {key: Kind() for key in value}
        if not value or self._keys != value.keys():
            self._flags |= _MIXED
            return
        for key, member in value.items():
            self._members[key].see(member)

    def _arrow_list(self, depth: int) -> pa.DataType | None:
        items = (self._items or Kind()).arrow(depth + 1) if depth < _DEEPEST else None
        return None if items is None else pa.list_(items)

    def _arrow_struct(self, depth: int) -> pa.DataType | None:
        if depth >= _DEEPEST:
            return None
        members = {key: kind.arrow(depth + 1) for key, kind in self._members.items()}
        return None if None in members.values() else pa.struct(list(members.items()))


class Kinds:
    """The columns of JSON rows, in the order in which they were first seen."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._kinds: dict[str, Kind] = {}

    def see(self, row: Mapping[str, object]) -> None:
        """Take one more row into account.

        Raises:
            SourceError: the rows have so many different keys that they cannot be columns.
        """
        for key, value in row.items():
            kind = self._kinds.get(key) or self._new(key)
            if key != self._text:
                kind.see(value)

    def join(self, later: "Kinds") -> None:
        """Take into account all that was seen of later rows.

        Raises:
            SourceError: the rows have so many different keys that they cannot be columns.
        """
        for key, kind in later._kinds.items():
            (self._kinds.get(key) or self._new(key)).join(kind)

    def _new(self, key: str) -> Kind:
        if len(self._kinds) == MOST_COLUMNS:
            raise SourceError(
                f"the JSON rows have more than {MOST_COLUMNS:,} different keys; "
                "put the varying ones into one object"
            )
        kind = self._kinds[key] = Kind()
        return kind

    def schema(self) -> pa.Schema:
        """Return the columns; one that held only nulls has the null type."""
        return pa.schema([self._field(name, kind) for name, kind in self._kinds.items()])

    def _field(self, name: str, kind: Kind) -> pa.Field:
        if name == self._text:
            return pa.field(name, pa.string())
        arrow = kind.arrow()
        if arrow is None:
            return pa.field(name, pa.string(), metadata=JSON_MARK)
        return pa.field(name, arrow)


def is_json(field: pa.Field) -> bool:
    """Tell whether the field's strings are JSON texts."""
    return bool(field.metadata) and field.metadata.get(b"burnish") == b"json"


def columns_of(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.RecordBatch:
    """Build columns from JSON rows; a key that a row lacks is a null."""
    arrays = [_array((row.get(field.name) for row in rows), field) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Iterable[object], field: pa.Field) -> pa.Array:
    if is_json(field):
        values = (None if value is None else json_text(value) for value in values)
    return pa.array(list(values), type=field.type)


def json_text(value: object) -> str:
    """Return a JSON value as text, whole numbers of any size included."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""Arrow values as JSON values: what JSON has no kind for becomes text.

Times become ISO 8601 text, decimals their digits, bytes base64, durations a count in their unit,
maps with string keys objects and other maps lists of pairs.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import hashlib
from base64 import b64encode
from collections.abc import Callable
from itertools import pairwise

import orjson
import pyarrow as pa
import pyarrow.types as kinds

from burnish.corpora.storage.type_inference import is_json


def json_values(array: pa.Array) -> list[object]:
    """Return the array's values as orjson can write them."""
    if isinstance(array, pa.ExtensionArray):
        return json_values(array.storage)
    if kinds.is_dictionary(array.type):
        return json_values(array.dictionary_decode())
    for fits, turn in _TURNS:
        if fits(array.type):
            return turn(array)
    return array.to_pylist()


def json_column(array: pa.Array, field: pa.Field) -> list[object]:
    """Return a column's values; JSON texts become the values they are."""
    if not is_json(field):
        return json_values(array)
    return [None if text is None else orjson.Fragment(text) for text in array.to_pylist()]


def json_lines(batch: pa.RecordBatch) -> list[bytes]:
    """Return every row as a line of JSON, with its newline."""
    names = batch.schema.names
    columns = [json_column(batch.column(at), batch.schema.field(at)) for at in range(len(names))]
    if not columns:
        return [b"{}\n"] * batch.num_rows
    return [
        orjson.dumps(
            dict(zip(names, row, strict=True)), default=str, option=orjson.OPT_APPEND_NEWLINE
        )
        for row in zip(*columns, strict=True)
    ]


def _texts(array: pa.Array) -> list[object]:
    try:
        return array.to_pylist()
    except UnicodeDecodeError:
        stored: list[bytes | None] = binary(array).to_pylist()
        return [None if one is None else one.decode(errors="backslashreplace") for one in stored]


def binary(array: pa.Array) -> pa.Array:
    """Return an array of strings as the bytes it holds, which may not be UTF-8."""
    return array.cast(pa.large_binary() if kinds.is_large_string(array.type) else pa.binary())


def _times(array: pa.Array) -> list[object]:
    texts: list[str | None] = array.cast(pa.string()).to_pylist()
    return [None if text is None else text.replace(" ", "T", 1) for text in texts]


def _base64(array: pa.Array) -> list[object]:
    stored: list[bytes | None] = array.to_pylist()
    return [None if one is None else b64encode(one).decode() for one in stored]


def _counts(array: pa.Array) -> list[object]:
    return array.cast(pa.int64()).to_pylist()


def _halves(array: pa.Array) -> list[object]:
    return array.cast(pa.float32()).to_pylist()


def _decimals(array: pa.Array) -> list[object]:
    return [None if one is None else str(one) for one in array.to_pylist()]


def _lists(array: pa.Array) -> list[object]:
    if not (kinds.is_list(array.type) or kinds.is_large_list(array.type)):
        array = array.cast(pa.large_list(array.type.value_field))
    offsets: list[int] = array.offsets.to_pylist()
    first = offsets[0] if offsets else 0
    items = json_values(array.values.slice(first, offsets[-1] - first if offsets else 0))
    valid: list[bool] = array.is_valid().to_pylist()
    return [
        items[start - first : stop - first] if there else None
        for (start, stop), there in zip(pairwise(offsets), valid, strict=True)
    ]


def _maps(array: pa.Array) -> list[object]:
    named = kinds.is_string(array.type.key_type) or kinds.is_large_string(array.type.key_type)
    pairs = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
    entries = _lists(array.cast(pa.list_(pairs)))
    return [_entry(entry, named=named) for entry in entries]


def _entry(entry: object, *, named: bool) -> object:
    if not isinstance(entry, list):
        return None
    pairs: list[tuple[object, object]] = [(pair["key"], pair["value"]) for pair in entry]
    return dict(pairs) if named else [list(pair) for pair in pairs]


def _structs(array: pa.Array) -> list[object]:
    names = [field.name for field in array.type]
    # `flatten` gives a struct's own nulls and slice to its members; `field` does not.
    members = [json_values(member) for member in array.flatten()]
    valid: list[bool] = array.is_valid().to_pylist()
    rows = zip(*members, strict=True) if members else ((),) * len(array)
    return [
        dict(zip(names, row, strict=True)) if there else None
        for row, there in zip(rows, valid, strict=True)
    ]


def _is_list(kind: pa.DataType) -> bool:
    return kinds.is_list(kind) or kinds.is_large_list(kind) or _is_other_list(kind)


def _is_other_list(kind: pa.DataType) -> bool:
    return (
        kinds.is_fixed_size_list(kind) or kinds.is_list_view(kind) or kinds.is_large_list_view(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    plain = kinds.is_binary(kind) or kinds.is_large_binary(kind)
    return plain or kinds.is_fixed_size_binary(kind) or kinds.is_binary_view(kind)


def _is_string(kind: pa.DataType) -> bool:
    return kinds.is_string(kind) or kinds.is_large_string(kind)


def _is_time(kind: pa.DataType) -> bool:
    return kinds.is_timestamp(kind) or kinds.is_date(kind) or kinds.is_time(kind)


type_turn = tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[object]]]
_TURNS: tuple[type_turn, ...] = (
    (_is_string, _texts),
    (_is_time, _times),
    (kinds.is_map, _maps),
    (_is_list, _lists),
    (kinds.is_struct, _structs),
    (_is_binary, _base64),
    (kinds.is_decimal, _decimals),
    (kinds.is_duration, _counts),
    (kinds.is_float16, _halves),
)


def row_digests(table: pa.Table) -> list[str]:
    """Return the SHA-256 of each row, written as the line of JSON that a sink would write."""
    return [
        hashlib.sha256(line).hexdigest()
        for batch in table.to_batches(max_chunksize=1_000)
        for line in json_lines(batch)
    ]

"""Sinks: whole or not at all, the same bytes again, and the values that came in."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.errors import UsageError
from burnish.corpora.readers.document_source import open_source
from burnish.corpora.storage.writers import write_atomic, write_jsonl, write_table, write_tables


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, lambda file: file.writelines([b"old"]))

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomic(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_records_are_written_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [{"b": 1, "a": "\u2028"}, {}])
    assert path.read_text(encoding="utf-8") == '{"b":1,"a":"\u2028"}\n{}\n'


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_the_bytes_do_not_depend_on_how_a_table_is_chunked(tmp_path: Path, kind: str) -> None:
    whole = pa.table({"text": [f"t{n % 90}" for n in range(5_000)], "n": range(5_000)})
    pieces = pa.concat_tables([whole.slice(0, 1_234), whole.slice(1_234)])
    for name, table in (("a", whole), ("b", pieces)):
        write_table(tmp_path / name, table, "parquet" if kind == "parquet" else "jsonl")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_types_that_json_lacks_become_text(tmp_path: Path) -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    days = pa.list_(pa.date32())
    table = pa.table({
        "ns": pa.array([1, None], pa.timestamp("ns")),
        "utc": pa.array([moment, None], pa.timestamp("s", "UTC")),
        "days": pa.array([[date(2024, 1, 2), None], None], days),
        "time": pa.array([time(1, 2, 3), None], pa.time32("s")),
        "money": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
        "bytes": pa.array([b"\x00\xff", None], pa.binary()),
        "map": pa.array([[("k", b"a")], None], pa.map_(pa.string(), pa.binary())),
        "pairs": pa.array([[(1, "a")], None], pa.map_(pa.int8(), pa.string())),
        "took": pa.array([timedelta(seconds=2), None], pa.duration("ms")),
        "struct": pa.array([{"at": moment}, None], pa.struct([("at", pa.timestamp("s"))])),
        "pair": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
        "half": pa.array([0.5, None], pa.float16()),
        "kind": pa.array(["x", None]).dictionary_encode(),
        "nan": [float("nan"), None],
    })
    path = tmp_path / "a.jsonl"
    write_table(path, table.slice(0), "jsonl")
    first, second = map(orjson.loads, path.read_bytes().strip().split(b"\n"))
    assert first == {
        "ns": "1970-01-01T00:00:00.000000001",
        "utc": "2024-05-06T07:08:09Z",
        "days": ["2024-01-02", None],
        "time": "01:02:03",
        "money": "1.50",
        "bytes": "AP8=",
        "map": {"k": "YQ=="},
        "pairs": [[1, "a"]],
        "took": 2000,
        "struct": {"at": "2024-05-06T07:08:09"},
        "pair": [1, 2],
        "half": 0.5,
        "kind": "x",
        "nan": None,
    }
    assert set(second.values()) == {None}
    write_table(path, table.slice(1), "jsonl")
    assert orjson.loads(path.read_bytes()) == second


def test_a_type_that_parquet_lacks_is_named(tmp_path: Path) -> None:
    table = pa.table({"empty": pa.array([{}], pa.struct([]))})
    with pytest.raises(UsageError, match=r"^a\.parquet: Parquet cannot hold"):
        write_table(tmp_path / "a.parquet", table, "parquet")
    assert list(tmp_path.iterdir()) == []
    write_table(tmp_path / "a.jsonl", table, "jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"empty":{}}\n'


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["p", "q", "r", "é", ""]), VALUES, max_size=4),
    min_size=1,
    max_size=6,
)


def sunk(folder: Path, rows: list[dict[str, object]], kind: str) -> Path:
    """Send rows through a source and a sink; return the file that comes out."""
    lines = [json.dumps({"text": f"t{n}", **row}) + "\n" for n, row in enumerate(rows)]
    (folder / "in.jsonl").write_text("".join(lines), encoding="utf-8")
    source = open_source(str(folder / "in.jsonl"))
    survey = source.survey()
    (shard,) = source.shards(survey)
    assert shard.bad == []
    table = pa.Table.from_batches([shard.columns])
    write_table(folder / "out", table, "jsonl" if kind == "jsonl" else "parquet")
    return folder / "out"


def same(left: object, right: object) -> bool:
    """Compare as JSON does: 1 is 1.0, but true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, kind=st.sampled_from(["jsonl", "parquet"]))
def test_every_json_value_survives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("sunk")
    out = sunk(folder, rows, kind)
    if kind == "parquet":
        write_table(folder / "again", parquet.read_table(out), "jsonl")
        out = folder / "again"
    found = [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]
    assert len(found) == len(rows)
    for row, written in zip(rows, found, strict=True):
        assert same({key: written[key] for key in row}, row)
        assert all(written[key] is None for key in written.keys() - row.keys() - {"id"})


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
@pytest.mark.parametrize("rows", [0, 1, 70_000, 2 * 65_536])
def test_a_file_that_is_written_in_pieces_is_that_of_the_whole(
    tmp_path: Path, kind: Literal["parquet", "jsonl"], rows: int
) -> None:
    texts = [None if n % 7 == 0 else f"text {n % 911}" for n in range(rows)]
    numbers = pa.array(range(rows), pa.int64())
    table = pa.table({"n": numbers, "text": pa.array(texts, pa.string())})
    write_table(tmp_path / "whole", table, kind)
    pieces = [table.slice(at, 1000) for at in range(0, rows, 1000)]
    write_tables(tmp_path / "pieces", pieces, table.schema, kind)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()

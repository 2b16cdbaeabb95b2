"""Sources: what is read, what is set aside and why, how the rows are cut into shards."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import gzip
import os
import pickle
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.readers.document_source import (
    BadRow,
    Fields,
    RowSelection,
    Shard,
    Survey,
    open_source,
)
from burnish.corpora.readers.row_checks import Seen
from burnish.corpora.storage.streams import Overlong, lines


class Content(NamedTuple):
    """All that a source gave."""

    survey: Survey
    shards: list[Shard]

    @property
    def ids(self) -> list[str]:
        return [one for shard in self.shards for one in shard.ids]

    @property
    def texts(self) -> list[str]:
        return [one for shard in self.shards for one in shard.texts]

    @property
    def bad(self) -> list[BadRow]:
        return [one for shard in self.shards for one in shard.bad]

    @property
    def faults(self) -> list[tuple[str, int, str]]:
        return [(one.source, one.row, one.reason) for one in self.bad]

    def column(self, name: str) -> list[object]:
        return [one for shard in self.shards for one in shard.columns.column(name).to_pylist()]


def read(
    where: Path | str,
    fields: Fields = Fields(),  # noqa: B008
    selection: RowSelection = RowSelection(),  # noqa: B008
    **bounds: int,
) -> Content:
    source = open_source(str(where), fields, selection)
    survey = source.survey()
    shards = list(source.shards(survey, **bounds))  # pyright: ignore[reportArgumentType]
    content = Content(survey, shards)
    assert survey.rows == len(content.texts) == len(content.ids)
    assert survey.bad_rows == len(content.bad)
    assert survey.chars == sum(map(len, content.texts))
    without_text = survey.schema.remove(survey.schema.get_field_index(fields.text))
    assert all(shard.columns.schema.equals(without_text) for shard in shards)
    assert [shard.columns.num_rows for shard in shards] == [len(one.ids) for one in shards]
    return content


def put(path: Path, rows: Iterable[object]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def texts(count: int, start: int = 0) -> list[dict[str, object]]:
    return [{"id": f"n{n}", "text": f"Line {n}.\nMore."} for n in range(start, start + count)]


def test_json_lines_give_ids_texts_and_extra_columns(tmp_path: Path) -> None:
    path = put(
        tmp_path / "a.jsonl", [{"text": "One.", "lang": "en", "id": 7}, {"id": "x", "text": "Two."}]
    )
    content = read(path)
    assert content.ids == ["7", "x"]
    assert content.texts == ["One.", "Two."]
    assert content.column("lang") == ["en", None]
    assert content.survey.schema.names == ["text", "lang", "id"]
    assert content.survey.sources == ("a.jsonl",)


def test_each_bad_json_line_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        b'{"id": "a", "text": "good"}',
        b'{"id": "b", "text": ',
        b'["text"]',
        b'{"id": "d"}',
        b'{"id": "e", "text": null}',
        b'{"id": "f", "text": 3}',
        b'{"id": "g", "text": ""}',
        b'{"id": "h", "text": "\xff"}',
        b'{"id": "i", "text": "\\ud800"}',
        b'{"id": "a", "text": "again"}',
        b'{"id": null, "text": "t"}',
        b'{"id": "", "text": "t"}',
        b'{"text": "t"}',
        b'{"id": 1.5, "text": "t"}',
        b'{"id": "n", "text": "t", "score": NaN}',
        b'{"id": "o", "text": "t", "deep": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"id": "p", "text": "t", "deep": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"id": "q", "text": " \\t "}',
        b'{"id": "r", "text": "a\\u0000b"}',
    ]
    path.write_bytes(b"\n".join(rows))
    content = read(path)
    assert content.texts == ["good", " \t ", "a\0b"]
    reasons = {row: reason for _, row, reason in content.faults}
    assert reasons == {
        2: "not valid JSON",
        3: "JSON list, not an object",
        4: "column 'text' is missing",
        5: "text is null",
        6: "text is int, not a string",
        7: "text is empty",
        8: "not valid UTF-8",
        9: "a lone surrogate in an escape, which no text file can hold",
        10: "id 'a' occurs again (first at a.jsonl row 1)",
        11: "id is null",
        12: "id is empty",
        13: "column 'id' is missing",
        14: "id is float, not a string or a whole number",
        15: "not valid JSON (NaN, Infinity or a number too large)",
        16: "JSON nested more than 200 deep",
        17: "not valid JSON",
    }
    assert [one.raw for one in content.bad] == [rows[one.row - 1] for one in content.bad]


def test_a_byte_order_mark_carriage_returns_and_blank_lines_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\r\n  \n{"text": "two"}\r\n\n')
    content = read(path)
    assert content.texts == ["one", "two"]
    assert content.bad == []


def test_only_newlines_end_a_json_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x0be"
    path = put(tmp_path / "a.jsonl", [{"text": text}])
    assert read(path).texts == [text]


def test_a_line_longer_than_a_block_is_read_whole(tmp_path: Path) -> None:
    long = "x" * 3_000_000 + "é"
    path = put(tmp_path / "a.jsonl", [{"text": "short"}, {"text": long}, {"text": "end"}])
    assert read(path).texts == ["short", long, "end"]


def test_a_line_beyond_the_bound_costs_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.corpora.storage.streams.LONGEST", 2 << 20)
    rows: list[object] = [{"text": "a"}, {"text": "y" * (5 << 20)}, {"text": "b"}]
    path = put(tmp_path / "a.jsonl", rows)
    content = read(path)
    assert content.texts == ["a", "b"]
    assert [one.row for one in content.bad] == [2]
    assert len(content.bad[0].raw) == 1 << 20
    assert [type(line) for line in lines(path, None)] == [bytes, Overlong, bytes]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_files_read_as_plain_ones(tmp_path: Path, suffix: str) -> None:
    rows = texts(3_000)
    plain = put(tmp_path / "a.jsonl", rows)
    packed = tmp_path / f"b.jsonl{suffix}"
    packed.write_bytes(pack(plain.read_bytes(), suffix))
    assert read(packed).texts == read(plain).texts


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_several_members_in_one_compressed_file_are_all_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(pack(b'{"text": "one"}\n{"te', suffix) + pack(b'xt": "two"}\n', suffix))
    assert read(path).texts == ["one", "two"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_truncated_file_keeps_its_rows_and_the_next_file_is_read(
    tmp_path: Path, suffix: str
) -> None:
    noise = [{"text": orjson.dumps([n * 7919 % 10_007, n]).decode()} for n in range(40_000)]
    whole = b"".join(orjson.dumps(row) + b"\n" for row in noise)
    packed = pack(whole, suffix)
    (tmp_path / f"a.jsonl{suffix}").write_bytes(packed[: len(packed) * 2 // 3])
    put(tmp_path / "b.jsonl", [{"text": "after"}])
    content = read(tmp_path)
    assert content.texts[-1] == "after"
    count = len(content.texts) - 1
    assert 0 < count < len(noise)
    assert content.texts[:-1] == [row["text"] for row in noise[:count]]
    (break_,) = content.bad
    assert (break_.source, break_.row) == (f"a.jsonl{suffix}", count + 1)
    assert "truncated" in break_.reason
    assert whole.split(b"\n")[count].startswith(break_.raw)


def test_a_damaged_gzip_file_tells_where(tmp_path: Path) -> None:
    noise = b"".join(orjson.dumps({"text": f"{n * 7919 % 10_007}"}) + b"\n" for n in range(90_000))
    packed = bytearray(gzip.compress(noise))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    content = read(tmp_path / "a.jsonl.gz")
    assert content.survey.rows > 0
    assert "damaged" in content.bad[-1].reason


def pack(content: bytes, suffix: str) -> bytes:
    return gzip.compress(content) if suffix == ".gz" else zstandard.compress(content)


def test_the_same_id_in_two_files_is_refused_the_second_time(tmp_path: Path) -> None:
    put(tmp_path / "a.jsonl", texts(3))
    put(tmp_path / "b.jsonl", texts(3, start=2))
    content = read(tmp_path, max_rows=2)
    assert content.ids == ["n0", "n1", "n2", "n3", "n4"]
    assert content.faults == [("b.jsonl", 1, "id 'n2' occurs again (first at a.jsonl row 3)")]


@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 10))
def test_repeated_ids_are_found_in_memory_and_on_disk_alike(keys: list[int], spill: int) -> None:
    seen = Seen(spill_at=spill)
    first: dict[int, str] = {}
    for row, key in enumerate(keys, 1):
        source = f"f{row % 3}"
        assert seen.first(str(key), source, row) == first.get(key)
        first.setdefault(key, f"{source} row {row}")
    seen.close()


def test_ids_are_made_of_content_and_position_where_a_file_has_none(tmp_path: Path) -> None:
    put(tmp_path / "a.jsonl", [{"id": "x", "text": "one"}])
    put(tmp_path / "b.jsonl", [{"text": "one"}, {"text": "two"}])
    content = read(tmp_path)
    assert content.survey.schema.names == ["burnish_id", "id", "text"]
    assert content.column("burnish_id") == content.ids
    assert content.column("id") == ["x", None, None]
    assert content.ids[0].rpartition("-")[0] == content.ids[1].rpartition("-")[0]
    assert [one.rpartition("-")[2] for one in content.ids] == ["1", "2", "3"]


def test_a_named_id_column_leaves_the_column_id_as_it_is(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"id": 1, "key": "k", "body": "B"}])
    content = read(path, Fields(text="body", id="key"))
    assert content.ids == ["k"]
    assert content.column("id") == [1]
    assert content.survey.schema.names == ["id", "key", "body"]


def test_a_column_id_that_holds_no_ids_is_left_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"id": {"oid": "5"}, "text": "one"}])
    content = read(path)
    assert content.survey.schema.names == ["burnish_id", "id", "text"]
    assert content.column("id") == [{"oid": "5"}]


def test_rows_that_are_all_bad_make_a_shard_of_bad_rows(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"text": 1}, {"text": None}, []])
    (shard,) = read(path).shards
    assert (shard.ids, shard.texts, len(shard.bad)) == ([], [], 3)


def test_made_ids_come_first(tmp_path: Path) -> None:
    content = read(put(tmp_path / "a.jsonl", [{"text": "one", "n": 1}]))
    assert content.survey.schema.names == ["id", "text", "n"]
    assert content.survey.schema.field("n").type == pa.int64()


@pytest.mark.parametrize(
    ("values", "kind", "mark"),
    [
        ([True, None], pa.bool_(), False),
        ([1, 2.5], pa.float64(), False),
        ([1, -(2**63)], pa.int64(), False),
        ([None, None], pa.string(), False),
        ([2**64 - 1], pa.string(), True),
        ([10**30], pa.string(), True),
        ([2**53 + 1, 0.5], pa.string(), True),
        ([1, "a"], pa.string(), True),
        ([True, 1], pa.string(), True),
        ([[1], [2.5], []], pa.list_(pa.float64()), False),
        ([[1], ["a"]], pa.string(), True),
        ([{"a": 1}, {"a": None}], pa.struct([("a", pa.int64())]), False),
        ([{"a": 1}, {"b": 1}], pa.string(), True),
        ([{}], pa.string(), True),
        ([[{"a": "x"}], None], pa.list_(pa.struct([("a", pa.string())])), False),
    ],
)
def test_the_type_of_a_json_column_holds_every_value(
    tmp_path: Path, values: list[object], kind: pa.DataType, *, mark: bool
) -> None:
    path = tmp_path / "a.jsonl"
    lines_ = (f'{{"text": "t", "v": {to_json(value)}}}\n' for value in values)
    path.write_text("".join(lines_), encoding="utf-8")
    content = read(path)
    field = content.survey.schema.field("v")
    assert field.type == kind
    assert (field.metadata == {b"burnish": b"json"}) is mark
    if not mark:
        assert content.column("v") == values


def to_json(value: object) -> str:
    return str(value) if type(value) is int else orjson.dumps(value).decode()


def test_csv_rows_are_read_and_bad_ones_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'\xef\xbb\xbfid,text,n\r\n1,"two\r\nlines, ""quoted""",5\r\n2,short\r\n3,a,b,c\r\n'
        b"4,\xff,1\r\n\r\n5,,1\r\n1,again,1\r\n6,fine,\r\n" + b'7,"open\r\n'
    )
    content = read(path)
    assert content.texts == ['two\r\nlines, "quoted"', "fine"]
    assert content.column("n") == ["5", ""]
    assert content.faults == [
        ("a.csv", 4, "2 fields where the header has 3"),
        ("a.csv", 5, "4 fields where the header has 3"),
        ("a.csv", 6, "not valid UTF-8"),
        ("a.csv", 8, "text is empty"),
        ("a.csv", 9, "id '1' occurs again (first at a.csv row 2)"),
        ("a.csv", 11, "not valid CSV (unexpected end of data)"),
    ]
    assert content.bad[2].raw == b"4,\xff,1\r\n"


def test_a_csv_cell_may_be_long_and_tabs_part_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"text\tn\n" + b"x" * 500_000 + b"\t1\n"))
    content = read(path)
    assert content.texts == ["x" * 500_000]
    assert content.column("n") == ["1"]


def test_a_truncated_csv_keeps_its_rows(tmp_path: Path) -> None:
    rows = b"".join(f"{n},{n * 7919 % 10_007}\n".encode() for n in range(30_000))
    packed = gzip.compress(b"id,text\n" + rows)
    (tmp_path / "a.csv.gz").write_bytes(packed[: len(packed) // 2])
    content = read(tmp_path)
    assert content.faults[-1][1] == content.survey.rows + 2
    assert "truncated" in content.faults[-1][2]


def rich_table(count: int) -> pa.Table:
    moment = datetime(2024, 5, 6, tzinfo=UTC)
    return pa.table({
        "id": pa.array(range(count), pa.int32()),
        "text": pa.array([f"Text {n}" for n in range(count)], pa.large_string()),
        "when": pa.array([moment] * count, pa.timestamp("ns", "UTC")),
        "nested": pa.array(
            [[{"a": n, "b": [b"x"]}] for n in range(count)],
            pa.list_(pa.struct([("a", pa.int8()), ("b", pa.list_(pa.binary()))])),
        ),
        "kind": pa.array(["p", "q"] * (count // 2)).dictionary_encode(),
    })


@pytest.mark.parametrize("kind", ["parquet", "file", "stream", "feather"])
def test_column_formats_keep_their_types_and_values(tmp_path: Path, kind: str) -> None:
    table = rich_table(100)
    path = tmp_path / f"a.{'parquet' if kind == 'parquet' else 'arrow'}"
    if kind == "parquet":
        parquet.write_table(table, path, row_group_size=7)
    elif kind == "stream":
        with ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=9)
    else:
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=9)
    content = read(path, max_rows=33)
    assert content.survey.schema.equals(table.schema)
    rest = table.drop_columns(["text"])
    found = pa.Table.from_batches([shard.columns for shard in content.shards])
    assert found.unify_dictionaries().to_pylist() == rest.to_pylist()
    assert content.ids == [str(n) for n in range(100)]


def test_bad_rows_of_a_table_are_kept_as_json(tmp_path: Path) -> None:
    bytes_ = pa.array([b"fine", b"\xff", b"", None])
    text = pa.Array.from_buffers(pa.string(), 4, bytes_.buffers())
    table = pa.table({"text": text, "n": [1, 2, 3, 4]})
    path = tmp_path / "a.arrow"
    with ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    content = read(path)
    assert content.texts == ["fine"]
    assert [reason for _, _, reason in content.faults] == [
        "not valid UTF-8",
        "text is empty",
        "text is null",
    ]
    assert orjson.loads(content.bad[0].raw) == {"text": "\\xff", "n": 2}


def test_a_damaged_row_group_ends_a_parquet_file_and_not_the_run(tmp_path: Path) -> None:
    count = 4_000
    table = pa.table({"text": [f"{n * 7919 % 10_007:05d} words" * 4 for n in range(count)]})
    parquet.write_table(
        table,
        tmp_path / "a.parquet",
        row_group_size=1_000,
        compression="zstd",
        use_dictionary=False,
    )
    stored = bytearray((tmp_path / "a.parquet").read_bytes())
    at = (
        parquet.ParquetFile(tmp_path / "a.parquet").metadata.row_group(2).column(0).data_page_offset
    )
    stored[at : at + 200] = b"\xff" * 200
    (tmp_path / "a.parquet").write_bytes(stored)
    put(tmp_path / "b.jsonl", [{"text": "after"}])
    content = read(tmp_path)
    assert content.survey.rows == 2_001
    assert content.texts[-1] == "after"
    assert [(source, row) for source, row, _ in content.faults] == [("a.parquet", 2_001)]


def test_files_of_a_folder_come_sorted_and_share_one_schema(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    parquet.write_table(
        pa.table({"text": ["p"], "n": pa.array([1], pa.int32())}), tmp_path / "sub" / "a.parquet"
    )
    put(tmp_path / "z.jsonl", [{"text": "j", "n": 2, "extra": None}])
    (tmp_path / "m.csv").write_text("text,c\nc,1\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no data", encoding="utf-8")
    content = read(tmp_path)
    assert content.survey.sources == ("m.csv", "sub/a.parquet", "z.jsonl")
    assert content.texts == ["c", "p", "j"]
    assert content.column("n") == [None, 1, 2]
    assert content.survey.schema.field("n").type == pa.int64()
    assert content.survey.schema.field("extra").type == pa.string()


def test_a_pattern_picks_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.txt"):
        put(tmp_path / name, [{"text": name}])
    assert read(tmp_path / "*").texts == ["a.jsonl", "b.jsonl"]
    assert read(tmp_path / "[b]*.jsonl").survey.sources == ("b.jsonl",)


def test_mixed_json_values_are_not_joined_with_plain_strings(tmp_path: Path) -> None:
    put(tmp_path / "a.jsonl", [{"text": "t", "v": 1}, {"text": "u", "v": "x"}])
    (tmp_path / "b.csv").write_text("text,v\nc,1\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"^b\.csv: column 'v' is of mixed JSON kinds"):
        read(tmp_path)


def test_a_file_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jsonl")), [{"text": "t"}])
    with pytest.raises(SourceError, match="name is not valid UTF-8"):
        read(tmp_path)


def test_files_whose_columns_do_not_go_together_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": ["p"], "n": [[1]]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("text,n\nc,1\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"^b\.csv: its columns do not fit"):
        read(tmp_path)


ROWS = {"text": ["eins", "zwei", "drei"], "n": [1, 2, 3]}


@pytest.mark.filterwarnings("default")
def test_a_saved_dataset_is_recognised(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict(ROWS).save_to_disk(str(tmp_path / "set"), num_shards=2)
    (tmp_path / "set" / "cache-1.arrow").write_bytes(b"no part of it")
    content = read(tmp_path / "set")
    assert content.texts == ["eins", "zwei", "drei"]
    assert content.survey.schema.names == ["id", "text", "n"]
    assert [one.endswith(".arrow") for one in content.survey.sources] == [True, True]


@pytest.mark.filterwarnings("default")
def test_the_splits_of_a_saved_dataset_come_in_order_or_by_name(tmp_path: Path) -> None:
    import datasets

    whole = datasets.Dataset.from_dict(ROWS)
    splits = datasets.DatasetDict({"train": whole.select([0, 1]), "a": whole.select([2])})
    splits.save_to_disk(str(tmp_path / "set"))
    assert read(tmp_path / "set").texts == ["eins", "zwei", "drei"]
    assert read(f"{tmp_path / 'set'}@a").texts == ["drei"]
    with pytest.raises(SourceError, match="no split 'b'; there are train, a"):
        read(f"{tmp_path / 'set'}@b")


@pytest.mark.filterwarnings("default")
def test_a_dataset_is_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "own"
    folder.mkdir()
    put(folder / "train.jsonl", texts(5))
    put(folder / "test.jsonl", texts(2, start=5))
    monkeypatch.chdir(tmp_path)
    content = read("hf:own")
    assert content.texts == [row["text"] for row in texts(7)]
    assert content.survey.sources == ("own@train", "own@test")
    assert read("hf:own@test").ids == ["n5", "n6"]
    assert read("hf:own@test").survey.digest == read("hf:own@test").survey.digest
    with pytest.raises(SourceError, match=r"^hf:own@dev: cannot be loaded"):
        read("hf:own@dev")


def test_a_hub_name_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SourceError, match=r'^hf:a/b@c#d: .*pip install "burnish\[hf\]"$'):
        open_source("hf:a/b@c#d")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", r"^a\.txt: unknown kind of file; known are \.jsonl"),
        ("a.parquet", b"PAR1 no", r"^a\.parquet: cannot be opened as Parquet"),
        ("a.arrow", b"", r"^a\.arrow: cannot be opened as Arrow"),
        ("a.jsonl.gz", b'{"text": "t"}\n', r"^a\.jsonl\.gz: is not gzip data"),
        ("a.jsonl.zst", b'{"text": "t"}\n', r"^a\.jsonl\.zst: is not zstd data"),
        ("a.csv", b"", r"^a\.csv: a header line must name the columns"),
        ("a.csv", b"text,text\na,b\n", r"^a\.csv: there are two columns 'text'"),
        (
            "a.csv",
            b"content,url\na,b\n",
            r"no column 'text'; it has 'content', 'url'; name it with",
        ),
        (
            "a.jsonl",
            b'{"content": "t", "url": 1}\n{"content": "u"}',
            r"it has 'content', 'url'; name",
        ),
    ],
)
def test_an_input_that_cannot_be_read_at_all_is_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_missing_inputs_and_unusable_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(SourceError, match="no file to read"):
        read(tmp_path)
    with pytest.raises(SourceError, match="no file to read fits"):
        read(tmp_path / "*.jsonl")
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": [1], "body": ["b"], "score": [0.5]}), path)
    with pytest.raises(SourceError, match="column 'text' is int64 and cannot be the text"):
        read(path)
    with pytest.raises(SourceError, match="column 'score' is double and cannot be the id"):
        read(path, Fields("body", "score"))
    with pytest.raises(SourceError, match=r"no column 'key'.*--id-field"):
        read(path, Fields("body", "key"))
    with pytest.raises(SourceError, match=r"no column 'key'.*--id-field"):
        read(put(tmp_path / "a.jsonl", [{"text": "t"}]), Fields(id="key"))
    with pytest.raises(UsageError):
        open_source(str(path), Fields("body"), RowSelection(limit=-1))


def test_strict_stops_at_the_first_bad_row(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"text": "a"}, {"text": 1}])
    with pytest.raises(SourceError, match=r"^a\.jsonl row 2: text is int, not a string; "):
        open_source(str(path), strict=True).survey()


def test_an_empty_file_has_no_rows_and_no_shards(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    content = read(tmp_path)
    assert content.survey.rows == 0
    assert content.shards == []
    assert content.survey.schema.names == ["id", "text"]


def test_shards_end_at_their_bounds_and_come_out_the_same_again(tmp_path: Path) -> None:
    rows: list[object] = [{"text": "x" * size} for size in (5, 5, 5, 30, 1, 1, 1, 1)]
    path = put(tmp_path / "a.jsonl", rows)
    content = read(path, max_rows=3, max_chars=12)
    sizes = [list(map(len, shard.texts)) for shard in content.shards]
    assert sizes == [[5, 5], [5], [30], [1, 1, 1], [1]]
    assert [shard.index for shard in content.shards] == [0, 1, 2, 3, 4]
    again = read(path, max_rows=3, max_chars=12)
    assert again.shards == content.shards
    assert again.survey == content.survey
    assert pickle.loads(pickle.dumps(content.shards)) == content.shards  # noqa: S301


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    done=st.sets(st.integers(0, 12)),
    bounds=st.tuples(st.integers(1, 6), st.integers(1, 30)),
)
def test_shards_that_are_done_are_left_out_and_the_others_stay(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    done: set[int],
    bounds: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [{"id": n % 17, "text": "x" * size} for n, size in enumerate(sizes)]
    put(folder / "a.jsonl", rows[: len(rows) // 2])
    put(
        folder / "b.jsonl",
        [*rows[len(rows) // 2 :], {"text": "so that there is a text", "id": "z"}],
    )
    source = open_source(str(folder))
    survey = source.survey()
    max_rows, max_chars = bounds
    whole = list(source.shards(survey, max_rows=max_rows, max_chars=max_chars))
    rest = list(
        open_source(str(folder)).shards(survey, max_rows=max_rows, max_chars=max_chars, done=done)
    )
    assert rest == [shard for shard in whole if shard.index not in done]


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    put(tmp_path / "a.jsonl", [*texts(3), {"text": 5, "id": "b"}])
    put(tmp_path / "b.jsonl", texts(5, start=3))
    content = read(tmp_path, selection=RowSelection(limit=5))
    assert content.ids == ["n0", "n1", "n2", "n3"]
    assert content.survey.bad_rows == 1
    assert read(tmp_path, selection=RowSelection(limit=0)).shards == []


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"text": f"text {n}"} for n in range(500)])
    whole = read(path)
    drawn = read(path, selection=RowSelection(sample=50, seed=1))
    assert len(set(drawn.ids)) == 50
    assert drawn.ids == [one for one in whole.ids if one in set(drawn.ids)]
    assert drawn.survey.digest == whole.survey.digest
    assert read(path, selection=RowSelection(sample=50, seed=1)).shards == drawn.shards
    assert read(path, selection=RowSelection(sample=50, seed=2)).ids != drawn.ids
    assert read(path, selection=RowSelection(sample=900)).ids == whole.ids
    early = read(path, selection=RowSelection(limit=100, sample=10))
    assert set(early.ids) < set(whole.ids[:100])


def test_a_sample_is_the_same_in_a_new_process_that_has_only_the_survey(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", texts(100))
    selection = RowSelection(sample=7)
    content = read(path, selection=selection)
    fresh = open_source(str(path), selection=selection)
    assert list(fresh.shards(content.survey)) == content.shards


def test_the_digest_follows_the_content_and_the_names_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"text": "a", "body": "b"}])
    digest = read(path).survey.digest
    assert read(path, Fields(text="body")).survey.digest == digest
    assert read(path.rename(tmp_path / "b.jsonl")).survey.digest != digest
    put(path, [{"text": "a", "body": "c"}])
    assert read(path).survey.digest != digest


def test_the_progress_adds_up_to_the_bytes_of_the_files(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", texts(1_000))
    parquet.write_table(pa.table({"id": ["p"], "text": ["t"]}), tmp_path / "b.parquet")
    told: list[int] = []
    open_source(str(tmp_path)).survey(told.append)
    assert sum(told) == path.stat().st_size + (tmp_path / "b.parquet").stat().st_size


def test_rows_that_changed_after_the_survey_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", [{"text": "a", "n": 1}])
    source = open_source(str(path))
    survey = source.survey()
    put(path, [{"text": "a", "n": "no number"}])
    with pytest.raises(SourceError, match="no longer fit"):
        list(source.shards(survey))

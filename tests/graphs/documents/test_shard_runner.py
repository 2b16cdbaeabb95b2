# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import json
from collections.abc import Sequence
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from burnish.agents.refiners.scripted import ScriptedRefiner
from burnish.corpora.readers.document_source import open_source
from burnish.corpora.readers.rows import Fields, Shard, Survey
from burnish.corpora.records import DOCUMENTS, digest
from burnish.corpora.runs.document_ledger import LEDGER, Entry
from burnish.corpora.runs.folder import Format, RunFolder, read_json
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.documents.shard_runner import ShardRunner
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import cut

RAW: dict[str, str] = {
    "keep": "Nothing is wrong here.",
    "edit": "Home\nThe river, long & wide.\nShare 😀 this\nIt ends.",
    "piece": "The lake [edit] is deep.",
    "drop": "Buy\nnow",
    "fail": "Nobody answers.",
    "bad": "One line.",
    "loop": "Another line.",
}
SCRIPT: dict[str, Sequence[str | None]] = {
    "edit": ("remove_lines(1, 1)\nremove_lines(3, 3)",),
    "piece": ('remove_str(1, " [edit]")',),
    "drop": ("remove_all()",),
    "fail": (None,),
    "bad": ("remove_lines(8, 9)",),
    "loop": ("remove_lines(1,",),
}
REFINED = RAW | {"edit": "The river, long & wide.\nIt ends.", "piece": "The lake is deep."}
KEPT = ["keep", "edit", "piece", "bad", "loop"]


def _corpus(path: Path) -> Path:
    rows: list[object] = [
        {"stars": n, "body": text, "id": name, "tags": ["a", str(n)], "more": {"x": n / 2}}
        for n, (name, text) in enumerate(RAW.items())
    ]
    lines = [json.dumps(row) for row in rows]
    lines[3:3] = ['{"id": "half', '{"id": "none", "body": 7}']
    path.write_text("\n".join(lines) + "\n\xff\n", encoding="latin-1")
    return path


def _shards(tmp_path: Path) -> tuple[Survey, list[Shard]]:
    source = open_source(str(_corpus(tmp_path / "corpus.jsonl")), Fields("body"))
    survey = source.survey()
    return survey, list(source.shards(survey))


def _run(tmp_path: Path, name: str = "run", form: Format = "parquet") -> RunFolder:
    folder = RunFolder(tmp_path / name, form)
    folder.make()
    survey, (shard,) = _shards(tmp_path)
    ShardRunner(folder, Services(ScriptedRefiner(SCRIPT)), survey.schema, "body").run(shard)
    return folder


def _entries(folder: RunFolder) -> dict[str, Entry]:
    return {entry.id: entry for entry in LEDGER.read(folder.part("ledger", 0))}


def _table(folder: RunFolder, kind: str) -> pa.Table:
    return parquet.read_table(folder.root / kind / "part-00000.parquet")


def test_a_shard_writes_its_files_and_a_marker_that_knows_them(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    names = sorted(path.relative_to(folder.root).as_posix() for path in folder.root.rglob("*.*"))
    parts = ["aside/part-00000.parquet", "data/part-00000.parquet", "ledger/part-00000.parquet"]
    assert names == [*parts, "quarantine/part-00000.jsonl", "shards/00000.json"]
    (marker,) = folder.markers()
    assert sorted(marker["files"]) == names[:-1]
    assert folder.finished() == [0]


def test_kept_rows_stand_in_source_order_with_all_their_columns(tmp_path: Path) -> None:
    table = _table(_run(tmp_path), "data")
    assert table.schema.names == ["stars", "body", "id", "tags", "more"]
    assert table.column("id").to_pylist() == KEPT
    assert table.column("body").to_pylist() == [REFINED[name] for name in KEPT]
    order = list(RAW)
    assert table.column("stars").to_pylist() == [order.index(name) for name in KEPT]
    assert table.column("tags").to_pylist()[1] == ["a", "1"]
    assert table.column("more").to_pylist()[1] == {"x": 0.5}


def test_dropped_and_failed_records_stand_aside_raw_and_never_in_data(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    aside = _table(folder, "aside")
    assert aside.schema == _table(folder, "data").schema
    assert aside.column("id").to_pylist() == ["drop", "fail"]
    assert aside.column("body").to_pylist() == [RAW["drop"], RAW["fail"]]


def test_rows_balance_and_every_outcome_is_counted(tmp_path: Path) -> None:
    (marker,) = _run(tmp_path).markers()
    counts = dict(zip(DOCUMENTS.outcomes, (3, 2, 1, 1, 3), strict=True))
    assert marker["outcomes"] == counts
    assert marker["rows"] == sum(counts.values()) == len(RAW) + 3
    assert (marker["flagged"], marker["calls"]) == (3, 5)
    assert marker["chars_in"] == sum(map(len, RAW.values()))
    assert marker["chars_out"] == sum(len(REFINED[name]) for name in KEPT)
    assert marker["bytes_in"] == sum(len(text.encode()) for text in RAW.values())


def test_ledger_rows_agree_with_the_data(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    data = _table(folder, "data").to_pylist()
    entries = _entries(folder)
    assert [row["id"] for row in data] == [
        name for name, entry in entries.items() if entry.outcome in {"unchanged", "edited"}
    ]
    for row in data:
        entry, raw = entries[row["id"]], RAW[row["id"]]
        assert entry.agent == "scripted"
        assert (entry.raw_digest, entry.refined_digest) == (digest(raw), digest(row["body"]))
        assert (entry.raw_chars, entry.refined_chars) == (len(raw), len(row["body"]))
        assert cut(raw, [Span(start, stop) for start, stop, _ in entry.spans]) == row["body"]
        assert [raw[start:stop] for start, stop, _ in entry.spans] == [
            text for _, _, text in entry.spans
        ]


def test_the_ledger_names_calls_flags_and_attempts(tmp_path: Path) -> None:
    entries = _entries(_run(tmp_path))
    assert [call[:5] for call in entries["edit"].calls] == [
        ("remove_lines", 1, 1, None, None),
        ("remove_lines", 3, 3, None, None),
    ]
    assert [call[:5] for call in entries["piece"].calls] == [("remove_str", 1, 1, " [edit]", None)]
    assert entries["drop"].calls[0].name == "remove_all"
    assert [span.text for span in entries["drop"].spans] == [None]
    flags = {name: entry.flag for name, entry in entries.items() if name in RAW}
    assert flags == dict.fromkeys(RAW, "") | {
        "bad": "rejected_calls",
        "loop": "reply:truncated",
        "fail": "failed: the scripted model does not answer",
    }
    assert (entries["bad"].attempts, entries["bad"].rejected_calls) == (2, 1)


def test_rows_that_could_not_be_read_come_last_and_are_kept_raw(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    bad = [entry for entry in _entries(folder).values() if entry.outcome == "quarantined"]
    assert [entry.id for entry in bad] == [f"corpus.jsonl:{row}" for row in (4, 5, 10)]
    assert list(_entries(folder))[-3:] == [entry.id for entry in bad]
    assert all(entry.flag and not entry.calls for entry in bad)
    rows = [orjson.loads(line) for line in folder.quarantine(0).read_bytes().splitlines()]
    assert rows[0]["raw"] == '{"id": "half'
    assert (rows[2]["encoding"], rows[2]["raw"]) == ("base64", "/w==")
    assert [row["reason"] for row in rows] == [entry.flag for entry in bad]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_the_same_shard_twice_gives_the_same_bytes(tmp_path: Path, form: Format) -> None:
    first, second = (_run(tmp_path, name, form) for name in ("a", "b"))
    (one,), (other,) = first.markers(), second.markers()
    assert one["files"] == other["files"]
    for name in one["files"]:
        assert (first.root / name).read_bytes() == (second.root / name).read_bytes()


def test_doing_a_shard_again_clears_what_no_longer_belongs(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    survey, (shard,) = _shards(tmp_path)
    clean = Shard(0, shard.ids, shard.texts, shard.columns, [])
    keeper = ScriptedRefiner({})
    marker = ShardRunner(folder, Services(keeper), survey.schema, "body").run(clean)
    assert sorted(marker["files"]) == ["data/part-00000.parquet", "ledger/part-00000.parquet"]
    assert not folder.part("aside", 0).exists()
    assert not folder.quarantine(0).exists()


def test_json_lines_hold_the_same_as_parquet(tmp_path: Path) -> None:
    plain, packed = _run(tmp_path, "a", "jsonl"), _run(tmp_path, "b")
    rows = [orjson.loads(line) for line in plain.part("data", 0).read_bytes().splitlines()]
    assert list(rows[0]) == ["stars", "body", "id", "tags", "more"]
    assert rows == _table(packed, "data").to_pylist()
    assert list(_entries(plain).values()) == list(_entries(packed).values())


def test_made_ids_stand_in_a_column_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "One."}\n{"text": "Two."}\n', encoding="utf-8")
    source = open_source(str(path))
    survey = source.survey()
    folder = RunFolder(tmp_path / "run")
    folder.make()
    (shard,) = source.shards(survey)
    ShardRunner(folder, Services(ScriptedRefiner({})), survey.schema, "text").run(shard)
    table = _table(folder, "data")
    assert table.column(source.id_name(survey)).to_pylist() == list(_entries(folder))
    assert table.column("text").to_pylist() == ["One.", "Two."]


def test_a_marker_is_written_after_everything_it_vouches_for(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.make()
    survey, (shard,) = _shards(tmp_path)
    folder.part("ledger", 0).mkdir()
    runner = ShardRunner(folder, Services(ScriptedRefiner(SCRIPT)), survey.schema, "body")
    with pytest.raises(OSError, match="directory"):
        runner.run(shard)
    assert folder.finished() == []
    assert list(folder.root.rglob(".*.tmp")) == []
    folder.part("ledger", 0).rmdir()
    assert runner.run(shard) == read_json(folder.marker(0))

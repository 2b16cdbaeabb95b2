"""Replay, verification and export: any version can be rebuilt, and every fault is found."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import gzip
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace as altered
from pathlib import Path
from typing import Any, cast

import orjson
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.errors import RunError, UsageError
from burnish.corpora.runs.document_ledger import LEDGER, Entry
from burnish.corpora.runs.folder import Format, RunFolder, read_json, write_json
from burnish.corpora.storage.writers import write_table
from burnish.graphs.archive.attribution import attribute
from burnish.graphs.archive.document_archive import FILTERS
from burnish.graphs.archive.dolma import export_dolma
from burnish.graphs.archive.findings import MAX_FAULTS
from burnish.graphs.archive.replay import replay
from burnish.graphs.archive.stored import raw_text
from burnish.graphs.archive.verify import verify
from burnish.tools.deletion.program import KeepAll, Program, RemoveAll, RemoveLines, RemoveStr, cut
from tests.support.run_folders import (
    REASONS,
    Bad,
    Case,
    cases,
    entry_of,
    noted,
    runs,
    sha256,
    write_run,
)

FORMS = st.sampled_from(("parquet", "jsonl"))

PAGE = Case(
    "page",
    "Home | News\nThe tide came in.\nShare this The boats rose.\nAll rights reserved",
    Program((
        noted(RemoveLines(1, 1), "nav", 0.9),
        noted(RemoveStr(3, "Share this "), "share", 0.8),
        noted(RemoveLines(4, 4), "legal", 0.7),
    )),
)
SPAM = Case("spam", "buy buy buy", Program((noted(RemoveAll(), "spam", 1.0),)))
CLEAN = Case("clean", "Nothing to do here.\n", Program((KeepAll(),)))
LOST = Case("lost", "The refiner never answered.", failure="timeout")
BAD = Bad("corpus.jsonl", 5, "not JSON")


def small_run(root: Path, form: Format = "parquet") -> RunFolder:
    return write_run(root, [[PAGE, SPAM], [CLEAN, LOST]], form=form, bad=[BAD])


def data_of(root: Path, form: Format = "parquet") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "data").glob(f"*.{form}"))}


def texts_of(root: Path) -> dict[str, str]:
    rows: list[dict[str, Any]] = []
    for path in sorted((root / "data").glob("*")):
        if path.suffix == ".jsonl":
            rows += [orjson.loads(line) for line in path.read_bytes().split(b"\n") if line]
        else:
            rows += parquet.ParquetFile(path).read().to_pylist()
    return {row["id"]: row["body"] for row in rows}


@given(cases("a"))
def test_the_raw_text_comes_back_from_the_refined_one(case: Case) -> None:
    entry = entry_of(case)
    spans = [(span.start, span.stop) for span in entry.spans]
    if entry.outcome == "dropped":
        with pytest.raises(RunError, match="aside"):
            raw_text(entry, "")
    else:
        assert raw_text(entry, cut(case.text, entry_spans(entry))) == case.text
    assert [(piece.start, piece.stop) for piece in joined(attribute(entry, case.text))] == spans


def entry_spans(entry: Entry) -> Any:
    return [(span.start, span.stop) for span in entry.spans]


def joined(pieces: Sequence[Any]) -> list[Any]:
    """Join pieces that touch, as spans are joined."""
    whole: list[Any] = []
    for piece in pieces:
        assert piece.start < piece.stop
        if whole and whole[-1].stop == piece.start:
            whole[-1] = whole[-1]._replace(stop=piece.stop)
        else:
            whole.append(piece)
    return whole


@settings(max_examples=15, deadline=None)
@given(runs(), FORMS)
def test_a_replay_without_filters_gives_the_same_bytes(
    shards: list[list[Case]], form: Format
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write_run(Path(name) / "run", shards, form=form)
        out = Path(name) / "out"
        summary = replay(folder, out)
        assert data_of(out, form) == data_of(folder.root, form)
        assert (summary.changed, summary.returned) == (0, 0)
        assert verify(folder).faults == ()


@settings(max_examples=15, deadline=None)
@given(runs(), FORMS, st.sets(st.sampled_from(REASONS), min_size=1))
def test_a_version_without_a_reason_is_the_run_that_never_had_it(
    shards: list[list[Case]], form: Format, reasons: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write_run(Path(name) / "run", shards, form=form)
        used = {call.note.reason for shard in shards for case in shard for call in seen(case)}
        left_out = [f"reason={reason}" for reason in sorted(reasons & used)]
        other = [
            [
                Case(
                    case.id,
                    case.text,
                    Program(tuple(c for c in case.program.calls if c.note.reason not in reasons)),
                    case.failure,
                )
                for case in shard
            ]
            for shard in shards
        ]
        replay(folder, Path(name) / "out", left_out)
        expected = write_run(Path(name) / "other", other, form=form)
        assert texts_of(Path(name) / "out") == texts_of(expected.root)


def seen(case: Case) -> Any:
    return () if case.failure else case.program.calls


def test_the_rebuilt_file_is_the_one_a_run_would_have_written(tmp_path: Path) -> None:
    for form in ("parquet", "jsonl"):
        rows = [[Case(case.id, case.text) for case in (PAGE, SPAM)], [CLEAN, LOST]]
        folder = small_run(tmp_path / f"run-{form}", form)
        plain = write_run(tmp_path / f"plain-{form}", rows, form=form)
        out = tmp_path / f"out-{form}"
        summary = replay(folder, out, ["outcome=edited", "outcome=dropped"])
        assert (summary.changed, summary.returned, summary.rows) == (1, 1, 3)
        assert texts_of(out) == texts_of(plain.root)
        assert (
            data_of(out, form)[f"part-00001.{form}"]
            == data_of(plain.root, form)[f"part-00001.{form}"]
        )


def test_every_kind_of_filter_leaves_out_what_it_names(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")

    def version(*filters: str) -> dict[str, str]:
        with tempfile.TemporaryDirectory(dir=tmp_path) as name:
            replay(folder, Path(name), filters)
            return texts_of(Path(name))

    refined = {"page": "The tide came in.\nThe boats rose.", "clean": CLEAN.text}
    assert version() == refined
    assert version("reason=nav") == refined | {"page": "Home | News\n" + refined["page"]}
    assert version("record=page") == refined | {"page": PAGE.text}
    assert version("reason=spam") == {**refined, "spam": SPAM.text}
    assert version("outcome=dropped", "outcome=failed") == {
        **refined,
        "spam": SPAM.text,
        "lost": LOST.text,
    }
    assert version("agent=scripted") == {c.id: c.text for c in (PAGE, SPAM, CLEAN, LOST)}


def test_a_returning_record_keeps_its_columns_and_its_place(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [[SPAM, PAGE]])
    replay(folder, tmp_path / "out", ["record=spam"])
    rows = parquet.ParquetFile(tmp_path / "out/data/part-00000.parquet").read().to_pylist()
    assert [row["id"] for row in rows] == ["spam", "page"]
    assert rows[0] == {
        "id": "spam",
        "body": SPAM.text,
        "stars": 11,
        "more": {"body": SPAM.text, "names": ["spam", "}"]},
    }


def test_jsonl_keeps_every_byte_but_the_text(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", "jsonl")
    path = folder.part("data", 0)
    line = path.read_bytes().replace(b'"stars":', b'"huge":1e400,"stars":')
    path.write_bytes(line)
    marker = read_json(folder.marker(0))
    marker["files"]["data/part-00000.jsonl"] = sha256(path)
    write_json(folder.marker(0), marker)
    replay(folder, tmp_path / "out", ["record=page"])
    rebuilt = (tmp_path / "out/data/part-00000.jsonl").read_bytes()
    refined = orjson.dumps("The tide came in.\nThe boats rose.")
    assert rebuilt == line.replace(b'"body":' + refined, b'"body":' + orjson.dumps(PAGE.text), 1)


def test_a_parquet_run_can_be_rebuilt_as_jsonl(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    replay(folder, tmp_path / "out", form="jsonl")
    assert texts_of(tmp_path / "out") == texts_of(folder.root)
    with pytest.raises(UsageError, match="JSONL only"):
        replay(small_run(tmp_path / "lines", "jsonl"), tmp_path / "more", form="parquet")


@pytest.mark.parametrize("text", ["nav", "reason", "reason=", "colour=red", "=x", "\x1b[2J=\n"])
def test_a_filter_that_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"write one of reason=…") as caught:
        FILTERS.parse(text)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_filter_that_matches_nothing_is_refused_with_what_there_is(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    with pytest.raises(UsageError, match="no such reason; it has legal, nav, share, spam"):
        replay(folder, tmp_path / "out", ["reason=navigation"])
    with pytest.raises(UsageError, match="no record with this id"):
        replay(folder, tmp_path / "out", ["record=corpus.jsonl:5"])
    with pytest.raises(UsageError, match="it has dropped, edited, failed, unchanged"):
        replay(folder, tmp_path / "out", ["outcome=quarantined"])
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_data_is_not_written_to(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    with pytest.raises(UsageError, match="is the run itself"):
        replay(folder, tmp_path / "run" / "data" / "..")
    replay(folder, tmp_path / "out")
    with pytest.raises(UsageError, match="holds data already"):
        replay(folder, tmp_path / "out")


def test_a_changed_file_is_not_replayed(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    flip(folder.part("data", 1))
    with pytest.raises(RunError, match=r"shard 1: data/part-00001\.parquet is not the file"):
        replay(folder, tmp_path / "out")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_without_everything_that_was_done_the_raw_texts_come_back(
    tmp_path: Path, form: Format
) -> None:
    folder = small_run(tmp_path / "run", form)
    summary = replay(folder, tmp_path / "out", ["all"])
    raw = {case.id: case.text for case in (PAGE, SPAM, CLEAN, LOST)}
    assert texts_of(tmp_path / "out") == raw
    assert (summary.rows, summary.changed, summary.returned) == (4, 1, 2)


def test_training_pairs_are_neither_verified_nor_replayed(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    write_json(folder.manifest, read_json(folder.manifest) | {"kind": "distill"})
    for work in (lambda: verify(folder), lambda: replay(folder, tmp_path / "out")):
        with pytest.raises(RunError, match="holds training pairs") as caught:
            work()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_run_of_which_no_shard_is_finished_is_not_replayed(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    for index in folder.finished():
        folder.marker(index).unlink()
    with pytest.raises(RunError, match="no shard is finished"):
        replay(folder, tmp_path / "out")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def reseal(folder: RunFolder, index: int) -> None:
    """Give the marker the digests of the files as they are now."""
    marker = read_json(folder.marker(index))
    for name in marker["files"]:
        marker["files"][name] = sha256(folder.root / name)
    write_json(folder.marker(index), marker)


def change_entry(folder: RunFolder, index: int, change: Callable[[Entry], Entry | None]) -> None:
    path = folder.part("ledger", index)
    changed = [change(entry) for entry in LEDGER.read(path)]
    write_table(path, LEDGER.table([entry for entry in changed if entry]), folder.format)
    reseal(folder, index)


def of_page(**values: object) -> Callable[[Entry], Entry | None]:
    def change(entry: Entry) -> Entry | None:
        return altered(entry, **cast("Any", values)) if entry.id == "page" else entry

    return change


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_run_that_is_as_it_was_written_verifies(tmp_path: Path, form: Format) -> None:
    seen: list[int] = []
    found = verify(small_run(tmp_path / "run", form), seen.append)
    assert found.holds
    assert (found.shards, found.rows, found.faults) == (2, 5, ())
    assert seen == [2, 3]
    assert dict(found.outcomes) == dict.fromkeys(found.outcomes, 1)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_flipped_bit_is_found_in_every_file(tmp_path: Path, form: Format) -> None:
    names = [
        name
        for index in (0, 1)
        for name in read_json(small_run(tmp_path / "run", form).marker(index))["files"]
    ]
    assert len(names) == 7
    for place, name in enumerate(names):
        folder = small_run(tmp_path / str(place), form)
        flip(folder.root / name)
        found = verify(folder)
        assert any(f"{name} is not the file that was written" in fault for fault in found.faults)
        assert all("\n" not in fault for fault in found.faults)


@pytest.mark.parametrize("kind", ["data", "aside", "ledger", "quarantine"])
def test_a_missing_file_is_found(tmp_path: Path, kind: str) -> None:
    folder = small_run(tmp_path / "run")
    (path,) = (folder.root / kind).glob("part-00001.*")
    path.unlink()
    assert f"shard 1: {kind}/{path.name} is missing" in verify(folder).faults


def test_a_missing_marker_and_a_stray_file_are_found(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    folder.marker(0).unlink()
    faults = verify(folder).faults
    assert any("shard 0: has no marker" in fault for fault in faults)
    assert "data/part-00000.parquet: belongs to no finished shard" in faults
    assert "rows do not balance: 5 came in, 3 are accounted for" in faults
    folder = small_run(tmp_path / "other")
    (folder.root / "aside" / "part-00001.parquet").rename(
        folder.root / "aside" / "part-00002.parquet"
    )
    assert "aside/part-00002.parquet: belongs to no finished shard" in verify(folder).faults


def test_an_unlisted_file_of_a_shard_is_found(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [[PAGE]])
    folder.part("aside", 0).write_bytes(folder.part("data", 0).read_bytes())
    assert "shard 0: aside/part-00000.parquet is not in the marker" in verify(folder).faults


PAGE_ENTRY = entry_of(PAGE)
MOVED = (PAGE_ENTRY.spans[0]._replace(stop=11), *PAGE_ENTRY.spans[1:])
REWORDED = (PAGE_ENTRY.spans[0]._replace(text="Away | News\n"), *PAGE_ENTRY.spans[1:])


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"spans": MOVED}, "is not the one that was certified"),
        ({"spans": REWORDED}, "raw text is not the one that was certified"),
        ({"spans": PAGE_ENTRY.spans[:-1]}, "raw text is not the one that was certified"),
        ({"raw_digest": "0" * 64}, "raw text is not the one that was certified"),
        ({"refined_digest": "0" * 64}, "refined text is not the one that was certified"),
        ({"raw_chars": 1}, "other lengths"),
        ({"calls": PAGE_ENTRY.calls[:-1]}, "the calls do not remove what the spans say"),
        (
            {"calls": (PAGE_ENTRY.calls[0]._replace(start=9, end=9),)},
            "a call does not fit the raw text",
        ),
        ({"calls": (PAGE_ENTRY.calls[0]._replace(name="rewrite"),)}, "no call of the deletion API"),
        ({"outcome": "unchanged"}, "it is called unchanged but its calls make it edited"),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_forged_ledger_row_is_found_though_the_digests_fit(
    tmp_path: Path, form: Format, values: dict[str, object], fault: str
) -> None:
    folder = small_run(tmp_path / "run", form)
    change_entry(folder, 0, of_page(**values))
    found = verify(folder)
    assert any("shard 0, record page: " in one and fault in one for one in found.faults)


def test_a_forged_text_is_found_though_the_digests_fit(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", "jsonl")
    path = folder.part("data", 0)
    path.write_bytes(path.read_bytes().replace(b"boats rose", b"boats sank"))
    reseal(folder, 0)
    (fault,) = verify(folder).faults
    assert fault == "shard 0, record page: the raw text is not the one that was certified"


def test_a_missing_row_is_found_though_the_digests_fit(tmp_path: Path) -> None:
    def drop(entry: Entry) -> Entry | None:
        return None if entry.id == "page" else entry

    folder = small_run(tmp_path / "run")
    change_entry(folder, 0, drop)
    assert "shard 0: data/ has record page too many" in verify(folder).faults
    folder = small_run(tmp_path / "lines", "jsonl")
    folder.part("data", 0).write_bytes(b"")
    reseal(folder, 0)
    faults = verify(folder).faults
    assert "shard 0: data/ ends before record page" in faults
    assert any("rows do not balance" in fault for fault in faults)


def test_rows_taken_from_ledger_and_data_alike_no_longer_balance(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    smaller = write_run(tmp_path / "smaller", [[SPAM], [CLEAN, LOST]], bad=[BAD])
    for name in ("data", "ledger"):
        source = smaller.root / name / "part-00000.parquet"
        (folder.root / name / "part-00000.parquet").write_bytes(source.read_bytes())
    reseal(folder, 0)
    faults = verify(folder).faults
    assert "shard 0: the marker says 2 for rows, the files hold 1" in faults
    assert "rows do not balance: 5 came in, 4 are accounted for" in faults


def test_many_faults_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    many = [Case(f"d{place}", f"{place}\nkept", PAGE_PROGRAM) for place in range(MAX_FAULTS + 9)]
    folder = write_run(tmp_path / "run", [many])
    change_entry(folder, 0, lambda entry: altered(entry, raw_digest="0" * 64))
    found = verify(folder)
    assert len(found.faults) == MAX_FAULTS
    assert found.fault_count == MAX_FAULTS + 9


PAGE_PROGRAM = Program((noted(RemoveLines(1, 1), "nav"),))


def read_packed(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n") if line]


def test_dolma_attributes_line_up_with_their_documents(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    assert export_dolma(folder, tmp_path / "out") == 4
    assert export_dolma(folder, tmp_path / "again") == 4
    for index, there in ((0, (PAGE, SPAM)), (1, (CLEAN, LOST))):
        name = f"part-{index:05d}.jsonl.gz"
        documents = tmp_path / "out/documents" / name
        attributes = tmp_path / "out/attributes/burnish" / name
        assert [(row["id"], row["text"]) for row in read_packed(documents)] == [
            (case.id, case.text) for case in there
        ]
        assert [row["id"] for row in read_packed(attributes)] == [case.id for case in there]
        again = tmp_path / "again/attributes/burnish" / name
        assert attributes.read_bytes() == again.read_bytes()
    page, spam = read_packed(tmp_path / "out/attributes/burnish/part-00000.jsonl.gz")
    assert page == {
        "source": "corpus.jsonl",
        "id": "page",
        "attributes": {
            "burnish__nav": [[0, 12, 0.9]],
            "burnish__share": [[30, 41, 0.8]],
            "burnish__legal": [[56, 76, 0.7]],
        },
    }
    assert spam["attributes"] == {"burnish__spam": [[0, 11, 1.0]]}
    with pytest.raises(UsageError, match="holds an export already"):
        export_dolma(folder, tmp_path / "out")


@settings(max_examples=12, deadline=None)
@given(runs())
def test_cutting_the_dolma_spans_out_of_the_documents_gives_the_refined_texts(
    shards: list[list[Case]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write_run(Path(name) / "run", shards)
        export_dolma(folder, Path(name) / "out")
        refined = texts_of(folder.root)
        for index in range(len(shards)):
            part = f"part-{index:05d}.jsonl.gz"
            documents = read_packed(Path(name) / "out/documents" / part)
            attributes = read_packed(Path(name) / "out/attributes/burnish" / part)
            for document, row in zip(documents, attributes, strict=True):
                spans = sorted(tuple(s[:2]) for rows in row["attributes"].values() for s in rows)
                left = cut(document["text"], cast("Any", spans))
                assert left == refined.get(document["id"], left)

"""The manifest: a folder goes on with what it was begun with, and with nothing else."""

from pathlib import Path

import pytest

from burnish.corpora.errors import RunError
from burnish.corpora.runs.balance import loss_fault, row_fault
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.manifest import (
    InputFacts,
    brief,
    claim,
    fingerprint_of,
    kind_of,
    make_manifest,
)

FACTS = InputFacts("corpus.jsonl", 3, 1, 40, "abc", ["corpus.jsonl"], "text", "id")


def _manifest(threshold: float) -> dict[str, object]:
    marks = fingerprint_of("abc", {"refiner": {"threshold": threshold}})
    return make_manifest("documents", {"run": {"format": "jsonl"}}, marks, FACTS)


def test_a_folder_is_claimed_once_and_gone_on_with_by_the_same_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert claim(folder, _manifest(0.5))
    before = folder.manifest.read_bytes()
    assert not claim(folder, _manifest(0.5))
    assert folder.manifest.read_bytes() == before
    assert kind_of(folder) == "documents"
    assert RunFolder.open(tmp_path).format == "jsonl"


def test_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    claim(folder, _manifest(0.5))
    with pytest.raises(RunError, match=r"settings\.refiner\.threshold was 0\.5, is 0\.7") as caught:
        claim(folder, _manifest(0.7))
    assert "\n" not in str(caught.value)


def test_a_refusal_stays_short_however_much_differs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    claim(folder, _manifest(0.5))
    many = fingerprint_of("abc", {"other": {f"key{at:02d}": at for at in range(20)}})
    with pytest.raises(RunError, match="and 13 more") as caught:
        claim(folder, make_manifest("documents", {}, many, FACTS))
    assert len(str(caught.value)) < 600


def test_a_folder_of_before_there_were_kinds_is_one_of_documents(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    manifest = _manifest(0.5)
    del manifest["kind"]
    claim(folder, manifest)
    assert kind_of(folder) == "documents"
    assert "kind" not in read_json(folder.manifest)


def test_long_values_are_held_as_digests() -> None:
    assert brief([1, "a"]) == '[1, "a"]'
    long = brief(["x" * 90])
    assert len(long) == 16
    assert long != brief(["y" * 90])


def test_rows_that_are_lost_are_said_so_and_those_that_fail_in_numbers() -> None:
    assert row_fault(5, 5) == ""
    assert row_fault(5, 4) == "rows do not balance: 5 came in, 4 are accounted for"
    assert loss_fault(1, 20, 0.05) == ""
    assert "2 of 20 rows failed" in loss_fault(2, 20, 0.05)
    assert loss_fault(0, 0, 0.0) == ""

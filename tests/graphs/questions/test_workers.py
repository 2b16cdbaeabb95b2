"""Questions over worker processes: what a run writes does not depend on their number."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.question_source import QuestionFields, RowSelection
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.questions.state.question_set import Means, read_set
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.settings import load
from burnish.graphs.runs.worker_pool import map_parts
from tests.support.question_sets import item, write

FILES = ("data", "aside", "ledger", "quarantine", "edits")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a set of more parts than are worked on in one process, with rows that are no items."""
    rows: list[dict[str, Any]] = [
        item(n, domain) for domain, size in (("rivers", 4200), ("ropes", 1300)) for n in range(size)
    ]
    rows[70]["choices"][1] = rows[70]["choices"][0]
    rows[5100] |= {"question": rows[5099]["question"], "choices": rows[5099]["choices"]}
    rows[2000]["weight"] = "heavy"
    path = write(tmp_path_factory.mktemp("sets") / "set.jsonl", rows)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "x", "question": None}) + "\nnot json\n")
    return path


def _run(path: Path, root: Path, workers: int, form: str = "parquet") -> dict[str, bytes]:
    pairs = ["qa.by=cell", "qa.rounds=1", "qa.max_edits=90", "run.max_failure_ratio=0.5"]
    settings = load((), [*pairs, f"run.format={form}"])
    context = QaContext(RunFolder(root, settings.run.format), settings, str(path), workers=workers)
    assert carry_out(context).get("faults") == []
    return {
        str(file.relative_to(root)): file.read_bytes()
        for name in FILES
        for file in sorted((root / name).rglob("*"))
    }


def test_files_are_the_same_with_any_number_of_workers_and_after_a_resume(
    large: Path, tmp_path: Path
) -> None:
    alone = _run(large, tmp_path / "one", 1)
    assert len(alone) > len(FILES)
    assert _run(large, tmp_path / "two", 2) == alone
    # As a kill before the end leaves it: some batches, and no marker.
    (tmp_path / "two" / "shards" / "00000.json").unlink()
    max((tmp_path / "two" / "edits").glob("*.jsonl")).unlink()
    assert _run(large, tmp_path / "two", 3) == alone


def test_a_read_set_is_the_same_with_any_number_of_workers(large: Path, tmp_path: Path) -> None:
    alone = read_set(str(large), QuestionFields(), RowSelection())
    shared = read_set(str(large), QuestionFields(), RowSelection(), means=Means(tmp_path, 2))
    assert list(shared.rows) == list(alone.rows)
    assert list(shared.bad) == list(alone.bad)
    assert (shared.schema, shared.digest, shared.places) == (
        alone.schema,
        alone.digest,
        alone.places,
    )
    assert (shared.chars, shared.sources) == (alone.chars, alone.sources)
    assert list(tmp_path.iterdir()) == []


def test_strict_reading_stops_at_the_first_bad_row_in_any_process(large: Path) -> None:
    for workers in (1, 2):
        with pytest.raises(SourceError, match=r"set\.jsonl row 5501: "):
            read_set(
                str(large),
                QuestionFields(),
                RowSelection(),
                strict=True,
                means=Means(None, workers),
            )


def test_parts_come_out_in_order_and_a_fault_comes_out_as_itself() -> None:
    parts = [str(n) for n in range(20)]
    assert list(map_parts(int, parts, 2)) == list(range(20))
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_parts(int, [*parts, "x"], 2))


def test_the_run_tells_how_many_rows_it_read(large: Path, tmp_path: Path) -> None:
    _run(large, tmp_path / "run", 2, "jsonl")
    manifest = read_json(tmp_path / "run" / "manifest.json")
    assert (manifest["input"]["rows"], manifest["input"]["bad_rows"]) == (5500, 2)

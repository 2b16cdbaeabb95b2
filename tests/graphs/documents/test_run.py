import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from burnish.agents.refiners.refiner import AnyRefiner, Refiner
from burnish.agents.refiners.scripted import ScriptedRefiner
from burnish.corpora.errors import RunError, SourceError
from burnish.corpora.records import DOCUMENTS, Document
from burnish.corpora.runs.document_ledger import LEDGER
from burnish.corpora.runs.folder import RunFolder
from burnish.eval.robustness.crashes import CrashTrial, imbalance, snapshot, write_corpus
from burnish.eval.robustness.sessions import start
from burnish.graphs.commands.inputs import open_input
from burnish.graphs.documents.assembly import make_refiner
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.settings import load
from burnish.tools.deletion.program import Program

ROWS = 403
SMALL = ("run.shard_rows=40", "run.max_failure_ratio=1")
RULES = (*SMALL, "refiner.name=rules")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    write_corpus(path, ROWS, seed=1)
    return path


@pytest.fixture(scope="module")
def done(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "rules"
    _run(corpus, root)
    return root


def _run(
    corpus: Path,
    root: Path,
    pairs: Sequence[str] = RULES,
    *,
    workers: int = 1,
    refiner: AnyRefiner | None = None,
    answer: bool | None = None,
) -> RunState:
    settings = load((), pairs)
    services = Services(refiner) if refiner else None
    source = open_input(str(corpus), settings)
    folder = RunFolder(root, settings.run.format)
    context = RunContext(folder, settings, str(corpus), source, workers, services=services)
    return carry_out(context, answer=answer)


def _copy(done: Path, to: Path) -> Path:
    shutil.copytree(done, to)
    return to


def test_a_run_refines_every_row_and_says_so(done: Path) -> None:
    state = _run_state(done)
    assert state["balance"]["balances"]
    assert state["balance"]["rows_in"] == ROWS
    assert state["balance"]["quarantined"] == 1
    assert imbalance(done) == ""
    folder = RunFolder.open(done)
    assert len(folder.finished()) == 11
    outcomes = Counter(
        entry.outcome
        for index in folder.finished()
        for entry in LEDGER.read(folder.part("ledger", index))
    )
    assert set(outcomes) <= set(DOCUMENTS.outcomes)
    assert outcomes["edited"] > 100
    assert (done / "report.html").is_file()


def _run_state(root: Path) -> dict[str, Any]:
    return json.loads((root / "report.json").read_text("utf-8"))


@pytest.mark.slow
def test_the_embedded_refiner_carries_a_run_too(corpus: Path, tmp_path: Path) -> None:
    state = _run(corpus, tmp_path / "run", SMALL)
    assert state.get("faults") == []
    totals = state.get("totals", {})
    assert totals["rows"] == ROWS
    assert totals["edited"] > 0
    assert imbalance(tmp_path / "run") == ""


@pytest.mark.slow
def test_two_workers_write_the_same_bytes_as_one(corpus: Path, done: Path, tmp_path: Path) -> None:
    state = _run(corpus, tmp_path / "run", workers=2)
    assert state.get("faults") == []
    assert snapshot(tmp_path / "run") == snapshot(done)


def test_a_run_resumes_from_its_markers_with_identical_bytes(
    corpus: Path, done: Path, tmp_path: Path
) -> None:
    root = _copy(done, tmp_path / "run")
    folder = RunFolder.open(root)
    for index in folder.finished()[::2]:
        folder.marker(index).unlink()
        folder.part("data", index).write_bytes(b"torn")
    folder.part("ledger", 2).unlink()
    kept = {index: folder.marker(index).stat().st_mtime_ns for index in folder.finished()}
    (root / "data" / ".part-00000.parquet.x.tmp").write_bytes(b"half")
    (root / ".report.html.x.tmp").write_bytes(b"half")
    state = _run(corpus, root)
    assert state.get("resumed") is True
    assert state.get("faults") == []
    assert snapshot(root) == snapshot(done)
    assert all(folder.marker(index).stat().st_mtime_ns == when for index, when in kept.items())
    assert list(root.rglob(".*.tmp")) == []


def test_a_finished_run_is_left_as_it_is(corpus: Path, done: Path, tmp_path: Path) -> None:
    root = _copy(done, tmp_path / "run")
    refiner = make_refiner(load((), RULES).refiner)
    assert isinstance(refiner, Refiner)
    unused = _Counting(refiner)
    state = _run(corpus, root, refiner=unused)
    assert state.get("totals", {})["rows"] == ROWS
    assert unused.asked == []


@dataclass
class _Counting:
    inner: Refiner
    asked: list[int] = field(default_factory=list[int])

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def revision(self) -> str:
        return self.inner.revision

    def propose(self, documents: Sequence[Document]) -> Sequence[Program]:
        self.asked.append(len(documents))
        return self.inner.propose(documents)


def test_a_changed_input_is_refused_in_one_line(corpus: Path, done: Path, tmp_path: Path) -> None:
    root = _copy(done, tmp_path / "run")
    before = snapshot(root)
    other = tmp_path / "corpus.jsonl"
    other.write_bytes(corpus.read_bytes() + b'{"id": "new", "text": "One more."}\n')
    with pytest.raises(RunError) as caught:
        _run(other, root)
    message = str(caught.value)
    assert "\n" not in message
    assert "holds another run (input was " in message
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("pair", "difference"),
    [
        ("run.shard_rows=41", "settings.run.shard_rows was 40, is 41"),
        ("run.format=jsonl", 'settings.run.format was "parquet", is "jsonl"'),
        ("guard.max_removed_ratio=0.5", "settings.guard.max_removed_ratio was 0.98, is 0.5"),
        ("refiner.drop_documents=true", "settings.refiner.drop_documents was false, is true"),
        ("selection.limit=9", "settings.selection.limit was null, is 9"),
    ],
)
def test_a_changed_setting_is_refused_with_the_difference(
    corpus: Path, done: Path, tmp_path: Path, pair: str, difference: str
) -> None:
    root = _copy(done, tmp_path / "run")
    with pytest.raises(RunError) as caught:
        _run(corpus, root, (*RULES, pair))
    assert difference in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_that_change_no_byte_may_differ(corpus: Path, done: Path, tmp_path: Path) -> None:
    root = _copy(done, tmp_path / "run")
    RunFolder.open(root).marker(3).unlink()
    free = ("run.max_failure_ratio=0.9", "run.concurrency=3", "run.approval=auto")
    state = _run(corpus, root, (*RULES, *free))
    assert state.get("resumed") is True
    assert snapshot(root) == snapshot(done)


@pytest.mark.slow
def test_a_second_process_on_the_same_folder_is_refused(
    corpus: Path, done: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    trial = CrashTrial(kills=0, shard_rows=40, workers=1, settings=RULES)
    first = start(trial.command(corpus, root), tmp_path / "log")
    while not (root / "manifest.json").exists():
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(RunError, match="another burnish process is working on this folder"):
            _run(corpus, root)
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait() == 0
    assert snapshot(root) == snapshot(done)


ASK = (*RULES, "run.approval=ask")


def test_a_plan_waits_for_approval(corpus: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    state = _run(corpus, root, ASK)
    assert "approved" not in state
    assert state.get("plan") == {
        "refiner": "rules",
        "documents": ROWS - 1,
        "characters": state.get("chars"),
        "tokens": 0,
    }
    assert snapshot(root) == {}


@pytest.mark.slow
def test_a_yes_carries_the_plan_out(corpus: Path, done: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    _run(corpus, root, ASK)
    state = _run(corpus, root, ASK, answer=True)
    assert state.get("approved") is True
    assert snapshot(root) == snapshot(done)


def test_a_no_leaves_nothing_and_may_be_thought_over(
    corpus: Path, done: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    _run(corpus, root, ASK)
    state = _run(corpus, root, ASK, answer=False)
    assert state.get("approved") is False
    assert snapshot(root) == {}
    assert not (root / "report.html").exists()
    assert _run(corpus, root, RULES).get("approved") is True
    assert snapshot(root) == snapshot(done)


def _rows(path: Path, rows: Mapping[str, str]) -> Path:
    lines = [json.dumps({"id": name, "text": text}) for name, text in rows.items()]
    path.write_text("\n".join([*lines, "{broken"]) + "\n", encoding="utf-8")
    return path


SCRIPT: Mapping[str, Sequence[str | None]] = {"a": ("remove_all()",), "b": (None,)}


def test_too_many_failures_are_a_fault(tmp_path: Path) -> None:
    corpus = _rows(tmp_path / "c.jsonl", {name: f"Text {name}." for name in "abcdefgh"})
    refiner = ScriptedRefiner(SCRIPT)
    pairs = ["run.max_failure_ratio=0.1", "run.shard_rows=3"]
    state = _run(corpus, tmp_path / "run", pairs, refiner=refiner)
    assert state.get("faults") == [
        "2 of 9 rows failed or were quarantined, more than run.max_failure_ratio=0.1 allows"
    ]
    totals = state.get("totals", {})
    assert [totals[outcome] for outcome in DOCUMENTS.outcomes] == [6, 0, 1, 1, 1]
    state = _run(corpus, tmp_path / "run", [pairs[1], "run.max_failure_ratio=0.3"], refiner=refiner)
    assert state.get("faults") == []


def test_a_lost_file_is_a_fault(corpus: Path, done: Path, tmp_path: Path) -> None:
    root = _copy(done, tmp_path / "run")
    marker = RunFolder.open(root).marker(1)
    held = json.loads(marker.read_text("utf-8"))
    held["outcomes"]["edited"] -= 1
    marker.write_text(json.dumps(held), encoding="utf-8")
    faults = _run(corpus, root).get("faults", [])
    assert faults == [f"rows do not balance: {ROWS} came in, {ROWS - 1} are accounted for"]


def test_strict_stops_at_the_first_bad_row(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"corpus\.jsonl row 401: "):
        _run(corpus, tmp_path / "run", (*RULES, "run.strict=true"))


def test_no_rows_at_all_are_a_run_too(tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(b"")
    state = _run(corpus, tmp_path / "run")
    assert state.get("faults") == []
    assert state.get("totals", {})["rows"] == 0


def test_the_manifest_holds_no_text_and_says_what_the_run_is_made_of(done: Path) -> None:
    manifest = json.loads((done / "manifest.json").read_text("utf-8"))
    assert manifest["settings"]["refiner"]["name"] == "rules"
    assert manifest["input"]["rows"] == ROWS - 1
    assert manifest["input"]["bad_rows"] == 1
    assert {"burnish", "input", "refiner"} <= manifest["fingerprint"].keys()


def test_checkpoints_hold_no_texts(done: Path) -> None:
    assert b"Copyright 2024" not in (done / "checkpoints.sqlite").read_bytes()

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burnish.agents.operations.operation import EditOrder, EditResult, Operation
from burnish.agents.validators.validation import ReviewPolicy, Validation
from burnish.corpora.errors import BudgetExhausted, QuotaPaused, RunError, SourceError, UsageError
from burnish.corpora.records import Evidence, QAItem, Verdict
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.eval.robustness.sessions import start
from burnish.graphs.archive.replay import replay
from burnish.graphs.archive.verify import verify
from burnish.graphs.commands.inputs import check_kind, kind_of
from burnish.graphs.questions.operate.assembly import offline_operations
from burnish.graphs.questions.operate.record_graph import QuestionServices
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.settings import Settings, load
from tests.support.question_sets import pool, skewed, write

MAIN = "from burnish.graphs.cli.main import main; main()"
FILES = ("data", "aside", "ledger", "quarantine", "edits")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    skewed(folder, bad=True)
    pool(folder)
    return folder


@pytest.fixture(scope="module")
def done(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    state = _run(sets, root)
    assert state.get("faults") == []
    return root


def _pairs(sets: Path) -> list[str]:
    return [
        f"qa.reserve={sets / 'pool.jsonl'}",
        "qa.by=cell",
        "qa.batch=8",
        "run.max_failure_ratio=0.5",
    ]


def _run(sets: Path, root: Path, *pairs: str, **parts: Any) -> RunState:
    settings = load((), [*_pairs(sets), *pairs])
    folder = RunFolder(root, settings.run.format)
    return carry_out(QaContext(folder, settings, str(sets / "set.jsonl"), **parts))


def _ledger(root: Path) -> list[QAEntry]:
    folder = RunFolder.open(root)
    return list(LEDGER.read(folder.part("ledger", 0)))


def _snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and (path.parent.name in FILES or path.name.startswith(("plan-", "review")))
    }


def test_a_run_brings_the_set_to_its_target_and_balances(done: Path) -> None:
    report = json.loads((done / "report.json").read_text("utf-8"))
    balance, far = report["balance"], report["divergence"]
    assert balance["balances"]
    assert balance["rows_in"] == 92
    assert balance["quarantined"] == 2
    assert balance["added"] > 0
    assert balance["dropped"] > 0
    assert balance["rows_out"] == 90 - balance["dropped"] + balance["added"]
    assert far["before"] > 10 * far["floor"]
    assert far["after"] < far["floor"]
    assert verify(RunFolder.open(done)).faults == ()


def test_the_output_has_the_columns_of_the_source_and_drawn_items_get_ids_of_their_own(
    done: Path,
) -> None:
    table = parquet.read_table(done / "data" / "part-00000.parquet")
    rows = table.to_pylist()
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    assert {"subject", "weight", "tags", "correct_ada"} <= set(table.column_names)
    drawn = [entry for entry in _ledger(done) if entry.outcome == "added"]
    assert {entry.id for entry in drawn} <= set(ids)
    assert all(entry.origin for entry in drawn)
    by_id = {row["id"]: row for row in rows}
    clash = [entry for entry in drawn if entry.origin == "rivers-0"]
    assert all(by_id[entry.id]["subject"] == "rocks" and entry.id != "rivers-0" for entry in clash)


def test_undoing_everything_gives_the_source_as_burnish_writes_it(
    sets: Path, done: Path, tmp_path: Path
) -> None:
    _run(sets, tmp_path / "idle", "qa.operations=[]")
    replay(RunFolder.open(done), tmp_path / "undone", ["all"])
    replay(RunFolder.open(done), tmp_path / "same")
    name = Path("data") / "part-00000.parquet"
    assert (tmp_path / "undone" / name).read_bytes() == (tmp_path / "idle" / name).read_bytes()
    assert (tmp_path / "same" / name).read_bytes() == (done / name).read_bytes()


def test_single_edits_can_be_undone(done: Path, tmp_path: Path) -> None:
    folder = RunFolder.open(done)
    entries = _ledger(done)
    dropped = next(entry.id for entry in entries if entry.outcome == "dropped")
    kept = sum(entry.outcome in {"unchanged", "edited", "failed"} for entry in entries)
    added = sum(entry.outcome == "added" for entry in entries)
    one = replay(folder, tmp_path / "one", [f"record={dropped}"])
    assert (one.rows, one.returned) == (kept + added + 1, 1)
    assert replay(folder, tmp_path / "no-draws", ["operation=draw"]).rows == kept
    with pytest.raises(UsageError, match="draw, remove"):
        replay(folder, tmp_path / "none", ["operation=sing"])


def test_verification_finds_what_was_tampered_with(done: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(done, root)
    path = root / "data" / "part-00000.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.take([*range(1, table.num_rows), 0]), path)
    found = verify(RunFolder.open(root))
    assert not found.holds
    assert any("not the file that was written" in fault for fault in found.faults)
    assert any("is not the one of the ledger" in fault for fault in found.faults)


def test_a_run_in_jsonl_can_be_undone_and_verified(sets: Path, tmp_path: Path) -> None:
    _run(sets, tmp_path / "run", "run.format=jsonl")
    _run(sets, tmp_path / "idle", "run.format=jsonl", "qa.operations=[]")
    folder = RunFolder.open(tmp_path / "run")
    assert verify(folder).holds
    replay(folder, tmp_path / "undone", ["all"])
    name = Path("data") / "part-00000.jsonl"
    undone = (tmp_path / "undone" / name).read_bytes()
    assert undone == (tmp_path / "idle" / name).read_bytes()
    source = (sets / "set.jsonl").read_bytes().splitlines()[:90]
    assert [json.loads(line) for line in undone.splitlines()] == [json.loads(s) for s in source]


def test_a_run_goes_on_from_its_batches_with_identical_bytes(
    sets: Path, done: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(done, root)
    (root / "shards" / "00000.json").unlink()
    batches = sorted((root / "edits").iterdir())
    for path in batches[len(batches) // 2 :]:
        path.unlink()
    for path in (root / "plan-02.json", root / "plan-02.parquet"):
        path.unlink(missing_ok=True)
    (root / "data" / "part-00000.parquet").write_bytes(b"torn")
    (root / "edits" / ".round.tmp").write_bytes(b"half")
    state = _run(sets, root)
    assert state.get("resumed") is True
    assert _snapshot(root) == _snapshot(done)


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_identical_bytes(
    sets: Path, done: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    command = [sys.executable, "-c", MAIN, "run", str(sets / "set.jsonl"), "-o", str(root)]
    for pair in _pairs(sets):
        command += ["--set", pair]
    kills = 0
    for wanted in ("plan-01.json", "edits/round-01-00000.jsonl", "edits/round-01-00003.jsonl"):
        session = start(command, tmp_path / f"log-{kills}")
        while session.poll() is None and not (root / wanted).exists():
            time.sleep(0.005)
        if session.poll() is None:
            session.send_signal(signal.SIGKILL)
            kills += 1
        session.wait()
    assert kills == 3
    state = _run(sets, root)
    assert state.get("faults") == []
    assert _snapshot(root) == _snapshot(done)


def test_another_target_is_another_run(sets: Path, done: Path) -> None:
    with pytest.raises(RunError, match="target"):
        _run(sets, done, f"qa.target={sets / 'pool.jsonl'}")


def test_a_target_can_be_shares_or_a_reference_set(sets: Path, tmp_path: Path) -> None:
    shares = tmp_path / "shares.toml"
    shares.write_text("[shares]\nrivers = 0.5\nrocks = 0.25\nropes = 0.25\n", "utf-8")
    for name, target in (("shares", shares), ("reference", sets / "pool.jsonl")):
        _run(sets, tmp_path / name, f"qa.target={target}", "qa.size_floor=0.5")
        far = json.loads((tmp_path / name / "report.json").read_text("utf-8"))["divergence"]
        assert far["after"] < far["before"] / 2
    shares.write_text("[shares]\nrivers = -1\n", "utf-8")
    with pytest.raises(UsageError, match="0 or more"):
        _run(sets, tmp_path / "wrong", f"qa.target={shares}")


def test_difficulty_is_balanced_where_answers_are_recorded(sets: Path, tmp_path: Path) -> None:
    _run(sets, tmp_path / "run", "qa.by=cell_difficulty", "qa.buckets=2")
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert any(row["cell"] == "rivers @1" for row in report["cells"])
    assert report["divergence"]["after"] < report["divergence"]["before"]


def test_the_size_floor_is_of_the_set_that_came_in_over_all_rounds(
    sets: Path, tmp_path: Path
) -> None:
    _run(sets, tmp_path / "run", 'qa.operations=["remove"]', "qa.rounds=4")
    balance = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["balance"]
    assert balance["rows_out"] == 81


def test_no_more_items_are_touched_than_allowed(sets: Path, tmp_path: Path) -> None:
    _run(sets, tmp_path / "run", "qa.max_edits=10", "qa.rounds=3")
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert 0 < report["balance"]["added"] + report["balance"]["dropped"] <= 10


def test_a_plan_can_be_looked_at_first_and_is_carried_out_as_it_was(
    sets: Path, tmp_path: Path
) -> None:
    settings = load((), _pairs(sets))
    location = str(sets / "set.jsonl")
    root = tmp_path / "run"
    state = carry_out(QaContext(RunFolder(root), settings, location), until="plan")
    assert state.get("plan", {})["operations"]["draw"] > 0
    assert not (root / "edits").exists()
    plan = (root / "plan-01.json").read_bytes()
    _run(sets, root)
    assert (root / "plan-01.json").read_bytes() == plan


def test_a_plan_waits_for_a_yes(sets: Path, tmp_path: Path) -> None:
    settings = load((), [*_pairs(sets), "run.approval=ask"])
    folder, location = RunFolder(tmp_path / "run"), str(sets / "set.jsonl")
    state = carry_out(QaContext(folder, settings, location))
    assert "approved" not in state
    assert not (folder.root / "edits").exists()
    state = carry_out(QaContext(folder, settings, location), answer=True)
    assert state.get("faults") == []
    assert (folder.root / "report.html").is_file()


def test_kinds_are_told_by_the_columns(sets: Path, tmp_path: Path) -> None:
    settings = load()
    texts = write(tmp_path / "texts.jsonl", [{"text": "a", "question": "b"}])
    assert kind_of(str(sets / "set.jsonl"), "auto", settings) == "qa"
    assert kind_of(str(texts), "auto", settings) == "documents"
    assert kind_of(str(texts), "qa", settings) == "qa"
    with pytest.raises(UsageError, match="--kind"):
        check_kind("poems")


def test_a_missing_reserve_is_one_clear_line(sets: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        _run(sets, tmp_path / "run", f"qa.reserve={tmp_path / 'nowhere.jsonl'}")


# With agents of our own in the stratum of those that ask a model.


@dataclass
class Reword:
    """Stands where an operation with a model would."""

    name: str = "flag"
    revision: str = "1"
    needs_model: bool = True

    async def apply(self, order: EditOrder) -> EditResult:
        item = order.item
        assert item is not None
        number = int(item.id.rpartition("-")[2])
        if number % 5 == 1:
            return EditResult(order, "failed", item, reason="the model gave no answer", tokens=7)
        if number % 5 == 2:
            raise BudgetExhausted(asked=100, spent=90, held=0, limit=100)
        after = replace(item, question=item.question + " Answer in steps.")
        evidence = (Evidence("judgement", "m", "ok"),)
        opinion = Verdict("reader", "accept", 0.4, "looks right", None, 5, evidence=evidence)
        return EditResult(order, "done", item, after, "reworded", 12, verdicts=(opinion,))


@dataclass(frozen=True)
class ServicesOpener:
    operation: Operation
    validation: Validation | None = None

    @asynccontextmanager
    async def __call__(
        self, settings: Settings, _working: WorkingSet, _root: Path
    ) -> AsyncGenerator[QuestionServices]:
        operations = {self.operation.name: self.operation}
        yield QuestionServices(
            operations, self.validation, ReviewPolicy(enough=settings.qa.review_below)
        )


def _faulty(folder: Path) -> Path:
    """Write a set in which every item has two equal wrong choices, so that each is flagged."""
    path = folder / "set.jsonl"
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        row["choices"] = [row["choices"]["ABCD".index(row["answer"])], "no", "no", "yes"]
        row["answer"] = "A"
    return write(path, rows)


@pytest.fixture
def reworded(tmp_path: Path) -> Path:
    skewed(tmp_path)
    pool(tmp_path)
    _faulty(tmp_path)
    state = _run(
        tmp_path, tmp_path / "run", 'qa.operations=["flag"]', opened=ServicesOpener(Reword())
    )
    assert state.get("faults") == []
    return tmp_path


def test_edits_failures_and_an_empty_budget_are_all_told_apart(reworded: Path) -> None:
    entries = _ledger(reworded / "run")
    counts = Counter(entry.outcome for entry in entries)
    assert counts["failed"] == 18
    assert counts["edited"] == 54
    assert counts["unchanged"] == 18
    unspent = [entry for entry in entries if entry.status == "unspent"]
    assert len(unspent) == 18
    assert all("token budget" in entry.reason for entry in unspent)
    edited = next(entry for entry in entries if entry.outcome == "edited")
    assert edited.tokens == 12
    assert edited.verdicts[0].evidence[0].content == "ok"
    assert edited.before_digest != edited.after_digest


def test_what_nobody_is_sure_of_goes_to_review_and_comes_back_as_a_correction(
    reworded: Path,
) -> None:
    queue = reworded / "run" / "review.jsonl"
    rows = [json.loads(line) for line in queue.read_text("utf-8").splitlines()]
    assert len(rows) == 54
    first, second = rows[0], rows[1]
    first |= {"decision": "accept", "correction": {"question": "Which figure is right?"}}
    second |= {"decision": "reject"}
    write(queue, rows)
    assert verify(RunFolder.open(reworded / "run")).holds
    _run(reworded, reworded / "next", "qa.operations=[]", f"qa.reviewed={reworded / 'run'}")
    entries = {entry.id: entry for entry in _ledger(reworded / "next")}
    assert entries[first["id"]].operation == "human"
    assert entries[first["id"]].outcome == "edited"
    assert sum(entry.outcome == "edited" for entry in entries.values()) == 1
    table = parquet.read_table(reworded / "next" / "data" / "part-00000.parquet")
    by_id = {row["id"]: row for row in table.to_pylist()}
    assert by_id[first["id"]]["question"] == "Which figure is right?"


def test_a_review_file_that_is_no_decision_is_refused(sets: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", [{"id": "a", "decision": "maybe"}])
    with pytest.raises(UsageError, match="row 1"):
        _run(sets, tmp_path / "run", f"qa.reviewed={file}")
    write(file, [{"id": "a", "decision": "accept", "correction": {"colour": "red"}}])
    with pytest.raises(UsageError, match="colour"):
        _run(sets, tmp_path / "run", f"qa.reviewed={file}")


@dataclass
class Quota:
    """Runs into the server's quota."""

    name: str = "flag"
    revision: str = "1"
    needs_model: bool = True

    async def apply(self, order: EditOrder) -> EditResult:
        raise QuotaPaused(f"no {order.operation} before tomorrow")


def test_a_used_up_quota_stops_the_run_and_nothing_is_committed(tmp_path: Path) -> None:
    skewed(tmp_path)
    pool(tmp_path)
    _faulty(tmp_path)
    pairs = 'qa.operations=["flag"]'
    with pytest.raises(QuotaPaused):
        _run(tmp_path, tmp_path / "run", pairs, opened=ServicesOpener(Quota()))
    assert not list((tmp_path / "run" / "data").iterdir())
    state = _run(tmp_path, tmp_path / "run", pairs, opened=ServicesOpener(Reword()))
    assert state.get("resumed") is True
    assert state.get("faults") == []


@dataclass(frozen=True)
class Doubter:
    """Rejects every item, by one path or two."""

    paths: tuple[str, ...]
    name: str = "doubter"
    revision: str = "1"

    async def check(self, item: QAItem) -> Verdict:
        found = item.choices[0] if item.answer != item.choices[0] else item.choices[1]
        return Verdict(self.name, "reject", 0.9, "another answer", found, paths=self.paths)


@dataclass
class Repair:
    """Takes over the first other choice."""

    name: str = "repair"
    revision: str = "1"
    needs_model: bool = False

    async def apply(self, order: EditOrder) -> EditResult:
        item = order.item
        assert item is not None
        other = item.choices[0] if item.answer != item.choices[0] else item.choices[1]
        return EditResult(order, "done", item, replace(item, answer=other), "the key was wrong")


@dataclass(frozen=True)
class Doubting:
    """Opens the offline operations with a repair and validators of our own."""

    validation: Validation

    @asynccontextmanager
    async def __call__(
        self, settings: Settings, working: WorkingSet, _root: Path
    ) -> AsyncGenerator[QuestionServices]:
        made: list[Operation] = [*offline_operations(settings.qa, working), Repair()]
        yield QuestionServices({one.name: one for one in made}, self.validation)


@pytest.mark.parametrize(("paths", "edited"), [(("program",), 0), (("program", "passage"), 90)])
def test_a_key_is_only_edited_when_two_paths_agree(
    tmp_path: Path, paths: Sequence[str], edited: int
) -> None:
    skewed(tmp_path)
    pool(tmp_path)
    validation = Validation((Doubter(tuple(paths)),))
    opened = ServicesOpener(Repair(), validation)
    _run(tmp_path, tmp_path / "run", "qa.operations=[]", "qa.check=all", opened=opened)
    entries = _ledger(tmp_path / "run")
    assert sum(entry.outcome == "edited" for entry in entries) == edited
    assert all(entry.verdicts for entry in entries)
    queued = (tmp_path / "run" / "review.jsonl").read_text("utf-8").splitlines()
    assert len(queued) == 90 - edited
    assert {entry.operation for entry in entries} == {"repair" if edited else "check"}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    most=st.integers(0, 25),
    rounds=st.integers(1, 3),
    operations=st.sampled_from(('["remove", "draw"]', '["draw"]', "[]")),
)
def test_no_run_ever_changes_more_than_it_may_repairs_included(
    tmp_path_factory: pytest.TempPathFactory, most: int, rounds: int, operations: str
) -> None:
    folder = tmp_path_factory.mktemp("bounded")
    skewed(folder)
    pool(folder)
    opened = Doubting(Validation((Doubter(("program", "passage")),)))
    pairs = (f"qa.operations={operations}", "qa.check=all", f"qa.max_edits={most}")
    _run(folder, folder / "run", *pairs, f"qa.rounds={rounds}", opened=opened)
    entries = _ledger(folder / "run")
    changed = [entry for entry in entries if entry.outcome in {"edited", "dropped", "added"}]
    assert len(changed) <= most
    repaired = sum(entry.operation == "repair" for entry in changed)
    left = [entry for entry in entries if entry.operation == "check"]
    # What could not be repaired is not lost: a person is asked.
    assert all(entry.status == "flagged" for entry in left)
    assert repaired == min(most, 90) if operations == "[]" else len(changed) <= most

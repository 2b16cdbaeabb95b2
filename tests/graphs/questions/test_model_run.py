"""Whole runs with a scripted model on the real store, budget, solver and sandbox."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
import re
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from burnish.agents.llm.client import Client
from burnish.agents.llm.endpoints import open_services
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.agents.llm.scripted import ScriptedClient
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.graphs.archive.replay import replay
from burnish.graphs.archive.verify import verify
from burnish.graphs.questions.operate.assembly import assembled
from burnish.graphs.questions.operate.record_graph import QuestionServices
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.graph import RunState, carry_out
from burnish.graphs.runs.settings import Settings, load
from tests.support.question_sets import item, programs_run, skewed, write

pytestmark = pytest.mark.skipif(
    not programs_run(), reason="this system has no sandbox for programs"
)
PAIRS = (
    "llm.endpoint=http://127.0.0.1:9/v1",
    "llm.model=scripted",
    "qa.by=cell",
    "qa.batch=8",
    "qa.pilot=4",
    "run.max_failure_ratio=1",
)

BY_DIFFICULTY = (
    "qa.by=cell_difficulty", "qa.buckets=3", 'qa.operations=["generate", "remove"]',
)  # fmt: skip


def answer(request: Request) -> str:
    """Write sums, and programs that add them up; every seventh sum is keyed wrongly."""
    words = request.messages[-1].content
    if request.task == "reasoner":
        found = re.search(r"when (\d+) beads join (\d+) beads", words)
        return f"```python\nanswer = {found[1]} + {found[2]}\n```" if found else "NOT COMPUTABLE"
    assert request.task == "generate", request.task
    number = int(re.search(r"Number of this question: (\d+)", words)[1])  # type: ignore[index]
    one, two = 100 + 7 * number, 31 + 13 * number
    off = 5 if number % 7 == 0 else 0
    key = one + two + off
    return json.dumps({
        "question": f"How many beads lie in box {number * 97} when {one} beads join {two} beads?",
        "answer": f"{key} beads",
        "wrong_answers": [f"{key + step} beads" for step in (11, 23, 37)],
        "rationale": "",
    })


@dataclass
class Scripted:
    """Opens the real agents around a scripted model."""

    budget: int
    script: Callable[[Request], str] = answer
    asked: int = 0

    @asynccontextmanager
    async def __call__(
        self, settings: Settings, working: WorkingSet, root: Path
    ) -> AsyncGenerator[QuestionServices]:
        store, budget = open_services(root, self.budget)
        script = ScriptedClient(self.script)
        try:
            async with AsyncExitStack() as stack:
                model = Client(script, store=store, budget=budget)
                yield assembled(settings, working, model, stack)
        finally:
            self.asked += len(script.requests)
            store.close()
            budget.close()


def _run(
    folder: Path,
    root: Path,
    budget: int,
    *pairs: str,
    script: Callable[[Request], str] = answer,
) -> tuple[RunState, Scripted]:
    settings = load((), [*PAIRS, f"llm.budget={budget}", *pairs])
    opened = Scripted(budget, script)
    run = RunFolder(root, settings.run.format)
    context = QaContext(run, settings, str(folder / "set.jsonl"), opened=opened)
    return carry_out(context), opened


def _ledger(root: Path) -> list[QAEntry]:
    return list(LEDGER.read(RunFolder.open(root).part("ledger", 0)))


def _report(root: Path) -> dict[str, Any]:
    return json.loads((root / "report.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets")
    skewed(path)
    return path


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    state, _ = _run(folder, root, 200_000)
    assert state.get("faults") == []
    return root


def test_items_are_written_where_the_target_wants_them_and_checked_by_programs(
    done: Path,
) -> None:
    entries = _ledger(done)
    added = [entry for entry in entries if entry.outcome == "added"]
    assert added
    assert {entry.operation for entry in added} == {"generate"}
    opinions = Counter(entry.verdicts[0].opinion for entry in added)
    assert opinions["accept"] > 10
    assert opinions["reject"] == 0
    assert all(
        any(piece.kind == "program" for piece in entry.verdicts[0].evidence) for entry in added
    )
    report = _report(done)
    assert report["divergence"]["after"] < report["divergence"]["before"] / 2
    rows = parquet.read_table(done / "data" / "part-00000.parquet").to_pylist()
    written = [row for row in rows if row["id"].startswith("new-")]
    assert len(written) == len(added)
    for row in written:
        assert row["choices"]["ABCD".index(row["answer"])].endswith("beads")
        assert row["subject"] in {"rocks", "ropes", "rivers"}
    assert verify(RunFolder.open(done)).faults == ()


def test_items_that_programs_do_not_bear_out_go_to_review(done: Path) -> None:
    entries = _ledger(done)
    added = [entry for entry in entries if entry.outcome == "added"]
    unsure = {entry.id for entry in added if entry.verdicts[0].opinion == "abstain"}
    rows = (done / "review.jsonl").read_text("utf-8").splitlines()
    assert unsure
    assert unsure <= {json.loads(row)["id"] for row in rows}


def test_copies_are_rolled_back_and_stay_on_the_invoice(folder: Path, tmp_path: Path) -> None:
    _run(folder, tmp_path / "run", 60_000, script=_the_same)
    back = [entry for entry in _ledger(tmp_path / "run") if entry.status == "rolled_back"]
    assert back
    assert all(entry.outcome == "not_added" and entry.tokens > 0 for entry in back)
    assert any(entry.attempts == 2 for entry in back)
    # Where the budget ended first there was no second draft; the first one's tokens stay too.
    assert all(entry.attempts == 2 or "token budget" in entry.reason for entry in back)
    assert all("duplicate" in entry.complaints[0] for entry in back)
    line = next(o for o in _report(tmp_path / "run")["invoice"] if o["operation"] == "generate")
    assert line["rolled_back"] == len(back)


def _the_same(request: Request) -> str:
    return answer(_asking(1)) if request.task == "generate" else answer(request)


def test_the_pilot_is_a_round_of_its_own_whose_results_stay(done: Path) -> None:
    entries = [entry for entry in _ledger(done) if entry.operation == "generate"]
    rounds = Counter(entry.round for entry in entries)
    assert rounds[0] == 4
    assert {entry.cell_to for entry in entries if entry.round == 0} == {"rocks", "ropes"}
    assert rounds[1] > 0
    plan = json.loads((done / "plan-01.json").read_text("utf-8"))["figures"]
    known = plan["estimates"][0]
    assert known["operation"] == "generate"
    assert known["tried"] == 4
    assert 0 < known["sure_share"] < known["share"] < 1
    later = [entry for entry in entries if entry.round == 1 and entry.status == "done"]
    assert all(entry.cost >= known["tokens"] for entry in later)


def test_estimates_learn_from_the_rounds_as_well_as_from_the_pilot(done: Path) -> None:
    plans = sorted(done.glob("plan-*.json"))
    told = [json.loads(path.read_text("utf-8"))["figures"].get("estimates") for path in plans]
    assert told[0] is None
    orders = [entry for entry in _ledger(done) if entry.operation == "generate"]
    for number, known in enumerate(told[1:], 1):
        seen = [entry for entry in orders if entry.round < number and entry.tokens]
        assert known[0]["tried"] == len(seen)
        assert known[0]["tokens"] == pytest.approx(sum(e.tokens for e in seen) / len(seen))


def test_the_report_sets_what_was_predicted_against_what_came_of_it(done: Path) -> None:
    report = _report(done)
    line = next(one for one in report["invoice"] if one["operation"] == "generate")
    assert 0 < line["planned_gain"] < line["mean_gain"]
    assert line["planned_tokens"] > line["tokens"] > 0
    assert line["within"] > 0.8
    assert report["tokens"]["under_planned"] == pytest.approx(
        sum(one["planned_tokens"] - one["tokens"] for one in report["invoice"])
    )
    fallen = report["divergence"]["before"] - report["divergence"]["after"]
    assert sum(one["gain"] for one in report["invoice"]) == pytest.approx(fallen, abs=1e-4)
    assert len(report["calibration"]) == 10
    assert "within interval" in (done / "report.html").read_text("utf-8")


def test_the_invoice_holds_every_token_of_the_budget_that_was_spent(done: Path) -> None:
    report = _report(done)
    invoiced = sum(line["tokens"] for line in report["invoice"])
    assert invoiced == report["tokens"]["spent"]
    assert report["tokens"]["spent"] <= report["tokens"]["budget"]


def test_a_run_that_goes_on_asks_for_nothing_twice_and_ends_the_same(
    folder: Path, done: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(done, root)
    (root / "shards" / "00000.json").unlink()
    (root / "data" / "part-00000.parquet").unlink()
    state, opened = _run(folder, root, 200_000)
    assert state.get("resumed") is True
    assert opened.asked == 0
    for name in ("data/part-00000.parquet", "ledger/part-00000.parquet"):
        assert (root / name).read_bytes() == (done / name).read_bytes()


def test_a_small_budget_is_never_passed_and_the_run_ends_well(folder: Path, tmp_path: Path) -> None:
    state, _ = _run(folder, tmp_path / "run", 30_000, "qa.pilot=2")
    assert state.get("faults") == []
    report = _report(tmp_path / "run")
    assert 0 < report["tokens"]["spent"] <= 30_000
    assert report["balance"]["balances"]


def test_a_run_with_a_model_can_be_undone_without_one(done: Path, tmp_path: Path) -> None:
    summary = replay(RunFolder.open(done), tmp_path / "undone", ["all"])
    assert summary.rows == 90
    assert summary.left_out == sum(entry.outcome == "added" for entry in _ledger(done))


def test_nothing_enters_that_stands_in_a_set_for_evaluation(folder: Path, tmp_path: Path) -> None:
    rows = [item(1, "ropes")]
    for number in range(60):
        written = json.loads(answer(_asking(number)))
        rows.append({"id": f"e{number}", "question": written["question"], "answer": "1"})
    evaluation = write(tmp_path / "evaluation.jsonl", rows)
    _run(folder, tmp_path / "run", 60_000, f'qa.contamination=["{evaluation}"]', "qa.rounds=1")
    entries = _ledger(tmp_path / "run")
    tried = [entry for entry in entries if entry.operation == "generate"]
    assert tried
    assert not [entry for entry in tried if entry.outcome == "added"]
    assert any("contamination" in line for entry in tried for line in entry.complaints)


def _answers(folder: Path) -> Path:
    """Write what the scripted model answered to the set: every other question right."""
    rows = map(json.loads, filter(None, (folder / "set.jsonl").read_text("utf-8").split("\n")))
    told = [
        {"id": row["id"], "answers": [{"model": "scripted", "correct": at % 2 == 0}]}
        for at, row in enumerate(rows)
    ]
    return write(folder / "answers.jsonl", told)


def _examined(request: Request) -> str:
    """Answer every question with its first choice."""
    return '{"answer": "A"}' if request.task == "solver" else answer(request)


def test_new_items_are_placed_by_a_solver_whose_ability_is_known(
    folder: Path, tmp_path: Path
) -> None:
    pairs = (*BY_DIFFICULTY, f"qa.answers={_answers(folder)}")
    state, opened = _run(folder, tmp_path / "run", 300_000, *pairs, script=_examined)
    assert state.get("faults") == []
    added = [entry for entry in _ledger(tmp_path / "run") if entry.outcome == "added"]
    scored = [entry for entry in added if entry.difficulty is not None]
    assert scored == added
    for entry in scored:
        assert entry.difficulty_note in {f"scripted answered {n} of 4 right" for n in (0, 4)}
        assert entry.difficulty_error is not None
        assert entry.cell_to.rpartition("@")[2] in {"0", "1", "2"}
    right = [e.difficulty for e in scored if "4 of 4" in e.difficulty_note and e.difficulty]
    wrong = [e.difficulty for e in scored if "0 of 4" in e.difficulty_note and e.difficulty]
    assert right
    assert wrong
    assert sum(right) / len(right) < sum(wrong) / len(wrong)
    told = _report(tmp_path / "run")["difficulty"]
    assert told == {"solver": "scripted", "scored": len(added), "unverified": 0, "why": ""}
    plan = json.loads((tmp_path / "run" / "plan-00.json").read_text("utf-8"))
    assert {order["cost"] for order in plan["orders"]} == {4_000 + 4 * 500}
    before = opened.asked
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    (tmp_path / "again" / "shards" / "00000.json").unlink()
    _, opened = _run(folder, tmp_path / "again", 300_000, *pairs, script=_examined)
    assert (before > 0, opened.asked) == (True, 0)
    name = Path("ledger") / "part-00000.parquet"
    assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_where_no_solver_is_known_difficulties_are_told_as_unverified(
    folder: Path, tmp_path: Path
) -> None:
    _run(folder, tmp_path / "run", 100_000, *BY_DIFFICULTY)
    added = [entry for entry in _ledger(tmp_path / "run") if entry.outcome == "added"]
    assert added
    assert {entry.difficulty_note for entry in added} == {"unverified: taken as ordered"}
    told = _report(tmp_path / "run")["difficulty"]
    assert (told["scored"], told["unverified"]) == (0, len(added))
    assert "profile --panel" in told["why"]
    assert "0 of" in (tmp_path / "run" / "report.html").read_text("utf-8")


def _asking(number: int) -> Request:
    words = f"Number of this question: {number}."
    return Request((Message("user", words),), Sampling(max_tokens=1), task="generate")

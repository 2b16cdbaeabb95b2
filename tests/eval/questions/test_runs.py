"""The harness of whole runs, with the real graph, store and budget around a scripted model."""

import gzip
import json
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from burnish.agents.llm.client import Client
from burnish.agents.llm.endpoints import open_services
from burnish.agents.llm.messages import Request
from burnish.agents.llm.scripted import ScriptedClient
from burnish.eval.datasets import mmlu
from burnish.eval.questions import command
from burnish.eval.questions.runs import Bench, Writer, run_trials
from burnish.graphs.questions.operate.assembly import assembled
from burnish.graphs.questions.operate.record_graph import QuestionServices
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.settings import Settings

BUDGET = 150_000
THINGS = ("kettle", "violin", "harbour", "ladder", "meadow", "lantern", "barrel", "saddle")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a set of 240 items on three subjects, answered by six models."""
    rng = np.random.default_rng(0)
    hard = rng.normal(-1, 1.5, 240)
    right = rng.random((240, 6)) < 1 / (1 + np.exp(hard[:, None] - np.linspace(-1, 1, 6)))
    path = tmp_path / mmlu.FILE
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for at in range(240):
            thing = THINGS[at % len(THINGS)]
            row = {
                "id": str(at),
                "subject": f"s{at % 3}",
                "question": f"Which of the {at * 37} numbers belongs to {thing} {at * 11}?",
                "choices": [f"{at + step} {thing}s" for step in (1, 20, 300, 4000)],
                "answer": 1,
                "helm10": {f"m{m}": "B" if right[at, m] else "C" for m in range(6)},
            }
            lines.write(json.dumps(row) + "\n")
    monkeypatch.setenv("BURNISH_DATA", str(tmp_path))
    return tmp_path


def answer(request: Request) -> str:
    """Write a new question, or refuse to compute."""
    if request.task != "generate":
        return "NOT COMPUTABLE"
    found = re.search(r"Number of this question: (\d+)", request.messages[-1].content)
    assert found is not None
    number = int(found[1])
    return json.dumps({
        "question": f"How heavy is {THINGS[number % 8]} {number * 7919} of yard {number * 101}?",
        "answer": f"{number + 5} stones",
        "wrong_answers": [f"{number + step} stones" for step in (11, 230, 3700)],
        "rationale": "",
    })


@asynccontextmanager
async def scripted(
    settings: Settings, desk: WorkingSet, root: Path
) -> AsyncGenerator[QuestionServices]:
    store, budget = open_services(root, BUDGET)
    try:
        async with AsyncExitStack() as stack:
            model = Client(ScriptedClient(answer), store=store, budget=budget)
            yield assembled(settings, desk, model, stack)
    finally:
        store.close()
        budget.close()


def test_whole_runs_remove_draw_and_write_within_their_limits(root: Path, tmp_path: Path) -> None:
    told = ("qa.validators=[]", "qa.pilot=4", 'qa.operations=["remove", "generate"]')
    writer = Writer("http://127.0.0.1:9/v1", "scripted", BUDGET, told, scripted)
    rows = mmlu.read(root)
    found = run_trials(Bench(mmlu.load(root), rows, tmp_path / "runs", 60, writer), seed=2)
    by_arm = {trial.arm: trial for trial in found}
    assert set(by_arm) == {"remove", "draw", "write"}
    assert all(trial.after < trial.before and not trial.faults for trial in found)
    assert by_arm["draw"].after < by_arm["remove"].after
    assert by_arm["write"].after < by_arm["remove"].after
    assert all(54 <= trial.size <= 66 for trial in found)
    assert 0 < by_arm["write"].tokens <= BUDGET
    assert by_arm["write"].heldout is None
    assert by_arm["draw"].heldout is not None
    written = {line["operation"]: line for line in by_arm["write"].invoice}["generate"]
    assert written["done"] > 0
    assert written["tokens"] > 0


def test_the_command_prints_what_whole_runs_came_to(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.json"
    folder = root / "kept"
    given = ["--seeds", "0", "--runs", "1", "--run-size", "60", "--folder", str(folder)]
    assert command.main([*given, "--json", str(told)]) == 0
    said = capsys.readouterr().out
    assert "whole runs, 1 seeds" in said
    runs = json.loads(told.read_text("utf-8"))["runs"]
    assert [run["arm"] for run in runs] == ["remove", "draw"]
    assert (folder / "seed-0" / "draw" / "report.html").is_file()
    # Asked again, finished runs are taken as they are.
    assert command.main([*given, "--json", str(told)]) == 0
    assert json.loads(told.read_text("utf-8"))["runs"] == runs

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from burnish.eval.datasets import mmlu
from burnish.eval.questions import command
from burnish.eval.questions.rebalance import Setting, ranking, refined, skewed, trials


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a set of 600 items on six subjects, answered by six models of different strength."""
    rng = np.random.default_rng(0)
    hard = rng.normal(-1, 1.5, 600)
    strong = np.linspace(-1, 1, 6)
    right = rng.random((600, 6)) < 1 / (1 + np.exp(hard[:, None] - strong))
    path = tmp_path / mmlu.FILE
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for item in range(600):
            answers = {f"m{m}": "B" if right[item, m] else "C" for m in range(6)}
            row = {
                "id": str(item),
                "subject": f"s{item % 6}",
                "question": "why" * int(rng.integers(1, 60)),
                "choices": ["a", "b", "c", "d"],
                "answer": 1,
                "helm10": answers,
            }
            lines.write(json.dumps(row) + "\n")
    monkeypatch.setenv("BURNISH_DATA", str(tmp_path))
    return tmp_path


def test_every_method_meets_the_same_set_and_burnish_ends_nearest(root: Path) -> None:
    found = trials(mmlu.load(root), Setting(120, (0.5,), 50), 1)
    by_name = {trial.method: trial for trial in found}
    assert len({trial.before for trial in found}) == 1
    ours = by_name.pop("burnish")
    assert all(ours.after <= trial.after + 1e-9 for trial in by_name.values())
    assert ours.reduction > 0.5
    assert all(trial.spent <= 1 + 1e-9 and 108 <= trial.size <= 132 for trial in found)


def test_the_refined_set_has_what_the_plan_says(root: Path) -> None:
    drawn = skewed(mmlu.load(root), 100, 3)
    assert not set(drawn.chosen.tolist()) & set(drawn.pool.tolist())
    items = refined(drawn, np.array([0, 100, 101]))
    assert len(items) == 101
    assert drawn.chosen[0] not in items
    assert set(drawn.pool[:2].tolist()) <= set(items.tolist())
    assert drawn.target.sum() == pytest.approx(1.0)
    assert drawn.heldout.sum() == 3


def test_a_set_ranks_models_as_itself(root: Path) -> None:
    data = mmlu.load(root)
    same = ranking(data.correct, np.arange(600))
    assert (same.kendall, same.spearman, same.error) == (pytest.approx(1), pytest.approx(1), 0)


def test_the_command_prints_a_table_and_writes_figures(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = root / "figures.json"
    arguments = ["--seeds", "2", "--size", "40", "--budgets", "0.5", "--json", str(told)]
    assert command.main(arguments) == 0
    assert "adaptive greedy" in capsys.readouterr().out
    figures = json.loads(told.read_text("utf-8"))
    assert figures["seeds"] == 2
    first = figures["results"][0]
    assert first["method"] == "burnish"
    assert first["after"]["value"] < figures["before"]["value"]
    assert first["worse_by"]["value"] == 0
    assert len(figures["trials"]) == 12


def test_without_data_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BURNISH_DATA", str(tmp_path))
    assert command.main([]) == 0
    assert "skipped" in capsys.readouterr().out

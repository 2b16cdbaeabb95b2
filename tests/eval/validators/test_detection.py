import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from burnish.corpora.errors import SourceError
from burnish.corpora.records import Opinion
from burnish.eval.validators.command import ValidatorBenchmark, corrupted, main
from burnish.eval.validators.corrupted_keys import read_cases
from burnish.eval.validators.detection import KeyOpinion, auroc, detection, precision_at
from burnish.eval.validators.redux import redux
from burnish.tools.answers.calculations import check_calculations
from burnish.tools.answers.compare import compare
from burnish.tools.sandbox.pool import layers


def pack(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


@pytest.fixture
def mills(tmp_path: Path) -> Path:
    """Forty questions with two right programs and a broken one each."""
    programs: list[dict[str, object]] = []
    questions: list[dict[str, object]] = []
    for days in range(3, 43):
        question = f"A mill grinds 12 sacks a day. How many sacks in {days} days and one more?"
        gold = 12 * days + 12
        rationale = f"<<12*{days}={12 * days}>> <<{12 * days}+12={gold}>>\n#### {gold}"
        questions.append({"question": question, "rationale": rationale, "answer": str(gold)})
        right, broken = f"print(12 * {days} + 12)", "print(1 / 0)"
        for model, program in (("one", right), ("two", right), ("three", broken)):
            programs.append({
                "source": "ToRA", "model": model, "dataset": "gsm8k", "id": f"{days}",
                "question": question, "gold": str(gold), "programs": [program],
                "recorded_outputs": [f"{gold}\n"],
            })  # fmt: skip
    pack(tmp_path / "pot_programs" / "pot_programs.jsonl.gz", programs)
    pack(tmp_path / "gsm8k" / "test.jsonl.gz", questions)
    return tmp_path


def plan(data: Path, *, part: str = "all") -> ValidatorBenchmark:
    return ValidatorBenchmark(data, "gsm8k", part, 0, 0, hard=False, workers=1)


def test_about_half_the_keys_are_wrong_and_plausible(mills: Path) -> None:
    cases = read_cases(mills)
    wrong = [case for case in cases if case.corrupted]
    assert len(cases) == 40
    assert 10 <= len(wrong) <= 30
    assert {case.corruption for case in wrong} == {"intermediate", "near", "scaled"}
    for case in cases:
        keyed = compare(case.item.answer, case.gold).relation
        assert keyed == ("different" if case.corrupted else "same")
        assert check_calculations(case.item.rationale or "").final == case.item.answer


def test_the_draw_depends_on_the_seed_alone(mills: Path) -> None:
    keys = [case.item.answer for case in read_cases(mills)]
    assert keys == [case.item.answer for case in read_cases(mills)]
    assert keys != [case.item.answer for case in read_cases(mills, seed=1)]
    assert {case.part for case in read_cases(mills)} == {"development", "aside"}


@pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)
def test_recorded_programs_judge_keys_through_the_reasoner(mills: Path) -> None:
    rows = {str(row["judged_by"]): row for row in corrupted(plan(mills))}
    assert rows["vote of all programs"]["precision"] == (1.0, 1.0, 1.0)
    assert rows["vote of all programs"]["recall_of_all"] == (1.0, 1.0, 1.0)
    assert rows["one program: two"]["recall"] == (1.0, 1.0, 1.0)
    assert rows["one program: three"]["abstained"] == (1.0, 1.0, 1.0)
    assert rows["one program: three"]["failures"] == {"model": 40}


def told(*words: tuple[bool, Opinion]) -> list[KeyOpinion]:
    return [
        KeyOpinion(wrong, opinion, 0.0 if opinion == "abstain" else 0.8) for wrong, opinion in words
    ]


def test_the_figures_of_detection() -> None:
    found = detection(
        told((True, "reject"), (True, "reject"), (True, "accept"), (True, "abstain"),
             (False, "reject"), (False, "accept"), (False, "accept"), (False, "abstain"))
    )  # fmt: skip
    assert (found.keys, found.wrong) == (8, 4)
    assert found.abstained.value == 0.25
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.recall_of_all.value == 0.5
    assert found.false_rejects.value == pytest.approx(1 / 3)
    assert found.precision.low <= found.precision.value <= found.precision.high


def test_ranking_figures_count_ties_half() -> None:
    wrong = np.array([True, False, True, False])
    assert auroc(np.array([1.0, 0.0, 1.0, 0.0]), wrong) == 1.0
    assert auroc(np.zeros(4), wrong) == 0.5
    assert precision_at(np.zeros(4), wrong, 2) == 0.5
    assert precision_at(np.array([3.0, 2.0, 1.0, 0.0]), wrong, 1) == 1.0


def test_redux_counts_what_abstains_and_what_models_doubt(tmp_path: Path) -> None:
    labels = ["ok", "Wrong groundtruth", "expert"]
    items = [
        {"id": str(place), "subject": "history", "question": f"Who was miller {place}?",
         "choices": ["Ada", "Bo", "Cy", "Di"], "answer": 0, "error_type": label}
        for place, label in enumerate(labels)
    ]  # fmt: skip
    helm = [dict(item, pred={"m": "AB"[place % 2], "n": "The"}) for place, item in enumerate(items)]
    pack(tmp_path / "mmlu_redux" / "mmlu_redux.jsonl.gz", items)
    pack(tmp_path / "mmlu_redux" / "helm14_responses.jsonl.gz", helm)
    rows = redux(tmp_path)
    assert rows[0]["found"] == {"factual": 3}
    assert rows[1]["found"] == {"abstain": 3}
    assert (rows[2]["items"], rows[2]["wrong"]) == (2, 1)
    assert rows[4]["auroc"] == 1.0


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="gsm8k"):
        read_cases(tmp_path)
    assert main(["--data", str(tmp_path), "--only", "redux"]) == 2
    assert capsys.readouterr().err.count("\n") == 1

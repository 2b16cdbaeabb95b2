"""The scripts that people would copy run as they stand, on the samples."""

import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT

SAMPLES = ROOT / "corpora" / "samples"


def run(name: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_texts_are_refined_by_two_refiners() -> None:
    told = run("refine_texts.py")
    assert told.startswith("embedded: ")
    assert "rules: edited" in told
    assert "Bees fly at dawn" in told


def test_thresholds_are_compared(tmp_path: Path) -> None:
    told = run("compare_thresholds.py", SAMPLES / "documents.jsonl", tmp_path).split("\n")
    kept = [float(line.split()[1].rstrip("%")) for line in told[1:4]]
    assert kept == sorted(kept, reverse=True)


def test_questions_are_planned_for_balanced_and_put_back(tmp_path: Path) -> None:
    sets = (SAMPLES / "questions.jsonl", SAMPLES / "question_pool.jsonl")
    told = run("balance_questions.py", *sets, tmp_path)
    assert "32 questions; the plan: " in told
    assert "undone: 32 questions" in told

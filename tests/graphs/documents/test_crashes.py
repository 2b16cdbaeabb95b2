"""Real SIGKILLs on real runs; the long version is `python -m burnish.eval.robustness.crashes`."""

from pathlib import Path

import pytest

from burnish.eval.robustness.crashes import COMPARED, VICTIMS, CrashTrial, run_trial, snapshot

SETTINGS = ("refiner.name=rules", "refiner.drop_documents=true", "run.max_failure_ratio=1")


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_identical_bytes(tmp_path: Path) -> None:
    trial = CrashTrial(kills=5, seed=24, settings=SETTINGS)
    said: list[str] = []
    verdict = run_trial(trial, 3_000, tmp_path, said.append)
    assert verdict.faults == (), said
    assert {crash.victim for crash in verdict.crashes} == set(VICTIMS), said
    kept = snapshot(tmp_path / "tormented")
    assert {name.partition("/")[0] for name in kept} == set(COMPARED)

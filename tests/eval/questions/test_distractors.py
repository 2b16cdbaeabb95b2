import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.eval.questions.distractors import measure, read
from burnish.eval.questions.option_guessers import FITTED, TREES, Sheet, guesses
from burnish.tools.distractors.cues import NAMES
from tests.support.word_vectors import WordVectors

pytestmark = pytest.mark.model

WIDTH = len(NAMES)
KINDS = ("hard", "soft", "old", "thin", "grey", "blue", "warm", "wet", "flat", "raw", "dry", "odd")
THINGS = ("stone", "ore", "clay", "sand")


def sheets(count: int, seed: int) -> list[Sheet]:
    rng = np.random.default_rng(seed)
    return [Sheet(at % 5, rng.random((4, WIDTH)), rng.random(3)) for at in range(count)]


def test_guessers_find_a_key_that_stands_out_and_no_other() -> None:
    plain = sheets(400, 0)
    found = guesses(plain)
    assert all(abs(credit.mean() - 0.25) < 0.09 for credit in found.values())
    lift = np.zeros((4, WIDTH))
    lift[0, 0] = 2
    told = guesses([one._replace(cues=one.cues + lift) for one in plain])
    assert told["most length"].mean() == 1
    assert told["least length"].mean() == 0
    assert min(told[FITTED].mean(), told[TREES].mean()) > 0.95


def test_trees_find_a_key_that_is_told_by_two_cues_together_only() -> None:
    held: list[Sheet] = []
    for at, one in enumerate(sheets(400, 1)):
        cues = one.cues.round()
        cues[:, 1] = (cues[:, 0] + (np.arange(4) == 0)) % 2
        held.append(Sheet(at % 5, cues, one.likeness))
    told = guesses(held)
    assert told[TREES].mean() > 0.9
    assert told["most digits"].mean() < 0.4


@settings(max_examples=5)
@given(st.integers(1, 9))
def test_a_guesser_that_sees_no_difference_is_right_by_chance(count: int) -> None:
    same = [Sheet(at % 2, np.ones((4, WIDTH)), np.ones(3)) for at in range(count)]
    assert all((credit == 0.25).all() for credit in guesses(same).values())


def test_the_arms_are_measured_on_the_same_items(tmp_path: Path) -> None:
    rows = [
        {
            "id": str(at), "split": "test", "subject": "stones",
            "question": f"{KINDS[at - 5]} {KINDS[at - 3]} hill{at} {THINGS[at % 4]} is?",
            "choices": [f"{KINDS[at]} {thing}" for thing in THINGS], "answer": at % 4,
            "helm10": {"a": "ABCD"[at % 4], "b": "ABCD"[at % 4 - 1], "c": "T"},
        }
        for at in range(12)
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(orjson.dumps(row) + b"\n" for row in rows)))
    subjects = read(path, "all", seed=0, most=3)
    assert list(subjects) == ["stones"]
    assert subjects["stones"][0].chosen == {f"{KINDS[0]} sand"}
    lines: list[str] = []
    told = measure(subjects, WordVectors(), seed=0, progress=lines.append)
    assert told["items"] == 12
    counts = orjson.loads(orjson.dumps(told))
    assert counts["compared"] + sum(counts["refused"].values()) == 12
    assert counts["compared"] >= 6
    assert set(told) >= {"human", "human, all items", "mined", "unbalanced", "random", "yield"}
    assert "likeness to the key of chosen less unchosen" in told
    assert lines[0].startswith("1 of 1 subjects")


def test_designing_and_reporting_are_done_on_different_subjects(tmp_path: Path) -> None:
    rows = [
        {"id": str(at), "split": "test", "subject": f"s{at}", "question": "?",
         "choices": ["a", "b", "c", "d"], "answer": 1}
        for at in range(7)
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(orjson.dumps(row) + b"\n" for row in rows)))
    parts = {part: set(read(path, part, 0)) for part in ("design", "kept", "all")}
    assert (len(parts["design"]), len(parts["kept"])) == (5, 2)
    assert parts["design"] | parts["kept"] == parts["all"]

import gzip
from pathlib import Path

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from burnish.eval.distractors import FITTED, Sheet, guesses, measure, read
from tests.word_vectors import WordVectors

METALS = ("iron", "zinc", "lead", "gold", "copper", "nickel", "cobalt", "silver", "mercury", "tin")


def test_guessers_find_a_key_that_stands_out_and_no_other() -> None:
    rng = np.random.default_rng(0)
    plain = [Sheet(at % 5, rng.random((4, 3)), rng.random(3)) for at in range(400)]
    found = guesses(plain)
    assert all(abs(credit.mean() - 0.25) < 0.09 for credit in found.values())
    long = [one._replace(cues=one.cues + np.array([[2.0], [0], [0], [0]])) for one in plain]
    assert guesses(long)["longest"].mean() == 1
    assert guesses(long)["shortest"].mean() == 0
    assert guesses(long)[FITTED].mean() > 0.95


@given(st.integers(1, 9))
def test_a_guesser_that_sees_no_difference_is_right_by_chance(count: int) -> None:
    sheets = [Sheet(at % 2, np.ones((4, 3)), np.ones(3)) for at in range(count)]
    assert all((credit == 0.25).all() for credit in guesses(sheets).values())


def test_the_arms_are_measured_on_the_same_items(tmp_path: Path) -> None:
    rows = [
        {
            "id": str(at), "split": "test", "subject": "metals",
            "question": f"use{at} found{at} in{at}?",
            "choices": [METALS[(at + step) % 10] for step in (0, 3, 4, 7)], "answer": 0,
            "helm10": {"a": "A", "b": "BC"[at % 2], "c": "T"},
        }
        for at in range(10)
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(orjson.dumps(row) + b"\n" for row in rows)))
    subjects = read(path, 3, seed=0)
    assert list(subjects) == ["metals"]
    assert subjects["metals"][0].chosen == {"gold"}
    told = measure(subjects, WordVectors().embed, seed=0)
    assert told["items"] == 10
    assert told["compared"] == 10
    assert set(told) >= {"human", "mined", "unbalanced", "random"}
    assert "likeness of chosen less unchosen" in told

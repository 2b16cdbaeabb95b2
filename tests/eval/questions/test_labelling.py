from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from burnish.eval.datasets import mmlu
from burnish.eval.questions import labelling
from burnish.graphs.profile.vector_cache import VectorCache, Vectoring

SUBJECTS = ("algebra", "botany", "civics", "dance", "energy", "fishing")


class Spotter:
    """Vectors by which subject's first letter, tripled, a text holds."""

    name = digest = "spotter"
    dimensions = 1 + len(SUBJECTS)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [
            [0.2, *(float(name[0] * 3 in text or name in text) for name in SUBJECTS)]
            for text in texts
        ]
        found = np.array(rows, np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def _rows(items: int) -> list[mmlu.MmluRow]:
    return [
        {
            "id": str(at), "subject": SUBJECTS[at % 6], "answer": 0, "helm10": {},
            "question": f"{SUBJECTS[at % 6][0] * 3} {at}?", "choices": ["1", "2", "3", "4"],
        }
        for at in range(items)
    ]  # fmt: skip


def test_hidden_subjects_are_found_and_those_not_listed_are_other(tmp_path: Path) -> None:
    found = labelling.drawn(_rows(300), 120, 0)
    assert len(found.hidden) == 120
    assert [label.name for label in found.labels] == ["botany", "civics", "dance", "energy"]
    assert {row.item.domain for row in found.known} <= {label.name for label in found.labels}
    vectoring = Vectoring(VectorCache(tmp_path, "spotter"), Spotter)
    plain = labelling.score(found, vectoring, calibrated=False)
    sure = labelling.score(found, vectoring, calibrated=True)
    assert (plain.right, plain.wrong, plain.strangers) == (1.0, 0.0, 1.0)
    assert (sure.right, sure.strangers) == (1.0, 1.0)
    assert plain.known == 0
    assert sure.known > 60


def test_without_data_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BURNISH_DATA", str(tmp_path))
    assert labelling.main([]) == 0
    assert "skipped" in capsys.readouterr().out

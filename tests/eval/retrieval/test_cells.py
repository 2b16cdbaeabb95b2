from pathlib import Path

import numpy as np
import pytest

from burnish.eval.retrieval.cells import compared, stretched
from burnish.tools.retrieval.dense_index import DenseIndex, build_dense, open_dense


@pytest.fixture
def index(tmp_path: Path) -> DenseIndex:
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((20, 24))
    rows = centres[draw.integers(0, 20, 900)] + 0.3 * draw.standard_normal((900, 24))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    np.save(tmp_path / "0.npy", rows)
    build_dense([tmp_path / "0.npy"], tmp_path / "dense")
    return open_dense(tmp_path / "dense")


def test_made_up_vectors_are_unit_and_near_real_ones(index: DenseIndex) -> None:
    rows = np.concatenate(list(stretched(index, 2000)))
    assert rows.shape == (2000, 24)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-3)
    near = np.einsum("ij,ij->i", rows[:900], rows[900:1800])
    assert 0.8 < near.mean() < 0.97


def test_a_search_in_cells_is_held_against_one_in_all(index: DenseIndex, tmp_path: Path) -> None:
    told = compared(index, index.block(0, 40), tmp_path, 1200)
    assert (told["vectors"], told["made_up"], told["questions"]) == (1200, 300, 40)
    assert told["recall_on_questions"] == pytest.approx(1.0, abs=0.15)
    assert told["recall_reported"] == pytest.approx(1.0, abs=0.02)

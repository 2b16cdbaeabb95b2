# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from burnish.tools.arrays import Floats, Ints
from burnish.tools.profile.rasch import Records, fit_rasch
from burnish.tools.profile.rasch_by_cell import fit_by_cell


class Known(NamedTuple):
    records: Records
    cells: Ints
    difficulty: Floats
    offset: Floats


def agreement(first: Floats, second: Floats) -> float:
    """Return Spearman's rank correlation."""
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def simulate(seed: int, spread: float, *, items: int = 2_500, cells: int = 6) -> Known:
    """Draw five answers an item of 15 models, whose abilities by cell have that spread."""
    draw = np.random.default_rng(seed)
    models = 15
    hard, ability = 1.5 * draw.normal(size=items), draw.normal(size=models)
    offset = spread * draw.normal(size=(models, cells))
    offset -= offset.mean(axis=0)
    cell = draw.integers(0, cells, items)
    asked = draw.random((items, models)).argsort(axis=1)[:, :5]
    item = np.repeat(np.arange(items), 5)
    model = asked.reshape(-1)
    logit = ability[model] + offset[model, cell[item]] - hard[item]
    correct = draw.random(len(item)) < 1 / (1 + np.exp(-logit))
    return Known(Records(item, model, correct, items, models), cell, hard, offset)


@pytest.mark.parametrize("seed", range(3))
def test_who_is_good_at_what_sharpens_difficulties_and_intervals_stay_true(seed: int) -> None:
    known = simulate(seed, 1.0)
    plain = fit_rasch(known.records)
    found = fit_by_cell(known.records, plain, known.cells)
    before = agreement(plain.difficulty, known.difficulty)
    assert agreement(found.difficulty.difficulty, known.difficulty) > before + 0.01
    # What a model is better by in all cells is its ability.
    offset = known.offset - known.offset.mean(axis=1, keepdims=True)
    assert np.corrcoef(found.offset.reshape(-1), offset.reshape(-1))[0, 1] > 0.85
    assert found.spread == pytest.approx(offset.std(), abs=0.2)
    low, high = found.difficulty.interval()
    assert 0.87 <= ((low <= known.difficulty) & (known.difficulty <= high)).mean() <= 0.93


def test_models_that_are_alike_in_all_cells_lose_nothing() -> None:
    known = simulate(5, 0.0)
    plain = fit_rasch(known.records)
    found = fit_by_cell(known.records, plain, known.cells)
    assert found.spread < 0.2
    before = agreement(plain.difficulty, known.difficulty)
    assert agreement(found.difficulty.difficulty, known.difficulty) > before - 0.003


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(-2, 2))
def test_one_cell_changes_nothing(seed: int, centre: float) -> None:
    known = simulate(seed, 0.5, items=300)
    prior = np.full(300, centre)
    plain = fit_rasch(known.records, prior)
    found = fit_by_cell(known.records, plain, np.zeros(300, np.int64), prior)
    assert np.abs(found.offset).max() < 0.05
    assert found.difficulty.difficulty == pytest.approx(plain.difficulty, abs=0.05)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_no_cell_gets_harder_by_the_offsets(seed: int) -> None:
    known = simulate(seed, 0.8, items=300, cells=3)
    found = fit_by_cell(known.records, fit_rasch(known.records), known.cells)
    answers = np.zeros(found.offset.shape)
    np.add.at(answers, (known.records.model, known.cells[known.records.item]), 1)
    assert (found.offset * answers).sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_small_cells_are_taken_together() -> None:
    known = simulate(1, 0.5, items=300)
    cells = np.r_[np.zeros(280, np.int64), np.arange(1, 21)]
    assert fit_by_cell(known.records, fit_rasch(known.records), cells).offset.shape == (15, 2)


def test_a_model_that_answered_in_no_cell_of_a_kind_has_no_offset_there() -> None:
    known = simulate(2, 0.5, items=400, cells=2)
    records = known.records
    kept = (records.model != 3) | (known.cells[records.item] == 0)
    found = fit_by_cell(records.taken(kept), fit_rasch(records.taken(kept)), known.cells)
    assert np.isfinite(found.difficulty.difficulty).all()
    assert abs(found.offset[3, 1]) < 0.2


def test_a_chance_of_guessing_is_refused() -> None:
    known = simulate(1, 0.5, items=100)
    fit = fit_rasch(known.records, guess=0.1)
    with pytest.raises(ValueError, match="without a chance of guessing"):
        fit_by_cell(known.records, fit, known.cells)

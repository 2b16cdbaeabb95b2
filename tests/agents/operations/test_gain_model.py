from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.operations.gain_model import ENOUGH, FEW, Caution, EditTrial, GainModel
from burnish.tools.planning.invoice import Charge, calibration, invoice


def _trials(count: int, seed: int, *, success: float = 0.7) -> list[EditTrial]:
    """An operation that brings what was promised with some chance, and costs by length."""
    rng = np.random.default_rng(seed)
    promised, length = rng.uniform(1, 3, count), rng.uniform(50, 400, count)
    fine = rng.random(count) < success
    return [
        EditTrial("rephrase", (float(n), 1.0), float(p), float(p * ok), float(300 + 2 * n + e))
        for p, n, ok, e in zip(promised, length, fine, rng.normal(0, 20, count), strict=True)
    ]


def _features(rows: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.array(rows, np.float64)


def test_estimates_follow_what_the_pilot_brought_and_cost() -> None:
    gain_model = GainModel(tuple(_trials(60, 0)))
    found = gain_model.estimate("rephrase", _features([(100.0, 1.0), (100.0, 1.0), (400.0, 1.0)]))
    assert found.tokens.mean == pytest.approx([500, 500, 1_100], abs=60)
    assert (found.planned_share <= found.share.mean).all()
    assert (found.planned_tokens >= found.tokens.mean).all()
    assert (found.planned_share > 0).all()


def test_what_makes_an_operation_fail_is_learnt() -> None:
    trials = [
        EditTrial("generate", (0.0, float(level)), 1e-3, 1e-3 * (level < 2), 500.0)
        for level in range(4)
        for _ in range(10)
    ]
    found = GainModel(tuple(trials)).estimate("generate", _features([(0.0, 0.0), (0.0, 3.0)]))
    assert found.share.mean[0] > 0.7
    assert found.share.mean[1] < 0.3


def test_caution_says_which_bound_a_plan_counts_on() -> None:
    rows = _features([(200.0, 1.0)])
    told: dict[Caution, float] = {}
    cautions: tuple[Caution, ...] = ("mean", "sure", "single")
    for caution in cautions:
        gain_model = GainModel(tuple(_trials(40, 1)), caution=caution)
        told[caution] = float(gain_model.estimate("rephrase", rows).planned_share[0])
    assert told["single"] < told["sure"] < told["mean"]


def test_more_trials_make_the_sure_bound_better_on_the_average() -> None:
    rows = _features([(200.0, 1.0)])

    def gap(count: int) -> float:
        found = [
            GainModel(tuple(_trials(count, seed))).estimate("rephrase", rows) for seed in range(8)
        ]
        return float(np.mean([f.share.mean[0] - f.planned_share[0] for f in found]))

    assert gap(120) < gap(12)


def test_unbroken_success_leaves_doubt_by_its_number() -> None:
    rows = _features([(200.0, 1.0)])
    planned = [
        GainModel(tuple(_trials(count, 0, success=1.0))).estimate("rephrase", rows).planned_share[0]
        for count in (0, 2, ENOUGH - 1, 20, 100)
    ]
    assert planned == sorted(planned)
    assert 0 < planned[0] < 0.1
    assert planned[-1] < 1


def test_an_operation_hardly_tried_costs_what_is_feared() -> None:
    gain_model = GainModel(priors={"expand": 900.0})
    found = gain_model.estimate("expand", _features([(1.0, 1.0), (2.0, 1.0)]))
    assert found.share.mean.tolist() == [0.5, 0.5]
    assert found.planned_tokens.tolist() == [900.0, 900.0]
    wiser = replace(gain_model, trials=(EditTrial("expand", (1.0, 1.0), 0.3, 0.2, 1_500.0),))
    assert wiser.estimate("expand", _features([(1.0, 1.0)])).tokens.mean[0] == 1_200.0


def test_learning_more_changes_the_estimates() -> None:
    trials = _trials(ENOUGH, 2, success=1.0)
    rows = _features([(200.0, 1.0)])
    before = GainModel(tuple(trials)).estimate("rephrase", rows).share.mean[0]
    trials += _trials(60, 3, success=0.0)
    after = GainModel(tuple(trials)).estimate("rephrase", rows).share.mean[0]
    assert after < before / 2


def test_what_never_works_is_given_up_and_what_worked_once_is_not() -> None:
    failed = _trials(FEW, 0, success=0.0)
    assert not GainModel(tuple(failed[1:])).gives_up("rephrase")
    assert GainModel(tuple(failed)).gives_up("rephrase")
    assert not GainModel((*failed, *_trials(1, 0, success=1.0))).gives_up("rephrase")


def test_trials_without_a_promise_tell_of_tokens_only() -> None:
    trials = [EditTrial("check", (1.0,), 0.0, 0.0, 700.0)] * 40
    found = GainModel(tuple(trials)).estimate("check", np.ones((1, 1)))
    assert found.tokens.mean[0] == pytest.approx(700)
    assert found.share.mean[0] == 0.5


@given(st.integers(0, 30), st.integers(0, 30))
def test_what_a_plan_counts_on_is_within_what_may_happen(worked: int, failed: int) -> None:
    trials = [
        EditTrial("x", (float(n % 5),), 1.0, float(n < worked), 100.0 + n)
        for n in range(worked + failed)
    ]
    found = GainModel(tuple(trials)).estimate("x", np.array([[0.0], [2.0], [50.0]]))
    assert np.isfinite(np.array([found.planned_share, found.planned_tokens])).all()
    assert (found.share.mean >= 0).all()
    assert (found.share.mean <= 1).all()
    assert (found.planned_share <= found.share.mean).all()
    assert (found.planned_tokens >= found.tokens.mean).all()


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="other features"):
        GainModel(tuple(_trials(10, 0))).estimate("rephrase", np.ones((2, 3)))


def _charge(gain: float, tokens: float, mean: float, *, operation: str = "rephrase") -> Charge:
    return Charge(
        operation=operation, gain=gain, tokens=tokens, mean_gain=mean,
        interval=(mean - 1, mean + 1), planned_gain=mean / 2, mean_tokens=100,
        planned_tokens=120, status="done" if gain > 0 else "rolled_back",
    )  # fmt: skip


def test_the_invoice_adds_up_and_tells_of_what_was_not_spent() -> None:
    charges = [_charge(2.0, 90, 1.5), _charge(0.0, 130, 1.5), _charge(1.0, 50, 4.0, operation="x")]
    told = invoice(charges, 1_000)
    first, second = told.lines
    assert (first.operation, first.orders, first.done, first.rolled_back) == ("rephrase", 2, 1, 1)
    assert (first.gain, first.mean_gain, first.planned_gain) == (2.0, 3.0, 1.5)
    assert (first.tokens, first.planned_tokens, first.within) == (220, 240, 0.5)
    assert second.within == 0.0
    assert (told.spent, told.unspent, told.planned, told.under_planned) == (270, 730, 360, 90)
    assert sum(point.orders for point in told.points) == 3
    assert told.as_json()["unspent"] == 730
    assert invoice(charges, None).unspent is None


def test_calibration_sorts_by_prediction_and_keeps_all_orders_that_promised_a_gain() -> None:
    rng = np.random.default_rng(0)
    means = rng.uniform(0, 1, 95)
    charges = [_charge(float(m + rng.normal(0, 0.1)), 1, float(m)) for m in means]
    points = calibration([*charges, _charge(0.0, 1, 0.0)])
    assert [point.predicted for point in points] == sorted(point.predicted for point in points)
    assert sum(point.orders for point in points) == 95
    assert all(abs(p.predicted - p.realised) < 4 * max(p.error or 0, 0.03) for p in points)
    assert calibration([]) == []
    assert calibration(charges[:1])[0].error is None

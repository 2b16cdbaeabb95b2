from collections.abc import Sequence

import numpy as np
import pytest

from burnish.agents.planner import ENOUGH, Caution, Planner, Prior, Trial
from burnish.tools.calibration import Charge, calibration, invoice


def _trials(count: int, seed: int, *, success: float = 0.7) -> list[Trial]:
    """An operation that brings what was promised with some chance, and costs by length."""
    rng = np.random.default_rng(seed)
    promised, length = rng.uniform(1, 3, count), rng.uniform(50, 400, count)
    fine = rng.random(count) < success
    return [
        Trial("rephrase", (float(p), float(n)), float(p * ok), float(300 + 2 * n + e))
        for p, n, ok, e in zip(promised, length, fine, rng.normal(0, 20, count), strict=True)
    ]


def _features(rows: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.array(rows, np.float64)


def test_estimates_follow_what_the_pilot_brought_and_cost() -> None:
    planner = Planner(tuple(_trials(60, 0)))
    found = planner.estimate("rephrase", _features([(1.0, 100.0), (3.0, 100.0), (2.0, 400.0)]))
    assert found.gain.mean[1] > found.gain.mean[0]
    assert found.tokens.mean == pytest.approx([500, 500, 1_100], abs=60)
    assert (found.planned_gain <= found.gain.mean).all()
    assert (found.planned_tokens >= found.tokens.mean).all()
    assert (found.planned_gain > 0).all()


def test_caution_says_which_bound_a_plan_counts_on() -> None:
    rows = _features([(2.0, 200.0)])
    told: dict[Caution, float] = {}
    cautions: tuple[Caution, ...] = ("mean", "sure", "single")
    for caution in cautions:
        planner = Planner(tuple(_trials(40, 1)), caution=caution)
        told[caution] = float(planner.estimate("rephrase", rows).planned_gain[0])
    assert told["single"] < told["sure"] < told["mean"]


def test_more_trials_make_the_sure_bound_better_on_the_average() -> None:
    rows = _features([(2.0, 200.0)])

    def gap(count: int) -> float:
        found = [
            Planner(tuple(_trials(count, seed))).estimate("rephrase", rows) for seed in range(8)
        ]
        return float(np.mean([f.gain.mean[0] - f.planned_gain[0] for f in found]))

    assert gap(120) < gap(12)


def test_an_operation_hardly_tried_is_not_sure_to_gain_anything() -> None:
    planner = Planner(priors={"expand": Prior(0.4, 900.0)})
    found = planner.estimate("expand", _features([(1.0, 1.0), (2.0, 1.0)]))
    assert found.gain.mean.tolist() == [0.4, 0.4]
    assert found.planned_gain.tolist() == [0.0, 0.0]
    assert found.planned_tokens.tolist() == [900.0, 900.0]
    wiser = planner.learnt([Trial("expand", (1.0, 1.0), 0.2, 1_500.0)])
    assert wiser.estimate("expand", _features([(1.0, 1.0)])).tokens.mean[0] == 1_200.0
    assert planner.trials == ()


def test_learning_more_changes_the_estimates() -> None:
    few = Planner(tuple(_trials(ENOUGH, 2, success=1.0)))
    rows = _features([(2.0, 200.0)])
    before = few.estimate("rephrase", rows).gain.mean[0]
    after = few.learnt(_trials(60, 3, success=0.0)).estimate("rephrase", rows).gain.mean[0]
    assert after < before / 2


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="other features"):
        Planner(tuple(_trials(10, 0))).estimate("rephrase", np.ones((2, 3)))


def _charge(gain: float, tokens: float, mean: float, *, operation: str = "rephrase") -> Charge:
    return Charge(
        operation=operation, gain=gain, tokens=tokens, mean_gain=mean, low_gain=mean - 1,
        high_gain=mean + 1, planned_gain=mean / 2, mean_tokens=100, planned_tokens=120,
        done=gain > 0,
    )  # fmt: skip


def test_the_invoice_adds_up_and_tells_of_what_was_not_spent() -> None:
    charges = [_charge(2.0, 90, 1.5), _charge(0.0, 130, 1.5), _charge(1.0, 50, 4.0, operation="x")]
    told = invoice(charges, 1_000)
    first, second = told.lines
    assert (first.operation, first.orders, first.done) == ("rephrase", 2, 1)
    assert (first.gain, first.mean_gain, first.planned_gain) == (2.0, 3.0, 1.5)
    assert (first.tokens, first.planned_tokens, first.within) == (220, 240, 0.5)
    assert second.within == 0.0
    assert (told.spent, told.unspent, told.planned, told.under_planned) == (270, 730, 360, 90)
    assert sum(point.orders for point in told.points) == 3
    assert told.as_json()["unspent"] == 730


def test_calibration_sorts_by_prediction_and_keeps_all_orders() -> None:
    rng = np.random.default_rng(0)
    means = rng.uniform(0, 1, 95)
    points = calibration([_charge(float(m + rng.normal(0, 0.1)), 1, float(m)) for m in means])
    assert [point.predicted for point in points] == sorted(point.predicted for point in points)
    assert sum(point.orders for point in points) == 95
    assert all(abs(p.predicted - p.realised) < 4 * max(p.error, 0.03) for p in points)
    assert calibration([]) == []

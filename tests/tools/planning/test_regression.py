import numpy as np
import pytest

from burnish.tools.planning.regression import BOOSTED, Regression, fit


def _noisy(records: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(records, 3))
    return features, features @ [2.0, -1.0, 0.0] + rng.normal(size=records)


def test_ridge_finds_a_line() -> None:
    features, _ = _noisy(60, 0)
    found = fit(features, features @ [2.0, -1.0, 0.0] + 5)
    assert found.kind == "ridge"
    told = found.predict(np.array([[1.0, 1.0, 0.0]]))
    assert told.mean[0] == pytest.approx(6.0, abs=0.1)


def test_intervals_hold_new_outcomes_and_means_about_as_often_as_they_say() -> None:
    inside: list[float] = []
    above: list[float] = []
    for seed in range(25):
        features, outcome = _noisy(40, seed)
        told = fit(features, outcome, seed=seed).predict(_noisy(200, 1_000 + seed)[0], level=0.8)
        fresh, new = _noisy(200, 1_000 + seed)
        inside.append(float(((told.low <= new) & (new <= told.high)).mean()))
        above.append(float((told.sure_low <= fresh @ [2.0, -1.0, 0.0]).mean()))
    assert 0.74 <= float(np.mean(inside)) <= 0.92
    assert 0.8 <= float(np.mean(above)) <= 0.98


def test_what_is_sure_lies_nearer_than_a_single_outcome_and_closes_in_with_records() -> None:
    widths: list[float] = []
    for records in (20, 160):
        features, outcome = _noisy(records, 3)
        told = fit(features, outcome).predict(features[:5])
        assert (told.low <= told.sure_low).all()
        assert (told.sure_low <= told.mean).all()
        assert (told.sure_high <= told.high).all()
        widths.append(float((told.sure_high - told.sure_low).mean()))
    assert widths[1] < widths[0]


def test_boosted_trees_are_kept_where_they_predict_better() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(BOOSTED + 100, 2))
    steps = np.where((features[:, 0] > 0) ^ (features[:, 1] > 0), 5.0, 0.0)
    found = fit(features, steps)
    assert found.kind == "boosted"
    assert found.predict(np.array([[1.0, -1.0]])).mean[0] == pytest.approx(5.0, abs=0.5)
    plain: Regression = fit(features, features @ [1.0, 2.0])
    assert plain.kind == "ridge"


def test_the_same_seed_gives_the_same_numbers_and_too_few_records_are_refused() -> None:
    features, outcome = _noisy(30, 4)
    one, two = fit(features, outcome, seed=2), fit(features, outcome, seed=2)
    assert np.array_equal(one.predict(features).sure_low, two.predict(features).sure_low)
    assert len(one.predict(features[:0]).mean) == 0
    with pytest.raises(ValueError, match="two records"):
        fit(features[:1], outcome[:1])

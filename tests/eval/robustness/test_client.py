import pytest

from burnish.eval.robustness.client import budget_trial


@pytest.mark.slow
def test_the_budget_holds_in_a_small_trial_with_a_killed_worker() -> None:
    result = budget_trial(requests=300, workers=2, ceiling=60_000)
    assert result.holds
    assert result.answered > 0
    assert result.refused_by_budget > 0

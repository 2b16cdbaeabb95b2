import pytest

from burnish.eval.questions.planner import measure


@pytest.mark.parametrize("case", ["A", "B", "C"])
def test_the_benchmark_reports_a_certified_plan_that_keeps_every_limit(case: str) -> None:
    result = measure(4_000, case, 1, curve=False)
    assert result["broken"] == 0
    assert float(str(result["gap"])) <= 1e-4

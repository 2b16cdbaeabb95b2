import gzip
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answers.calculations import check_calculations, has_calculations, value_of

RATIONALE = (
    "The mill grinds 48/2 = <<48/2=24>>24 sacks in May.\n"
    "Together that makes 48+24 = <<48+24=72>>72 sacks.\n#### 72"
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("48/2", "24"), ("2+3*4", "14"), ("(2+3)*4", "20"), ("-3+5", "2"), ("$1,000*.25", "250"),
     ("20%*50", "10"), ("2^10", "1024"), ("2**-1", "1/2"), ("3x4", "12"), ("2(3+4)", "14"),
     ("1/3+1/6", "1/2"), ("10-4-3", "3"), ("8/4/2", "1"), ("-2^2", "-4"), ("2^3^2", "512")],
)  # fmt: skip
def test_arithmetic_is_exact(expression: str, value: str) -> None:
    assert value_of(expression) == Fraction(value)


@pytest.mark.parametrize("expression", [
    "", "1/0", "2+", "(2", "a+b", "2//3", "9^99999", "9^9^9^9", "(" * 99 + "1" + ")" * 99, "1 2",
    "__import__('os')", "0^-1", "1e5", ".",
])  # fmt: skip
def test_what_is_no_arithmetic_has_no_value(expression: str) -> None:
    assert value_of(expression) is None


@given(st.text(alphabet="0123456789+-*/()^%.x, $", max_size=40))
def test_reading_arithmetic_never_raises(expression: str) -> None:
    value_of(expression)


@given(st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99))
def test_arithmetic_agrees_with_fractions(one: int, other: int, third: int) -> None:
    assert value_of(f"({one})*{third} - ({other})/{third}") == one * third - Fraction(other, third)


def test_a_right_rationale_ends_in_its_last_calculation() -> None:
    found = check_calculations(RATIONALE)
    assert [step.state for step in found.steps] == ["agrees", "agrees"]
    assert (found.final, found.origin, found.result) == ("72", "last", "72")


def test_a_wrong_step_is_found_and_its_value_told() -> None:
    found = check_calculations("<<48/2=25>> #### 25")
    assert [step.value for step in found.wrong] == [24]
    assert found.result == "24"


def test_a_final_answer_is_told_from_an_earlier_result() -> None:
    assert check_calculations(RATIONALE, "24").origin == "earlier"
    assert check_calculations(RATIONALE, "99").origin == "elsewhere"


def test_rounded_results_agree() -> None:
    assert check_calculations("<<100/3=33.33>>").steps[0].state == "agrees"


def test_a_rationale_without_annotations_has_none() -> None:
    assert not has_calculations("So it is 24.")
    assert not has_calculations(None)


def test_the_steps_of_gsm8k_are_right(data: Path) -> None:
    states: Counter[str] = Counter()
    with gzip.open(data / "gsm8k" / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            states.update(
                step.state for step in check_calculations(json.loads(line)["rationale"]).steps
            )
    assert states["agrees"] / states.total() > 0.999

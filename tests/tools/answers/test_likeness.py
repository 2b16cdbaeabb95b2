import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answers.likeness import may_mean_the_same, shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", "number"),
        ("-1,250.5 kg", "number"),
        ("7 over 24", "number"),
        ("$4 ", "number"),
        ("twelve", "number"),
        ("1789", "date"),
        ("14 July 1789", "date"),
        ("19th century", "date"),
        ("586 BCE", "date"),
        ("Alexander the Great", "name"),
        ("afferent arteriole", "phrase"),
        ("Mitochondria", "phrase"),
        ("The star moves towards us.", "sentence"),
        ("x^2 + 1", "formula"),
        ("all of the above", "reference"),
        ("I and II only", "reference"),
        ("(i), (ii), and (iii) only", "reference"),
        ("True, False", "reference"),
        ("Both (a) and (b)", "reference"),
        ("None of these", "reference"),
    ],
)
def test_the_shape_of_an_answer_is_seen_in_its_form(text: str, expected: str) -> None:
    assert shape(text) == expected


@given(st.text(max_size=40))
def test_every_answer_has_a_shape_and_may_mean_itself(text: str) -> None:
    assert shape(text)
    assert may_mean_the_same(text, text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_does_not_depend_on_the_order(first: str, second: str) -> None:
    assert may_mean_the_same(first, second) == may_mean_the_same(second, first)

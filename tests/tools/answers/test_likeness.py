from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answers.likeness import equal, normal, quantity, same_value, same_words, shape


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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1/2", "0.5"),
        ("50%", "0.5"),
        ("one half", "1/2"),
        ("1,000 m", "1 km"),
        ("4.0 x 10^-3", "0.004"),
        ("3.14", "3.1416"),
        ("$5", "5 dollars"),
        ("1 and 1 over 2 ft", "1.5 ft"),
        ("−7", "-7"),
        ("12", "twelve"),
        ("2", "2 N"),
    ],
)
def test_equal_quantities_are_recognised_however_written(first: str, second: str) -> None:
    assert same_value(first, second)
    assert same_value(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("60%", "40%"),
        ("3", "3.2"),
        ("5 kg", "5 g"),
        ("4.0 × 10^-9", "1.0 × 10^-3"),
        ("5 over 3", "3 over 5"),
        ("7", "-7"),
        ("about", "7"),
    ],
)
def test_different_quantities_stay_different(first: str, second: str) -> None:
    assert not same_value(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the Heart", "heart."),
        ("World Health Organization", "WHO"),
        ("Paris", "Paris, France"),
        ("bread and butter", "butter, bread"),
        ("mitochondria", "The Mitochondria"),
        ("cranial nerves", "Cranial nerve"),
    ],
)
def test_other_words_for_one_answer_are_recognised(first: str, second: str) -> None:
    assert same_words(first, second)
    assert same_words(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("is stable", "is not stable"),
        ("scatters blue more than red", "scatters red more than blue"),
        ("between 0 and 1", "between -1 and 1"),
        ("O(n)", "O(n log n)"),
        ("hypertonic", "hypotonic"),
        ("p - 3", "3 - p"),
    ],
)
def test_opposites_and_other_formulas_are_not_the_same(first: str, second: str) -> None:
    assert not same_words(first, second)


@given(st.text(max_size=40))
def test_every_answer_equals_itself_and_has_a_shape(text: str) -> None:
    assert equal(text, text)
    assert same_words(text, text)
    assert shape(text)
    assert normal(text) == normal(text.upper().lower()) or not text.isascii()


@given(st.fractions(min_value=0, max_value=10**6, max_denominator=999))
def test_a_fraction_is_read_exactly(value: Fraction) -> None:
    read = quantity(f"{value.numerator}/{value.denominator}")
    assert read is not None
    assert read.value == value


@given(st.text(max_size=30), st.text(max_size=30))
def test_sameness_does_not_depend_on_the_order(first: str, second: str) -> None:
    assert same_words(first, second) == same_words(second, first)
    assert equal(first, second) == equal(second, first)

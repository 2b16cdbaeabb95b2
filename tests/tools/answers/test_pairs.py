"""One table of pairs of answers, and all who ask whether two answers are one: they say the same."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from burnish.agents.operations.edit_items import check_distractors
from burnish.corpora.errors import ReplyError
from burnish.corpora.records import QAItem
from burnish.tools.answers.choices import twins
from burnish.tools.answers.compare import compare
from burnish.tools.answers.likeness import shape
from burnish.tools.items.checks import faults
from burnish.tools.items.keys import key_positions

SAME, ALIKE, UNCLEAR, DIFFERENT = "same", "alike", "unclear", "different"
"""`alike` is unclear too, but no right and wrong answer to set side by side."""

PAIRS = [
    # Numbers, however written
    ("1/2", "0.5", SAME), ("one half", "50%", SAME), ("half", "1/2", SAME),
    ("a quarter", "25%", SAME), ("three quarters", "0.75", SAME), ("7 over 24", "7/24", SAME),
    ("1 and 1 over 2 ft", "1.5 ft", SAME), ("1,000", "1000", SAME), ("1e3", "1000", SAME),
    ("4.0 x 10^-3", "0.004", SAME), ("3.14", "3.1416", SAME), ("12", "twelve", SAME),
    ("a dozen", "12", SAME), ("−7", "-7", SAME), ("{5}", "5", SAME), ("3:4", "0.75", SAME),
    ("60%", "40%", DIFFERENT), ("3", "3.2", DIFFERENT), ("7", "-7", DIFFERENT),
    ("5 over 3", "3 over 5", DIFFERENT), ("4.0 × 10^-9", "1.0 × 10^-3", DIFFERENT),
    ("33", "33.333", ALIKE),
    # Units
    ("100 cm", "1m", SAME), ("3 ft", "1 yd", SAME), ("$0.50", "50 cents", SAME),
    ("10 nm", "1e-8 m", SAME), ("1 kHz", "1000 Hz", SAME), ("12 m/s", "43.2 km/h", SAME),
    ("2 hours 30 minutes", "2.5 h", SAME), ("24 clips", "24", SAME), ("2", "2 N", SAME),
    ("20 °C", "20 degrees Celsius", SAME), ("5 kg", "5 g", DIFFERENT),
    ("10 dollars", "10 euros", DIFFERENT), ("24 clips", "24 apples", UNCLEAR),
    ("1 month", "30 days", UNCLEAR), ("50 °C", "50 degrees", UNCLEAR),
    # Several values, and values that belong to names
    ("1, 2", "2, 1", SAME), ("{1,2}", "1 and 2", SAME), ("x = 1 or x = 2", "{2, 1}", SAME),
    ("(1, 2)", "(2, 1)", DIFFERENT), ("[1, 2]", "(1, 2)", UNCLEAR),
    ("a = 3, b = 4", "b = 4 and a = 3", SAME), ("x = 1, y = 2", "(1, 2)", SAME),
    ("x = 1/2; y = 50%", "y = 0.5, x = 0.5", SAME),
    ("x=1, y=2", "x=2, y=1", DIFFERENT), ("m=2 and n=5", "m=5 and n=2", DIFFERENT),
    ("a = 3, b = 4", "a = 4, b = 3", DIFFERENT), ("x = 1, y = 2", "x = 1, y = 2, z = 3", DIFFERENT),
    ("x = 1, y = 2", "1, 3", DIFFERENT), ("x = 1, y = 2", "(2, 1)", UNCLEAR),
    ("x = 1, y = 2", "a = 1, b = 2", UNCLEAR), ("x = 1, y = 2", "a = 1, b = 3", DIFFERENT),
    ("x = 7", "7", SAME), ("x = 3", "y = 3", ALIKE), ("x = 3", "y = 4", DIFFERENT),
    # Primes
    ("A'", "A", DIFFERENT), ("x''", "x'", DIFFERENT), ("f'", "f", DIFFERENT),
    ("5'", "5", DIFFERENT),
    ("f'(x)", "f(x)", DIFFERENT), (r"f^{\prime}(x)", "f'(x)", SAME), ("x″", "x''", SAME),
    ("A′B′C′", "ABC", DIFFERENT), ("5'", "5 cm", UNCLEAR), ("'A'", "A", SAME),
    # Formulas and notation that is not read
    ("x^{2}", "x^2", SAME), ("$x$", "x", SAME), ("x+1", "1+x", UNCLEAR), ("2^10", "1024", UNCLEAR),
    ("p - 3", "3 - p", UNCLEAR), ("O(n)", "O(n log n)", UNCLEAR), ("5 X", "5 x", ALIKE),
    ("A ∩ B", "A ∪ B", UNCLEAR), (r"\alpha", r"\beta", UNCLEAR), (r"\vec{a}", "a", UNCLEAR),
    ("x̄", "x", UNCLEAR), ("±3", "3", UNCLEAR), ("x ≡ 2 mod 3", "Paris", UNCLEAR),
    ("CO2", "CO_2", UNCLEAR), ("a/b", "b/a", UNCLEAR),
    # Words
    ("the Heart", "heart.", SAME), ("‘yes’", "True", SAME), ("well-known", "Well known", SAME),
    ("mitochondria", "The Mitochondria", SAME), ("no", "yes", DIFFERENT),
    ("cranial nerves", "Cranial nerve", ALIKE), ("Newton's law", "newtons law", ALIKE),
    ("World Health Organization", "WHO", ALIKE), ("Paris", "Paris, France", ALIKE),
    ("bread and butter", "butter, bread", ALIKE), ("1st", "first", UNCLEAR),
    ("is stable", "is not stable", DIFFERENT), ("hypertonic", "hypotonic", DIFFERENT),
    ("scatters blue more than red", "scatters red more than blue", DIFFERENT),
    ("mRNA", "tRNA", DIFFERENT), ("7", "Paris", DIFFERENT), ("Apollo 11", "Apollo 13", DIFFERENT),
    ("between 0 and 1", "between -1 and 1", DIFFERENT),
]  # fmt: skip
TABLE = pytest.mark.parametrize(("left", "right", "wanted"), PAIRS)

WAYS = (
    "{}", " {} ", "{}.", "${}$", r"\boxed{{{}}}", "**{}**", "The answer is {}", '"{}"', "“{}”",
    r"\text{{{}}}",
)  # fmt: skip
"""Ways to set an answer that say nothing else."""


@TABLE
def test_a_pair_is_told_as_the_table_says(left: str, right: str, wanted: str) -> None:
    for found in (compare(left, right), compare(right, left)):
        assert found.relation == ("unclear" if wanted == ALIKE else wanted)
        assert found.may_be_same == (wanted in {SAME, ALIKE})


@TABLE
def test_choices_that_say_the_same_are_told_by_the_same_comparer(
    left: str, right: str, wanted: str
) -> None:
    assert (twins((left, right)) == ((0, 1),)) == (wanted == SAME) or left == "3.14"
    item = QAItem("1", "Which of them is right?", left, (left, right, "of another kind"))
    told = {one.message for one in faults(item)}
    assert ("a wrong choice says the same as the key" in told) == (wanted == SAME)


@TABLE
def test_no_wrong_answer_is_written_that_may_say_the_right_one(
    left: str, right: str, wanted: str
) -> None:
    if shape(right) == "reference":
        return
    if wanted in {SAME, ALIKE}:
        with pytest.raises(ReplyError, match="says the right answer"):
            check_distractors([right], left, 1)
    else:
        assert check_distractors([right], left, 1) == (right,)


@TABLE
def test_a_key_names_the_choice_of_its_value(left: str, right: str, wanted: str) -> None:
    found = key_positions(QAItem("1", "Which?", left, (right, "something of another kind")))
    assert found in {SAME: [(0,)], ALIKE: [(0,), ()]}.get(wanted, [()])


@given(st.sampled_from(PAIRS), st.sampled_from(WAYS), st.sampled_from(WAYS))
def test_how_an_answer_is_set_changes_no_verdict(
    pair: tuple[str, str, str], way: str, other: str
) -> None:
    left, right, wanted = pair
    assume(not ("$" in left + right and "$" in way + other))
    found = compare(way.format(left), other.format(right))
    assert found.relation == ("unclear" if wanted == ALIKE else wanted)


@given(st.sampled_from(PAIRS))
def test_an_answer_is_always_itself(pair: tuple[str, str, str]) -> None:
    for text in pair[:2]:
        for way in WAYS:
            assert compare(text, text).same
            assert compare(text, way.format(text)).same or "$" in text

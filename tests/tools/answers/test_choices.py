import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answers.choices import chosen, keyed, twins, unlabelled
from burnish.tools.answers.compare import Comparison

CHOICES = ("$61", "$65", "$67.40", "none of these")
LABELLED = ("A) $61", "B) $65", "C) $67.40", "D) none of these")


@pytest.mark.parametrize(
    ("answer", "place"),
    [("B", 1), ("(b)", 1), ("b.", 1), ("65", 1), ("$65.00", 1), ("B) $65", 1), ("none of these", 3),
     ("E", None), ("70", None), ("", None), ("67.4 dollars", 2)],
)  # fmt: skip
def test_a_key_names_its_choice(answer: str, place: int | None) -> None:
    assert keyed(answer, CHOICES) == place
    assert keyed(answer, LABELLED) == place


def test_a_choice_that_is_a_letter_is_meant_before_the_letter() -> None:
    assert keyed("B", ("B", "A", "C")) == 0


def test_two_choices_of_one_value_name_none() -> None:
    assert keyed("0.5", ("1/2", "50%", "3")) is None
    assert twins(("1/2", "50%", "3")) == ((0, 1),)
    assert twins(CHOICES) == ()


def test_labels_are_taken_off_only_where_all_bear_one() -> None:
    assert unlabelled(LABELLED) == CHOICES
    assert unlabelled(("A) 1", "2")) == ("A) 1", "2")


def test_a_value_among_the_choices_decides() -> None:
    same, different = Comparison("same", ""), Comparison("different", "")
    assert chosen([different, same, different, different], 1, CHOICES).relation == "same"
    assert chosen([same, different, different, different], 1, CHOICES).relation == "different"
    assert chosen([different] * 4, 1, CHOICES).relation == "unclear"
    assert chosen([same, same, different, different], 1, CHOICES).relation == "unclear"


@given(st.text(max_size=20), st.lists(st.text(max_size=12), max_size=30))
def test_naming_a_choice_never_raises(answer: str, choices: list[str]) -> None:
    place = keyed(answer, choices)
    assert place is None or 0 <= place < len(choices)

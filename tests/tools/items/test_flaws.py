import pytest

from burnish.corpora.records import QAItem
from burnish.tools.items.flaws import MEANINGS, find_flaws


def item(question: str = "Which is a colour?", answer: str = "red", *choices: str) -> QAItem:
    return QAItem("one", question, answer, choices or ("red", "seven", "loud"))


def test_a_sound_item_has_no_flaw() -> None:
    assert find_flaws(item()) == ()
    assert find_flaws(QAItem("open", "What is 2 + 2?", "4")) == ()


@pytest.mark.parametrize(
    ("flawed", "flag"),
    [
        (item("Which?", ""), "no_key"),
        (item("Which?", "blue"), "key_not_a_choice"),
        (item("Which?", "red", "red", " red", "blue"), "several_keys"),
        (item("Which?", "red", "red", "blue", "blue "), "same_choices"),
        (item("Which?", "red", "red", " ", "blue"), "empty_choice"),
        (item("Which?", "red", "red"), "one_choice"),
        (item(" "), "blank_question"),
        (item("???"), "no_words"),
        (item("What does the diagram below show?"), "lost_figure"),
        (item("Who wrote Faust\u00c3\u00a9?"), "broken_text"),
    ],
)
def test_each_flaw_is_found(flawed: QAItem, flag: str) -> None:
    found = find_flaws(flawed)
    assert flag in found
    assert set(found) <= set(MEANINGS)


def test_a_key_that_the_question_holds_alone_is_told() -> None:
    told = item("A granite rock is best called?", "granite", "granite", "basalt", "marble")
    assert "key_in_question" in find_flaws(told)
    both = item("Is granite or basalt softer?", "granite", "granite", "basalt", "marble")
    assert find_flaws(both) == ()


def test_case_can_tell_choices_apart() -> None:
    assert find_flaws(item("Which genotype?", "Bb", "Bb", "BB", "bb")) == ()


def test_a_table_that_is_there_is_not_lost() -> None:
    shown = item("Use the table below.\n| a | b |\n|---|---|\n| 1 | 2 |")
    assert "lost_figure" not in find_flaws(shown)


def test_several_keys_of_the_row_are_told() -> None:
    assert find_flaws(item(), several_keys=True) == ("several_keys",)

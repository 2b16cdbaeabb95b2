from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.items.checks import Draft, asked, complaints, faults, found_elsewhere
from burnish.tools.items.contamination import TextIndex

GOOD = QAItem(
    "1", "Which planet is the largest of the solar system?", "Jupiter",
    ("Mars", "Jupiter", "Saturn", "Venus"),
)  # fmt: skip


def kinds(item: QAItem) -> set[str]:
    return {one.kind for one in faults(item)}


def test_a_sound_item_has_no_faults() -> None:
    assert not faults(GOOD)
    assert not complaints(Draft(GOOD))
    assert not complaints(Draft(replace(GOOD, question="What is the largest planet?"), GOOD))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"question": " "}, "schema"),
        ({"answer": ""}, "schema"),
        ({"choices": ("Jupiter",)}, "schema"),
        ({"choices": ("Jupiter", "")}, "schema"),
        ({"turns": ("hello", " ")}, "schema"),
        ({"answer": "Pluto"}, "key"),
        ({"choices": ("Jupiter", "Jupiter", "Mars")}, "key"),
        ({"choices": ("Jupiter", "jupiter.", "Mars")}, "key"),
        ({"choices": ("Jupiter", "Mars", "the Mars")}, "choices"),
        ({"answer": "7", "choices": ("7", "1/2", "50%")}, "choices"),
        ({"question": "Why is Jupiter the largest planet?"}, "leak"),
        ({"answer": "Jupiter, of which we know that it is", "choices": ("Mars", "Venus", "Jupiter, of which we know that it is")}, "length"),  # noqa: E501
        ({"rationale": "3 + 4 = 8, so the answer is Jupiter"}, "rationale"),
        ({"rationale": "The answer is Mars."}, "rationale"),
        ({"turns": ("Hello.",)}, "turns"),
    ],
)  # fmt: skip
def test_each_fault_is_told(changes: dict[str, str], kind: str) -> None:
    assert kinds(replace(GOOD, **changes)) == {kind}


def test_a_question_that_names_several_choices_leaks_none() -> None:
    assert not faults(replace(GOOD, question="Which is larger, Jupiter or Mars?"))


@given(st.sampled_from(GOOD.choices), st.permutations(GOOD.choices))
def test_no_edit_but_an_allowed_repair_may_change_the_key(answer: str, choices: list[str]) -> None:
    after = replace(GOOD, answer=answer, choices=tuple(choices))
    told = {one.kind for one in complaints(Draft(after, GOOD))}
    assert ("key changed" in told) == (answer != GOOD.answer)
    assert not complaints(Draft(after, GOOD, key_may_change=True))


def test_old_faults_count_only_where_the_edit_wrote_the_place() -> None:
    bad = replace(GOOD, rationale="The answer is Mars.", choices=("Jupiter", "Mars", "the Mars"))
    asked_anew = replace(bad, question="What is the largest planet?")
    assert not complaints(Draft(asked_anew, bad))
    worse = replace(bad, rationale="The answer is Venus.")
    assert [one.kind for one in complaints(Draft(worse, bad))] == ["choices", "rationale"] or [
        one.kind for one in complaints(Draft(worse, replace(bad, choices=GOOD.choices)))
    ]
    unchanged = replace(bad, choices=("Jupiter", "Venus", "Venus."))
    assert {one.kind for one in complaints(Draft(unchanged, bad))} == {"choices"}


TALK = replace(
    GOOD,
    turns=("My telescope shows 4 moons around a planet.", "Then it shows Jupiter's 4 moons."),
    question="Which planet do the 4 moons of my telescope belong to?",
)


def test_a_conversation_keeps_its_turns_and_what_they_refer_to() -> None:
    assert not complaints(Draft(TALK, TALK))
    fewer = replace(TALK, turns=())
    assert "turns" in {one.kind for one in complaints(Draft(fewer, TALK))}
    cut = replace(TALK, turns=("I saw some moons.", "Then it shows Jupiter's moons."))
    assert [one.kind for one in complaints(Draft(cut, TALK))] == ["turns"]
    same = replace(TALK, turns=("In my telescope are 4 moons of a planet.", TALK.turns[1]))
    assert not complaints(Draft(same, TALK))


def test_a_question_that_stands_elsewhere_is_a_duplicate_or_contaminated() -> None:
    other = replace(GOOD, id="2", question="Which gas do plants take in from the air by day?")
    own = TextIndex("set", [(one.id, asked(one)) for one in (GOOD, other)])
    exam = TextIndex("exam", [("9", asked(other))])
    copy = replace(other, id="3")
    told = found_elsewhere(Draft(copy), own, [exam])
    assert [one.kind for one in told] == ["duplicate", "contamination"]
    assert "exam" in told[1].message
    assert not found_elsewhere(Draft(replace(other, choices=GOOD.choices), other), own, [exam])
    moved = replace(GOOD, question=other.question, choices=other.choices)
    assert {one.kind for one in found_elsewhere(Draft(moved, GOOD), own, [exam])} == {
        "duplicate",
        "contamination",
    }

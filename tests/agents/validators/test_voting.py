from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.validators.voting import Ballot, Vote, vote
from burnish.tools.answers.compare import Relation

KEY = "1"


def ballots_of(answers: list[str | None]) -> tuple[list[Ballot], list[list[int]]]:
    groups: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        if answer is not None:
            groups.setdefault(answer, []).append(place)
    relations: dict[str | None, Relation] = {KEY: "same", None: "unclear"}
    ballots = [Ballot(answer, relations.get(answer, "different")) for answer in answers]
    return ballots, list(groups.values())


def outcome(*answers: str | None, agreeing: int = 2) -> Vote:
    return vote(*ballots_of(list(answers)), agreeing=agreeing)


ANSWERS = st.lists(st.sampled_from(["1", "2", "3", None]), min_size=1, max_size=7)


def test_a_lone_answer_decides_with_half_confidence() -> None:
    assert outcome("1") == Vote("accept", 0.5, "1", "1 of 1 programs find the key")
    assert (outcome("2").opinion, outcome("2").confidence) == ("reject", 0.5)


def test_ties_and_lone_dissenters_abstain() -> None:
    assert outcome("2", "3").opinion == "abstain"
    assert outcome("2", None).opinion == "abstain"
    assert outcome("2", "2", "1").opinion == "abstain"
    assert outcome("2", "2", "3", "3").opinion == "abstain"
    assert outcome().opinion == "abstain"


@given(ANSWERS)
def test_a_rejection_is_never_against_a_program_that_found_the_key(
    answers: list[str | None],
) -> None:
    found = outcome(*answers)
    if found.opinion == "reject":
        assert KEY not in answers
        assert answers.count(found.found) >= min(2, len(answers))
    if found.opinion == "accept":
        assert found.found == KEY
    assert (found.confidence == 0) == (found.opinion == "abstain")
    assert 0 <= found.confidence < 1


@given(ANSWERS)
def test_one_more_vote_for_the_key_never_hurts_it(answers: list[str | None]) -> None:
    order = ["reject", "abstain", "accept"]
    before, after = outcome(*answers).opinion, outcome(*answers, "1").opinion
    assert order.index(after) >= order.index(before)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_programs_does_not_matter(answers: list[str | None], random: object) -> None:
    found, turned = outcome(*answers), outcome(*answers[::-1])
    assert (found.opinion, found.confidence) == (turned.opinion, turned.confidence)

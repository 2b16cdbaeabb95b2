import asyncio
from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.validators.opinions import join_confidences, join_verdicts
from burnish.agents.validators.validation import ReviewPolicy, Validation, combine
from burnish.corpora.records import Evidence, Opinion, QAItem, Verdict

COMPUTABLE = QAItem("1", "How many sacks are 12 sacks a day in 7 days?", "84")
FACTUAL = QAItem("2", "Who wrote the treatise on mills?", "Belidor", domain="history")
UNSURE = QAItem("3", "Well?", "A")


def said(
    opinion: Opinion, found: str | None = None, *paths: str, confidence: float = 0.8
) -> Verdict:
    sure = 0.0 if opinion == "abstain" else confidence
    evidence = (Evidence("judgement", opinion, found or ""),)
    return Verdict("v", opinion, sure, f"says {opinion}", found, 5, paths=paths, evidence=evidence)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    opinion: Opinion = draw(st.sampled_from(["accept", "reject", "abstain"]))
    paths = draw(st.lists(st.sampled_from(["program", "calculation", "passages"]), max_size=2))
    found = draw(st.sampled_from([None, "1", "1.0", "2", "words"]))
    confidence = draw(st.floats(0.01, 0.99))
    return said(opinion, found, *paths, confidence=confidence)


MANY = st.lists(verdicts(), max_size=4)


@given(MANY)
def test_abstentions_count_for_nothing(given_verdicts: list[Verdict]) -> None:
    told = [verdict for verdict in given_verdicts if verdict.opinion != "abstain"]
    one, other = combine(given_verdicts), combine([*told, said("abstain")])
    assert (one.opinion, one.confidence) == (other.opinion, other.confidence)
    assert (one.may_edit_key, one.to_review) == (other.may_edit_key, other.to_review)


@given(MANY)
def test_the_order_of_verdicts_does_not_matter(given_verdicts: list[Verdict]) -> None:
    found = {
        (one.opinion, one.confidence, one.may_edit_key, one.to_review, one.answer, one.reason)
        for order in permutations(given_verdicts)
        for one in [combine(order)]
    }
    assert len(found) == 1


@given(MANY)
def test_a_key_is_edited_only_by_two_paths_to_one_other_answer(
    given_verdicts: list[Verdict],
) -> None:
    decision = combine(given_verdicts)
    if decision.may_edit_key:
        rejects = [verdict for verdict in given_verdicts if verdict.opinion == "reject"]
        assert decision.opinion == "reject"
        assert decision.answer is not None
        assert not any(verdict.opinion == "accept" for verdict in given_verdicts)
        ways = {path for one in rejects for path in one.paths or (one.validator,) if one.found}
        assert len(ways) >= 2


@given(MANY)
def test_whoever_accepts_bars_the_edit(given_verdicts: list[Verdict]) -> None:
    decision = combine([*given_verdicts, said("accept")])
    assert not decision.may_edit_key
    assert decision.opinion != "reject"


@given(MANY)
def test_a_lone_reject_always_goes_to_people(given_verdicts: list[Verdict]) -> None:
    lone = [verdict for verdict in given_verdicts if verdict.opinion == "abstain"]
    decision = combine([*lone, said("reject", "84", "program", confidence=0.99)])
    assert decision.opinion == "reject"
    assert decision.to_review
    assert not decision.may_edit_key


@given(MANY)
def test_nothing_spent_and_no_evidence_is_lost(given_verdicts: list[Verdict]) -> None:
    decision = combine(given_verdicts)
    assert decision.tokens == 5 * len(given_verdicts)
    assert len(decision.evidence) == len(given_verdicts)
    assert 0 <= decision.confidence <= 1


def test_two_paths_that_agree_by_value_may_edit() -> None:
    decision = combine([said("reject", "1/2", "program"), said("reject", "50%", "passages")])
    assert (decision.may_edit_key, decision.to_review) == (True, False)
    assert decision.answer in {"1/2", "50%"}
    apart = combine([said("reject", "1/2", "program"), said("reject", "3", "passages")])
    assert (apart.may_edit_key, apart.to_review, apart.answer) == (False, True, None)
    single = combine([said("reject", "1/2", "program"), said("reject", "50%", "program")])
    assert not single.may_edit_key


def test_one_verdict_may_bring_two_paths() -> None:
    assert combine([said("reject", "84", "program", "calculation")]).may_edit_key


def test_a_contradiction_is_reviewed() -> None:
    decision = combine([said("accept", "1", "program"), said("reject", "2", "passages")])
    assert (decision.opinion, decision.confidence, decision.to_review) == ("abstain", 0.0, True)


def test_weak_opinions_and_abstentions_are_reviewed_as_the_policy_says() -> None:
    assert combine([said("accept", confidence=0.3)]).to_review
    assert not combine([said("accept", confidence=0.9)]).to_review
    assert combine([]).to_review
    assert not combine([said("abstain")], ReviewPolicy(review_abstentions=False)).to_review


@given(st.lists(st.floats(0, 1), max_size=5), st.floats(0, 1))
def test_voices_that_agree_strengthen_each_other(confidences: list[float], more: float) -> None:
    assert join_confidences([*confidences, more]) >= join_confidences(confidences) - 1e-12
    assert join_confidences([*confidences, more]) >= more - 1e-12


def test_paths_of_one_validator_join() -> None:
    calculation, program = said("reject", "84", "calculation"), said("reject", "84.0", "program")
    both = join_verdicts("reasoner", [calculation, program])
    assert (both.opinion, both.found, both.paths) == ("reject", "84", ("calculation", "program"))
    assert both.confidence > calculation.confidence
    other = replace(program, found="90")
    apart = join_verdicts("reasoner", [calculation, other])
    assert (apart.opinion, apart.found, len(apart.paths)) == ("reject", None, 1)
    assert join_verdicts("r", [calculation, said("accept", "1")]).opinion == "abstain"
    assert join_verdicts("r", [calculation, said("abstain")]).opinion == "reject"


@dataclass
class Fixed:
    """Says the same of everything, and counts how often."""

    name: str
    verdict: Verdict
    revision: str = "1"
    asked: int = 0

    async def check(self, item: QAItem) -> Verdict:
        self.asked += bool(item.id)
        return self.verdict


@pytest.mark.parametrize(
    ("item", "asked"), [(COMPUTABLE, (1, 0)), (FACTUAL, (0, 1)), (UNSURE, (1, 1))]
)
def test_items_go_to_the_validators_of_their_kind(item: QAItem, asked: tuple[int, int]) -> None:
    reasoner = Fixed("reasoner", said("accept"))
    librarian = Fixed("librarian", said("abstain"))
    decision = asyncio.run(Validation((reasoner,), (librarian,)).decide(item))
    assert (reasoner.asked, librarian.asked) == asked
    assert len(decision.verdicts) == sum(asked)
    assert decision.kind in {"computable", "factual", "unsure"}


def test_without_validators_everything_is_left_to_people() -> None:
    decision = asyncio.run(Validation().decide(COMPUTABLE))
    assert (decision.opinion, decision.to_review) == ("abstain", True)

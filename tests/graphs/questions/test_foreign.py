"""Operations and validators of others: what they answer is checked, and never ends a run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from burnish.agents.operations.checked import Redrafting
from burnish.agents.operations.operation import EditOrder, EditResult
from burnish.corpora.errors import QuotaPaused, UsageError
from burnish.corpora.records import QAItem, Verdict
from burnish.graphs.questions.operate.foreign import ForeignAgents, foreign_agents
from burnish.graphs.runs.question_settings import QaSettings

ITEM = QAItem("q1", "What is two and two", "4", ("3", "4"))
ORDER = EditOrder(operation="mend", item=ITEM, seed=1)
DONE = EditResult(ORDER, "done", ITEM, replace(ITEM, question="What is two and two?"), "mended")


@dataclass(frozen=True)
class Answers:
    """An operation and a validator that answers what it was made with."""

    answer: object
    name: str = "mend"
    revision: str = "1"
    needs_model: bool = False

    async def apply(self, order: EditOrder) -> EditResult:
        del order
        return cast("EditResult", self._answer())

    async def check(self, item: QAItem) -> Verdict:
        del item
        return cast("Verdict", self._answer())

    def _answer(self) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass(frozen=True)
class Redrafts(Answers):
    """One that tries again."""

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        del order
        return replace(edit, reason=f"again: {complaints[0]}")


def agents(operation: object = None, validator: object = None) -> ForeignAgents:
    given = [[] if one is None else [cast("Any", one)] for one in (operation, validator)]
    return foreign_agents(QaSettings(), *given)


def carried_out(answer: object) -> EditResult:
    return asyncio.run(agents(Answers(answer)).operations[0].apply(ORDER))


def asked(answer: object) -> Verdict:
    return asyncio.run(agents(None, Answers(answer)).validators[0].check(ITEM))


def test_a_good_result_comes_through_with_the_order_and_item_that_were_given() -> None:
    assert carried_out(DONE) == DONE
    elsewhere = replace(DONE, order=replace(ORDER, seed=9), before=None)
    assert carried_out(elsewhere) == DONE


@pytest.mark.parametrize("answer", [
    replace(DONE, after=cast("Any", "text")),
    replace(DONE, after=None),
    replace(DONE, after=replace(ITEM, question=cast("Any", None))),
    replace(DONE, after=replace(ITEM, question="\ud800")),
    replace(DONE, status=cast("Any", "maybe")),
    replace(DONE, tokens=cast("Any", "x")),
    replace(DONE, attempts=2**40),
    replace(DONE, reason="\ud800"),
    replace(DONE, complaints=cast("Any", (1,))),
    replace(DONE, verdicts=cast("Any", ("yes",))),
    "done",
    None,
    ValueError("a text of the item"),
    UsageError("a text of the item"),
])  # fmt: skip
def test_a_result_that_is_none_fails_for_its_order_and_names_the_operation(answer: object) -> None:
    found = carried_out(answer)
    assert (found.status, found.order, found.before, found.after) == ("failed", ORDER, ITEM, ITEM)
    assert found.reason.startswith("operation mend: ")
    assert "a text" not in found.reason


VERDICT = Verdict("mend", "accept", 0.5, "right")


def test_a_good_verdict_comes_through() -> None:
    assert asked(VERDICT) == VERDICT


@pytest.mark.parametrize("answer", [
    replace(VERDICT, opinion=cast("Any", "perhaps")),
    replace(VERDICT, confidence=cast("Any", None)),
    replace(VERDICT, confidence=float("nan")),
    replace(VERDICT, reason=cast("Any", None)),
    replace(VERDICT, found=cast("Any", 5)),
    replace(VERDICT, tokens=cast("Any", None)),
    replace(VERDICT, evidence=cast("Any", ("book",))),
    "accept",
    ValueError("a text of the item"),
])  # fmt: skip
def test_a_verdict_that_is_none_is_an_abstention_that_names_the_validator(answer: object) -> None:
    found = asked(answer)
    assert (found.opinion, found.failure, found.confidence) == ("abstain", "mend", 0.0)
    assert "a text" not in found.reason


def test_what_stops_a_run_of_ours_stops_it_from_others_too() -> None:
    with pytest.raises(QuotaPaused):
        carried_out(QuotaPaused("used up"))
    with pytest.raises(QuotaPaused):
        asked(QuotaPaused("used up"))


def test_one_that_tries_again_is_asked_again() -> None:
    adopted = agents(Redrafts(DONE)).operations[0]
    assert isinstance(adopted, Redrafting)
    assert asyncio.run(adopted.redraft(ORDER, DONE, ["too short"])).reason == "again: too short"
    assert not isinstance(agents(Answers(DONE)).operations[0], Redrafting)


@pytest.mark.parametrize(("part", "told"), [
    (object(), "has no name"),
    (Answers, "is a class"),
    (Answers(DONE, name=cast("Any", 3)), "texts as its name"),
    (Answers(DONE, name=""), "texts as its name"),
    (Answers(DONE, name="check"), "is taken"),
    (Answers(DONE, name="remove"), "is taken"),
])  # fmt: skip
def test_what_is_no_operation_is_refused_before_anything_starts(part: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        agents(part)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two have the name 'mend'"):
        foreign_agents(QaSettings(), [Answers(DONE), Answers(DONE)])

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from burnish.agents.operations.checked import Checked, Checks
from burnish.agents.operations.operation import DifficultyScore, EditOrder, EditResult, Operation
from burnish.agents.validators.validation import ValidationDecision
from burnish.corpora.errors import BudgetExhausted
from burnish.corpora.records import Opinion, QAItem, Verdict
from burnish.tools.items.checks import asked
from burnish.tools.items.contamination import TextIndex

ITEM = QAItem("1", "Which is the largest planet?", "Jupiter", ("Mars", "Jupiter", "Venus"))
GOOD = replace(ITEM, question="Which planet has the most mass of all?")
BAD = replace(ITEM, answer="Mars")


@dataclass(slots=True)
class Playing:
    """Gives out drafts in turn; each costs ten tokens."""

    drafts: list[QAItem | None]
    name: str = "rephrase"
    revision: str = "1"
    needs_model: bool = True
    told: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    async def apply(self, order: EditOrder) -> EditResult:
        after = self.drafts.pop(0)
        status = "failed" if after is None else "done"
        return EditResult(order, status, order.item, after or order.item, "no", tokens=10)

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        del edit
        self.told.append(tuple(complaints))
        return await self.apply(order)


@dataclass(slots=True)
class Once:
    """Cannot try again."""

    draft: QAItem
    name: str = "draw"
    revision: str = "1"
    needs_model: bool = False

    async def apply(self, order: EditOrder) -> EditResult:
        return EditResult(order, "done", order.item, self.draft)


def says_of_key(opinion: Opinion) -> ValidationDecision:
    verdicts = (Verdict("reasoner", "reject", 0.9, "so", tokens=5),)
    return ValidationDecision(
        opinion, 0.9, "a program says 7", (), may_edit_key=False, to_review=False, verdicts=verdicts
    )


def applied(operation: Operation, checks: Checks, order: EditOrder) -> EditResult:
    """Carry out an order and let its result enter the set, as the graph does."""
    checked = Checked(operation, checks)

    async def carry_out() -> EditResult:
        edit = await checked.apply(order)
        while complaints := checked.admit(edit):
            edit = await checked.mend(edit, complaints)
        return edit

    return asyncio.run(carry_out())


def test_a_sound_draft_passes_with_its_verdicts() -> None:
    async def judge(item: QAItem) -> ValidationDecision:
        return says_of_key("accept")

    edit = applied(Playing([GOOD]), Checks(judge=judge), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.after, edit.attempts, edit.tokens) == ("done", GOOD, 1, 15)
    assert len(edit.verdicts) == 1


def test_a_refused_draft_is_written_once_more_with_the_complaints() -> None:
    playing = Playing([BAD, GOOD])
    edit = applied(playing, Checks(), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.after, edit.attempts, edit.tokens) == ("done", GOOD, 2, 20)
    assert playing.told == [edit.complaints]
    assert edit.complaints[0].startswith("key changed: ")


def test_what_is_refused_twice_is_rolled_back_and_its_tokens_stay() -> None:
    playing = Playing([BAD, BAD, GOOD])
    edit = applied(playing, Checks(), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.before, edit.after) == ("rolled_back", ITEM, ITEM)
    assert (edit.attempts, edit.tokens, len(edit.complaints)) == (2, 20, 2)
    assert len(playing.drafts) == 1


def test_a_redraft_that_fails_is_rolled_back_too() -> None:
    edit = applied(Playing([BAD, None]), Checks(), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.after, edit.tokens, edit.attempts) == ("rolled_back", ITEM, 20, 2)


def test_an_operation_that_cannot_try_again_is_rolled_back_at_once() -> None:
    index = TextIndex("set", [("1", asked(ITEM))])
    edit = applied(Once(replace(ITEM, id="2")), Checks(index), EditOrder("draw"))
    assert (edit.status, edit.before, edit.after, edit.attempts) == ("rolled_back", None, None, 1)
    assert edit.complaints[0].startswith("duplicate: ")


def test_what_joins_the_set_is_a_duplicate_for_what_comes_later() -> None:
    checks = Checks(TextIndex("set", []))
    new = replace(ITEM, id="2", question="Which metal is liquid in a warm room at sea level?")
    first = applied(Once(new), checks, EditOrder("draw"))
    second = applied(Once(replace(new, id="3")), checks, EditOrder("draw"))
    assert (first.status, second.status) == ("done", "rolled_back")


def test_of_two_copies_made_side_by_side_the_one_that_enters_first_stays() -> None:
    new = replace(ITEM, id="2", question="Which metal is liquid in a warm room at sea level?")
    other = replace(ITEM, id="4", question="Which gas do plants take in when the sun shines?")
    checks = Checks(TextIndex("set", []))
    first = Checked(Playing([new], name="generate"), checks)
    second = Checked(Playing([replace(new, id="3"), other], name="generate"), checks)

    async def both() -> tuple[EditResult, EditResult]:
        # The second has its answer first; what was ordered first has the place all the same.
        later = await second.apply(EditOrder("generate"))
        earlier = await first.apply(EditOrder("generate"))
        assert first.admit(earlier) == ()
        return earlier, await second.mend(later, second.admit(later))

    earlier, later = asyncio.run(both())
    assert (earlier.status, earlier.attempts) == ("done", 1)
    assert (later.status, later.attempts, later.after) == ("done", 2, other)
    assert later.complaints[0].startswith("duplicate: ")
    assert later.tokens == 20
    assert second.admit(later) == ()


def test_what_is_a_copy_twice_is_rolled_back() -> None:
    new = replace(ITEM, id="2", question="Which metal is liquid in a warm room at sea level?")
    checks = Checks(TextIndex("set", [("1", asked(new))]))
    checked = Checked(Playing([new, new, GOOD], name="generate"), checks)
    edit = asyncio.run(checked.apply(EditOrder("generate")))
    assert (edit.status, edit.attempts, edit.tokens) == ("rolled_back", 2, 20)


def test_a_budget_that_ends_before_the_second_draft_rolls_the_first_back() -> None:
    @dataclass(slots=True)
    class Poor(Playing):
        async def redraft(
            self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
        ) -> EditResult:
            del order, edit, complaints
            raise BudgetExhausted(asked=9, spent=1, held=0, limit=5)

    edit = applied(Poor([BAD]), Checks(), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.after, edit.tokens) == ("rolled_back", ITEM, 10)
    assert "token budget" in edit.reason


def test_a_rejection_by_validators_rolls_back_and_an_abstention_does_not() -> None:
    expected: dict[Opinion, str] = {"reject": "rolled_back", "abstain": "done"}
    for opinion, status in expected.items():

        async def judge(item: QAItem, said: Opinion = opinion) -> ValidationDecision:
            return says_of_key(said)

        edit = applied(Playing([GOOD, GOOD]), Checks(judge=judge), EditOrder("rephrase", ITEM))
        assert edit.status == status
        assert edit.verdicts


def test_a_written_item_of_another_difficulty_is_refused() -> None:
    class Hard:
        async def score(self, item: QAItem, wanted: int) -> DifficultyScore:  # noqa: ARG002
            return DifficultyScore(4, tokens=3)

    for wanted, status in ((0, "rolled_back"), (3, "done"), (None, "done")):
        order = EditOrder("rephrase", ITEM, bucket=wanted)
        edit = applied(Playing([GOOD, GOOD]), Checks(scorer=Hard()), order)
        assert edit.status == status


def test_failed_and_flagged_edits_pass_unchanged() -> None:
    edit = applied(Playing([None]), Checks(), EditOrder("rephrase", ITEM))
    assert (edit.status, edit.after, edit.tokens) == ("failed", ITEM, 10)

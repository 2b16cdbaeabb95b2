"""What writing agents add and mend: new items, from passages or exemplars, and wrong keys."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from burnish.agents.operations.edit_items import ExemplarSource, check_distractors, require_item
from burnish.agents.operations.item_schemas import (
    GroundedItem,
    NewItem,
    Repaired,
    fenced_item,
    fenced_passages,
)
from burnish.agents.operations.llm_operation import TaskPrompt, with_rewritten_texts
from burnish.agents.operations.operation import EditOrder, EditResult
from burnish.agents.prompting.fencing import fence
from burnish.agents.validators.librarian import PassageFinder
from burnish.agents.validators.validation import ValidationDecision
from burnish.corpora.errors import ReplyError
from burnish.corpora.records import QAItem, digest
from burnish.tools.answers.choices import unlabelled
from burnish.tools.answers.compare import compare
from burnish.tools.items.keys import key_positions, seated
from burnish.tools.stable_order import rank

CHOICES = 4
"""Choices of a new item in a cell that has none to follow."""
CITATION = "burnish_source"
"""Column of `meta` that says what a new item rests on."""


@dataclass(frozen=True, slots=True)
class Generate:
    """Writes a new item as hard as the exemplars of a bucket."""

    exemplars: ExemplarSource
    count: int = 4
    """Most exemplars shown."""
    name: Literal["generate"] = "generate"
    form: type[NewItem] = NewItem

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Show items of the wanted cell and bucket."""
        models = self.exemplars(order.cell, order.bucket, order.seed)[: self.count]
        if not models:
            return order.fail(f"there is no exemplar for {order.cell or 'the set'}")
        return TaskPrompt(_wish(order, models), follows=models[0])

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: NewItem) -> QAItem:
        """Make the new item, its key at a place drawn by the seed.

        Raises:
            ReplyError: the wrong answers are not as they must be.
        """
        return _new_item(order, prompt.follows, answer)


@dataclass(frozen=True, slots=True)
class Expand:
    """Writes a new item for a thin cell from a passage, and cites it."""

    finder: PassageFinder
    exemplars: ExemplarSource
    passages: int = 4
    """Most passages shown."""
    depth: int = 10
    """How many times as many are looked up; each order is shown others of them, by its seed."""
    count: int = 2
    """Most exemplars shown."""
    name: Literal["expand"] = "expand"
    form: type[GroundedItem] = GroundedItem

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Find passages for the cell, by the cell's name and the subject of one of its items."""
        models = self.exemplars(order.cell, order.bucket, order.seed)[: self.count]
        about = [order.cell, *(f"{one.question} {one.answer}" for one in models[:1])]
        hits = self.finder.search(" ".join(about).strip(), self.passages * self.depth)
        passages = sorted(
            (hit.passage for hit in hits), key=lambda one: (rank(order.seed, one.id), one.id)
        )
        found = passages[: self.passages]
        if not found:
            return order.fail(f"no passage was found for {order.cell or 'the set'}")
        words = f"{_wish(order, models)}\n\nPassages:\n{fenced_passages(found)}"
        follows = models[0] if models else None
        return TaskPrompt(words, follows=follows, passages=tuple(found))

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: GroundedItem) -> QAItem:
        """Make the new item with its citation.

        Raises:
            ReplyError: it cites no passage that was shown, or quotes what that does not say.
        """
        cited = next((one for one in prompt.passages if one.id == answer.passage), None)
        if cited is None:
            raise ReplyError("wrong_shape", "passage: give the id of one of the passages shown")
        if not contains_quote(answer.quote, cited.text):
            raise ReplyError("wrong_shape", "quote: does not stand in that passage word for word")
        item = _new_item(order, prompt.follows, answer)
        source = {"id": cited.id, "title": cited.title, "quote": answer.quote}
        return replace(item, meta={**item.meta, CITATION: source})


@dataclass(frozen=True, slots=True)
class Repair:
    """Mends a wrong key, as far as validators allow it: two independent paths to one other answer.

    Where the item says that answer among its choices and has no rationale, no model is asked.
    """

    decide: Callable[[QAItem], Awaitable[ValidationDecision]]
    name: Literal["repair"] = "repair"
    form: type[Repaired] = Repaired

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Ask the validators; what they do not allow goes to people."""
        item = order.item
        if item is None:
            return order.fail("there is no item to repair")
        decision = await self.decide(item)
        tokens = sum(verdict.tokens for verdict in decision.verdicts)
        if decision.opinion == "accept":
            return order.fail(
                "validators accept the key", tokens=tokens, verdicts=decision.verdicts
            )
        if not decision.may_edit_key or decision.answer is None:
            reason = f"the key may not be edited: {decision.reason}"
            return order.fail(reason, tokens=tokens, verdicts=decision.verdicts, flagged=True)
        at = _position(item, decision.answer)
        if at is not None and not item.rationale:
            wrong = (*item.choices[:at], *item.choices[at + 1 :])
            after = seated(_keyed(item), wrong, at, item.choices[at])
            reason = f"re-keyed as validators agree: {decision.reason}"
            return order.finish(after, reason, tokens=tokens, verdicts=decision.verdicts)
        words = f"Right answer: {fence('answer', decision.answer)}\n\n{fenced_item(item)}"
        return TaskPrompt(words, tokens, decision.verdicts, agreed=decision.answer)

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: Repaired) -> QAItem:
        """Put the agreed answer into the item.

        Raises:
            ReplyError: the key is another one, or the wrong answers are not as they must be.
        """
        item = require_item(order)
        if not compare(answer.answer, prompt.agreed).same:
            raise ReplyError("wrong_shape", "answer: give the right answer you were told")
        fixed = with_rewritten_texts(replace(item, turns=()), rationale=answer.rationale)
        fixed = replace(fixed, question=answer.question, turns=item.turns)
        if not item.choices:
            return replace(fixed, answer=answer.answer)
        wrong = check_distractors(answer.wrong_answers, answer.answer, len(item.choices) - 1)
        place = rank(order.seed, f"seat {item.id}") % len(item.choices)
        return seated(_keyed(fixed), wrong, place, answer.answer)


def _position(item: QAItem, answer: str) -> int | None:
    """Return the one choice that says an answer."""
    choices = unlabelled(item.choices)
    places = [at for at, choice in enumerate(choices) if compare(choice, answer).same]
    return places[0] if len(places) == 1 else None


def _keyed(item: QAItem) -> QAItem:
    """Return the item with its key by text where it names no single choice."""
    return item if len(key_positions(item)) == 1 else replace(item, answer=item.choices[0])


def contains_quote(quote: str, text: str) -> bool:
    """Tell whether a text holds a quote word for word; case, spaces and quotation marks aside."""
    wanted = _plain(quote)
    return bool(wanted) and f" {wanted} " in f" {_plain(text)} "


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _wish(order: EditOrder, models: Sequence[QAItem]) -> str:
    lines = [f"Part of the set: {fence('name', order.cell)}" if order.cell else "Any part."]
    if order.bucket is not None:
        lines.append(f"Difficulty bucket: {order.bucket} (0 is the easiest).")
    count = _wrong_count(models[0] if models else None)
    lines.append(f"Give {count} wrong answers." if count else "Give no wrong answers: it is open.")
    lines.append(f"Number of this question: {order.seed}. Choose another fact for each number.")
    if models:
        lines.append("Exemplars:\n" + "\n".join(fenced_item(one, "exemplar") for one in models))
    return "\n".join(lines)


def _wrong_count(model: QAItem | None) -> int:
    if model is None:
        return CHOICES - 1
    return max(len(model.choices) - 1, 0)


def _new_item(order: EditOrder, follows: QAItem | None, answer: NewItem) -> QAItem:
    """Make a new item after a model item: its domain, its skill, its number of choices."""
    key = answer.answer.strip()
    wrong = check_distractors(answer.wrong_answers, key, _wrong_count(follows))
    id = f"new-{digest(f'{order.cell} {answer.question}')[:12]}"
    place = rank(order.seed, f"seat {id}") % (len(wrong) + 1)
    choices = (*wrong[:place], key, *wrong[place:]) if wrong else ()
    rationale = answer.rationale.strip() or None
    if follows is not None and follows.rationale and rationale is None:
        raise ReplyError("wrong_shape", "rationale: items of this set have one; give it")
    return QAItem(
        id=id,
        question=answer.question.strip(),
        answer=key,
        choices=choices,
        domain=order.cell or None if follows is None else follows.domain,
        skill=None if follows is None else follows.skill,
        rationale=rationale if follows is None or follows.rationale else None,
    )

"""What writing agents do to one item: reword it, change its difficulty or its wrong answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from burnish.agents.operations.item_schemas import (
    NewDistractors,
    Recalibrated,
    Reworded,
    fenced_item,
)
from burnish.agents.operations.llm_operation import TaskPrompt, with_rewritten_texts
from burnish.agents.operations.operation import EditOrder, EditResult
from burnish.corpora.errors import ReplyError
from burnish.corpora.records import QAItem
from burnish.tools.answers.compare import compare
from burnish.tools.answers.likeness import shape
from burnish.tools.items.keys import key_positions, key_text, seated, wrong_choices
from burnish.tools.stable_order import rank

ExemplarSource = Callable[[str, int | None, int], Sequence[QAItem]]
"""Items of a cell and bucket (None: any), drawn by a seed."""
SHORTER, LONGER = 0.6, 1.4
"""Bounds of a wrong answer's length, in lengths of the key."""
LEEWAY = 12
"""Characters that a short key's wrong answers may differ by."""


@dataclass(frozen=True, slots=True)
class Rephrase:
    """Says a question in other words; choices and key stay."""

    name: Literal["rephrase"] = "rephrase"
    form: type[Reworded] = Reworded

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Show the item."""
        return _show_item(order, "Say this in other words.")

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: Reworded) -> QAItem:  # noqa: ARG002
        """Put the new words into the item.

        Raises:
            ReplyError: turns or rationale are missing.
        """
        item = require_item(order)
        item = with_rewritten_texts(item, rationale=answer.rationale, turns=answer.turns)
        return replace(item, question=answer.question)


@dataclass(frozen=True, slots=True)
class Recalibrate:
    """Makes a question harder or easier; the key stays."""

    exemplars: ExemplarSource
    count: int = 3
    """Most exemplars shown."""
    name: Literal["recalibrate"] = "recalibrate"
    form: type[Recalibrated] = Recalibrated

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Show the item, the wanted bucket and items that are in it."""
        if order.bucket is None:
            return order.fail("no difficulty is ordered")
        told = f"Bring this to difficulty bucket {order.bucket} (0 is the easiest)."
        models = self.exemplars(order.cell, order.bucket, order.seed)[: self.count]
        own = "" if order.item is None else order.item.id
        shown = [fenced_item(one, "exemplar") for one in models if one.id != own]
        return _show_item(order, "\n".join([told, *shown]))

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: Recalibrated) -> QAItem:  # noqa: ARG002
        """Put the new words and wrong answers into the item, the key where it was.

        Raises:
            ReplyError: turns, rationale or wrong answers are not as they must be.
        """
        item = require_item(order)
        item = with_rewritten_texts(item, rationale=answer.rationale, turns=answer.turns)
        item = replace(item, question=answer.question)
        if not item.choices:
            return item
        wrong = fit_distractors(answer.wrong_answers, item)
        return seated(item, wrong, key_positions(item)[0])


@dataclass(frozen=True, slots=True)
class RewriteDistractors:
    """Writes new wrong answers; question and key stay, the key's place is drawn anew."""

    name: Literal["rewrite_distractors"] = "rewrite_distractors"
    form: type[NewDistractors] = NewDistractors

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Show the item, and how long wrong answers may be."""
        item = order.item
        if item is None or len(item.choices) < 2 or len(key_positions(item)) != 1:
            return order.fail("an item with choices and one key is needed")
        key = key_text(item)
        least, most = length_bounds(key)
        count = len(item.choices) - 1
        words = (
            f"Write {count} wrong answers of {least} to {most} characters; the right answer has "
            f"{len(key)} and is a {shape(key)}. About half of them should be longer than it."
        )
        return _show_item(order, words)

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: NewDistractors) -> QAItem:  # noqa: ARG002
        """Put the wrong answers beside the key, at a place drawn by the seed.

        Raises:
            ReplyError: they are too few, say the key, or repeat one another.
        """
        item = require_item(order)
        wrong = fit_distractors(answer.wrong_answers, item)
        return seated(item, wrong, rank(order.seed, f"seat {item.id}") % len(item.choices))


def length_bounds(key: str) -> tuple[int, int]:
    """Return the least and most characters of a wrong answer beside a key."""
    least = max(1, min(int(SHORTER * len(key)), len(key) - LEEWAY))
    return least, max(int(LONGER * len(key)), len(key) + LEEWAY)


def fit_distractors(given: Sequence[str], item: QAItem) -> tuple[str, ...]:
    """Return wrong answers that may stand beside the item's key, as many as it has.

    Raises:
        ReplyError: they are not as many, one says the key, or two say the same.
    """
    return check_distractors(given, key_text(item), len(wrong_choices(item)))


def check_distractors(given: Sequence[str], key: str, count: int) -> tuple[str, ...]:
    """Return wrong answers that may stand beside a key.

    Raises:
        ReplyError: they are not `count`, one says the key, or two say the same.
    """
    wrong = tuple(one.strip() for one in given)
    if len(wrong) != count:
        raise ReplyError("wrong_shape", f"wrong_answers: give {count}, not {len(wrong)}")
    for at, one in enumerate(wrong):
        if not one:
            raise ReplyError("wrong_shape", f"wrong_answers.{at}: is empty")
        if compare(one, key).may_be_same:
            raise ReplyError("wrong_shape", f"wrong_answers.{at}: says the right answer")
        if any(compare(one, other).may_be_same for other in wrong[:at]):
            raise ReplyError("wrong_shape", f"wrong_answers.{at}: says what another one says")
        if shape(one) == "reference":
            raise ReplyError("wrong_shape", f"wrong_answers.{at}: points at other answers")
    return wrong


def require_item(order: EditOrder) -> QAItem:
    """Return the item of an order for which there is a prompt, so that it has one."""
    if order.item is None:
        raise ValueError("the order has no item")
    return order.item


def _show_item(order: EditOrder, told: str) -> TaskPrompt | EditResult:
    item = order.item
    if item is None:
        return order.fail("there is no item to change")
    if item.choices and len(key_positions(item)) != 1:
        return order.fail("the item has no single key: it needs a repair first", flagged=True)
    return TaskPrompt(f"{told}\n\n{fenced_item(item)}")

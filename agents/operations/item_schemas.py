"""The forms that writing agents answer in, and how items are shown to them: fenced, as data."""

from collections.abc import Sequence
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field

from burnish.agents.prompting.fencing import fence
from burnish.corpora.records import QAItem
from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.items.keys import key_positions

MOST_TEXT = 8_000
MOST_ANSWER = 2_000
MOST_WRONG = 19
"""Wrong answers of an item."""
MOST_TURNS = 100
MOST_NAME = 500

Texts = Annotated[list[Annotated[str, Field(max_length=MOST_TEXT)]], Field(max_length=MOST_TURNS)]
Wrong = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MOST_ANSWER)]], Field(max_length=MOST_WRONG)
]


class Form(BaseModel):
    """What an agent answers: every field given, nothing more."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reworded(Form):
    """A question in other words."""

    question: str = Field(min_length=1, max_length=MOST_TEXT)
    turns: Texts
    """The earlier turns in order; empty where the item has none."""
    rationale: str = Field(max_length=MOST_TEXT)
    """Empty where the item has none."""


class Recalibrated(Reworded):
    """A question of another difficulty."""

    wrong_answers: Wrong
    """As many as the item has; empty where it has none."""


class NewDistractors(Form):
    """New wrong answers."""

    wrong_answers: Wrong


class NewItem(Form):
    """A new question."""

    question: str = Field(min_length=1, max_length=MOST_TEXT)
    answer: str = Field(min_length=1, max_length=MOST_ANSWER)
    wrong_answers: Wrong
    rationale: str = Field(max_length=MOST_TEXT)


class GroundedItem(NewItem):
    """A new question that rests on a passage."""

    passage: str = Field(max_length=MOST_NAME)
    """Id of the passage."""
    quote: str = Field(min_length=1, max_length=MOST_ANSWER)
    """The words of the passage that make the answer right."""


class Repaired(Form):
    """An item with another key."""

    question: str = Field(min_length=1, max_length=MOST_TEXT)
    answer: str = Field(min_length=1, max_length=MOST_ANSWER)
    wrong_answers: Wrong
    rationale: str = Field(max_length=MOST_TEXT)


FORMS: tuple[type[Form], ...] = (
    Reworded, Recalibrated, NewDistractors, NewItem, GroundedItem, Repaired,
)  # fmt: skip


def render_item(item: QAItem) -> str:
    """Return an item with its key as JSON, so that no line of it can pose as another field."""
    keyed = key_positions(item)
    row: dict[str, object] = {}
    if item.context:
        row["context"] = item.context
    if item.turns:
        row["turns"] = list(item.turns)
    row["question"] = item.question
    row["answer"] = item.choices[keyed[0]] if len(keyed) == 1 else item.answer
    if item.choices:
        row["wrong_answers"] = [one for at, one in enumerate(item.choices) if at not in keyed]
    if item.rationale:
        row["rationale"] = item.rationale
    return orjson.dumps(row, option=orjson.OPT_INDENT_2).decode()


def fenced_item(item: QAItem, kind: str = "item") -> str:
    """Return a fenced item."""
    return fence(kind, render_item(item))


def fenced_passages(passages: Sequence[Passage]) -> str:
    """Return passages, fenced, each with its id."""
    return "\n".join(
        fence("passage", f"id: {one.id}\ntitle: {one.title}\n{one.text[:MOST_TEXT]}")
        for one in passages
    )

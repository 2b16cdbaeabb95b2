"""A row of a QA set as a `QAItem`, and the item as a row again.

What a row holds beside the fields of an item goes into `meta`. So does the original of a column
that the set's own form would write otherwise (a key given as text in a set of letters, say): an
item that nobody changed is therefore written as the very row it was read from.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from burnish.corpora.questions.boxed import boxed_span
from burnish.corpora.questions.choices import (
    Choices,
    key_place,
    read_choices,
    shown_value,
    write_choices,
    write_key,
)
from burnish.corpora.questions.columns import Layout, Values
from burnish.corpora.records import QAItem, Value

SEVERAL_KEYS: Final = "several_keys"
_HASHES: Final = "\n#### "
_USER: Final = frozenset({"user", "human", "prompter", "question"})
_SYSTEM: Final = frozenset({"system", "developer"})


class ReadItem(NamedTuple):
    """An item, and what can be said of the row only."""

    item: QAItem
    key: int | None
    """Place of the keyed choice, from 0; None where there are no choices or the key names none."""
    several_keys: bool = False


class _Key(NamedTuple):
    answer: str
    place: int | None = None
    several: bool = False
    rationale: str | None = None


class _Talk(NamedTuple):
    context: str | None
    turns: tuple[str, ...]
    question: str
    answer: str


def read_item(row: Values, layout: Layout, identity: str) -> ReadItem:
    """Return the item that a row holds."""
    read = _read_fields(row, layout, identity)
    written = _write_fields(read.item, layout)
    mapped = set(layout.mapped())
    kept = {
        name: value
        for name, value in row.items()
        if name not in mapped or not (name in written and _same(written[name], value))
    }
    item = read.item
    return read._replace(item=_with_meta(item, kept))


def to_row(item: QAItem, layout: Layout) -> dict[str, Value]:
    """Return the row of an item: all that was not changed stands as it was read.

    A column of ids is part of `meta` where the row had one; an item that is new gets its own.
    """
    written = _write_fields(item, layout)
    kept = {name: item.meta[name] for name in layout.mapped() if name in item.meta}
    row = {**written}
    for name, value in kept.items():
        trial = {**row, name: value}
        if _fields(_read_fields(trial, layout, item.id).item) == _fields(item):
            row = trial
    others = {name: value for name, value in item.meta.items() if name not in kept}
    if layout.id is not None:
        given = others.get(layout.id)
        others[layout.id] = given if str(given) == item.id else item.id
    whole = {**others, **row}
    ordered = {name: whole[name] for name in layout.columns if name in whole}
    return ordered | whole


def _with_meta(item: QAItem, meta: Mapping[str, Value]) -> QAItem:
    return QAItem(
        item.id, item.question, item.answer, item.choices, item.domain, item.skill,
        item.rationale, item.context, item.turns, meta,
    )  # fmt: skip


def _fields(item: QAItem) -> tuple[object, ...]:
    return (
        item.question, item.answer, item.choices, item.domain, item.skill, item.rationale,
        item.context, item.turns,
    )  # fmt: skip


def _same(written: Value, value: Value) -> bool:
    return type(written) is type(value) and written == value


def _read_fields(row: Values, layout: Layout, identity: str) -> ReadItem:
    form = layout.choice_form
    choices = read_choices(row, layout.choices, form) if layout.choices else Choices()
    key = _read_key(row, layout, choices)
    talk = _read_talk(row.get(layout.turns)) if layout.turns is not None else None
    question = _text(row, layout.question) or ""
    context = _text(row, layout.context)
    turns: tuple[str, ...] = ()
    answer = key.answer
    if talk is not None:
        turns, question = talk.turns, question or talk.question
        context = context or talk.context
        answer = answer or talk.answer
    item = QAItem(
        identity,
        question,
        answer,
        choices.texts,
        _text(row, layout.domain),
        _text(row, layout.skill),
        _text(row, layout.rationale) if key.rationale is None else key.rationale,
        context,
        turns,
    )
    return ReadItem(item, key.place, key.several)


def _text(row: Values, column: str | None) -> str | None:
    value = None if column is None else row.get(column)
    return None if value is None or value == "" else shown_value(value)


def _read_key(row: Values, layout: Layout, choices: Choices) -> _Key:
    value: Value = None if layout.answer is None else row.get(layout.answer)
    if isinstance(value, dict):
        value = cast("dict[str, Value]", value).get("text")
    if isinstance(value, list):
        several = cast("list[Value]", value)
        if choices.texts:
            places = {key_place(one, choices, layout.key_form) for one in several}
            first = _one_key(several[0], layout, choices) if several else _Key("")
            return first._replace(several=len(places) > 1)
        value = several[0] if several else None
    if choices.texts:
        return _one_key(value, layout, choices)
    if layout.answer_form == "boxed":
        solution = _text(row, layout.rationale) or ""
        span = boxed_span(solution)
        return _Key(solution[slice(*span)] if span else "")
    text = shown_value(value)
    if layout.answer_form == "after_hashes" and _HASHES in text:
        rationale, _, answer = text.rpartition(_HASHES)
        return _Key(answer, rationale=rationale)
    return _Key(text)


def _one_key(value: Value, layout: Layout, choices: Choices) -> _Key:
    place = None if value is None else key_place(value, choices, layout.key_form)
    if place is not None:
        return _Key(choices.texts[place], place)
    text = shown_value(value)
    named = [key_place(one, choices, layout.key_form) for one in re.split(r"[,;/&]", text)]
    several = len(named) > 1 and None not in named
    if several and named[0] is not None:
        return _Key(choices.texts[named[0]], named[0], several=True)
    return _Key(text)


def _write_fields(item: QAItem, layout: Layout) -> dict[str, Value]:
    row: dict[str, Value] = {}
    if layout.turns is not None:
        row[layout.turns] = _write_talk(item)
    single = (
        (layout.question, item.question if layout.turns is None else None),
        (layout.domain, item.domain),
        (layout.skill, item.skill),
        (layout.context, item.context if layout.turns is None else None),
        (layout.rationale, item.rationale),
    )
    row |= {name: value for name, value in single if name is not None and value is not None}
    row |= write_choices(item.choices, layout.choices, layout.choice_form)
    if layout.answer is not None and item.answer:
        row[layout.answer] = _write_key(item, layout)
    elif layout.answer_form == "boxed" and layout.rationale is not None and item.rationale:
        span = boxed_span(item.rationale)
        if span is not None:
            start, stop = span
            row[layout.rationale] = item.rationale[:start] + item.answer + item.rationale[stop:]
    return row


def _write_key(item: QAItem, layout: Layout) -> Value:
    if item.choices and item.answer in item.choices:
        choices = Choices(item.choices)
        if layout.key_form == "label":
            choices = _labelled(item, layout)
        key = write_key(item.choices.index(item.answer), choices, layout.key_form)
        return _typed(key, layout)
    if layout.answer_form == "after_hashes" and item.rationale is not None:
        return item.rationale + _HASHES + item.answer
    return _typed(item.answer, layout)


def _labelled(item: QAItem, layout: Layout) -> Choices:
    """Return the choices with the labels they will be written with."""
    kept = {name: item.meta[name] for name in layout.choices if name in item.meta}
    choices = read_choices(kept, layout.choices, layout.choice_form)
    if choices.texts == item.choices:
        return choices
    written = write_choices(item.choices, layout.choices, layout.choice_form)
    labels = read_choices(written, layout.choices, layout.choice_form).labels
    return Choices(item.choices, labels)


def _typed(key: Value, layout: Layout) -> Value:
    """Write a key as the column's other keys are, where it can be."""
    if layout.key_type == "text":
        return shown_value(key)
    kind = int if layout.key_type == "whole" else float
    try:
        return kind(cast("str", key))
    except ValueError:
        return key


def _read_talk(value: Value) -> _Talk | None:
    """Split a conversation into what went before, the last question, and its answer."""
    if not isinstance(value, list):
        return None
    messages = cast("list[Value]", value)
    said = [_message(one) for one in messages]
    system = [text for role, text in said if role in _SYSTEM]
    talk = [(role, text) for role, text in said if role not in _SYSTEM]
    asked = [at for at, (role, _) in enumerate(talk) if role in _USER]
    if not asked:
        return None
    last = asked[-1]
    answer = talk[last + 1][1] if last + 1 < len(talk) else ""
    before = tuple(text for _, text in talk[:last])
    return _Talk("\n".join(system) or None, before, talk[last][1], answer)


def _message(value: Value) -> tuple[str, str]:
    if isinstance(value, dict):
        message = cast("dict[str, Value]", value)
        role = str(message.get("role") or message.get("from") or "user").lower()
        content = message.get("content", message.get("value", message.get("text")))
        return role, shown_value(content)
    return "user", shown_value(value)


def _write_talk(item: QAItem) -> Value:
    roles = ("user", "assistant")
    said = [*item.turns, item.question, *([item.answer] if item.answer else [])]
    # Counted from the last question, which is the user's.
    turns = [
        {"role": roles[(at - len(item.turns)) % 2], "content": text} for at, text in enumerate(said)
    ]
    system = [] if item.context is None else [{"role": "system", "content": item.context}]
    return [*system, *turns]

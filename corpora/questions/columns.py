"""Which columns of a set hold what, and in which form: what is needed to read rows and write them.

A layout is found once from the names of the columns and a sample of rows, then holds for the set.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.boxed import boxed_span
from burnish.corpora.questions.choices import (
    ChoiceForm,
    KeyForm,
    choice_form,
    key_form,
    read_choices,
)
from burnish.corpora.records import Value

Values = Mapping[str, Value]
AnswerForm = Literal["plain", "after_hashes", "boxed"]
"""Plain; GSM8K's rationale with the answer after `####`; MATH's `boxed` inside the rationale."""

_LIST: Final = ChoiceForm()
KeyType = Literal["text", "whole", "real"]
"""What the column of answers holds: new answers are written so where they can be."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "question_id", "qid", "uid", "example_id"),
    "turns": ("messages", "conversations", "conversation", "turns", "dialog", "dialogue"),
    "question": (
        "question", "problem", "prompt", "query", "question_text", "stem", "instruction", "input",
    ),
    "answer": (
        "answer", "target", "answerkey", "answer_key", "correct_answer", "correct_choice",
        "correct_option", "correct", "label",
        "gold", "final_answer", "output", "response", "completion", "answers", "answer_index",
    ),
    "choices": ("choices", "options", "answer_choices", "endings", "candidates"),
    "domain": ("domain", "subject", "category", "topic", "field", "task", "type"),
    "skill": ("skill", "skills", "question_type", "reasoning_type", "subtopic", "subfield"),
    "rationale": (
        "rationale", "explanation", "solution", "cot_content", "cot", "reasoning",
        "chain_of_thought",
    ),
    "context": (
        "context", "passage", "body", "article", "paragraph", "story", "background", "system",
    ),
}  # fmt: skip
_COLUMN_SETS: Final = (
    re.compile(r"^([a-j])$", re.IGNORECASE),
    re.compile(r"^(?:option|choice|opt|answer)[ _]?([a-j])$", re.IGNORECASE),
    re.compile(r"^(?:option|choice|opt|ending|answer|op)[ _]?([0-9])$", re.IGNORECASE),
)


@dataclass(frozen=True, slots=True)
class QuestionFields:
    """The columns as a user names them; None: found by name and by what they hold."""

    id: str | None = None
    question: str | None = None
    answer: str | None = None
    choices: str | None = None
    """One column, or several separated by commas."""
    domain: str | None = None
    skill: str | None = None
    rationale: str | None = None
    context: str | None = None
    turns: str | None = None
    records: tuple[str, ...] | None = None
    """Columns of answer records; a name that ends in `*` stands for all that begin so."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one set, found or named."""

    columns: tuple[str, ...] = ()
    """All columns in the order in which they were seen first."""
    id: str | None = None
    question: str | None = "question"
    answer: str | None = "answer"
    choices: tuple[str, ...] = ("choices",)
    """One column, or one for each choice."""
    domain: str | None = "domain"
    skill: str | None = "skill"
    rationale: str | None = "rationale"
    context: str | None = "context"
    turns: str | None = None
    answer_form: AnswerForm = "plain"
    choice_form: ChoiceForm = _LIST
    key_form: KeyForm = "text"
    key_type: KeyType = "text"
    records: tuple[str, ...] = ()

    def mapped(self) -> tuple[str, ...]:
        """Return the columns that become fields of an item, ids apart."""
        single = (self.question, self.answer, self.domain, self.skill, self.rationale, self.context)
        named = [name for name in (*single, self.turns) if name is not None]
        return (*named, *self.choices)


def find_layout(
    source: str, columns: Sequence[str], sample: Sequence[Values], fields: QuestionFields
) -> Layout:
    """Return the layout of a set from the names of its columns and some of its rows.

    Raises:
        SourceError: a column named is not there, or none can be the question.
    """
    taken = _named(source, columns, fields)
    layout = Layout(tuple(columns), answer=None)
    for role in ("id", "turns", "choices", "question", "rationale", "context", "domain", "skill"):
        found = taken.get(role) or _guess(role, columns, sample, set(taken.values()))
        if found is not None:
            taken[role] = found
    several = _choice_columns(columns, fields)
    if several and "choices" not in taken:
        taken |= {f"choices {name}": name for name in several}
    if "answer" not in taken:
        answer = _guess("answer", columns, sample, set(taken.values()))
        taken |= {} if answer is None else {"answer": answer}
    if "question" not in taken and "turns" not in taken:
        shown = ", ".join(repr(name) for name in columns[:20]) or "none"
        raise SourceError(
            f"{source}: no column holds the question; there are {shown}; name it with "
            "--set qa.question=COLUMN, or a conversation with --set qa.turns=COLUMN"
        )
    choices = several or ((taken["choices"],) if "choices" in taken else ())
    single = {role: taken.get(role) for role in _NAMES if role != "choices"}
    return _with_forms(replace(layout, choices=choices, **single), sample)


def _named(source: str, columns: Sequence[str], fields: QuestionFields) -> dict[str, str]:
    taken: dict[str, str] = {}
    for role in _NAMES:
        name: str | None = getattr(fields, role)
        if name is None:
            continue
        for one in name.split(",") if role == "choices" and name not in columns else [name]:
            if one not in columns:
                shown = ", ".join(repr(column) for column in columns[:20]) or "none"
                raise SourceError(
                    f"{source}: there is no column {one!r}; it has {shown}; name another with "
                    f"--{role}-field"
                )
        if role != "choices" or name in columns:
            taken[role] = name
    return taken


def _choice_columns(columns: Sequence[str], fields: QuestionFields) -> tuple[str, ...]:
    if fields.choices is not None:
        named = fields.choices.split(",")
        return () if fields.choices in columns else tuple(named)
    for pattern in _COLUMN_SETS:
        found = sorted(
            (match[1].lower(), name) for name in columns if (match := pattern.match(name))
        )
        letters = [letter for letter, _ in found]
        start = ord(letters[0]) if letters else 0
        if len(found) > 1 and letters == [chr(start + at) for at in range(len(letters))]:
            return tuple(name for _, name in found)
    return ()


def _guess(
    role: str, columns: Sequence[str], sample: Sequence[Values], taken: set[str]
) -> str | None:
    by_name = {name.lower(): name for name in reversed(columns)}
    for wanted in _NAMES[role]:
        name = by_name.get(wanted)
        if name is None or name in taken:
            continue
        held = [row[name] for row in sample if row.get(name) is not None]
        if held and all(map(_FITS[role], held)):
            return name
    return None


def _text(value: Value) -> bool:
    return isinstance(value, str)


def _label(value: Value) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _answer(value: Value) -> bool:
    return isinstance(value, str | int | float | list) and not isinstance(value, bool)


def _talk(value: Value) -> bool:
    return isinstance(value, list)


_FITS: Final[Mapping[str, Callable[[Value], bool]]] = {
    "id": _label,
    "question": _text,
    "answer": _answer,
    "choices": lambda value: bool(read_choices({"": value}, ("",), _LIST).texts),
    "domain": _label,
    "skill": _label,
    "rationale": _text,
    "context": _text,
    "turns": _talk,
}


def _with_forms(layout: Layout, sample: Sequence[Values]) -> Layout:
    held = [row.get(layout.answer) for row in sample] if layout.answer is not None else []
    held = [one for one in held if one is not None]
    if held and all(isinstance(one, int | float) for one in held):
        whole = all(isinstance(one, int) for one in held)
        layout = replace(layout, key_type="whole" if whole else "real")
    if layout.choices:
        form = choice_form(sample, layout.choices)
        pairs = [
            (row.get(layout.answer), read_choices(row, layout.choices, form))
            for row in sample
            if layout.answer is not None
        ]
        return replace(layout, choice_form=form, key_form=key_form(pairs))
    return replace(layout, answer_form=_answer_form(layout, sample))


def _answer_form(layout: Layout, sample: Sequence[Values]) -> AnswerForm:
    if layout.answer is None:
        texts = [str(row.get(layout.rationale) or "") for row in sample if layout.rationale]
        boxed = sum(1 for text in texts if boxed_span(text) is not None)
        return "boxed" if boxed * 2 > len(texts) else "plain"
    answers = [row.get(layout.answer) for row in sample]
    hashes = sum(1 for one in answers if isinstance(one, str) and "\n#### " in one)
    return "after_hashes" if hashes * 2 > len(answers) and layout.rationale is None else "plain"

"""The choices of a question and its key, in the forms that published sets give them."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast

from burnish.corpora.records import Value

ChoiceKind = Literal["list", "labelled", "entries", "letters", "columns", "text"]
"""A list of texts; `{label: [...], text: [...]}`; a list of `{label, text}`; an object from label
to text; one column for each choice; a list written out as text (in CSV)."""
KeyForm = Literal["label", "text", "index", "index_from_1"]
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PREFIX: Final = re.compile(r"^(\(?)([A-Z])([).:]\s*)")
_TEXTS: Final = ("text", "content", "value", "choice", "option", "answer")
_LABELS: Final = ("label", "key", "letter", "id")


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """How a set writes its choices."""

    kind: ChoiceKind = "list"
    prefix: str = ""
    """What stands before every text, with `{}` for the letter, as in `A) 12`."""
    text_key: str = "text"
    label_key: str = "label"


class Choices(NamedTuple):
    """The choices as texts, with the labels that a key may name."""

    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def read_choices(row: Mapping[str, Value], columns: Sequence[str], form: ChoiceForm) -> Choices:
    """Return the choices in some columns, whatever their form; nulls at the end are no choices."""
    if len(columns) > 1:
        cells = [row.get(name) for name in columns]
        while cells and cells[-1] in (None, ""):
            cells.pop()
        found = Choices(tuple(_shown(cell) for cell in cells))
    else:
        found = _read(row.get(columns[0])) if columns else Choices()
    texts = found.texts
    bare = [_bare(text, form.prefix, letter) for text, letter in zip(texts, LETTERS, strict=False)]
    if form.prefix and len(bare) == len(texts) and None not in bare:
        texts = tuple(cast("list[str]", bare))
    return Choices(texts, found.labels or tuple(LETTERS[: len(texts)]))


def write_choices(
    choices: Sequence[str], columns: Sequence[str], form: ChoiceForm
) -> dict[str, Value]:
    """Return the columns that hold these choices in the set's form."""
    texts = list(choices)
    if form.prefix:
        texts = [
            form.prefix.format(letter) + text for letter, text in zip(LETTERS, texts, strict=False)
        ]
    if len(columns) > 1:
        padded = [*texts, *([None] * (len(columns) - len(texts)))]
        return dict(zip(columns, padded, strict=False))
    if not columns or not texts:
        return {}
    labels = list(LETTERS[: len(texts)])
    value: Value = texts
    match form.kind:
        case "labelled":
            value = {form.text_key: texts, form.label_key: labels}
        case "entries":
            value = [
                {form.label_key: label, form.text_key: text}
                for label, text in zip(labels, texts, strict=False)
            ]
        case "letters":
            value = dict(zip(labels, texts, strict=False))
        case "text":
            value = json.dumps(texts, ensure_ascii=False)
        case "list" | "columns":
            pass
    return {columns[0]: value}


def choice_form(sample: Sequence[Mapping[str, Value]], columns: Sequence[str]) -> ChoiceForm:
    """Return the form that the choices of some rows have."""
    kind: ChoiceKind = "columns" if len(columns) > 1 else "list"
    text_key, label_key = "text", "label"
    first = next((row[columns[0]] for row in sample if row.get(columns[0])), None)
    if kind == "list" and isinstance(first, dict):
        held = cast("dict[str, Value]", first)
        text_key, label_key = _key(list(held), _TEXTS), _key(list(held), _LABELS)
        kind = "labelled" if isinstance(held.get(text_key), list) else "letters"
    elif kind == "list" and isinstance(first, str):
        kind = "text"
    elif isinstance(first, list) and first and isinstance(first[0], dict):
        keys = list(cast("dict[str, Value]", first[0]))
        kind, text_key, label_key = "entries", _key(keys, _TEXTS), _key(keys, _LABELS)
    plain = ChoiceForm(kind, "", text_key, label_key)
    texts = [read_choices(row, columns, plain).texts for row in sample]
    return ChoiceForm(kind, _common_prefix([each for each in texts if each]), text_key, label_key)


def key_form(pairs: Sequence[tuple[Value, Choices]]) -> KeyForm:
    """Return the form in which most keys can be read: the first of equally good ones."""
    counted = {
        form: sum(1 for key, choices in pairs if key_place(key, choices, form) is not None)
        for form in ("label", "text", "index", "index_from_1")
    }
    best = max(counted.values(), default=0)
    forms = cast("list[KeyForm]", [form for form, count in counted.items() if count == best])
    return forms[0] if best else "text"


def key_place(key: Value, choices: Choices, form: KeyForm) -> int | None:
    """Return the place of the keyed choice, from 0; None where the key names none."""
    match form:
        case "label":
            if not isinstance(key, str):
                return None
            bare = key.strip().strip("()[].: ").upper()
            upper = [label.upper() for label in choices.labels]
            return upper.index(bare) if bare in upper else None
        case "text":
            return _place_of_text(key, choices.texts)
        case "index" | "index_from_1":
            number = _whole(key)
            if number is None:
                return None
            place = number - (form == "index_from_1")
            return place if 0 <= place < len(choices.texts) else None


def write_key(place: int, choices: Choices, form: KeyForm) -> Value:
    """Return the key of the choice at a place in the set's form."""
    match form:
        case "label":
            return choices.labels[place]
        case "text":
            return choices.texts[place]
        case "index" | "index_from_1":
            return place + (form == "index_from_1")


def _read(value: Value) -> Choices:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, dict):
        return _from_object(cast("dict[str, Value]", value))
    if not isinstance(value, list):
        return Choices()
    cells = cast("list[Value]", value)
    if cells and all(isinstance(cell, dict) for cell in cells):
        entries = [cast("dict[str, Value]", cell) for cell in cells]
        text, label = _key(list(entries[0]), _TEXTS), _key(list(entries[0]), _LABELS)
        labels = [_shown(entry.get(label)) for entry in entries]
        texts = [_shown(entry.get(text)) for entry in entries]
        distinct = all(labels) and len(set(labels)) == len(labels)
        return Choices(tuple(texts), tuple(labels) if distinct else ())
    return Choices(tuple(_shown(cell) for cell in cells))


def _from_object(value: dict[str, Value]) -> Choices:
    text = value.get(_key(list(value), _TEXTS))
    label = value.get(_key(list(value), _LABELS))
    if isinstance(text, list):
        texts = tuple(_shown(one) for one in cast("list[Value]", text))
        labels = cast("list[Value]", label) if isinstance(label, list) else []
        return Choices(texts, tuple(map(_shown, labels)) if len(labels) == len(texts) else ())
    if not all(isinstance(one, str) or one is None for one in value.values()):
        return Choices()
    some = {name: one for name, one in value.items() if isinstance(one, str)}
    return Choices(tuple(some.values()), tuple(some))


def _parsed(text: str) -> Value:
    if not text.lstrip().startswith(("[", "{")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _key(keys: Sequence[str], wanted: Sequence[str]) -> str:
    return next((name for name in wanted if name in keys), wanted[0])


def _bare(text: str, prefix: str, letter: str) -> str | None:
    start = prefix.format(letter)
    return text[len(start) :] if text.startswith(start) else None


def _common_prefix(sets: Sequence[tuple[str, ...]]) -> str:
    """Return the prefix that nine in ten sets of choices carry, none otherwise."""
    found: dict[str, int] = {}
    for texts in sets:
        match = _PREFIX.match(texts[0])
        if match is None or match[2] != "A" or len(texts) > len(LETTERS):
            continue
        prefix = f"{match[1]}{{}}{match[3]}"
        pairs = zip(texts, LETTERS, strict=False)
        if all(text.startswith(prefix.format(letter)) for text, letter in pairs):
            found[prefix] = found.get(prefix, 0) + 1
    prefix = max(found, key=lambda one: found[one], default="")
    return prefix if prefix and found[prefix] * 10 >= len(sets) * 9 else ""


def _place_of_text(key: Value, texts: Sequence[str]) -> int | None:
    text = _shown(key)
    if text in texts:
        return texts.index(text)
    bare = text.strip().casefold()
    alike = [place for place, one in enumerate(texts) if one.strip().casefold() == bare]
    return alike[0] if alike and bare else None


def _whole(key: Value) -> int | None:
    if isinstance(key, bool):
        return None
    if isinstance(key, int):
        return key
    if isinstance(key, float):
        return int(key) if key.is_integer() else None
    text = key.strip() if isinstance(key, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def _shown(value: Value) -> str:
    return shown_value(value)


def shown_value(value: Value) -> str:
    """Return a cell as text: numbers that are whole without their `.0`, null as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)

"""Where the keyed answer of an item stands among its choices, and how it is moved."""

import re
from collections.abc import Sequence
from dataclasses import replace

from burnish.corpora.records import QAItem

_LETTER = re.compile(r"\s*\(?([A-Za-z])\)?[.):]?\s*")


def key_positions(item: QAItem) -> tuple[int, ...]:
    """Return the choices that the answer names: by their text, or (only then) by a letter."""
    exact = tuple(at for at, choice in enumerate(item.choices) if choice == item.answer)
    if exact:
        return exact
    wanted = item.answer.strip()
    found = tuple(at for at, choice in enumerate(item.choices) if choice.strip() == wanted)
    if found:
        return found
    letter = lettered(item.answer)
    return () if letter is None or letter >= len(item.choices) else (letter,)


def lettered(answer: str) -> int | None:
    """Return the position that an answer such as `B` or `(b)` names, None where it is no letter."""
    found = _LETTER.fullmatch(answer)
    return None if found is None else ord(found[1].upper()) - ord("A")


def key_text(item: QAItem) -> str:
    """Return the text of the keyed answer; of an item without choices, the answer.

    Raises:
        ValueError: the answer names no choice, or several.
    """
    if not item.choices:
        return item.answer
    positions = key_positions(item)
    if len(positions) != 1:
        raise ValueError(f"the answer names {len(positions)} of {len(item.choices)} choices")
    return item.choices[positions[0]]


def wrong_choices(item: QAItem) -> tuple[str, ...]:
    """Return the choices other than the keyed one, in order."""
    keyed = key_positions(item)
    return tuple(choice for at, choice in enumerate(item.choices) if at not in keyed)


def seated(item: QAItem, wrong: Sequence[str], position: int, key: str | None = None) -> QAItem:
    """Return the item with other wrong choices and the key at a position, named as it was before.

    Args:
        item: the item to change.
        wrong: the wrong choices, in order.
        position: where the key goes, 0 to len(wrong).
        key: the key's text; None keeps it.

    Raises:
        ValueError: the item has no single key to keep.
    """
    text = key_text(item) if key is None else key
    choices = (*wrong[:position], text, *wrong[position:])
    by_letter = item.answer not in item.choices and lettered(item.answer) is not None
    letter = chr(ord("A") + position)
    answer = letter if by_letter and item.choices and letter not in choices else text
    return replace(item, choices=choices, answer=answer)

"""Where the keyed answer of an item stands among its choices, and how it is moved."""

from collections.abc import Sequence
from dataclasses import replace

from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import QAItem
from burnish.tools.answers.choices import keyed, letter_of


def key_positions(item: QAItem) -> tuple[int, ...]:
    """Return the choices that the answer names: by their text, else the one `keyed` says."""
    exact = tuple(at for at, choice in enumerate(item.choices) if choice == item.answer)
    if exact:
        return exact
    wanted = item.answer.strip()
    found = tuple(at for at, choice in enumerate(item.choices) if choice.strip() == wanted)
    if found:
        return found
    place = keyed(item.answer, item.choices)
    return () if place is None else (place,)


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
    keys = key_positions(item)
    return tuple(choice for at, choice in enumerate(item.choices) if at not in keys)


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
    by_letter = letter_of(item.answer, item.choices) is not None and item.answer not in item.choices
    letter = LETTERS[position] if position < len(LETTERS) else text
    answer = letter if by_letter and item.choices and letter not in choices else text
    return replace(item, choices=choices, answer=answer)

"""What is wrong with an item as it stands, told from its own text: no model, no judgement."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from burnish.corpora.records import QAItem

NO_KEY: Final = "no_key"
KEY_NOT_A_CHOICE: Final = "key_not_a_choice"
SEVERAL_KEYS: Final = "several_keys"
SAME_CHOICES: Final = "same_choices"
EMPTY_CHOICE: Final = "empty_choice"
ONE_CHOICE: Final = "one_choice"
BLANK_QUESTION: Final = "blank_question"
NO_WORDS: Final = "no_words"
REPEATS_KEY: Final = "key_in_question"
LOST_FIGURE: Final = "lost_figure"
BROKEN_TEXT: Final = "broken_text"
DUPLICATE: Final = "duplicate"
NEAR_DUPLICATE: Final = "near_duplicate"

MEANINGS: Final[Mapping[str, str]] = MappingProxyType({
    NO_KEY: "no answer is given",
    KEY_NOT_A_CHOICE: "the key names none of the choices",
    SEVERAL_KEYS: "more than one choice is keyed, or the keyed text stands there twice",
    SAME_CHOICES: "two wrong choices are the same text",
    EMPTY_CHOICE: "a choice is empty",
    ONE_CHOICE: "there is one choice only",
    BLANK_QUESTION: "the question is blank",
    NO_WORDS: "the question holds no word",
    REPEATS_KEY: "the question holds the keyed choice, and no other",
    LOST_FIGURE: "the question points to a picture or table that is not there",
    BROKEN_TEXT: "the text was decoded or extracted wrongly",
    DUPLICATE: "the same item occurs before",
    NEAR_DUPLICATE: "nearly the same item occurs before",
})
"""What each flag says, in words."""

_WORD: Final = re.compile(r"\w")
_FIGURE: Final = re.compile(
    r"\b(?:figure|diagram|graph|picture|image|table|map|chart)\s+(?:below|above|shown)\b"
    r"|\b(?:shown|pictured|depicted)\s+(?:below|above)\b|\bin the (?:figure|diagram|picture)\b",
    re.IGNORECASE,
)
_DRAWN: Final = re.compile(r"\n.*[|+\\/_-]{3}|\||\\begin\{|\[asy\]|<img|!\[")
_BROKEN: Final = re.compile("\ufffd|[\u00c2\u00c3\u00e2][\u0080-\u00bf\u20ac\u2122]|[\x00-\x08]")
_LETTER: Final = re.compile(r"[^\W\d_]{3}")
_SHORTEST_REPEAT: Final = 4


def find_flaws(item: QAItem, *, several_keys: bool = False) -> tuple[str, ...]:
    """Return the flags of an item, in the order of `MEANINGS`.

    Args:
        item: the item.
        several_keys: whether its row named several keys, which the item itself cannot hold.
    """
    found = {*_key_flaws(item, several_keys=several_keys), *_choice_flaws(item), *_text_flaws(item)}
    return tuple(flag for flag in MEANINGS if flag in found)


def normalised(text: str) -> str:
    """Return a text without what does not change an answer: case, outer and repeated spaces."""
    return " ".join(text.casefold().split())


def _key_flaws(item: QAItem, *, several_keys: bool) -> list[str]:
    if not item.answer.strip():
        return [NO_KEY]
    if not item.choices:
        return [SEVERAL_KEYS] if several_keys else []
    # Case can tell choices apart (genes, chemical symbols): the key must match as it stands.
    key = _trimmed(item.answer)
    matches = sum(1 for choice in item.choices if _trimmed(choice) == key)
    flaws = [SEVERAL_KEYS] if several_keys or matches > 1 else []
    return [*flaws, KEY_NOT_A_CHOICE] if not matches else flaws


def _choice_flaws(item: QAItem) -> list[str]:
    texts = [_trimmed(choice) for choice in item.choices]
    key = _trimmed(item.answer)
    others = [text for text in texts if text and text != key]
    flaws = [EMPTY_CHOICE] if "" in texts else []
    flaws += [ONE_CHOICE] if len(texts) == 1 else []
    return [*flaws, SAME_CHOICES] if len(set(others)) < len(others) else flaws


def _text_flaws(item: QAItem) -> list[str]:
    whole = "\n".join([item.question, *item.choices])
    if not item.question.strip():
        return [BLANK_QUESTION]
    flaws = [] if _WORD.search(item.question) else [NO_WORDS]
    flaws += [BROKEN_TEXT] if _BROKEN.search(whole) else []
    if item.context is None and _FIGURE.search(item.question) and not _DRAWN.search(whole):
        flaws.append(LOST_FIGURE)
    return [*flaws, REPEATS_KEY] if _repeats_key(item) else flaws


def _repeats_key(item: QAItem) -> bool:
    key = normalised(item.answer)
    # Numbers recur by chance, in the questions of sums above all.
    if len(key) < _SHORTEST_REPEAT or len(item.choices) < 2 or not _LETTER.search(key):
        return False
    question = normalised(item.question)
    held = [choice for choice in item.choices if _holds(question, normalised(choice))]
    return len(held) == 1 and normalised(held[0]) == key


def _holds(question: str, choice: str) -> bool:
    if not choice or choice not in question:
        return False
    return re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", question) is not None


def _trimmed(text: str) -> str:
    return " ".join(text.split())

"""Choices of a question: which one a key names, and which ones an answer equals by value."""

import re
from collections.abc import Sequence

from burnish.corpora.questions.choices import LETTERS
from burnish.tools.answers.compare import Comparison, Tolerance, compare, normal

_LETTER = re.compile(r"[(\[]?([A-Za-z])(?:[)\].:]|\b(?=\s*$))[.:\s]*")
_LABEL = re.compile(r"\(?([A-Za-z])[).:]\s*(?=\S)")
_OPEN = re.compile(
    r"\b(?:none of (?:these|the above|the others)|all of (?:these|the above)|cannot be)"
)


def unlabelled(choices: Sequence[str]) -> tuple[str, ...]:
    """Return the choices without `A)`, `(b)` … in front, where every one bears its own letter."""
    found = [_LABEL.match(choice) for choice in choices]
    marks = [match[1].upper() if match else "" for match in found]
    if marks != list(LETTERS[: len(choices)]):
        return tuple(choices)
    return tuple(c[m.end() :] for c, m in zip(choices, found, strict=True) if m is not None)


def letter_of(answer: str, choices: Sequence[str]) -> int | None:
    """Return the place that a letter such as `B`, `(b)` or `C.` names, if that is all there is."""
    found = _LETTER.fullmatch(answer.strip())
    if found is None:
        return None
    place = LETTERS.index(found[1].upper())
    return place if place < len(choices) else None


def keyed(answer: str, choices: Sequence[str]) -> int | None:
    """Return the choice an answer names: by its words, else by letter, else by value.

    None where no choice, or more than one, fits.
    """
    choices = unlabelled(choices)
    words = normal(answer)
    equal = [place for place, choice in enumerate(choices) if words and normal(choice) == words]
    if len(equal) == 1:
        return equal[0]
    if (place := letter_of(answer, choices)) is not None:
        return place
    if (label := _LABEL.match(answer)) and (rest := answer[label.end() :]):
        place = LETTERS.index(label[1].upper())
        if place < len(choices) and compare(rest, choices[place]).same:
            return place
    alike = [place for place, choice in enumerate(choices) if compare(answer, choice).same]
    return alike[0] if len(alike) == 1 else None


def chosen(relations: Sequence[Comparison], key: int, choices: Sequence[str]) -> Comparison:
    """Say what it means that an answer stands so to each of the choices.

    Args:
        relations: the answer compared with each choice.
        key: the place of the keyed choice.
        choices: their texts; `none of these` and its like leave everything open.
    """
    same = [place for place, relation in enumerate(relations) if relation.same]
    if same == [key]:
        return Comparison("same", f"choice {LETTERS[key]} by value")
    if len(same) == 1:
        return Comparison("different", f"choice {LETTERS[same[0]]} by value")
    if len(same) > 1:
        return Comparison("unclear", "several choices have this value")
    if _OPEN.search(normal(choices[key])):
        return Comparison("unclear", "no choice has this value, and the key may say so")
    return Comparison("unclear", "no choice has this value")


def twins(choices: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of choices that are one answer by value: a question with two keys."""
    choices = unlabelled(choices)
    return tuple(
        (one, other)
        for one in range(len(choices))
        for other in range(one + 1, len(choices))
        if compare(choices[one], choices[other], Tolerance(rounding=False)).same
    )

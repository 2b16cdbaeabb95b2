"""What may be wrong with a question that an operation changed or wrote: complaints, one line each.

A fault the item had before counts only where the edit could have made it: an edit is answerable for
what it wrote. Complaints are words for whoever wrote the draft, and never quote it at length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.records import QAItem
from burnish.tools.answers.compare import compare
from burnish.tools.answers.likeness import shape, tokens
from burnish.tools.items.contamination import TextIndex, folded
from burnish.tools.items.keys import key_positions, key_text, wrong_choices
from burnish.tools.items.rationales import concludes, wrong_calculations

LONGER = 1.5
"""A key so many times as long as the longest wrong choice can be told by its length."""
LONGER_CHARS = 12
"""And by at least so many characters."""
LEAK_LETTERS = 4
"""Shorter keys may occur in a question by chance."""
_UNLEAKED = frozenset({"number", "reference", "formula"})
ComplaintKind = Literal[
    "schema", "key", "choices", "key changed", "leak", "length", "rationale", "turns", "duplicate",
    "contamination",
]  # fmt: skip


class Complaint(NamedTuple):
    """One fault of a draft."""

    kind: ComplaintKind
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What an operation made, and what it was allowed."""

    after: QAItem
    before: QAItem | None = None
    """None for a new item."""
    key_may_change: bool = False
    """Only a repair that validators allow."""


def faults(item: QAItem) -> list[Complaint]:
    """Return what is wrong with an item by itself."""
    broken = _schema(item)
    if broken:
        return broken
    found = [*_leak(item), *_length(item), *_rationale(item)]
    if len(item.turns) % 2:
        found.append(
            Complaint("turns", "the turns do not alternate: an assistant's must come last")
        )
    return found


def complaints(draft: Draft) -> list[Complaint]:
    """Return what is wrong with a draft and was not so before."""
    found = faults(draft.after)
    if draft.before is None:
        return found
    own = {one.kind for one in faults(draft.before)}
    found = [one for one in found if one.kind not in own or _wrote(one.kind, draft.before, draft)]
    return found + _key_change(draft) + _turns(draft.before, draft.after)


def _wrote(kind: ComplaintKind, before: QAItem, draft: Draft) -> bool:
    """Tell whether the edit wrote what a complaint is about, so that the fault is its own now."""
    after = draft.after
    choices = before.choices != after.choices or before.answer != after.answer
    written = {
        "leak": draft.key_may_change,
        "rationale": before.rationale != after.rationale,
        "turns": before.turns != after.turns,
    }
    return written.get(kind, choices)


def _schema(item: QAItem) -> list[Complaint]:
    if not item.question.strip():
        return [Complaint("schema", "the question is empty")]
    if not item.answer.strip():
        return [Complaint("schema", "the answer is empty")]
    if any(not turn.strip() for turn in item.turns):
        return [Complaint("schema", "a turn is empty")]
    if not item.choices:
        return []
    if len(item.choices) < 2 or any(not choice.strip() for choice in item.choices):
        return [Complaint("schema", "there must be two or more choices, none of them empty")]
    keyed = key_positions(item)
    if len(keyed) != 1:
        return [Complaint("key", f"the answer names {len(keyed)} of the choices, not one")]
    key = item.choices[keyed[0]]
    if any(compare(key, wrong).same for wrong in wrong_choices(item)):
        return [Complaint("key", "a wrong choice says the same as the key")]
    return _distinct(item)


def _distinct(item: QAItem) -> list[Complaint]:
    held: list[str] = []
    for choice in item.choices:
        if any(compare(choice, other).same for other in held):
            return [Complaint("choices", "two choices say the same")]
        held.append(choice)
    return []


def _leak(item: QAItem) -> list[Complaint]:
    key = key_text(item)
    if shape(key) in _UNLEAKED or len("".join(tokens(key))) < LEAK_LETTERS:
        return []
    asked = tokens(item.question)
    if not _within(tokens(key), asked):
        return []
    if any(_within(tokens(wrong), asked) for wrong in wrong_choices(item)):
        return []
    return [Complaint("leak", "the question contains the keyed answer")]


def _within(few: Sequence[str], many: Sequence[str]) -> bool:
    width = len(few)
    starts = range(len(many) - width + 1)
    return bool(width) and any(tuple(many[at : at + width]) == tuple(few) for at in starts)


def _length(item: QAItem) -> list[Complaint]:
    wrong = wrong_choices(item)
    if not wrong or shape(key_text(item)) in _UNLEAKED:
        return []
    key, longest = len(key_text(item)), max(map(len, wrong))
    if key >= LONGER * longest and key - longest >= LONGER_CHARS:
        return [Complaint("length", f"the key ({key} characters) stands out: others to {longest}")]
    return []


def _rationale(item: QAItem) -> list[Complaint]:
    if not item.rationale:
        return []
    found = [
        Complaint("rationale", f"a calculation of the rationale does not hold: {written[:60]}")
        for written in wrong_calculations(item.rationale)[:3]
    ]
    if concludes(item) is False:
        found.append(Complaint("rationale", "the rationale arrives at another answer than the key"))
    return found


def _key_change(draft: Draft) -> list[Complaint]:
    before = draft.before
    if before is None or draft.key_may_change:
        return []
    try:
        kept = key_text(before) == key_text(draft.after)
    except ValueError:
        return [Complaint("key changed", "the item had no single key, and only a repair gives one")]
    return [] if kept else [Complaint("key changed", "the keyed answer must stay word for word")]


def _turns(before: QAItem, after: QAItem) -> list[Complaint]:
    """Compare a conversation with its earlier form."""
    if len(before.turns) != len(after.turns):
        return [Complaint("turns", f"there must be {len(before.turns)} turns before the question")]
    old, new = (*before.turns, before.question), (*after.turns, after.question)
    for at in range(1, len(new)):
        lost = _lost(old, new, at)
        if lost:
            return [
                Complaint("turns", f"turn {at + 1} refers to what no earlier turn says any more")
            ]
    return []


def _lost(old: Sequence[str], new: Sequence[str], at: int) -> set[str]:
    """Return the words that a turn took up from earlier ones and that are gone from those."""
    taken_up = _content(new[at]) & _content(old[at])
    earlier_before = set[str]().union(*map(_content, old[:at]))
    earlier_now = set[str]().union(*map(_content, new[:at]))
    return (taken_up & earlier_before) - earlier_now if new[:at] != old[:at] else set()


def _content(text: str) -> set[str]:
    """Return figures and long words: what a later turn can refer to."""
    return {word for word in tokens(text) if len(word) > 5 or any(c.isdigit() for c in word)}


def found_elsewhere(
    draft: Draft,
    own: TextIndex | None,
    foreign: Sequence[TextIndex] = (),
    vector: NDArray[np.float32] | None = None,
) -> list[Complaint]:
    """Return where the draft's question already stands: in its set, or in an evaluation set.

    Args:
        draft: the draft; an unchanged question is not looked for.
        own: the set; the item's earlier form does not count.
        foreign: sets that nothing may be taken from.
        vector: the question's unit vector, where likeness is to count.
    """
    before, after = draft.before, draft.after
    if before is not None and _stem(before) == _stem(after):
        return []
    text = asked(after)
    hit = (
        None
        if own is None
        else own.find(text, vector, apart_from=None if before is None else before.id)
    )
    found: list[Complaint] = []
    if hit is not None:
        words = f"the question is much like item {hit.id} of the set ({hit.how} {hit.amount:.2f})"
        found.append(Complaint("duplicate", words))
    for index in foreign:
        if before is not None and index.find(asked(before)) is not None:
            continue
        hit = index.find(text, vector)
        if hit is not None:
            words = f"the question stands in {hit.name}, item {hit.id} ({hit.how} {hit.amount:.2f})"
            found.append(Complaint("contamination", words))
    return found


def asked(item: QAItem) -> str:
    """Return what an item asks as one text: its context, earlier turns and question.

    Short questions ("Which is true?") get their choices too, as nothing else tells them apart.
    """
    text = "\n".join(part for part in _stem(item) if part)
    return text if len(folded(text)) >= 12 else "\n".join([text, *sorted(item.choices)])


def _stem(item: QAItem) -> tuple[str, ...]:
    return (item.context or "", *item.turns, item.question)

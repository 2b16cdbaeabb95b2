"""What planning needs to know of an item's text: told by one look at it, in any process."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from burnish.corpora.records import QAItem
from burnish.tools.items.checks import faults
from burnish.tools.items.flaws import find_flaws
from burnish.tools.items.near_duplicates import even_text, item_text


class SeenItem(NamedTuple):
    """An item, and what only its row tells."""

    item: QAItem
    several_keys: bool


class ItemFacts(NamedTuple):
    """What one look at an item tells."""

    flawed: bool
    """Whether its own text is wrong."""
    text: bytes
    """Digest of its evened text: copies have the same."""
    chars: int
    """Characters of it that a model is shown."""
    tells_key: bool = False
    """Whether its choices want new wrong ones; only told where that was asked."""


def look_at(items: Sequence[SeenItem], *, keys: bool) -> list[ItemFacts]:
    """Return the facts of items, in order; `keys` asks whether they tell their key."""
    return [
        ItemFacts(
            bool(find_flaws(item, several_keys=several)),
            blake2b(
                even_text(item_text(item)).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest(),
            chars_of(item),
            keys and tells_its_key(item),
        )
        for item, several in items
    ]


def chars_of(item: QAItem | None) -> int:
    """Return the characters of an item that an order shows to the model."""
    if item is None:
        return 0
    parts = (item.question, item.answer, item.rationale or "", item.context or "")
    return sum(map(len, (*parts, *item.choices, *item.turns)))


def tells_its_key(item: QAItem) -> bool:
    """Tell whether the choices want new wrong ones: the key stands out, or two say the same."""
    if len(item.choices) < 2:
        return False
    kinds = {fault.kind for fault in faults(item)}
    return bool(kinds & {"length", "choices"})

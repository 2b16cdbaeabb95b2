"""What may be done to the set: items, and options to act on them."""

from dataclasses import dataclass
from typing import NamedTuple

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.records import QAItem


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that something may be done to."""

    item: QAItem
    stratum: str
    worth: float = 0.0
    """What is gained, in bits, if it leaves the set (for one outside: if it joins): its faults."""


@dataclass(frozen=True, slots=True)
class EditOption:
    """A thing that may be done to one item, or to get one more item."""

    name: str
    """The item's id, or a name of its own for an item that does not exist yet."""
    order: EditOrder
    stratum_from: str
    stratum_to: str
    gain: float = 0.0
    """Beyond what the move between strata brings."""
    cost: float = 0.0
    """Tokens it is taken to cost before it was ever tried; 0: it asks no model."""


class EarlierRounds(NamedTuple):
    """What earlier rounds leave: bounds are of the set as it came in."""

    size: int
    """Items that came in."""
    edits: int
    """Items that were touched so far."""

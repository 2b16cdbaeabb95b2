"""What may be done to the set: items, and options to act on them."""

from dataclasses import dataclass
from typing import NamedTuple

from burnish.agents.operations.operation import EditOrder
from burnish.graphs.questions.state.item_facts import ItemFacts


class StandingItems(NamedTuple):
    """The items of a set as it stands, without their texts."""

    ids: list[str]
    strata: list[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that something may be done to."""

    id: str
    stratum: str
    facts: ItemFacts


@dataclass(frozen=True, slots=True)
class EditOption:
    """A thing that may be done to one item, or to get one more item."""

    name: str
    """The item's id, or a name of its own for an item that does not exist yet."""
    order: EditOrder
    """Without its item: texts are fetched when an order is carried out."""
    stratum_from: str
    stratum_to: str
    gain: float = 0.0
    """Beyond what the move between strata brings."""
    cost: float = 0.0
    """Tokens it is taken to cost before it was ever tried; 0: it asks no model."""
    subject: str | None = None
    """Id of the order's item, in the set or (to draw it) in the reserve."""
    chars: int = 0
    """Characters of that item which a model is shown."""


class EarlierRounds(NamedTuple):
    """What earlier rounds leave: bounds are of the set as it came in."""

    size: int
    """Items that came in."""
    edits: int
    """Items that were touched so far."""

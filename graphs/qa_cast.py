"""Makes the agents that a run over questions works with; their libraries load here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from burnish.agents.editing import Edit, Operation, Order
from burnish.graphs.qa_desk import Desk
from burnish.graphs.qa_records import Workshop
from burnish.graphs.settings import Settings


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes an item out of the set."""

    name: str = "remove"
    needs_model: bool = False

    async def apply(self, order: Order) -> Edit:
        """Remove the item."""
        return Edit(order, "done", order.item, None, "its place has more items than its target")


@dataclass(frozen=True, slots=True)
class Draw:
    """Takes an item of the reserve into the set."""

    name: str = "draw"
    needs_model: bool = False

    async def apply(self, order: Order) -> Edit:
        """Add the item."""
        return Edit(order, "done", None, order.item, "its place has fewer items than its target")


def offline_operations(settings: Settings, desk: Desk) -> dict[str, Operation]:
    """Return the operations that need no model and are allowed."""
    allowed = settings.qa.operations
    made: list[Operation] = [Remove()]
    if desk.reserve is not None:
        made.append(Draw())
    return {one.name: one for one in made if allowed is None or one.name in allowed}


@asynccontextmanager
async def workshop_of(settings: Settings, desk: Desk) -> AsyncGenerator[Workshop]:
    """Open the operations and validators of a run inside the running event loop."""
    yield Workshop(offline_operations(settings, desk), review_below=settings.qa.review_below)

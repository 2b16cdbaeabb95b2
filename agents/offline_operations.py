"""Operations that need no language model: remove, flag, draw from a reserve, mine distractors."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from burnish.agents.editing import Edit, Order
from burnish.corpora.documents import QAItem
from burnish.tools.answer_keys import key_positions, key_text, seated, wrong_choices
from burnish.tools.distractor_mining import (
    Options,
    Terms,
    Vectors,
    Wanted,
    mine,
    options_of,
    restyled,
)
from burnish.tools.embedder import Embedder
from burnish.tools.splitting import rank


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes an item out of the set; the ledger keeps it."""

    name: Literal["remove"] = "remove"
    needs_model: Literal[False] = False

    async def apply(self, order: Order) -> Edit:
        """Remove the order's item."""
        if order.item is None:
            return Edit(order, "failed", reason="there is no item to remove")
        return Edit(order, "done", before=order.item, reason="planned removal")


@dataclass(frozen=True, slots=True)
class Flag:
    """Leaves an item as it is and asks a person to look at it."""

    name: Literal["flag"] = "flag"
    needs_model: Literal[False] = False
    reason: str = "planned for review"

    async def apply(self, order: Order) -> Edit:
        """Flag the order's item."""
        if order.item is None:
            return Edit(order, "failed", reason="there is no item to flag")
        return Edit(order, "flagged", order.item, order.item, reason=self.reason)


class Reserved(NamedTuple):
    """An item of the reserve, and where it would fall."""

    item: QAItem
    cell: str
    bucket: int | None = None


class Reserve:
    """A pool of items that may join the set, each once.

    The order within a cell and bucket is random, and the same for the same seed and pool, whatever
    order the pool comes in. Draws answer in the order they are made.

    Args:
        pool: the items; ids must differ.
        seed: decides the order of the draws.
        taken: ids drawn before, as the ledger of an interrupted run tells.
    """

    def __init__(self, pool: Iterable[Reserved], *, seed: int, taken: Collection[str] = ()) -> None:
        self._waiting: dict[str, list[Reserved]] = {}
        gone = set(taken)
        held = [one for one in pool if one.item.id not in gone]
        for one in sorted(held, key=lambda one: (rank(seed, one.item.id), one.item.id)):
            self._waiting.setdefault(one.cell, []).append(one)

    def left(self, cell: str, bucket: int | None = None) -> int:
        """Return how many items a draw could still give."""
        return sum(bucket in (None, one.bucket) for one in self._waiting.get(cell, ()))

    def draw(self, cell: str, bucket: int | None = None) -> QAItem | None:
        """Return the next item of a cell (and bucket), never to be drawn again; None: none left."""
        waiting = self._waiting.get(cell, [])
        for at, one in enumerate(waiting):
            if bucket is None or one.bucket == bucket:
                return waiting.pop(at).item
        return None


@dataclass(frozen=True, slots=True)
class Draw:
    """Adds an item of the reserve to the set."""

    reserve: Reserve
    name: Literal["draw"] = "draw"
    needs_model: Literal[False] = False

    async def apply(self, order: Order) -> Edit:
        """Draw an item of the order's cell and bucket."""
        found = self.reserve.draw(order.cell, order.bucket)
        if found is None:
            where = order.cell if order.bucket is None else f"{order.cell}, bucket {order.bucket}"
            return Edit(order, "failed", reason=f"the reserve has no item left for {where}")
        return Edit(order, "done", after=found, reason="drawn from the reserve")

    async def redraft(self, order: Order, edit: Edit, complaints: Sequence[str]) -> Edit:  # noqa: ARG002
        """Draw another item in place of one that checks refused."""
        return await self.apply(order)


class Member(NamedTuple):
    """An item whose answers may be borrowed within its cell."""

    item: QAItem
    cell: str


class _Cell(NamedTuple):
    ids: tuple[str, ...]
    options: Options


class OptionIndex:
    """The answers of a set by cell; a cell is embedded when it is first asked for.

    Args:
        members: the items with their cells; those without choices or one key lend nothing.
        embedder: makes the vectors.
    """

    def __init__(self, members: Iterable[Member], embedder: Embedder) -> None:
        self._embedder = embedder
        self._items: dict[str, list[QAItem]] = {}
        self._cells: dict[str, _Cell] = {}
        self._home: dict[str, str] = {}
        for item, cell in members:
            self._home[item.id] = cell
            if len(key_positions(item)) == 1:
                self._items.setdefault(cell, []).append(item)

    def home(self, item: QAItem) -> str:
        """Return the cell an item is in; empty where it is unknown."""
        return self._home.get(item.id, "")

    def cell(self, name: str) -> _Cell:
        """Return the options of a cell, and the ids of the items they come from."""
        if name not in self._cells:
            items = self._items.get(name, [])
            texts = {text: None for one in items for text in (one.question, *one.choices)}
            vectors = self._embedder.embed(list(texts))
            vector_of: Mapping[str, Vectors] = dict(zip(texts, vectors, strict=True))
            rows = [(one.question, one.choices, key_positions(one)[0]) for one in items]
            self._cells[name] = _Cell(tuple(one.id for one in items), options_of(rows, vector_of))
        return self._cells[name]

    def wanted(self, item: QAItem, count: int) -> Wanted:
        """Return what is asked for: wrong answers for an item beside its key.

        Raises:
            ValueError: the item has no single key.
        """
        key = key_text(item)
        vectors = self._embedder.embed([key, item.question])
        return Wanted(item.id, key, vectors[0], vectors[1], count, wrong_choices(item))


@dataclass(frozen=True, slots=True)
class MineDistractors:
    """Replaces wrong answers by answers of the item's fellows; the key is kept and moved.

    Where fewer are fit than the item has wrong answers, its own last ones stay. The key's new place
    is drawn by the seed, so that a set refined so has no favourite position.
    """

    index: OptionIndex
    terms: Terms = field(default_factory=Terms)
    name: Literal["mine_distractors"] = "mine_distractors"
    needs_model: Literal[False] = False

    async def apply(self, order: Order) -> Edit:
        """Mine wrong answers for the order's item."""
        item = order.item
        if item is None or len(item.choices) < 2 or len(key_positions(item)) != 1:
            return Edit(order, "failed", item, item, "an item with choices and one key is needed")
        own = wrong_choices(item)
        ids, options = self.index.cell(order.cell or self.index.home(item))
        wanted = self.index.wanted(item, len(own))
        mined = mine(wanted, options, order.seed, self.terms) if options.texts else None
        if mined is None or not mined.chosen:
            return Edit(order, "failed", item, item, "no fit wrong answers among its fellows")
        found = [restyled(options.texts[at], wanted.key) for at in mined.chosen]
        place = rank(order.seed, f"seat {item.id}") % (len(own) + 1)
        after = seated(item, [*found, *own[len(found) :]], place)
        lenders = sorted({ids[options.homes[at][0]] for at in mined.chosen})
        reason = f"{len(found)} of {len(own)} wrong answers borrowed from {', '.join(lenders)}"
        return Edit(order, "done", item, after, reason)

    async def redraft(self, order: Order, edit: Edit, complaints: Sequence[str]) -> Edit:  # noqa: ARG002
        """Mine others in place of those that checks refused."""
        other = Order(order.operation, order.item, order.cell, order.bucket, order.seed + 1)
        found = await self.apply(other)
        return Edit(order, found.status, found.before, found.after, found.reason)

"""Operations that need no language model: remove, flag, draw from a reserve, mine distractors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from burnish.agents.operations.operation import EditOrder, EditResult
from burnish.corpora.records import QAItem
from burnish.tools.arrays import Vectors
from burnish.tools.distractors.cue_balance import Balance, DrawnSets, balanced
from burnish.tools.distractors.mining import (
    Options,
    Terms,
    Wanted,
    draw_sets,
    fitting,
    mine,
    options_of,
    restyled,
)
from burnish.tools.items.keys import key_positions, key_text, seated, wrong_choices
from burnish.tools.retrieval.embedder import Embedder
from burnish.tools.stable_order import rank


@dataclass(frozen=True, slots=True)
class Remove:
    """Takes an item out of the set; the ledger keeps it."""

    name: Literal["remove"] = "remove"
    revision: str = "1"
    needs_model: Literal[False] = False

    async def apply(self, order: EditOrder) -> EditResult:
        """Remove the order's item."""
        if order.item is None:
            return order.fail("there is no item to remove")
        return order.finish(None, "planned removal")


@dataclass(frozen=True, slots=True)
class Flag:
    """Leaves an item as it is and asks a person to look at it."""

    name: Literal["flag"] = "flag"
    revision: str = "1"
    needs_model: Literal[False] = False
    reason: str = "planned for review"

    async def apply(self, order: EditOrder) -> EditResult:
        """Flag the order's item."""
        if order.item is None:
            return order.fail("there is no item to flag")
        return order.fail(self.reason, flagged=True)


@dataclass(frozen=True, slots=True)
class Draw:
    """Takes the planned item of the reserve into the set."""

    name: Literal["draw"] = "draw"
    revision: str = "1"
    needs_model: Literal[False] = False

    async def apply(self, order: EditOrder) -> EditResult:
        """Add the order's item."""
        if order.item is None:
            return order.fail("there is no item to draw")
        return EditResult(order, "done", None, order.item, "drawn from the reserve")


class CellMember(NamedTuple):
    """An item whose answers may be borrowed within its cell."""

    item: QAItem
    cell: str


class _Cell(NamedTuple):
    ids: tuple[str, ...]
    options: Options
    vector_of: Mapping[str, Vectors]


class OptionIndex:
    """The answers of a set by cell; a cell is embedded when it is first asked for.

    Args:
        members: the items with their cells; those without choices or one key lend nothing.
        embedder: makes the vectors.
        learnt: most items that each half's balance is fitted on.
        seed: halves the set, and chooses the items of a fit.
    """

    def __init__(
        self, members: Iterable[CellMember], embedder: Embedder, *, learnt: int = 400, seed: int = 0
    ) -> None:
        self._embedder = embedder
        self._items: dict[str, list[QAItem]] = {}
        self._cells: dict[str, _Cell] = {}
        self._home: dict[str, str] = {}
        self._learnt = learnt
        self._seed = seed
        self._balances: dict[tuple[int, int, Terms], Balance] = {}
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
            ids = tuple(one.id for one in items)
            self._cells[name] = _Cell(ids, options_of(rows, vector_of), vector_of)
        return self._cells[name]

    def wanted(self, item: QAItem, count: int, cell: str) -> Wanted:
        """Return what is asked for: wrong answers of a cell for an item, beside its key.

        Raises:
            ValueError: the item has no single key.
        """
        key = key_text(item)
        held = self.cell(cell).vector_of
        texts = [key, item.question]
        known = all(text in held for text in texts)
        vectors = [held[text] for text in texts] if known else self._embedder.embed(texts)
        kept = wrong_choices(item)
        return Wanted(item.id, key, vectors[0], vectors[1], count, item.question, kept)

    def balance(self, item: QAItem, terms: Terms) -> Balance:
        """Return the balance for an item: fitted on items of the half that it is not in."""
        half = 1 - self._half(item.id)
        wrong = len(item.choices) - 1
        if (wrong, half, terms) not in self._balances:
            self._balances[wrong, half, terms] = balanced(self._learn(half, wrong, terms))
        return self._balances[wrong, half, terms]

    def _half(self, id: str) -> int:
        return rank(self._seed, f"half {id}") % 2

    def _learn(self, half: int, wrong: int, terms: Terms) -> list[DrawnSets]:
        """Draw sets for some items of a half that have as many wrong answers."""
        fellows = [
            (rank(self._seed, f"learn {one.id}"), one.id, one, cell)
            for cell, items in self._items.items()
            for one in items
            if len(one.choices) == wrong + 1 and self._half(one.id) == half
        ]
        held: list[DrawnSets] = []
        for *_, one, cell in sorted(fellows, key=lambda fellow: fellow[:2]):
            wanted, options = self.wanted(one, wrong, cell), self.cell(cell).options
            rows = fitting(wanted, options, terms).rows
            sets = draw_sets(wanted, options, rows, self._seed, terms)
            if not isinstance(sets, str):
                held.append(sets.drawn)
            if len(held) == self._learnt:
                break
        return held


@dataclass(frozen=True, slots=True)
class MineDistractors:
    """Replaces wrong answers by answers of the item's fellows; the key is kept and moved.

    All are replaced or none: an item whose cell cannot hide its key stays as it is. The key's new
    place is drawn by the seed, so that a set refined so has no favourite position.
    """

    index: OptionIndex
    terms: Terms = field(default_factory=Terms)
    name: Literal["mine_distractors"] = "mine_distractors"
    revision: str = "1"
    needs_model: Literal[False] = False

    async def apply(self, order: EditOrder) -> EditResult:
        """Mine wrong answers for the order's item."""
        item = order.item
        if item is None or len(item.choices) < 2 or len(key_positions(item)) != 1:
            return order.fail("an item with choices and one key is needed")
        wrong = len(wrong_choices(item))
        cell = order.cell or self.index.home(item)
        ids, options, _ = self.index.cell(cell)
        if not options.texts:
            return order.fail("no fellows to borrow wrong answers from")
        wanted = self.index.wanted(item, wrong, cell)
        balance = self.index.balance(item, self.terms)
        mined = mine(wanted, options, order.seed, self.terms, balance)
        if not mined.chosen:
            return order.fail(mined.reason)
        found = [restyled(options.texts[at], wanted.key) for at in mined.chosen]
        place = rank(order.seed, f"seat {item.id}") % (wrong + 1)
        after = seated(item, found, place)
        lenders = sorted({ids[options.homes[at][0]] for at in mined.chosen})
        reason = f"{wrong} wrong answers borrowed from {', '.join(lenders)}"
        return order.finish(after, reason)

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        """Mine others in place of those that checks refused."""
        del edit, complaints
        found = await self.apply(replace(order, seed=order.seed + 1))
        return replace(found, order=order)

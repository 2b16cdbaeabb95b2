"""The set as it stands while a run goes on: what is in it, was done, and may still be done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.records import QAItem
from burnish.corpora.storage.spill import Spill
from burnish.graphs.questions.state.candidates import (
    Candidate,
    EarlierRounds,
    EditOption,
    StandingItems,
)
from burnish.graphs.questions.state.item_facts import ItemFacts, SeenItem
from burnish.graphs.questions.state.journal import LOOKING, CompletedEdit
from burnish.graphs.questions.state.question_set import QASet
from burnish.graphs.questions.state.target import Located, Scale, Target

ADDING = frozenset({"draw", "expand", "generate"})
"""Operations that bring a new item."""


@dataclass(slots=True)
class WorkingSet:
    """Everything a round is planned from; changed by nothing but `apply`.

    In memory are ids, strata and facts of the items, some hundred bytes each. Texts stay in the
    files of the set, of what came into it and of what was done, and are fetched one by one.
    """

    own: QASet
    reserve: QASet | None
    target: Target
    scale: Scale | None = None
    """On which new and changed items can be placed."""
    source_strata: list[str] = field(default_factory=list[str])
    """Stratum of each item of the source, before anything was done."""
    folder: Path | None = None
    """Where files without a name are kept; None: where temporary files go."""
    done: Spill[CompletedEdit] = field(init=False)
    stratum: dict[str, str] = field(default_factory=dict[str, str])
    """Of each item of the set, by its id, as it stands."""
    pool: dict[str, str] = field(default_factory=dict[str, str])
    """Stratum of each item of the reserve, by its id."""
    looked_at: set[str] = field(default_factory=set[str])
    """Ids of items that were checked or flagged."""
    changes: int = 0
    """Items that were changed, added or taken out so far."""
    _came: Spill[QAItem] = field(init=False)
    """Items that are not as the source has them: as they were edited, and added ones."""
    _edited: dict[str, int] = field(default_factory=dict[str, int])
    _added: dict[str, int] = field(default_factory=dict[str, int])
    _gone: set[str] = field(default_factory=set[str])
    _touched: set[str] = field(default_factory=set[str])
    _facts: dict[str, ItemFacts] = field(default_factory=dict[str, ItemFacts])
    _taken: set[str] = field(default_factory=set[str])
    _highest: int = 0
    """The highest id of a set with numbered items."""
    _next: dict[str, int] = field(default_factory=dict[str, int])
    """Where the search for a free id goes on, by its stem."""

    def __post_init__(self) -> None:
        """Open the files of what will be done."""
        self.done = Spill(folder=self.folder)
        self._came = Spill(folder=self.folder)

    @classmethod
    def start(
        cls, own: QASet, reserve: QASet | None, located: Located, folder: Path | None = None
    ) -> "WorkingSet":
        """Lay out a set that nothing was done to."""
        working = cls(own, reserve, located.target, located.scale, located.own, folder)
        working.stratum = dict(zip(own.places, located.own, strict=True))
        if own.numbered:
            working._highest = max(map(int, own.places), default=0)
        if reserve is not None:
            working.pool = dict(zip(reserve.places, located.reserve, strict=True))
        return working

    def ids(self) -> list[str]:
        """Return the ids of the set as it stands: those of the source, then added ones."""
        return [*(name for name in self.own.places if name not in self._gone), *self._added]

    def __contains__(self, name: str) -> bool:
        """Tell whether an item of this id is in the set as it stands."""
        return name in self._added or (name in self.own.places and name not in self._gone)

    def item(self, name: str) -> QAItem:
        """Return an item of the set as it stands.

        Raises:
            KeyError: there is none with this id.
        """
        place = self._edited.get(name, self._added.get(name))
        return self.own.item(name) if place is None else self._came[place]

    def items(self) -> Iterator[QAItem]:
        """Yield the items of the set as it stands, in the order of `ids`."""
        return (seen.item for seen in self._seen())

    def _seen(self) -> Iterator[SeenItem]:
        # Straight through the file of the source: to fetch items singly takes several times longer.
        for row in self.own.rows:
            name = row.item.id
            if name not in self._gone:
                place = self._edited.get(name)
                item = row.item if place is None else self._came[place]
                yield SeenItem(item, row.several_keys)
        for place in self._added.values():
            yield SeenItem(self._came[place], several_keys=False)

    def strata(self) -> list[str]:
        """Return the stratum of each item of the set as it stands."""
        return [self.stratum[name] for name in self.ids()]

    def standing(self) -> StandingItems:
        """Return ids and strata of the set as it stands."""
        return StandingItems(self.ids(), self.strata())

    def unseen_ids(self) -> list[str]:
        """Return the ids of the items of which no facts are known, in the order of the set."""
        return [name for name in self.ids() if name not in self._facts]

    def unseen(self) -> Iterator[SeenItem]:
        """Yield the items of which no facts are known as yet, in the order of the set."""
        names = self.unseen_ids()
        if len(names) == len(self.stratum):
            yield from self._seen()
            return
        for name in names:
            place = self.own.places.get(name)
            several = place is not None and self.own.rows[place].several_keys
            yield SeenItem(self.item(name), several)

    def learn(self, names: Iterable[str], facts: Sequence[ItemFacts]) -> None:
        """Take in what a look at items told; it holds until they are edited."""
        self._facts.update(zip(names, facts, strict=True))

    def facts(self, name: str) -> ItemFacts:
        """Return what is known of an item's text; `learn` came before."""
        return self._facts[name]

    def open_items(self) -> Iterator[Candidate]:
        """Yield the items of the source that nothing was ordered for but a look at them."""
        for name in self.own.places:
            if name not in self._touched and name not in self._gone:
                yield Candidate(name, self.stratum[name], self._facts[name])

    @property
    def earlier(self) -> EarlierRounds:
        """Return what the rounds so far leave."""
        return EarlierRounds(len(self.own.rows), self.changes)

    def draws(self) -> list[EditOption]:
        """Return the option to draw each item of the reserve that the target has a stratum for."""
        if self.reserve is None:
            return []
        known = set(self.target.strata)
        return [
            EditOption(
                f"reserve:{name}", EditOrder("draw", None, stratum), "", stratum, subject=name
            )
            for name, stratum in self.pool.items()
            if name not in self._taken and stratum in known
        ]

    def apply(self, done: Iterable[CompletedEdit]) -> list[CompletedEdit]:
        """Take in what was carried out; new items get ids of the set. Returns it as it stands."""
        applied = [self._apply(one) for one in done]
        self.done.extend(applied)
        self.changes += sum(one.changes for one in applied)
        return applied

    def _apply(self, one: CompletedEdit) -> CompletedEdit:
        planned = one.planned
        if planned.order.operation in ADDING:
            return self._add(one)
        before = planned.order.item
        assert before is not None
        if planned.order.operation in LOOKING:
            self.looked_at.add(before.id)
            return one
        self._touched.add(before.id)
        if one.status != "done":
            return one
        if one.after is None:
            self._gone.add(before.id)
            return one
        after = replace(one.after, id=before.id)
        if not self.own.fits(after):
            return replace(
                one, status="failed", reason="the set's columns cannot hold it", after=before
            )
        one = replace(one, after=after)
        self._edited[before.id] = self._keep(after)
        self._facts.pop(before.id, None)
        self.stratum[before.id] = planned.cell_to or self.stratum[before.id]
        return one

    def _add(self, one: CompletedEdit) -> CompletedEdit:
        pooled = one.planned.order.item
        if pooled is not None:
            self._taken.add(pooled.id)
        if one.status != "done" or one.after is None:
            return one
        name = self.fresh_id(one.origin or one.after.id)
        item = replace(one.after, id=name)
        if not self.own.fits(item):
            item = replace(item, meta={})
        if not self.own.fits(item):
            return replace(
                one, status="failed", reason="the set's columns cannot hold it", after=None
            )
        self._added[name] = self._keep(item)
        if self.own.numbered:
            self._highest = max(self._highest, int(name))
        self.stratum[name] = one.planned.cell_to
        return replace(one, after=item)

    def _keep(self, item: QAItem) -> int:
        self._came.append(item)
        return len(self._came) - 1

    def fresh_id(self, wanted: str) -> str:
        """Return an id that no item of the set has or had, the wanted one where it is free."""
        if self.own.numbered:
            if wanted.isascii() and wanted.isdigit() and not self._used(wanted):
                return wanted
            return str(self._highest + 1)
        if wanted and not self._used(wanted):
            return wanted
        stem = wanted or "new"
        at = self._next.get(stem, 2)
        while self._used(name := f"{stem}-{at}"):
            at += 1
        # Ids are never free again, so the search need not begin anew.
        self._next[stem] = at
        return name

    def _used(self, name: str) -> bool:
        return name in self.own.places or name in self._added

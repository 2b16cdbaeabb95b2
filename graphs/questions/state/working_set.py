"""The set as it stands while a run goes on: what is in it, was done, and may still be done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.records import QAItem
from burnish.graphs.questions.state.candidates import Candidate, EarlierRounds, EditOption
from burnish.graphs.questions.state.journal import LOOKING, CompletedEdit
from burnish.graphs.questions.state.question_set import QASet
from burnish.graphs.questions.state.target import Located, Scale, Target

ADDING = frozenset({"draw", "expand", "generate"})
"""Operations that bring a new item."""


@dataclass(slots=True)
class WorkingSet:
    """Everything a round is planned from; changed by nothing but `take`."""

    own: QASet
    reserve: QASet | None
    target: Target
    scale: Scale | None = None
    """On which new and changed items can be placed."""
    source_strata: list[str] = field(default_factory=list[str])
    """Place of each item of the source, before anything was done."""
    done: list[CompletedEdit] = field(default_factory=list[CompletedEdit])
    stratum: dict[str, str] = field(default_factory=dict[str, str])
    """Of each item of the set, by its id, as it stands."""
    pool: dict[str, str] = field(default_factory=dict[str, str])
    """Place of each item of the reserve, by its id."""
    _items: dict[str, QAItem] = field(default_factory=dict[str, QAItem])
    _added: dict[str, QAItem] = field(default_factory=dict[str, QAItem])
    _touched: set[str] = field(default_factory=set[str])
    looked_at: set[str] = field(default_factory=set[str])
    """Ids of items that were checked or flagged."""
    _taken: set[str] = field(default_factory=set[str])
    _highest: int = 0
    """The highest id of a set with numbered items."""
    _next: dict[str, int] = field(default_factory=dict[str, int])
    """Where the search for a free id goes on, by its stem."""

    @classmethod
    def start(cls, own: QASet, reserve: QASet | None, located: Located) -> "WorkingSet":
        """Lay out a set that nothing was done to."""
        working = cls(own, reserve, located.target, located.scale, located.own)
        ids = [row.item.id for row in own.rows]
        working.stratum = dict(zip(ids, located.own, strict=True))
        working._items = dict(own.by_id)
        if own.numbered:
            working._highest = max(map(int, own.by_id), default=0)
        if reserve is not None:
            held = [row.item.id for row in reserve.rows]
            working.pool = dict(zip(held, located.reserve, strict=True))
        return working

    def now(self) -> list[Candidate]:
        """Return the items of the set as it stands: those of the source, then added ones."""
        standing = {**self._items, **self._added}
        return [Candidate(item, self.stratum[name]) for name, item in standing.items()]

    def items(self) -> list[QAItem]:
        """Return the items of the set as it stands."""
        return [*self._items.values(), *self._added.values()]

    def strata(self) -> list[str]:
        """Return the stratum of each item of the set as it stands."""
        return [self.stratum[item.id] for item in self.items()]

    def open_items(self) -> list[Candidate]:
        """Return the items of the source that nothing was ordered for but a look at them."""
        return [
            Candidate(item, self.stratum[name])
            for name, item in self._items.items()
            if name not in self._touched
        ]

    @property
    def earlier(self) -> EarlierRounds:
        """Return what the rounds so far leave."""
        return EarlierRounds(len(self.own.rows), sum(one.changes for one in self.done))

    def draws(self) -> list[EditOption]:
        """Return the option to draw each item of the reserve that the target has a stratum for."""
        if self.reserve is None:
            return []
        known = set(self.target.strata)
        return [
            EditOption(
                f"reserve:{name}", EditOrder("draw", self.reserve.by_id[name], stratum), "", stratum
            )
            for name, stratum in self.pool.items()
            if name not in self._taken and stratum in known
        ]

    def apply(self, done: Iterable[CompletedEdit]) -> list[CompletedEdit]:
        """Take in what was carried out; new items get ids of the set. Returns it as it stands."""
        taken = [self._apply(one) for one in done]
        self.done += taken
        return taken

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
            del self._items[before.id]
            return one
        after = replace(one.after, id=before.id)
        if not self.own.fits(after):
            return replace(
                one, status="failed", reason="the set's columns cannot hold it", after=before
            )
        one = replace(one, after=after)
        self._items[before.id] = after
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
        self._added[name] = item
        if self.own.numbered:
            self._highest = max(self._highest, int(name))
        self.stratum[name] = one.planned.cell_to
        return replace(one, after=item)

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
        return name in self.own.by_id or name in self._added


def counted(done: Sequence[CompletedEdit], operation: str) -> int:
    """Count how often an operation changed the set."""
    return sum(one.changes for one in done if one.planned.order.operation == operation)

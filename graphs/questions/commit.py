"""Writes the refined set: `data/`, `aside/`, `ledger/`, `quarantine/`, `review.jsonl`, a marker.

Every file is written whole or not at all, the marker last. What they hold follows from the source
and the batches alone.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from burnish.corpora.records import QUESTIONS, Outcome, QAItem
from burnish.corpora.runs.folder import Format, RunFolder, write_json
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.corpora.storage.arrow_json import row_digests
from burnish.corpora.storage.spill import Spill
from burnish.corpora.storage.writers import write_jsonl, write_tables
from burnish.graphs.questions.review import review_rows
from burnish.graphs.questions.state.journal import CompletedEdit
from burnish.graphs.questions.state.question_set import ROWS_AT_ONCE, QASet, RowForm
from burnish.graphs.questions.state.working_set import ADDING, WorkingSet
from burnish.graphs.runs.worker_pool import map_parts


class CommittedItem(NamedTuple):
    """What became of an item."""

    entry: QAEntry
    """Without digests."""
    standing: QAItem | None = None
    """As it stands in `data/`."""
    aside: QAItem | None = None
    """As it was, where it was edited or dropped."""


def committed_items(working: WorkingSet) -> Iterator[CommittedItem]:
    """Say what became of every item: those of the source, ordered ones, unreadable rows."""
    orders = _orders_by_item(working.done)
    for row in working.own.rows:
        item = row.item
        done = _joined(working.done, orders.get(item.id, ()))
        outcome = outcome_of(done)
        after = done.after if outcome == "edited" and done is not None else item
        yield CommittedItem(
            _entry(item.id, outcome, done),
            after if outcome in QUESTIONS.data else None,
            item if outcome in QUESTIONS.aside else None,
        )
    for number, done in enumerate(working.done):
        if done.planned.order.operation not in ADDING:
            continue
        outcome = outcome_of(done)
        added = done.after if outcome == "added" else None
        name = f"order-{number}" if added is None else added.id
        yield CommittedItem(_entry(name, outcome, done), added)
    for bad in working.own.bad:
        yield CommittedItem(QAEntry(f"{bad.source}:{bad.row}", "quarantined", flag=bad.reason))


def _orders_by_item(done: Iterable[CompletedEdit]) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the orders that were about each item of the source."""
    found: dict[str, tuple[int, ...]] = {}
    for number, one in enumerate(done):
        if one.before is not None and one.planned.order.operation not in ADDING:
            found[one.before.id] = (*found.get(one.before.id, ()), number)
    return found


def _joined(done: Sequence[CompletedEdit], numbers: Sequence[int]) -> CompletedEdit | None:
    """Return the last of some orders; earlier looks at the item join it."""
    if not numbers:
        return None
    several = [done[number] for number in numbers]
    return replace(
        several[-1],
        tokens=sum(one.tokens for one in several),
        complaints=tuple(words for one in several for words in one.complaints),
        verdicts=tuple(verdict for one in several for verdict in one.verdicts),
    )


def outcome_of(done: CompletedEdit | None) -> Outcome:
    """Name what an order did to its item."""
    if done is None:
        return "unchanged"
    if done.planned.order.operation in ADDING:
        return "added" if done.status == "done" and done.after is not None else "not_added"
    if done.status == "failed":
        return "failed"
    if done.status != "done" or done.after == done.before:
        return "unchanged"
    return "dropped" if done.after is None else "edited"


def _entry(name: str, outcome: Outcome, done: CompletedEdit | None) -> QAEntry:
    if done is None:
        return QAEntry(name, outcome)
    planned = done.planned
    flag = done.status if done.status in {"rolled_back", "flagged", "unspent", "failed"} else ""
    return QAEntry(
        id=name,
        outcome=outcome,
        operation=planned.order.operation,
        round=done.round,
        status=done.status,
        reason=done.reason,
        flag=flag,
        cell_from=planned.cell_from,
        cell_to=planned.cell_to,
        origin=done.origin,
        rests_on=done.rests_on,
        difficulty=None if done.scored is None else done.scored.difficulty,
        difficulty_error=None if done.scored is None else done.scored.error,
        difficulty_note="" if done.scored is None else done.scored.note,
        seed=planned.order.seed,
        tokens=done.tokens,
        attempts=done.attempts,
        gain=planned.gain,
        cost=planned.cost,
        complaints=done.complaints,
        verdicts=done.verdicts,
    )


def _rows_of(form: RowForm, items: Sequence[QAItem]) -> tuple[pa.Table, list[str]]:
    """Make rows of items, with the digest of each."""
    table = form.table(items)
    return table, row_digests(table)


class Digests:
    """SHA-256 digests in order, 32 bytes each."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def extend(self, digests: Iterable[str]) -> None:
        """Put digests in hexadecimal at the end."""
        for digest in digests:
            self._bytes += bytes.fromhex(digest)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._bytes) // 32

    def __iter__(self) -> Iterator[str]:
        """Yield them in hexadecimal."""
        return (self._bytes[at : at + 32].hex() for at in range(0, len(self._bytes), 32))


def write_set(folder: RunFolder, working: WorkingSet, workers: int = 1) -> dict[str, Any]:
    """Write all files of the refined set and return what its marker says.

    The set is gone through once. What waits for its file, the rows aside and the ledger, waits on
    disk; in memory is a group of rows.
    """
    own = working.own
    entries: Spill[QAEntry] = Spill(folder=working.folder)
    asides: Spill[QAItem] = Spill(folder=working.folder)

    def standing() -> Iterator[QAItem]:
        for entry, item, aside in committed_items(working):
            entries.append(entry)
            if aside is not None:
                asides.append(aside)
            if item is not None:
                yield item

    paths = [folder.part("data", 0), folder.part("ledger", 0)]
    data = _write_items(paths[0], own, standing(), folder.format, workers)
    aside = folder.part("aside", 0)
    before = _write_items(aside, own, asides, folder.format, workers)
    outcomes: Counter[str] = Counter()

    def ledger() -> Iterator[pa.Table]:
        whole = _with_digests(entries, iter(data), iter(before))
        while part := list(islice(whole, ROWS_AT_ONCE)):
            outcomes.update(entry.outcome for entry in part)
            yield LEDGER.table(part)

    write_tables(paths[1], ledger(), LEDGER.schema, folder.format)
    if before:
        paths.append(aside)
    else:
        aside.unlink()
    paths += folder.write_quarantine(0, own.bad)
    review_file = folder.root / "review.jsonl"
    review = Counter[str]()
    write_jsonl(review_file, _counted(review_rows(working), review))
    marker = {
        "index": 0,
        "rows": len(own.rows) + len(own.bad),
        "rows_out": len(data),
        "outcomes": {name: outcomes[name] for name in QUESTIONS.outcomes},
        "review": review.total(),
        "files": folder.digests([*paths, review_file]),
    }
    write_json(folder.marker(0), marker)
    return marker


def _write_items(
    path: Path, own: QASet, items: Iterable[QAItem], form: Format, workers: int
) -> Digests:
    """Write items as rows of their set; return the digest of each row."""
    digests = Digests()
    whole = iter(items)
    parts = iter(lambda: list(islice(whole, ROWS_AT_ONCE)), [])

    def tables() -> Iterator[pa.Table]:
        for table, found in map_parts(partial(_rows_of, own.form), parts, workers):
            digests.extend(found)
            yield table

    write_tables(path, tables(), own.schema, form)
    return digests


def _counted(rows: Iterable[dict[str, object]], count: Counter[str]) -> Iterator[dict[str, object]]:
    for row in rows:
        count["rows"] += 1
        yield row


def _with_digests(
    entries: Iterable[QAEntry], standing: Iterator[str], before: Iterator[str]
) -> Iterator[QAEntry]:
    for entry in entries:
        match entry.outcome:
            case "unchanged" | "failed":
                own = next(standing)
                yield replace(entry, before_digest=own, after_digest=own)
            case "edited":
                yield replace(entry, before_digest=next(before), after_digest=next(standing))
            case "dropped":
                yield replace(entry, before_digest=next(before))
            case "added":
                yield replace(entry, after_digest=next(standing))
            case "not_added" | "quarantined":
                yield entry

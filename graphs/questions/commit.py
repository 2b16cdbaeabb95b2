"""Writes the refined set: `data/`, `aside/`, `ledger/`, `quarantine/`, `review.jsonl`, a marker.

Every file is written whole or not at all, the marker last. What they hold follows from the source
and the batches alone.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from burnish.corpora.records import QUESTIONS, Outcome, QAItem
from burnish.corpora.runs.folder import RunFolder, write_json
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.corpora.storage.arrow_json import row_digests
from burnish.corpora.storage.writers import write_jsonl
from burnish.graphs.questions.review import review_rows
from burnish.graphs.questions.state.journal import CompletedEdit
from burnish.graphs.questions.state.working_set import ADDING, WorkingSet


class CommittedItems(NamedTuple):
    """What became of every item, in the order of the ledger."""

    entries: list[QAEntry]
    standing: list[QAItem]
    """Items of `data/`."""
    aside: list[QAItem]
    """Edited and dropped items as they were."""


def records_of(working: WorkingSet) -> CommittedItems:
    """Say what became of every item: those of the source, ordered ones, unreadable rows."""
    by_item = _by_item(working.done)
    entries: list[QAEntry] = []
    standing: list[QAItem] = []
    aside: list[QAItem] = []
    for row in working.own.rows:
        done = by_item.get(row.item.id)
        outcome = outcome_of(done)
        entries.append(_entry(row.item.id, outcome, done))
        after = row.item if done is None or done.after is None else done.after
        if outcome in QUESTIONS.data:
            standing.append(after if outcome == "edited" else row.item)
        if outcome in QUESTIONS.aside:
            aside.append(row.item)
    for number, done in enumerate(working.done):
        if done.planned.order.operation not in ADDING:
            continue
        outcome = outcome_of(done)
        if outcome == "added" and done.after is not None:
            standing.append(done.after)
        name = done.after.id if outcome == "added" and done.after else f"order-{number}"
        entries.append(_entry(name, outcome, done))
    entries += [
        QAEntry(f"{bad.source}:{bad.row}", "quarantined", flag=bad.reason)
        for bad in working.own.bad
    ]
    return CommittedItems(entries, standing, aside)


def _by_item(done: Sequence[CompletedEdit]) -> dict[str, CompletedEdit]:
    """Return what was done to each item; an earlier look at it joins what came after."""
    found: dict[str, CompletedEdit] = {}
    for one in done:
        if one.before is None or one.planned.order.operation in ADDING:
            continue
        name = one.before.id
        before = found.get(name)
        if before is not None:
            one = replace(
                one,
                tokens=before.tokens + one.tokens,
                complaints=(*before.complaints, *one.complaints),
                verdicts=(*before.verdicts, *one.verdicts),
            )
        found[name] = one
    return found


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


def write_set(folder: RunFolder, working: WorkingSet) -> dict[str, Any]:
    """Write all files of the refined set and return what its marker says."""
    records = records_of(working)
    data, aside = working.own.table(records.standing), working.own.table(records.aside)
    entries = _with_digests(records.entries, row_digests(data), row_digests(aside))
    paths = [
        *folder.write_part("data", 0, data),
        *folder.write_part("ledger", 0, LEDGER.table(entries)),
        *folder.write_part("aside", 0, aside),
        *folder.write_quarantine(0, working.own.bad),
    ]
    review = review_rows(working)
    review_file = folder.root / "review.jsonl"
    write_jsonl(review_file, review)
    outcomes = Counter(entry.outcome for entry in entries)
    marker = {
        "index": 0,
        "rows": len(working.own.rows) + len(working.own.bad),
        "rows_out": len(records.standing),
        "outcomes": {name: outcomes[name] for name in QUESTIONS.outcomes},
        "review": len(review),
        "files": folder.digests([*paths, review_file]),
    }
    write_json(folder.marker(0), marker)
    return marker


def _with_digests(
    entries: Sequence[QAEntry], data: Sequence[str], aside: Sequence[str]
) -> list[QAEntry]:
    standing, before = iter(data), iter(aside)
    whole: list[QAEntry] = []
    for entry in entries:
        match entry.outcome:
            case "unchanged" | "failed":
                own = next(standing)
                entry = replace(entry, before_digest=own, after_digest=own)
            case "edited":
                entry = replace(entry, before_digest=next(before), after_digest=next(standing))
            case "dropped":
                entry = replace(entry, before_digest=next(before))
            case "added":
                entry = replace(entry, after_digest=next(standing))
            case "not_added" | "quarantined":
                pass
        whole.append(entry)
    return whole

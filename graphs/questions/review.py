"""The review queue: what people should look at, and what they decided about it.

`review.jsonl` has a row for each item that was flagged or whose verdicts are not sure enough. A
person adds `"decision": "accept"` or `"reject"`, and where the item should be changed
`"correction": {field: value}`; the next run takes accepted corrections over as edits by hand, and
shows them to operations as examples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import orjson

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.errors import UsageError
from burnish.corpora.records import QAItem
from burnish.graphs.questions.state.journal import CompletedEdit, PlannedEdit, item_row
from burnish.graphs.questions.state.working_set import ADDING, WorkingSet

HUMAN = "human"
"""The operation of a correction by a person."""
_TEXTS = frozenset({"question", "answer", "domain", "skill", "rationale", "context"})
_LISTS = frozenset({"choices", "turns"})


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """What a person said of one row of the queue."""

    id: str
    accepted: bool
    correction: Mapping[str, Any]

    def corrected(self, item: QAItem) -> QAItem:
        """Return the item with the correction, or as it is where there is none."""
        changes = {
            key: tuple(value) if key in _LISTS else value for key, value in self.correction.items()
        }
        return replace(item, **changes)


def review_rows(working: WorkingSet) -> Iterator[dict[str, object]]:
    """Yield the queue in the order of the work."""
    return (_row(done) for done in working.done if needs_review(done))


def needs_review(done: CompletedEdit) -> bool:
    """Tell whether a person should look: it was flagged, or the validators are not sure of it."""
    return done.planned.order.operation != HUMAN and (done.status == "flagged" or bool(done.review))


def _row(done: CompletedEdit) -> dict[str, object]:
    stays = done.before if done.planned.order.operation not in ADDING else None
    item = done.after or stays
    suggested = None if done.suggested is None else {"answer": done.suggested}
    return {
        "id": "" if item is None else item.id,
        "operation": done.planned.order.operation,
        "status": done.status,
        "why": done.review or done.reason,
        "item": _shown(item),
        "before": None if stays is None or stays == item else _shown(stays),
        "verdicts": [asdict(verdict) for verdict in done.verdicts],
        "complaints": list(done.complaints),
        "suggested": suggested,
        "decision": None,
        "correction": None,
    }


def _shown(item: QAItem | None) -> dict[str, object] | None:
    row = item_row(item)
    if row is not None:
        del row["meta"], row["lost"]
    return row


def read_reviewed(path: Path) -> list[ReviewDecision]:
    """Read the decisions in a review file, or in that of a run folder; open rows are left out.

    Raises:
        UsageError: it cannot be read, or a row is no decision.
    """
    file = path / "review.jsonl" if path.is_dir() else path
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); check qa.reviewed") from None
    found = [_decision(file, at, line) for at, line in enumerate(lines, 1) if line.strip()]
    return [decision for decision in found if decision is not None]


def _decision(file: Path, at: int, line: bytes) -> ReviewDecision | None:
    where = f"{file} row {at}"
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{where}: is not JSON ({error}); mend the row") from None
    if not isinstance(row, dict):
        raise UsageError(f"{where}: is no JSON object; mend the row")
    held = cast("dict[str, Any]", row)
    if held.get("decision") is None:
        return None
    if held["decision"] not in {"accept", "reject"}:
        raise UsageError(f'{where}: decision must be "accept" or "reject"')
    if not isinstance(held.get("id"), str):
        raise UsageError(f"{where}: has no id; keep the row's own")
    correction = cast("dict[str, Any]", held.get("correction") or {})
    fault = _correction_fault(correction)
    if fault:
        raise UsageError(f"{where}: correction {fault}")
    return ReviewDecision(held["id"], held["decision"] == "accept", correction)


def _correction_fault(correction: object) -> str:
    if not isinstance(correction, dict):
        return 'must be an object of fields, such as {"answer": "4"}'
    for key, value in cast("dict[str, object]", correction).items():
        if key in _TEXTS and not isinstance(value, str):
            return f"{key} must be text"
        if key in _LISTS and not (
            isinstance(value, list)
            and all(isinstance(one, str) for one in cast("list[object]", value))
        ):
            return f"{key} must be a list of texts"
        if key not in _TEXTS | _LISTS:
            return f"names no field {key!r}; known: {', '.join(sorted(_TEXTS | _LISTS))}"
    return ""


def by_hand(decisions: Sequence[ReviewDecision], working: WorkingSet) -> list[CompletedEdit]:
    """Return accepted corrections of items of this set as edits by hand."""
    found: list[CompletedEdit] = []
    for decision in decisions:
        known = decision.id in working.own.places
        if not known or not decision.accepted or not decision.correction:
            continue
        item = working.own.item(decision.id)
        after = decision.corrected(item)
        stratum = working.stratum[item.id]
        planned = PlannedEdit(EditOrder(HUMAN, item), cell_from=stratum, cell_to=stratum)
        found.append(CompletedEdit(planned, 0, "done", after, reason="corrected by a person"))
    return found


def examples(decisions: Sequence[ReviewDecision], items: Mapping[str, QAItem]) -> list[QAItem]:
    """Return corrected items, as examples of what is wanted."""
    return [
        decision.corrected(items[decision.id])
        for decision in decisions
        if decision.accepted and decision.id in items
    ]

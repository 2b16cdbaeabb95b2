"""What has been carried out of a plan, batch by batch: the truth for the resume of a QA run.

A batch is a file that is written whole or not at all. Nothing in it depends on the time or on the
process, so a batch that is done again gives the same bytes for the same replies.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import orjson
from pydantic import TypeAdapter

from burnish.agents.operations.add_items import CITATION
from burnish.agents.operations.operation import DifficultyScore, EditOrder, EditResult, EditStatus
from burnish.corpora.errors import RunError
from burnish.corpora.records import QAItem, Value, Verdict
from burnish.corpora.storage.writers import write_jsonl
from burnish.tools.profile.cells import split_stratum, stratum_name

LOOKING = frozenset({"check", "flag"})
"""Operations that leave an item as it is: something else may still be done to it."""
UNSPENT = "unspent"
"""Status of an order that the budget did not last for."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What was thought of an order before it was carried out; gains are bits of divergence."""

    promised: float = 0.0
    """Gain if all goes well."""
    merit: float = 0.0
    """The part of it that does not come from where items stand."""
    mean_gain: float = 0.0
    interval: tuple[float, float] | None = None
    """Where the gain should lie; None where nothing can go wrong."""
    mean_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedEdit:
    """An order with what the plan counts on."""

    order: EditOrder
    gain: float = 0.0
    """Bits of divergence."""
    cost: float = 0.0
    """Tokens."""
    cell_from: str = ""
    cell_to: str = ""
    expected: Expected = Expected()
    subject: str | None = None
    """Id of the order's item, where the order is without it."""

    @property
    def item_id(self) -> str | None:
        """Id of the item that the order is about; None where a new one is wanted."""
        return self.subject if self.order.item is None else self.order.item.id


@dataclass(frozen=True, slots=True)
class CompletedEdit:
    """What came of a planned order."""

    planned: PlannedEdit
    round: int
    status: EditStatus | str
    after: QAItem | None = None
    """The item as it now stands; None where it leaves the set or did not come to be."""
    origin: str = ""
    reason: str = ""
    tokens: int = 0
    attempts: int = 1
    complaints: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    review: str = ""
    """Why a person should look."""
    suggested: str | None = None
    """Another answer that the validators agree on."""
    rests_on: str = ""
    """Id of the passage that a new item was written from."""
    scored: DifficultyScore | None = None
    """How hard a new or changed item is, or why that is not known."""

    @property
    def before(self) -> QAItem | None:
        """The item that the order was about; None where a new one was wanted."""
        return self.planned.order.item

    @property
    def changes(self) -> bool:
        """Tell whether the set is another one after it."""
        # What comes from outside is new, even if it stands as it stood in the reserve.
        return self.status == "done" and (self.after != self.before or not self.planned.cell_from)


def complete_edit(planned: PlannedEdit, number: int, edit: EditResult) -> CompletedEdit:
    """Return what an operation answered."""
    source, scored = _cited(edit), _scored(planned, edit)
    return CompletedEdit(
        replace(
            planned,
            order=replace(edit.order, item=planned.order.item),
            cell_to=_stratum(planned.cell_to, scored),
        ),
        number,
        edit.status,
        edit.after if edit.status == "done" else planned.order.item,
        edit.after.id if _drawn(edit) and edit.after else "",
        edit.reason + (f"; rests on passage {source['id']}: {source['quote']}" if source else ""),
        edit.tokens,
        edit.attempts,
        edit.complaints,
        edit.verdicts,
        rests_on=source.get("id", ""),
        scored=scored,
    )


def _scored(planned: PlannedEdit, edit: EditResult) -> DifficultyScore | None:
    """Return what is known of the difficulty of what was written, where difficulty counts."""
    bucket = split_stratum(planned.cell_to).bucket
    after = edit.after
    written = edit.status == "done" and after is not None and after != edit.before
    if not written or bucket is None or edit.order.operation == "draw":
        return None
    meant = "as ordered" if edit.order.bucket is not None else "as it was"
    return edit.scored or DifficultyScore(None, note=f"unverified: taken {meant}")


def _stratum(stratum: str, scored: DifficultyScore | None) -> str:
    """Return where an item is, given its difficulty."""
    if scored is None or scored.bucket is None:
        return stratum
    return stratum_name(split_stratum(stratum).cell, scored.bucket)


def _cited(edit: EditResult) -> dict[str, str]:
    """Return what a new item rests on: the set may have no column for it."""
    source = None if edit.after is None else edit.after.meta.get(CITATION)
    return cast("dict[str, str]", source) if isinstance(source, dict) else {}


def _drawn(edit: EditResult) -> bool:
    return edit.order.operation == "draw" and edit.status == "done"


class Journal:
    """The batches of a run."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "edits"

    def path(self, number: int, batch: int) -> Path:
        """Return the file of a batch of a round."""
        return self._folder / f"round-{number:02d}-{batch:05d}.jsonl"

    def has(self, number: int, batch: int) -> bool:
        """Tell whether a batch is finished."""
        return self.path(number, batch).exists()

    def write(self, number: int, batch: int, done: Sequence[CompletedEdit]) -> None:
        """Write a batch, whole or not at all."""
        self._folder.mkdir(exist_ok=True)
        write_jsonl(self.path(number, batch), (_row(each) for each in done))

    def read(self, number: int, batch: int, planned: Sequence[PlannedEdit]) -> list[CompletedEdit]:
        """Read a batch back.

        Raises:
            RunError: it is broken, or not of this plan.
        """
        path = self.path(number, batch)
        try:
            with path.open("rb") as file:
                rows = [cast("dict[str, Any]", orjson.loads(line)) for line in file]
            if len(rows) != len(planned):
                raise RunError(f"{path}: is not of this plan; start the run anew in another folder")
            return [_done(row, one, number) for row, one in zip(rows, planned, strict=True)]
        except (OSError, ValueError, KeyError) as error:
            # Not the error's own words: they may quote what the set holds.
            reason = error.strerror if isinstance(error, OSError) else "no batch of edits"
            raise RunError(f"{path}: cannot be read ({reason}); delete it to do it again") from None


_EDIT = TypeAdapter(CompletedEdit)
_ITEM = TypeAdapter(QAItem)
_HELD = {each.name for each in fields(CompletedEdit)} - {"planned", "round", "after"}
"""What a batch holds of an edit as it is: the plan and the file's name say the rest."""


def _row(done: CompletedEdit) -> dict[str, object]:
    order = done.planned.order
    return {
        "operation": order.operation,
        "item": None if order.item is None else order.item.id,
        "to": done.planned.cell_to,
        "gone": done.after is None,
        "after": None if done.after == done.before else item_row(done.after, done.before),
    } | _EDIT.dump_python(done, include=_HELD)


def _done(row: Mapping[str, Any], planned: PlannedEdit, number: int) -> CompletedEdit:
    before = planned.order.item
    kept = None if row["gone"] else before
    # A check may have gone on to a repair.
    order = replace(planned.order, operation=row["operation"])
    return _EDIT.validate_python({
        "planned": replace(planned, order=order, cell_to=row["to"]),
        "round": number,
        "after": kept if row["after"] is None else item_of(row["after"], before),
        **{name: row[name] for name in _HELD},
    })


def item_row(item: QAItem | None, before: QAItem | None = None) -> dict[str, object] | None:
    """Return an item as JSON holds it; of its other columns those that `before` has otherwise."""
    if item is None:
        return None
    known: Mapping[str, Value] = {} if before is None else before.meta
    meta = {name: value for name, value in item.meta.items() if known.get(name, item) != value}
    lost = [name for name in known if name not in item.meta]
    return _ITEM.dump_python(replace(item, meta=meta)) | {"lost": lost}


def item_of(row: Mapping[str, Any], before: QAItem | None = None) -> QAItem:
    """Return the item of such a row."""
    known: Mapping[str, Value] = {} if before is None else before.meta
    meta = {name: value for name, value in known.items() if name not in row.get("lost", ())}
    return _ITEM.validate_python({**row, "meta": meta | row["meta"]})


def tokens_of(done: Iterable[CompletedEdit]) -> int:
    """Return the tokens that operations and their checks took."""
    return sum(each.tokens for each in done)

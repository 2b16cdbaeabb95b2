"""Examples from people: corrections accepted in a review file, shown to later runs.

A row of `review.jsonl` becomes an example when its `decision` is `accept` and it says what the
item should be: `item` as the run proposed it, changed by `correction` where a person gave one.
`before` is the item as it was (absent or null for a new one, or where the run changed nothing),
`operation` what was being done. Rows that do not fit are passed over here: `burnish run` reads the
file strictly and tells of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from burnish.agents.operations.item_schemas import render_item
from burnish.agents.prompting.fencing import fence
from burnish.corpora.records import QAItem
from burnish.tools.stable_order import rank

_ROW = TypeAdapter(dict[str, object])
_TEXT = TypeAdapter(str)
_TEXTS = TypeAdapter(tuple[str, ...])
_FIELDS = ("question", "answer", "domain", "skill", "rationale", "context")
_LISTS = ("choices", "turns")


@dataclass(frozen=True, slots=True)
class AcceptedCorrection:
    """What a person accepted."""

    operation: str
    after: QAItem
    before: QAItem | None = None


def read_examples(lines: Iterable[bytes | str]) -> list[AcceptedCorrection]:
    """Return the examples among the rows of a review file, in its order."""
    examples = (_example(line) for line in lines if line.strip())
    return [one for one in examples if one is not None]


def _example(line: bytes | str) -> AcceptedCorrection | None:
    try:
        row = _ROW.validate_json(line)
        if row.get("decision") != "accept":
            return None
        proposed = _item(row.get("item"))
        before = _item(row.get("before"))
        correction = row.get("correction")
        changes = _changes(_ROW.validate_python(correction)) if correction else {}
    except ValidationError:
        return None
    if proposed is None or not (changes or before is not None or row.get("status") == "done"):
        return None
    after = replace(proposed, **changes)
    if before is None and changes:
        before = proposed
    return AcceptedCorrection(str(row.get("operation", "")), after, before)


def _item(value: object) -> QAItem | None:
    if value is None:
        return None
    row = _ROW.validate_python(value)
    plain = QAItem(_TEXT.validate_python(row.get("id", "")), "", "")
    return replace(plain, **_changes(row))


def _changes(row: Mapping[str, object]) -> dict[str, str | tuple[str, ...]]:
    texts = {name: _TEXT.validate_python(row[name]) for name in _FIELDS if row.get(name)}
    lists = {name: _TEXTS.validate_python(row[name]) for name in _LISTS if row.get(name)}
    return {**texts, **lists}


def choose_examples(
    examples: Sequence[AcceptedCorrection], operation: str, count: int, *, apart_from: str = ""
) -> list[AcceptedCorrection]:
    """Return examples for an operation: its own first, then repaired keys, the same each time.

    Args:
        examples: all there are.
        operation: what is about to be done.
        count: the most to return.
        apart_from: id of the item in hand, which must not be shown its own correction.
    """
    fit = [one for one in examples if one.after.id != apart_from]
    order = sorted(fit, key=lambda one: (one.operation != operation, rank(0, one.after.id)))
    return [one for one in order if one.operation == operation or one.before][:count]


def fenced_examples(examples: Sequence[AcceptedCorrection]) -> str:
    """Return examples fenced, each as it was and as a person wants it."""
    return "\n".join(fence("example", _shown(one)) for one in examples)


def _shown(example: AcceptedCorrection) -> str:
    after = f"accepted:\n{render_item(example.after)}"
    return after if example.before is None else f"before:\n{render_item(example.before)}\n{after}"

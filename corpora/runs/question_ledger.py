"""The ledger of a run over questions: one row for each item of the set, read, added or refused.

Rows of the set stand in source order, then those that were to be added, then rows that could not
be read. With `data/` and `aside/`, which holds the whole row of every item as it was before it was
edited or dropped, any version of the set is rebuilt without the source and without a model.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import pyarrow as pa

from burnish.corpora.runs.document_ledger import read_rows

Outcome = Literal["unchanged", "edited", "dropped", "failed", "quarantined", "added", "not_added"]
READ: tuple[Outcome, ...] = ("unchanged", "edited", "dropped", "failed", "quarantined")
"""What becomes of a row of the set. `failed`: an operation on it got no answer; the item stays."""
OUTCOMES: tuple[Outcome, ...] = (*READ, "added", "not_added")
"""`not_added`: a new item was ordered and none came that passed the checks."""
STANDING: frozenset[str] = frozenset({"unchanged", "edited", "failed", "added"})
"""Outcomes whose item is in `data/`."""
ASIDE: frozenset[str] = frozenset({"edited", "dropped"})
"""Outcomes whose row, as it was before, is in `aside/`."""


class EvidenceRow(NamedTuple):
    """One thing a verdict rests on."""

    kind: str
    source: str
    content: str


class VerdictRow(NamedTuple):
    """One validator's opinion."""

    validator: str
    opinion: str
    confidence: float
    reason: str
    found: str | None
    tokens: int
    failure: str
    paths: tuple[str, ...]
    evidence: tuple[EvidenceRow, ...]


@dataclass(frozen=True, slots=True)
class QAEntry:
    """One ledger row."""

    id: str
    outcome: Outcome
    operation: str = ""
    """Empty where nothing was ordered."""
    round: int = 0
    """From 1; 0 where nothing was ordered, and for corrections by people."""
    status: str = ""
    """done, rolled_back, failed, flagged or unspent (the budget ended first)."""
    reason: str = ""
    flag: str = ""
    """Why a person should look; for rows that were not read, why."""
    cell_from: str = ""
    cell_to: str = ""
    before_digest: str = ""
    after_digest: str = ""
    origin: str = ""
    """Of an added item: the id it has in the pool; empty where it was written."""
    rests_on: str = ""
    """Of an item written from a passage: the passage's id."""
    difficulty: float | None = None
    """Of a new or changed item, in logits on the scale of the set, where a solver answered it."""
    difficulty_error: float | None = None
    difficulty_note: str = ""
    """What it rests on; `unverified: …` where it is not known, and the plan's word is taken."""
    seed: int = 0
    tokens: int = 0
    """Of the work: a reply that was found in the store counts as it did when it was paid for."""
    attempts: int = 0
    gain: float = 0.0
    """Predicted when it was ordered, in bits of divergence."""
    cost: float = 0.0
    """Predicted, in tokens."""
    complaints: tuple[str, ...] = ()
    verdicts: tuple[VerdictRow, ...] = ()


_EVIDENCE = pa.struct([("kind", pa.string()), ("source", pa.string()), ("content", pa.string())])
_VERDICT = pa.struct([
    ("validator", pa.string()),
    ("opinion", pa.string()),
    ("confidence", pa.float64()),
    ("reason", pa.string()),
    ("found", pa.string()),
    ("tokens", pa.int64()),
    ("failure", pa.string()),
    ("paths", pa.list_(pa.string())),
    ("evidence", pa.list_(_EVIDENCE)),
])
SCHEMA = pa.schema([
    ("id", pa.string()),
    ("outcome", pa.string()),
    ("operation", pa.string()),
    ("round", pa.int32()),
    ("status", pa.string()),
    ("reason", pa.string()),
    ("flag", pa.string()),
    ("cell_from", pa.string()),
    ("cell_to", pa.string()),
    ("before_digest", pa.string()),
    ("after_digest", pa.string()),
    ("origin", pa.string()),
    ("rests_on", pa.string()),
    ("difficulty", pa.float64()),
    ("difficulty_error", pa.float64()),
    ("difficulty_note", pa.string()),
    ("seed", pa.int64()),
    ("tokens", pa.int64()),
    ("attempts", pa.int32()),
    ("gain", pa.float64()),
    ("cost", pa.float64()),
    ("complaints", pa.list_(pa.string())),
    ("verdicts", pa.list_(_VERDICT)),
])


def to_table(entries: Sequence[QAEntry]) -> pa.Table:
    """Return the entries as a table of `SCHEMA`."""
    columns = [
        pa.array([_plain(getattr(entry, field.name)) for entry in entries], field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _plain(value: object) -> object:
    """Turn named tuples into dictionaries and tuples into lists, all the way down."""
    if isinstance(value, VerdictRow | EvidenceRow):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in cast("tuple[object, ...]", value)]
    return value


def read(path: Path) -> Iterator[QAEntry]:
    """Read the entries of one ledger file (Parquet or JSONL) in order."""
    return map(entry_of, read_rows(path))


def entry_of(row: Mapping[str, Any]) -> QAEntry:
    """Return a row of the table as an entry."""
    kept = dict(row)
    kept["complaints"] = tuple(row["complaints"] or ())
    kept["verdicts"] = tuple(map(verdict_of, row["verdicts"] or ()))
    return QAEntry(**kept)


def verdict_of(row: Mapping[str, Any]) -> VerdictRow:
    """Return an opinion as it stands in a row."""
    kept = dict(row)
    kept["paths"] = tuple(row["paths"] or ())
    kept["evidence"] = tuple(EvidenceRow(**each) for each in row["evidence"] or ())
    return VerdictRow(**kept)

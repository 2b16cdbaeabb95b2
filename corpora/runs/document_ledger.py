"""The ledger: one row for each record that was read, saying what was decided, by whom and why.

The rows of a shard stand in the order of its records, rows that could not be read come last. With
the refined files they hold everything: each span carries the text it removed, so any version of a
document can be rebuilt without the source and without a model.
"""

from dataclasses import dataclass
from typing import NamedTuple

from burnish.corpora.records import Outcome
from burnish.corpora.runs.ledger_codec import Float32, Int32, LedgerCodec


class CallRow(NamedTuple):
    """One call that was carried out."""

    name: str
    start: int | None
    """First line, from 1; for `remove_str` its line."""
    end: int | None
    text: str | None
    """What `remove_str` removes."""
    occurrence: int | None
    reason: str
    confidence: Float32


class SpanRow(NamedTuple):
    """Characters `[start, stop)` of the raw text that went, and what stood there."""

    start: int
    stop: int
    text: str | None
    """None where the whole record is kept aside, in `aside/`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger row."""

    id: str
    outcome: Outcome
    agent: str = ""
    flag: str = ""
    """Why a person should look: a guard that stepped in, a bad reply; for rows not read, why."""
    raw_digest: str = ""
    refined_digest: str = ""
    raw_chars: int = 0
    refined_chars: int = 0
    attempts: Int32 = 0
    rejected_calls: Int32 = 0
    calls: tuple[CallRow, ...] = ()
    spans: tuple[SpanRow, ...] = ()


LEDGER = LedgerCodec(Entry)

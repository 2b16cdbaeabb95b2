"""The ledger of a distillation: one row for each document, and no text of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.corpora.records import Outcome
from burnish.corpora.runs.ledger_codec import LedgerCodec


@dataclass(frozen=True, slots=True)
class PairEntry:
    """What became of one document; what is said of its pairs is None where it has none."""

    id: str
    outcome: Outcome
    reason: str
    """Which filter dropped it, or how its expert failed."""
    raw_digest: str
    raw_chars: int
    wanted_chars: int
    """Characters that whoever refined it took out."""
    deleted_chars: int
    """Those of them that its pairs delete."""
    refused_chars: Mapping[str, int]
    """Those that they do not, by reason."""
    refined_digest: str | None = None
    refined_chars: int | None = None
    kinds: tuple[str, ...] | None = None
    calls: int | None = None
    input_tokens: int | None = None
    program_tokens: int | None = None
    new_words: int | None = None
    """Words that the deletions made, of the ends of two others: there should be none."""


LEDGER = LedgerCodec(PairEntry)

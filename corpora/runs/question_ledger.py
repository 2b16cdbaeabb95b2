"""The ledger of a run over questions: one row for each item of the set, read, added or refused.

Rows of the set stand in source order, then those that were to be added, then rows that could not
be read. With `data/` and `aside/`, which holds the whole row of every item as it was before it was
edited or dropped, any version of the set is rebuilt without the source and without a model.
"""

from dataclasses import dataclass

from burnish.corpora.records import Outcome, Verdict
from burnish.corpora.runs.ledger_codec import Int32, LedgerCodec


@dataclass(frozen=True, slots=True)
class QAEntry:
    """One ledger row."""

    id: str
    outcome: Outcome
    operation: str = ""
    """Empty where nothing was ordered."""
    round: Int32 = 0
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
    attempts: Int32 = 0
    gain: float = 0.0
    """Predicted when it was ordered, in bits of divergence."""
    cost: float = 0.0
    """Predicted, in tokens."""
    complaints: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


LEDGER = LedgerCodec(QAEntry)

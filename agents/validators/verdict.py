"""What a validator agent says of a question and its keyed answer, and what it bases that on."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from burnish.corpora.errors import STOPPING, BurnishError, ModelError, QuotaPaused
from burnish.corpora.records import QAItem

Opinion = Literal["accept", "reject", "abstain"]
"""Abstain is not reject: the validator could not tell."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a verdict rests on."""

    kind: Literal["program", "comparison", "passage", "calculation", "judgement"]
    source: str
    """What it came from: a passage's id, a program's digest, a model's name."""
    content: str
    """The program, its output, the passage's sentence, the judge's words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One validator's opinion of one item."""

    validator: str
    opinion: Opinion
    confidence: float
    """In [0, 1]; 0 for an abstention."""
    reason: str
    found: str | None = None
    """The answer the validator itself came to."""
    evidence: tuple[Evidence, ...] = ()
    tokens: int = 0
    """Model tokens spent, prompt and completion."""
    failure: str = ""
    """The boundary that failed, when the abstention is a failure (model, sandbox, index)."""
    paths: tuple[str, ...] = field(default=())
    """Independent ways that led to this opinion; two are needed before a key may be edited."""


def stops_run(error: BurnishError) -> bool:
    """Tell whether a failure is raised: the server is gone, or refuses everybody.

    An opinion that was formed without it would stay in the ledger when the run goes on. A reply
    that nobody recorded is a failure of the item it was for.
    """
    if isinstance(error, ModelError):
        return error.kind in STOPPING and error.kind != "not_recorded"
    return isinstance(error, QuotaPaused)


class Validator(Protocol):
    """Checks an item; a boundary's failure is a Verdict, unless `stops_run` says otherwise."""

    @property
    def name(self) -> str:
        """The name shown in ledgers and reports."""
        ...

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer."""
        ...

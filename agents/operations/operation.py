"""What an operation on a QA set is asked for, and what came of it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from burnish.agents.validators.verdict import Verdict
from burnish.corpora.records import QAItem

EditStatus = Literal["done", "rolled_back", "failed", "flagged"]


@dataclass(frozen=True, slots=True)
class EditOrder:
    """One planned use of an operation."""

    operation: str
    item: QAItem | None = None
    """The item to change; None where a new one is wanted."""
    cell: str = ""
    """The cell (domain by skill) the result should fall into; empty: stay where it is."""
    bucket: int | None = None
    """The difficulty bucket the result should fall into, 0 the easiest."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DifficultyScore:
    """How hard an item was found to be, and what finding it cost."""

    bucket: int | None
    """None: it cannot be told."""
    tokens: int = 0
    difficulty: float | None = None
    """In logits, on the scale of the set."""
    error: float | None = None
    """Its standard error."""
    note: str = ""
    """What it rests on, or why it could not be told."""


@dataclass(frozen=True, slots=True)
class EditResult:
    """An order carried out: `before` without `after` removes, `after` without `before` adds."""

    order: EditOrder
    status: EditStatus
    before: QAItem | None = None
    after: QAItem | None = None
    """The item as it stands now; what was rolled back leaves `before` standing."""
    reason: str = ""
    tokens: int = 0
    """Model tokens spent, prompt and completion; a roll-back leaves them on the invoice."""
    attempts: int = 1
    complaints: tuple[str, ...] = ()
    """Why checks refused a draft, one line each."""
    verdicts: tuple[Verdict, ...] = field(default=())
    scored: DifficultyScore | None = None
    """The difficulty of `after`, where it was looked for."""


class Operation(Protocol):
    """Something that can be done to a QA set."""

    @property
    def name(self) -> str:
        """The operation's name in plans, ledgers and invoices."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether a language model is called."""
        ...

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order; a failure of a boundary is an Edit, not an exception."""
        ...

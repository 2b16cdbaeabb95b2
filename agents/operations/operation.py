"""What an operation on a QA set is asked for, and what came of it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from burnish.corpora.records import QAItem, Verdict

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

    def finish(
        self,
        after: QAItem | None,
        reason: str = "",
        *,
        tokens: int = 0,
        verdicts: tuple[Verdict, ...] = (),
    ) -> "EditResult":
        """Return the order carried out: `after` takes the place of the item, None takes it out."""
        return EditResult(self, "done", self.item, after, reason, tokens, verdicts=verdicts)

    def fail(
        self,
        reason: str,
        *,
        tokens: int = 0,
        verdicts: tuple[Verdict, ...] = (),
        flagged: bool = False,
    ) -> "EditResult":
        """Return the order not carried out: the item stays; flagged, a person should look at it."""
        status = "flagged" if flagged else "failed"
        return EditResult(self, status, self.item, self.item, reason, tokens, verdicts=verdicts)


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
    """Something that can be done to a QA set: an order in, what came of it out.

    ```python
    @dataclass(frozen=True)
    class FullStop:
        name: str = "full_stop"
        revision: str = "1"
        needs_model: bool = False

        async def apply(self, order):
            item = order.item
            if item is None or item.question.endswith("?"):
                return order.fail("nothing to mend")
            after = replace(item, question=f"{item.question}?")
            return order.finish(after, "question mark added")
    ```

    What the caller sees to: orders come side by side in one event loop; an order that is carried
    out again after an interruption is the same to the byte, and should bring the same.

    What is done with the result: an item is looked at before it enters the set (`checked`), first
    for what costs nothing: a question, an answer and choices that fit one another, the key where it
    was (`repair` alone may move it), nothing that stands in the set or in an evaluation set
    already. Then its difficulty is estimated where one was ordered, and the validators are asked.
    A result that fails goes back once, to an operation that has `redraft`, and else is rolled back:
    `before` stands, and what was spent stays on the invoice.
    """

    @property
    def name(self) -> str:
        """The operation's name in settings, plans, ledgers and invoices."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides; a run goes on only under the same revision."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether a language model is called: a plan then counts on tokens, and tries it first."""
        ...

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order; what cannot be done is a result with the status `failed`.

        Raises:
            BudgetExhausted: the token budget ended; the order is kept as unspent.
            ModelError: the server failed; where it is gone, the run ends and can go on later.
            QuotaPaused: the quota is used up; the run ends and can go on later.
        """
        ...

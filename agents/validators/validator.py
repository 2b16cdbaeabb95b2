"""What a validator agent is: it says what it thinks of a question and its keyed answer."""

from typing import Protocol

from burnish.corpora.errors import (
    STOPPING,
    BudgetExhausted,
    BurnishError,
    ModelError,
    QuotaPaused,
    SandboxError,
)
from burnish.corpora.records import QAItem, Verdict


def stops_run(error: BurnishError) -> bool:
    """Tell whether a failure is raised: the server is gone, or refuses everybody.

    An opinion that was formed without it would stay in the ledger when the run goes on. A reply
    that nobody recorded is a failure of the item it was for.
    """
    if isinstance(error, ModelError):
        return error.kind in STOPPING and error.kind != "not_recorded"
    return isinstance(error, QuotaPaused)


def boundary_of(error: BurnishError) -> str:
    """Name the boundary that failed, as a verdict tells it."""
    if isinstance(error, SandboxError):
        return "sandbox"
    return "budget" if isinstance(error, BudgetExhausted) else "model"


class Validator(Protocol):
    """Checks one item: accepts or rejects its keyed answer, or abstains.

    ```python
    @dataclass(frozen=True)
    class NoEmptyKey:
        name: str = "no_empty_key"
        revision: str = "1"

        async def check(self, item):
            if item.answer.strip():
                return Verdict(self.name, "abstain", 0.0, "there is a key")
            return Verdict(self.name, "reject", 1.0, "the key is empty", paths=("empty",))
    ```

    What the caller sees to: each item is asked about once, side by side with others in one event
    loop. Items and verdicts are never changed.

    What is done with a verdict: it is joined with those of the other validators
    (`validation.combine`). Abstentions count for nothing, a conflict is an abstention that people
    look at. A rejection alone changes nothing: a key is edited only where two of the independent
    `paths` found the same other answer.
    """

    @property
    def name(self) -> str:
        """The name shown in ledgers and reports."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides; a run goes on only under the same revision."""
        ...

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer; a failed boundary is an abstention that names it.

        Raises:
            ModelError: the server is gone (`stops_run`); the run ends and can go on later.
            QuotaPaused: the quota is used up; the run ends and can go on later.
        """
        ...

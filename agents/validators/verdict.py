"""What a validator agent is: it says what it thinks of a question and its keyed answer."""

from typing import Protocol

from burnish.corpora.errors import STOPPING, BurnishError, ModelError, QuotaPaused
from burnish.corpora.records import QAItem, Verdict


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

"""The one retry layer: which failures are worth another request, and how long to wait."""

import random
from dataclasses import dataclass

from burnish.corpora.errors import ModelError

_TRANSIENT = frozenset({
    "timeout", "connection", "unsent", "rate_limited", "overloaded", "server", "malformed",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a request is repeated."""

    attempts: int = 8
    """Requests in all, the first included."""
    charged_attempts: int = 3
    """Of these, how many may fail in ways that cost tokens: each counts fully in the budget."""
    first_wait_s: float = 0.5
    """Wait before the first repeat; it doubles with each."""
    longest_wait_s: float = 30.0
    patience_s: float = 120.0
    """The longest `Retry-After` that is waited for; a longer one pauses the run."""

    def wait(
        self, error: ModelError, failures: int, charged: int, draw: random.Random
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Args:
            error: the last failure.
            failures: failed attempts so far, this one included.
            charged: those of them that may have cost tokens.
            draw: source of the jitter.
        """
        if not is_transient(error):
            return None
        if failures >= self.attempts or charged >= self.charged_attempts:
            return None
        # Exponential back-off of which half is drawn: clients that failed together come back apart.
        growing = min(self.longest_wait_s, self.first_wait_s * 2 ** (failures - 1))
        wait = draw.uniform(0.5, 1.0) * growing
        if error.retry_after is None:
            return wait
        # Everyone was told the same moment, so the jitter comes on top of it.
        return error.retry_after + draw.uniform(0.0, 0.1) * max(error.retry_after, growing)


def is_transient(error: ModelError) -> bool:
    """Say whether the same request may succeed later; quota and mistakes never do."""
    return error.kind in _TRANSIENT

"""Every failure burnish names, in one tree.

BurnishError                  its text is one line: what, where, and the mend
├── UsageError                a flag, setting or path the user gave cannot be used
├── SourceError               an input cannot be read, or (strict) holds a bad row
├── RunError                  a run folder cannot be continued, verified or replayed
├── ReplyError                a model's answer is not a program (truncated, looping, not calls)
│   └── QuarantinedReply      an answer still unusable after its repair turn; keeps the raw replies
├── RefinerError              a refiner could not answer at all
├── ModelError                one request to a model server failed; `kind` decides what follows
├── BudgetExhausted           a request's worst case no longer fits the token budget
├── QuotaPaused               the server's quota is used up: stop now, continue the run later
└── SandboxError              a program could not be run (which says nothing about the program)
    └── SandboxUnavailable    this system lacks the isolation, so no program is run on it

A failure that concerns one record becomes a row of the ledger; only these errors are caught for
that, anything else is a bug and stops the run.
"""

from collections.abc import Callable
from typing import Literal

ModelFailure = Literal[
    "timeout",
    "connection",
    "unsent",
    "rate_limited",
    "quota",
    "overloaded",
    "server",
    "rejected",
    "auth",
    "missing",
    "too_long",
    "unsupported",
    "malformed",
    "unreachable",
    "not_recorded",
]
"""How a request failed. `unsent`: no connection, so nothing was sent; `connection`: it broke after
that; `overloaded`: 503; `server`: other 5xx; `rejected`: the server calls the request wrong;
`missing`: no such model or path; `too_long`: beyond the context; `malformed`: 200, but not a chat
completion; `unreachable`: the circuit breaker stayed open; `not_recorded`: a replay has no reply.
"""

STOPPING: frozenset[ModelFailure] = frozenset({
    "auth", "missing", "unsent", "unreachable", "unsupported", "rate_limited", "overloaded",
    "not_recorded",
})  # fmt: skip
"""Failures that say something about the server, not about a record: they stop the run."""


class BurnishError(Exception):
    """Base of all failures that burnish reports in one line; they travel between processes."""

    def __reduce__(
        self,
    ) -> tuple[
        Callable[..., "BurnishError"], tuple[type["BurnishError"], object, dict[str, object]]
    ]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[BurnishError], args: object, state: dict[str, object]) -> BurnishError:
    """Make an error again without its constructor, whose arguments are not all in `args`."""
    error = kind.__new__(kind)
    error.args = args if isinstance(args, tuple) else ()
    error.__dict__.update(state)
    return error


class UsageError(BurnishError):
    """Raised when a flag, a setting or a path given by the user cannot be used."""


class SourceError(BurnishError):
    """Raised when an input cannot be read, or holds a bad row while `strict` is set."""


class RunError(BurnishError):
    """Raised when a run folder cannot be continued, verified or replayed."""


class ReplyError(BurnishError):
    """Raised when a model's answer cannot be read as a program; `kind` says how it is broken."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class RefinerError(BurnishError):
    """Raised when a refiner could not answer for a document at all."""


class QuarantinedReply(ReplyError):  # noqa: N818
    """Raised when an answer stays unusable after its repair turn; `raws` are the bodies sent."""

    def __init__(self, kind: str, message: str, raws: tuple[str, ...]) -> None:
        super().__init__(kind, message)
        self.raws = raws


class ModelError(BurnishError):
    """Raised when a request to a model server failed; the text never holds prompts or replies.

    `status` is the HTTP status, `retry_after` the seconds the server asked to wait, `charged` says
    that the server may have spent tokens on it, and `raw` is the body it sent, for the audit only.
    """

    def __init__(
        self,
        kind: ModelFailure,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        charged: bool = False,
        raw: str = "",
    ) -> None:
        super().__init__(message)
        self.kind: ModelFailure = kind
        self.charged = charged
        self.status = status
        self.retry_after = retry_after
        self.raw = raw


class BudgetExhausted(BurnishError):  # noqa: N818
    """Raised when a request's worst case does not fit what is left of the token budget."""

    def __init__(self, *, asked: int, spent: int, held: int, limit: int) -> None:
        super().__init__(
            f"token budget: {limit:,} tokens, {spent:,} spent and {held:,} held for requests not"
            f" settled; the next request may need {asked:,}: raise the budget to go on"
        )
        self.asked = asked
        self.spent = spent
        self.held = held
        self.limit = limit


class QuotaPaused(BurnishError):  # noqa: N818
    """Raised when the server's quota is used up; nothing was retried, the run can be continued."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SandboxError(BurnishError):
    """Raised when a program could not be run, which says nothing about the program."""


class SandboxUnavailable(SandboxError):  # noqa: N818 - a state of the system, not a slip
    """Raised when this system lacks the isolation that programs need: none is run."""

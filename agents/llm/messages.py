"""What is asked of a model and what comes back: plain frozen values, no network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from burnish.tools.deletion.schemas import Schema

Speaker = Literal["system", "user", "assistant", "tool"]
Fault = Literal["truncated", "empty", "refused"]
"""Why a reply that arrived is not good: cut at the token limit, nothing in it, or declined."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call a model wrote."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, unchecked."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Speaker
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls of an assistant turn."""
    answers: str | None = None
    """For a tool turn: the id of the call whose result this is."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the answer is drawn."""

    max_tokens: int
    """Upper bound of the answer's tokens; a budget is reserved for all of them."""
    temperature: float = 0.0
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model."""

    messages: tuple[Message, ...]
    sampling: Sampling
    tools: tuple[Schema, ...] = ()
    """OpenAI function tools."""
    tool_choice: str | None = None
    """`auto`, `required`, `none`, or the one tool to call by name; None: as the server likes."""
    schema: Schema | None = None
    """JSON schema the answer's text must follow."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Fields only some servers know, such as vLLM's `structured_outputs`."""
    task: str = ""
    """What the tokens are spent for, in the invoice; neither sent nor part of the cache key."""
    sample: int = 0
    """Number of this draw among equal requests; part of the cache key, not sent."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Prompt tokens the server took from its prefix cache; contained in `prompt_tokens`."""
    reported: bool = True
    """False when the server told nothing and burnish counted."""

    @property
    def total(self) -> int:
        """Tokens in and out together, the unit of the budget."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model."""

    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    """The server's `finish_reason`."""
    refusal: str = ""
    reasoning: str = ""
    usage: Usage | None = None
    """None when the server reported none and nobody counted yet."""
    model: str = ""
    """Name the server gave itself."""
    raw: str = ""
    """The body as it came, for the audit."""
    from_store: bool = False
    """True when no request was sent for it."""

    @property
    def tokens(self) -> int:
        """Tokens of the work, in and out, whoever paid for it: the same when a run goes on.

        What was paid is told by the budget alone (`TokenBudget.account`).
        """
        return 0 if self.usage is None else self.usage.total

    @property
    def fault(self) -> Fault | None:
        """Why the reply must not be taken as good, or None."""
        if self.refusal or self.finish in {"content_filter", "refusal"}:
            return "refused"
        if self.finish in {"length", "max_tokens", "model_length"}:
            return "truncated"
        return None if self.content.strip() or self.tool_calls else "empty"

    def as_message(self) -> Message:
        """Return the reply as the assistant turn of a further request."""
        return Message("assistant", self.content, self.tool_calls)


class Model(Protocol):
    """Whoever answers requests: a server, a script, a record of earlier answers."""

    @property
    def name(self) -> str:
        """Name of the model as the server knows it."""
        ...

    async def ask(self, request: Request) -> Reply:
        """Answer one request; a reply may carry a `fault`.

        Raises:
            ModelError: there is no reply.
            BudgetExhausted: the request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
        """
        ...

"""Answers that must parse: JSON by a schema, one repair turn, then quarantine."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from burnish.agents.llm.messages import Message, Model, Reply, Request
from burnish.corpora.errors import QuarantinedReply, ReplyError

T = TypeVar("T")
ReplyReader = Callable[[Reply], T]
"""Reads a good reply; raises ReplyError, in words fit for the model, when it cannot."""


class Metered:
    """A model that counts the tokens of one order's replies, unusable ones too."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.tokens = 0

    @property
    def name(self) -> str:
        """Name of the model as the server knows it."""
        return self._model.name

    async def ask(self, request: Request) -> Reply:
        """Answer one request and count it."""
        reply = await self._model.ask(request)
        self.tokens += reply.tokens
        return reply


async def ask_parsed(model: Model, request: Request, read: ReplyReader[T]) -> T:
    """Ask, read, and on an unusable answer tell the model once what is wrong with it.

    A truncated or refused reply gets no repair turn: it would be cut or refused again.

    Raises:
        QuarantinedReply: no usable answer; `kind` and the raw replies say why.
        ModelError: a request failed.
        BudgetExhausted: a request does not fit the budget.
        QuotaPaused: the server's quota is used up.
    """
    first = await model.ask(request)
    try:
        return _read(first, read)
    except ReplyError as error:
        if error.kind in {"truncated", "refused"}:
            raise QuarantinedReply(error.kind, str(error), (first.raw,)) from None
        second = await model.ask(repair_request(request, first, str(error)))
    try:
        return _read(second, read)
    except ReplyError as error:
        text = f"still unusable after a repair turn: {error}"
        raise QuarantinedReply(error.kind, text, (first.raw, second.raw)) from None


def _read(reply: Reply, read: ReplyReader[T]) -> T:
    if reply.fault is not None:
        raise ReplyError(reply.fault, f"the reply is {reply.fault}")
    return read(reply)


def repair_request(request: Request, reply: Reply, complaint: str) -> Request:
    """Return the request again with the reply and what is wrong with it."""
    words = f"That answer cannot be used: {complaint}. Answer again, completely and correctly."
    turns: list[Message] = []
    if reply.content.strip() or reply.tool_calls:
        turns.append(reply.as_message())
    turns += [Message("tool", words, answers=call.id) for call in reply.tool_calls]
    if not reply.tool_calls:
        turns.append(Message("user", words))
    return replace(request, messages=(*request.messages, *turns))


def json_reader(adapter: TypeAdapter[T]) -> ReplyReader[T]:
    """Return a reading of the reply's text as JSON of a type."""

    def read(reply: Reply) -> T:
        try:
            return adapter.validate_json(reply.content.strip())
        except ValidationError as error:
            raise _unreadable(error) from None

    return read


def _unreadable(error: ValidationError) -> ReplyError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return ReplyError("not_json", "the answer: not valid JSON")
    where = ".".join(map(str, first["loc"])) or "top level"
    return ReplyError("wrong_shape", f"the answer: {where}: {first['msg']}")

"""Does a server really constrain what it writes? Asked at start-up, because many silently do not.

Each question asks for one thing in words and for another by constraint; only a server that
enforces the constraint gives the second. Servers are known that ignore each of these fields with
status 200 (vLLM the old `guided_*` names, `transformers serve` schemas and forced calls).
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.corpora.errors import ModelError
from burnish.tools.deletion.schemas import Schema

_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["q7-amber"]},
        "level": {"type": "integer", "enum": [41]},
    },
    "required": ["verdict", "level"],
    "additionalProperties": False,
}
_TOOL: Schema = {
    "type": "function",
    "function": {
        "name": "report_colour",
        "description": "Report the colour.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["q7-amber"]}},
            "required": ["colour"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Constraints:
    """Which constraints a server was seen to enforce."""

    choice: bool
    """vLLM's `structured_outputs: {"choice": [...]}`."""
    schema: bool
    """`response_format` with a JSON schema."""
    tools: bool
    """`tool_choice="required"` with a strict tool."""
    notes: tuple[str, ...]
    """For each that it did not: what came instead, in words without the server's text."""


async def probe(model: Model, *, max_tokens: int = 600) -> Constraints:
    """Ask the three questions, one after the other.

    `max_tokens` leaves room for a model that writes several calls. A server that rejects a
    question as such does not have the feature.

    Raises:
        ModelError: the server cannot be used at all (down, wrong key, no such model).
        BudgetExhausted: the questions do not fit the budget.
        QuotaPaused: the server's quota is used up.
    """
    sampling = Sampling(max_tokens=max_tokens)
    choice = Request(
        (Message("user", "Answer with the letter B."),),
        sampling,
        extra={"structured_outputs": {"choice": ["A"]}},
        task="probe",
    )
    words = (Message("user", "Write one sentence about the sea, no JSON, no tools."),)
    schema = Request(words, sampling, schema=_SCHEMA, task="probe")
    # A weak model that may call again and again does so until its tokens run out.
    once: dict[str, object] = {"parallel_tool_calls": False}
    tools = Request(
        words, sampling, tools=(_TOOL,), tool_choice="required", extra=once, task="probe"
    )
    complaints = [
        await _complaint(model, choice, _chooses),
        await _complaint(model, schema, _follows),
        await _complaint(model, tools, _calls),
    ]
    names = ("choice", "JSON schema", "forced tool call")
    return Constraints(
        *(complaint is None for complaint in complaints),
        notes=tuple(
            f"{name}: {complaint}"
            for name, complaint in zip(names, complaints, strict=True)
            if complaint is not None
        ),
    )


async def _complaint(model: Model, request: Request, holds: Callable[[Reply], bool]) -> str | None:
    try:
        reply = await model.ask(request)
    except ModelError as error:
        if error.kind in {"rejected", "unsupported", "server", "malformed"}:
            return f"the server refuses it ({error.kind})"
        raise
    if holds(reply):
        return None
    return f"ignored ({reply.fault or 'the reply does not follow it'})"


def _chooses(reply: Reply) -> bool:
    return reply.content == "A"


def _follows(reply: Reply) -> bool:
    return _loaded(reply.content) == {"verdict": "q7-amber", "level": 41}


def _calls(reply: Reply) -> bool:
    return bool(reply.tool_calls) and all(
        call.name == "report_colour" and _loaded(call.arguments) == {"colour": "q7-amber"}
        for call in reply.tool_calls
    )


def _loaded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None

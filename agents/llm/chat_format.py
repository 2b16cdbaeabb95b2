"""The chat-completion format: requests into bodies, bodies into replies."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import orjson

from burnish.agents.llm.messages import Message, Reply, Request, ToolCall, Usage
from burnish.corpora.errors import ModelError, UsageError

Json = dict[str, object]

_OURS = frozenset({
    "messages", "model", "max_tokens", "max_completion_tokens", "n", "best_of", "stream",
    "stream_options", "tools", "tool_choice", "response_format", "use_beam_search",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """What must be known of a server to write bodies for it."""

    model: str
    """Name of the served model."""
    revision: str = ""
    """Digest or version of its weights, where known; part of the cache key."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Field that bounds the answer; OpenAI's reasoning models know only the second."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Fields sent with every request, such as vLLM's `chat_template_kwargs`."""


def body_of(request: Request, dialect: Dialect) -> Json:
    """Return the request as the server wants it.

    Raises:
        UsageError: an extra field would override one that the budget or the cache rely on.
    """
    sampling = request.sampling
    body: Json = {
        "model": dialect.model,
        "messages": [message_body(message) for message in request.messages],
        dialect.limit_field: sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    _add_forms(body, request)
    for extra in (dialect.extra, request.extra):
        for name in extra:
            if name in _OURS:
                raise UsageError(f"extra field {name!r} is set by burnish itself: remove it")
        body.update(extra)
    return body


def _add_forms(body: Json, request: Request) -> None:
    if request.tools:
        body["tools"] = list(request.tools)
        if request.tool_choice in {"auto", "required", "none"}:
            body["tool_choice"] = request.tool_choice
        elif request.tool_choice is not None:
            body["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": request.schema, "strict": True},
        }


def message_body(message: Message) -> Json:
    """Return one turn in the wire's form."""
    body: Json = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = call_bodies(message.tool_calls)
    if message.answers is not None:
        body["tool_call_id"] = message.answers
    return body


def call_bodies(calls: Sequence[ToolCall]) -> list[Json]:
    """Return tool calls in the wire's form."""
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]


def key_of(request: Request, dialect: Dialect) -> str:
    """Return the digest under which a reply to this request is kept.

    It covers every field that is sent (prompt, tools, schema, model, sampling, extras), the
    model's revision and the number of the draw. The order of schema fields counts, since servers
    write tools into the prompt in that order.

    Raises:
        ModelError: `rejected`, the prompt cannot be written as UTF-8.
    """
    parts = [body_of(request, dialect), dialect.revision, request.sample]
    try:
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()
    except orjson.JSONEncodeError:
        raise ModelError("rejected", "the request holds a lone surrogate: mend the text") from None


def parse_body(text: str) -> Reply:
    """Read a body into a reply.

    Raises:
        ModelError: `malformed` for anything else; the kind that fits for an error object.
    """
    body = _loaded(text)
    if body is None:
        raise malformed_error("the reply is not JSON", text)
    if isinstance(body.get("error"), dict | str) and body.get("error"):
        raise error_of(_status_inside(body), text, within_reply=True)
    choices = _list(body.get("choices"))
    if not choices:
        raise malformed_error("the reply holds no choices", text)
    choice = _dict(choices[0])
    message = _dict(choice.get("message"))
    if not message:
        raise malformed_error("the reply's choice holds no message", text)
    content, thoughts = _texts(message.get("content"))
    return Reply(
        content=content,
        tool_calls=_calls(message),
        finish=_str(choice.get("finish_reason")),
        refusal=_str(message.get("refusal")),
        reasoning=_str(message.get("reasoning"))
        or _str(message.get("reasoning_content"))
        or thoughts,
        usage=usage_of(body.get("usage")),
        model=_str(body.get("model")),
        raw=text,
    )


def usage_of(value: object) -> Usage | None:
    """Read a usage object; None where it is missing, negative or all zero."""
    fields = _dict(value)
    prompt, completion = fields.get("prompt_tokens"), fields.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    if prompt < 0 or completion < 0 or prompt + completion == 0:
        return None
    total = fields.get("total_tokens")
    if isinstance(total, int) and total > prompt + completion:
        completion = total - prompt  # hidden reasoning that only the total counts
    cached = _dict(fields.get("prompt_tokens_details")).get("cached_tokens")
    return Usage(prompt, completion, cached if isinstance(cached, int) and cached > 0 else 0)


def malformed_error(reason: str, raw: str) -> ModelError:
    """Return the error for a 200 that is not a chat completion."""
    return ModelError("malformed", f"model server: {reason}", status=200, charged=True, raw=raw)


def error_of(
    status: int, raw: str, *, retry_after: float | None = None, within_reply: bool = False
) -> ModelError:
    """Classify an error reply by status and error code; its free text stays in `raw` only.

    `within_reply`: the error came inside a reply of status 200, after work had begun.
    """
    from burnish.agents.llm.http_errors import classify

    error = _dict((_loaded(raw) or {}).get("error"))
    codes = [str(error[name]) for name in ("code", "type", "param") if error.get(name)]
    message = _str(error.get("message"))
    return classify(status, codes, message, raw, retry_after=retry_after, within_reply=within_reply)


def _status_inside(body: Json) -> int:
    error = _dict(body.get("error"))
    for name in ("status_code", "code", "status"):
        value = error.get(name)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return 500


def _loaded(text: str) -> Json | None:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _calls(message: Json) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    for position, call in enumerate(map(_dict, _list(message.get("tool_calls")))):
        function = _dict(call.get("function"))
        if name := _str(function.get("name")):
            arguments = function.get("arguments")
            written = "" if arguments is None else _written(arguments)
            calls.append(ToolCall(_str(call.get("id")) or f"call_{position}", name, written))
    return tuple(calls)


def _written(arguments: object) -> str:
    """Return arguments as text; some servers send them already parsed."""
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()


def _texts(content: object) -> tuple[str, str]:
    """Return the spoken and the thought text of a content, which may be a list of parts."""
    if isinstance(content, str):
        return content, ""
    spoken: list[str] = []
    thought: list[str] = []
    for part in map(_dict, _list(content)):
        if part.get("type") == "thinking":
            thought += [_str(_dict(inner).get("text")) for inner in _list(part.get("thinking"))]
        else:
            spoken.append(_str(part.get("text")))
    return "".join(spoken), "".join(thought)


def _dict(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""

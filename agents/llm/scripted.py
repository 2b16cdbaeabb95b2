"""A model that says what it is told to: for tests, demonstrations and offline runs."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import orjson

from burnish.agents.llm.chat_format import Dialect, call_bodies
from burnish.agents.llm.messages import Reply, Request, ToolCall, Usage
from burnish.agents.llm.token_counts import Counting
from burnish.corpora.errors import ModelError

ScriptLine = str | Reply | ModelError
"""What a script says: a text, a whole reply, or a failure to raise."""
Script = Sequence[ScriptLine] | Callable[[Request], ScriptLine | Awaitable[ScriptLine]]


class ScriptedClient:
    """Answers from a list, in order, or from a function of the request.

    It stands in for a server (wrap it in a `Client`) or for a whole client. Tokens are counted by
    `count`, so that budgets can be tried without a server.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        count: Callable[[str], int] | None = None,
    ) -> None:
        self._script = script
        self._counting = Counting(
            count=count or (lambda text: -(-len(text) // 4)), prompt_overhead=0, message_overhead=4
        )
        self._dialect = Dialect(model=name)
        self.requests: list[Request] = []

    @property
    def name(self) -> str:
        """Name the script's model goes by."""
        return self._dialect.model

    @property
    def dialect(self) -> Dialect:
        """How requests would be written; makes cache keys."""
        return self._dialect

    async def ask(self, request: Request) -> Reply:
        """Say the next line.

        Raises:
            ModelError: the line says so, or (`not_recorded`) the script has ended.
        """
        position = len(self.requests)
        self.requests.append(request)
        await asyncio.sleep(0)
        line = await self._line(request, position)
        if isinstance(line, ModelError):
            raise line
        reply = Reply(content=line, finish="stop") if isinstance(line, str) else line
        reply = replace(
            reply,
            usage=reply.usage or replace(self._counting.usage(request, reply), reported=True),
            model=self.name,
        )
        return replace(reply, raw=reply.raw or raw_body(reply))

    async def _line(self, request: Request, position: int) -> ScriptLine:
        if callable(self._script):
            line = self._script(request)
            return await line if inspect.isawaitable(line) else line
        if position >= len(self._script):
            raise ModelError("not_recorded", f"the script ends after {position} lines")
        return self._script[position]


def calling(*calls: tuple[str, dict[str, object]], finish: str = "tool_calls") -> Reply:
    """Return a reply that calls tools, each given by name and arguments."""
    return Reply(
        content="",
        tool_calls=tuple(
            ToolCall(f"call_{number}", name, orjson.dumps(arguments).decode())
            for number, (name, arguments) in enumerate(calls)
        ),
        finish=finish,
    )


def raw_body(reply: Reply) -> str:
    """Return the chat completion that a server would have sent for a reply."""
    message: dict[str, object] = {"role": "assistant", "content": reply.content or None}
    if reply.tool_calls:
        message["tool_calls"] = call_bodies(reply.tool_calls)
    message |= {"refusal": reply.refusal or None, "reasoning": reply.reasoning or None}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
    body: dict[str, object] = {"object": "chat.completion", "model": reply.model}
    body["choices"] = [choice]
    if reply.usage is not None:
        body["usage"] = _usage_body(reply.usage)
    return orjson.dumps(body).decode()


def _usage_body(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }

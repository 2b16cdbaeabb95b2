"""Tokens before a server reports them: an upper bound of a prompt, a count of a reply."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from burnish.agents.llm.messages import Message, Reply, Request, Usage

TokenCounter = Callable[[str], int]
"""Counts the tokens of a text as the model's tokenizer does, without special tokens."""


def utf8_bytes(text: str) -> int:
    """Count UTF-8 bytes: no tokenizer with byte-level or byte-fallback pieces makes more tokens."""
    return len(text.encode("utf-8", errors="surrogatepass"))


@dataclass(frozen=True, slots=True)
class Counting:
    """How tokens are counted when nobody reports them."""

    count: TokenCounter | None = None
    """The model's tokenizer; None: the stated bound, one token for each UTF-8 byte."""
    message_overhead: int = 16
    """Tokens a chat template may add around one message."""
    prompt_overhead: int = 64
    """Tokens it may add once."""
    tools_overhead: int = 512
    """Tokens it may add once to explain tools or a schema."""

    def prompt_bound(self, request: Request) -> int:
        """Return tokens that the prompt cannot exceed, given the overheads."""
        count = self.count or utf8_bytes
        total = self.prompt_overhead
        for message in request.messages:
            total += self.message_overhead + count(_text(message))
        forms: list[object] = list(request.tools)
        if request.schema is not None:
            forms.append(request.schema)
        if request.extra:
            forms.append(dict(request.extra))
        if forms:
            total += self.tools_overhead + sum(count(json.dumps(form)) for form in forms)
        return total

    def worst_case(self, request: Request) -> int:
        """Return the tokens to reserve for a request."""
        return self.prompt_bound(request) + request.sampling.max_tokens

    def usage(self, request: Request, reply: Reply) -> Usage:
        """Return the reported usage, else the counted one, else the bound.

        A tokenizer counts what is visible; without one the whole of `max_tokens` counts, since
        a server that reports nothing may also hide its reasoning.
        """
        if reply.usage is not None:
            return reply.usage
        longest = request.sampling.max_tokens
        if self.count is None or reply.fault == "truncated":
            written = longest
        else:
            calls = "".join(call.name + call.arguments for call in reply.tool_calls)
            text = reply.reasoning + reply.content + reply.refusal + calls
            overhead = self.message_overhead * (1 + len(reply.tool_calls))
            written = min(longest, self.count(text) + overhead)
        return Usage(self.prompt_bound(request), written, reported=False)


def _text(message: Message) -> str:
    if not message.tool_calls:
        return message.content
    calls = "".join(json.dumps([call.name, call.id, call.arguments]) for call in message.tool_calls)
    return message.content + calls

"""A chat-completion server on loopback whose every reply its user writes: tests, benchmarks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web

Body = dict[str, object]
Handler = Callable[[Body], web.StreamResponse | Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class LoopbackServer:
    """A running server: where it is and what it was asked."""

    url: str
    bodies: list[Body] = field(default_factory=list[Body])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    in_flight: int = 0
    most_in_flight: int = 0


def completion(
    content: str | None = "fine",
    *,
    finish: str = "stop",
    usage: tuple[int, int] | None = (10, 5),
    **message: object,
) -> Body:
    """Return a chat completion; `usage` counts tokens in and out, None reports none."""
    body: Body = {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
    }
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return body


def ok(body: Body) -> web.Response:
    """Return a body with status 200."""
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def failure(status: int, code: str = "", headers: dict[str, str] | None = None) -> web.Response:
    """Return an error reply as OpenAI words it."""
    error = {"error": {"message": "secret words of the server", "code": code}}
    return web.Response(
        status=status, body=orjson.dumps(error), content_type="application/json", headers=headers
    )


def in_turn(*replies: web.Response | Body) -> Callable[[Body], web.Response]:
    """Answer with each reply once, and with the last for ever."""
    left = list(replies)

    def handle(_: Body) -> web.Response:
        reply = left.pop(0) if len(left) > 1 else left[0]
        return _again(reply) if isinstance(reply, web.Response) else ok(reply)

    return handle


def _again(reply: web.Response) -> web.Response:
    """Copy a response; one object can be sent only once."""
    kept = {name: reply.headers[name] for name in ("Retry-After",) if name in reply.headers}
    kind = reply.content_type
    return web.Response(status=reply.status, body=reply.body, headers=kept, content_type=kind)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[LoopbackServer]:
    """Serve on a free port; a handler that raises ConnectionAbortedError breaks the connection."""
    server = LoopbackServer("")

    async def chat(request: web.Request) -> web.StreamResponse:
        body: Body = orjson.loads(await request.read())
        server.bodies.append(body)
        server.headers.append(dict(request.headers))
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        try:
            reply = handler(body)
            return await reply if isinstance(reply, Awaitable) else reply
        except ConnectionAbortedError:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response()
        finally:
            server.in_flight -= 1

    app = web.Application(client_max_size=2**28)
    app.router.add_post("/{tail:.*}/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()

"""A model server in a thread of its own, for tests whose runs have event loops or processes."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import orjson
from aiohttp import web

from burnish.eval.robustness.loopback import Body, Handler, LoopbackServer, completion, ok, serving
from tests.support.waiting import PATIENCE_S

Answer = Callable[[str], str]
"""Makes the answer to the user turn of a question."""


def user_turn(body: Body) -> str:
    messages = cast("list[dict[str, Any]]", body["messages"])
    return str(messages[1]["content"]) if len(messages) > 1 else ""


def is_probe(body: Body) -> bool:
    return "structured_outputs" in body or "q7-amber" in orjson.dumps(body).decode()


def obeys_probe(body: Body) -> Body:
    """Answer a start-up question as a server does that enforces constraints."""
    if "structured_outputs" in body:
        return completion("A")
    if "tools" not in body:
        return completion('{"verdict": "q7-amber", "level": 41}')
    function = {"name": "report_colour", "arguments": '{"colour": "q7-amber"}'}
    call = {"id": "c", "type": "function", "function": function}
    return completion(None, finish="tool_calls", tool_calls=[call])


def first_line_goes(_: str) -> str:
    return '{"calls": [{"name": "remove_lines", "start": 1, "end": 1}]}'


_STEPS = (
    ("remove_lines", '{"start": 1, "end": 1}'),
    ("remove_lines", '{"start": 3, "end": 3}'),
    ("done", "{}"),
)


def _next_call(body: Body) -> Body:
    """Take one step a turn; a model that may not say `done` takes the first alone."""
    messages = cast("list[dict[str, Any]]", body["messages"])
    turn = sum(message["role"] == "assistant" for message in messages)
    name, arguments = _STEPS[min(turn, len(_STEPS) - 1)]
    function = {"name": name, "arguments": arguments}
    call = {"id": f"c{turn}", "type": "function", "function": function}
    return completion(None, finish="tool_calls", tool_calls=[call])


@contextmanager
def model_server(
    answer: Answer = first_line_goes, *, delay_s: float = 0.0, obedient: bool = True
) -> Generator[LoopbackServer]:
    """Serve until the block ends; `obedient=False` ignores what constrains an answer."""

    async def handle(body: Body) -> web.StreamResponse:
        if is_probe(body):
            return ok(obeys_probe(body) if obedient else completion("The sea is wide."))
        await asyncio.sleep(delay_s)
        turn = user_turn(body)
        if "tools" in body:
            return ok(_next_call(body))
        return ok(completion(answer(turn), usage=(len(turn) // 4 + 400, 20)))

    with in_thread(handle) as server:
        yield server


@contextmanager
def in_thread(handle: Handler) -> Generator[LoopbackServer]:
    """Serve what a handler says until the block ends."""
    ready: list[LoopbackServer] = []
    started = threading.Event()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with serving(handle) as server:
            ready.append(server)
            ends.append(lambda: loop.call_soon_threadsafe(end.set))
            started.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(PATIENCE_S)
    try:
        yield ready[0]
    finally:
        ends[0]()
        thread.join(PATIENCE_S)


def questions(server: LoopbackServer) -> Counter[str]:
    """Count the questions about documents, by their user turn."""
    return Counter(user_turn(body) for body in server.bodies if not is_probe(body))

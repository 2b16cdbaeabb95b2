import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.messages import Request, Usage
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.retry import is_transient
from burnish.corpora.errors import ModelError
from burnish.eval.robustness.loopback import (
    Body,
    Handler,
    completion,
    failure,
    in_turn,
    ok,
    serving,
)
from tests.support.waiting import PATIENCE_S

Served = Callable[..., AbstractAsyncContextManager[ServedModel]]
Question = Callable[..., Request]


def _fail(served: Served, request: Request, handler: Handler, **options: object) -> ModelError:
    """Ask once and return the failure."""

    async def ask() -> int:
        async with serving(handler) as server, served(server.url, **options) as model:
            with pytest.raises(ModelError) as caught:
                await model.ask(request)
            errors.append(caught.value)
            return len(server.bodies)

    errors: list[ModelError] = []
    assert asyncio.run(ask()) == 1, "each ask sends one request"
    return errors[0]


def test_a_reply_arrives_with_usage_and_raw_body(served: Served, question: Question) -> None:
    async def ask() -> None:
        async with serving(in_turn(completion("yes"))) as server, served(server.url) as model:
            reply = await model.ask(question())
            assert (reply.content, reply.usage) == ("yes", Usage(10, 5))
            assert '"yes"' in reply.raw
            assert server.bodies[0]["max_tokens"] == 50

    asyncio.run(ask())


def test_fields_of_one_server_reach_it(served: Served, question: Question) -> None:
    async def ask() -> None:
        dialect = Dialect("m", limit_field="max_completion_tokens", extra={"priority": 2})
        async with (
            serving(in_turn(completion())) as server,
            served(server.url, dialect=dialect) as model,
        ):
            await model.ask(question(extra={"structured_outputs": {"choice": ["A"]}}))
            body = server.bodies[0]
            assert body["max_completion_tokens"] == 50
            assert "max_tokens" not in body
            assert body["priority"] == 2
            assert body["structured_outputs"] == {"choice": ["A"]}

    asyncio.run(ask())


def _break(_: Body) -> web.Response:
    raise ConnectionAbortedError


async def _sleep(_: Body) -> web.Response:
    await asyncio.sleep(PATIENCE_S)
    return ok(completion())


async def _trickle(_: Body) -> web.Response:
    await asyncio.sleep(0.2)
    return ok(completion())


def test_a_connection_that_breaks_after_sending_may_have_cost_tokens(
    served: Served, question: Question
) -> None:
    error = _fail(served, question(), _break)
    assert (error.kind, error.charged, is_transient(error)) == ("connection", True, True)


def test_a_late_answer_may_have_cost_tokens(served: Served, question: Question) -> None:
    error = _fail(served, question(), _sleep, timeout_s=1)
    assert (error.kind, error.charged, is_transient(error)) == ("timeout", True, True)


def test_a_server_that_is_not_there_cost_nothing(served: Served, question: Question) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

        async def ask() -> None:
            async with served(url) as model:
                with pytest.raises(ModelError) as caught:
                    await model.ask(question())
                error = caught.value
                assert (error.kind, error.charged, is_transient(error)) == ("unsent", False, True)

        asyncio.run(ask())


def test_half_a_body_is_a_broken_connection(served: Served, question: Question) -> None:
    async def half(_: Body) -> web.StreamResponse:
        return web.Response(body=b'{"choices": [', headers={"Content-Length": "500"})

    error = _fail(served, question(), half, timeout_s=2)
    assert error.kind in {"connection", "timeout"}
    assert error.charged


@pytest.mark.parametrize("text", ["", "<html>busy</html>", '{"choices": []}'])
def test_a_body_that_is_no_completion_is_kept_raw(
    served: Served, question: Question, text: str
) -> None:
    error = _fail(served, question(), in_turn(web.Response(text=text)))
    assert (error.kind, error.charged, error.raw) == ("malformed", True, text)


def test_the_wait_a_server_asks_for_comes_along(served: Served, question: Question) -> None:
    error = _fail(served, question(), in_turn(failure(429, headers={"Retry-After": "3"})))
    assert (error.kind, error.retry_after) == ("rate_limited", 3.0)


def test_neither_key_nor_prompt_nor_the_servers_words_reach_logs_or_messages(
    served: Served, question: Question, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = question("the private document")
    told = [
        str(_fail(served, request, in_turn(failure(400, "bad\nvalue")), key="sk-hidden")),
        str(_fail(served, request, in_turn(failure(401, "invalid_api_key")), key="sk-hidden")),
        str(_fail(served, request, _break, key="sk-hidden")),
        repr(Connection("http://127.0.0.1/v1", "sk-hidden")),
        caplog.text,
    ]
    for text in told:
        for secret in ("sk-hidden", "private document", "secret words"):
            assert secret not in text
    assert all("\n" not in text for text in told[:-1])
    assert "invalid_api_key" in told[1]


def test_sixty_four_requests_share_one_client(served: Served, question: Question) -> None:
    async def ask() -> None:
        async with serving(_trickle) as server, served(server.url) as model:
            await asyncio.gather(*(model.ask(question(str(number))) for number in range(64)))
            assert server.most_in_flight == 64

    asyncio.run(ask())

"""Real exchanges of many providers, served again from loopback."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import asyncio
import gzip
import json
from collections import Counter
from typing import Any

import orjson
import pytest
from aiohttp import web

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.messages import Message, Reply, Request, Sampling, ToolCall
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.retry import is_transient
from burnish.corpora.errors import ModelError
from tests.support.places import DATA

CASSETTES = DATA / "llm_cassettes" / "interactions.jsonl.gz"

pytestmark = pytest.mark.skipif(not CASSETTES.exists(), reason=f"no {CASSETTES}")

Exchange = dict[str, Any]
ERRORS = {
    (400, "tool_use_failed"): ("rejected", False, True),
    (400, "other"): ("rejected", False, False),
    (404, "other"): ("missing", False, False),
    (429, "other"): ("rate_limited", True, False),
}


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    with gzip.open(CASSETTES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["kind"] == "chat" and not row["stream"]]


@pytest.fixture(scope="module")
def outcomes(exchanges: list[Exchange]) -> list[Reply | ModelError]:
    return asyncio.run(_play(exchanges))


async def _play(exchanges: list[Exchange]) -> list[Reply | ModelError]:
    async def chat(request: web.Request) -> web.Response:
        row = exchanges[orjson.loads(await request.read())["exchange"]]
        body = orjson.dumps(row["response"])
        return web.Response(status=row["status"], body=body, content_type="application/json")

    app = web.Application(client_max_size=2**28)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connection = Connection(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    model = ServedModel(connection, Dialect("m"))
    try:
        return [
            await _ask(model, _request(row["request"], number))
            for number, row in enumerate(exchanges)
        ]
    finally:
        await model.close()
        await runner.cleanup()


async def _ask(model: ServedModel, request: Request) -> Reply | ModelError:
    try:
        return await model.ask(request)
    except ModelError as error:
        return error


def _request(asked: Exchange, number: int) -> Request:
    """Rewrite a recorded request, as far as it is text."""
    messages = tuple(_message(message) for message in asked["messages"])
    choice = asked.get("tool_choice")
    named = choice["function"]["name"] if isinstance(choice, dict) else choice
    return Request(
        messages,
        Sampling(max_tokens=asked.get("max_tokens") or 100),
        tools=tuple(asked.get("tools") or ()),
        tool_choice=named,
        extra={"exchange": number},
    )


def _message(message: Exchange) -> Message:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    role = "system" if message["role"] == "developer" else message["role"]
    return Message(role, content or "", calls, message.get("tool_call_id"))


def _is_completion(row: Exchange) -> bool:
    return bool(row["response"].get("choices")) and not row["response"].get("error")


def test_every_recorded_completion_parses(
    exchanges: list[Exchange], outcomes: list[Reply | ModelError]
) -> None:
    assert len(exchanges) == 441
    parsed = [isinstance(outcome, Reply) for outcome in outcomes]
    assert parsed == [row["status"] == 200 and _is_completion(row) for row in exchanges]
    assert sum(parsed) == 423


def test_texts_tool_calls_and_usage_are_those_recorded(
    exchanges: list[Exchange], outcomes: list[Reply | ModelError]
) -> None:
    for row, outcome in zip(exchanges, outcomes, strict=True):
        if not isinstance(outcome, Reply):
            continue
        body = row["response"]
        message = body["choices"][0]["message"]
        if not isinstance(message.get("content"), list):
            assert outcome.content == (message.get("content") or "")
        calls = message.get("tool_calls") or []
        arguments = [call["function"].get("arguments") or "" for call in calls]
        assert [call.arguments for call in outcome.tool_calls] == arguments
        if body.get("usage"):
            assert outcome.usage is not None
            assert outcome.usage.prompt_tokens == body["usage"]["prompt_tokens"]
            assert outcome.usage.completion_tokens >= body["usage"]["completion_tokens"]
        assert outcome.raw


def test_only_whole_answers_of_the_record_count_as_good(
    outcomes: list[Reply | ModelError],
) -> None:
    faults = Counter(outcome.fault for outcome in outcomes if isinstance(outcome, Reply))
    assert faults == {None: 417, "truncated": 6}


def test_recorded_errors_map_to_their_class_and_retry_decision(
    exchanges: list[Exchange], outcomes: list[Reply | ModelError]
) -> None:
    seen = 0
    for row, outcome in zip(exchanges, outcomes, strict=True):
        if row["status"] == 200:
            continue
        seen += 1
        assert isinstance(outcome, ModelError)
        code = row["response"]["error"].get("code")
        expected = ERRORS.get((row["status"], code)) or ERRORS[row["status"], "other"]
        assert (outcome.kind, is_transient(outcome), outcome.charged) == expected
        assert row["response"]["error"]["message"] not in str(outcome)
        assert json.loads(outcome.raw) == row["response"]
    assert seen == 17


def test_recorded_failures_behind_status_200_are_told_too(
    exchanges: list[Exchange], outcomes: list[Reply | ModelError]
) -> None:
    kinds: Counter[str] = Counter()
    for row, outcome in zip(exchanges, outcomes, strict=True):
        if row["status"] == 200 and not _is_completion(row):
            assert isinstance(outcome, ModelError)
            assert outcome.charged
            kinds[outcome.kind] += 1
    assert kinds == {"malformed": 1}

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.llm.chat_format import Dialect, body_of, error_of, key_of, parse_body
from burnish.agents.llm.http_errors import read_retry_after
from burnish.agents.llm.messages import Message, Reply, Request, Sampling, ToolCall, Usage
from burnish.agents.llm.retry import is_transient
from burnish.agents.llm.scripted import raw_body
from burnish.corpora.errors import ModelError, UsageError

DIALECT = Dialect("m")
ASKED = Request(
    (Message("system", "Be brief."), Message("user", "Hi")),
    Sampling(max_tokens=9, temperature=0.5),
    tools=({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},),
    tool_choice="required",
    schema={"type": "object"},
    extra={"top_k": 3},
)


def test_a_body_says_everything_the_request_says() -> None:
    body = body_of(ASKED, Dialect("m", extra={"chat_template_kwargs": {"enable_thinking": False}}))
    assert body["model"] == "m"
    assert body["max_tokens"] == 9
    assert body["tool_choice"] == "required"
    assert body["top_k"] == 3
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": {"type": "object"}, "strict": True},
    }


def test_a_named_tool_is_forced_by_its_name() -> None:
    body = body_of(replace(ASKED, tool_choice="f"), DIALECT)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_turns_of_a_tool_conversation_keep_their_ids() -> None:
    call = ToolCall("c1", "f", '{"a": 1}')
    turns = (Message("assistant", tool_calls=(call,)), Message("tool", "done", answers="c1"))
    asked = Request(turns, Sampling(max_tokens=1))
    messages = body_of(asked, DIALECT)["messages"]
    assert messages == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
            ],
        },
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
    ]


def test_an_extra_field_cannot_lift_the_bound_of_the_budget() -> None:
    with pytest.raises(UsageError, match="max_tokens"):
        body_of(replace(ASKED, extra={"max_tokens": 10**9}), DIALECT)
    with pytest.raises(UsageError, match="'n'"):
        body_of(ASKED, Dialect("m", extra={"n": 50}))


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, messages=(Message("user", "Hi"),)),
        replace(ASKED, tools=()),
        replace(ASKED, tool_choice="auto"),
        replace(ASKED, schema=None),
        replace(ASKED, sampling=Sampling(max_tokens=9)),
        replace(ASKED, sampling=Sampling(max_tokens=9, temperature=0.5, seed=1)),
        replace(ASKED, extra={}),
        replace(ASKED, sample=1),
    ],
)
def test_whatever_changes_the_answer_changes_the_key(other: Request) -> None:
    assert key_of(other, DIALECT) != key_of(ASKED, DIALECT)


def test_the_key_follows_the_model_but_not_the_label_nor_the_transport() -> None:
    key = key_of(ASKED, DIALECT)
    assert key_of(ASKED, Dialect("other")) != key
    assert key_of(ASKED, Dialect("m", revision="2")) != key
    assert key_of(replace(ASKED, task="refine"), DIALECT) == key


def test_a_lone_surrogate_is_refused_in_one_line() -> None:
    asked = Request((Message("user", "\ud800"),), Sampling(max_tokens=1))
    with pytest.raises(ModelError, match="surrogate") as caught:
        key_of(asked, DIALECT)
    assert not is_transient(caught.value)


texts = st.text(max_size=30)
replies = st.builds(
    Reply,
    content=texts,
    tool_calls=st.lists(
        st.builds(ToolCall, texts.filter(bool), texts.filter(bool), texts), max_size=3
    ).map(tuple),
    finish=st.sampled_from(["stop", "length", "tool_calls", ""]),
    refusal=texts,
    reasoning=texts,
    usage=st.none() | st.builds(Usage, st.integers(1, 99), st.integers(0, 99)),
    model=texts,
)


@given(replies)
def test_a_reply_comes_back_from_its_raw_body(reply: Reply) -> None:
    raw = raw_body(reply)
    assert parse_body(raw) == replace(reply, raw=raw)


def test_an_error_inside_a_good_status_cost_tokens() -> None:
    error = {"code": "tool_use_failed", "status_code": 400, "message": "secret"}
    with pytest.raises(ModelError) as caught:
        parse_body(orjson.dumps({"error": error}).decode())
    assert (caught.value.kind, caught.value.charged) == ("rejected", True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "<html>", "[]", "null", '{"choices": []}', '{"choices": [{}]}', "data: x\n\n", '{"a"'],
)
def test_what_is_no_completion_is_malformed_and_worth_another_try(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_body(text)
    assert caught.value.kind == "malformed"
    assert is_transient(caught.value)
    assert caught.value.raw == text


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_no_body_makes_anything_but_a_reply_or_a_model_error(text: str) -> None:
    try:
        raw = parse_body(text).raw
    except ModelError as error:
        raw = error.raw
    assert raw == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "choices", "message", "content", "tool_calls", "function", "name", "arguments",
            "usage", "prompt_tokens", "completion_tokens", "error", "code", "finish_reason",
        ]),
        inner,
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_no_json_makes_anything_but_a_reply_or_a_model_error(value: object) -> None:
    try:
        parse_body(orjson.dumps(value).decode())
    except ModelError:
        return


@pytest.mark.parametrize(
    ("status", "code", "kind", "again", "charged"),
    [
        (400, "invalid_value", "rejected", False, False),
        (400, "context_length_exceeded", "too_long", False, False),
        (401, "invalid_api_key", "auth", False, False),
        (402, "", "quota", False, False),
        (404, "model_not_found", "missing", False, False),
        (408, "", "timeout", True, True),
        (422, "", "rejected", False, False),
        (429, "", "rate_limited", True, False),
        (429, "insufficient_quota", "quota", False, False),
        (500, "", "server", True, True),
        (501, "", "unsupported", False, False),
        (502, "", "server", True, True),
        (503, "", "overloaded", True, False),
        (504, "", "server", True, True),
        (529, "", "overloaded", True, False),
    ],
)
def test_a_status_decides_kind_retry_and_cost(
    status: int, code: str, kind: str, *, again: bool, charged: bool
) -> None:
    raw = orjson.dumps({"error": {"message": "text of a user", "code": code}}).decode()
    error = error_of(status, raw)
    assert (error.kind, is_transient(error), error.charged) == (kind, again, charged)
    assert "text of a user" not in str(error)
    assert error.raw == raw


def test_a_server_that_shows_what_it_generated_has_spent_tokens() -> None:
    raw = '{"error": {"code": "tool_use_failed", "failed_generation": "maybe"}}'
    assert error_of(400, raw).charged


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
    ],
)
def test_the_wait_a_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply("x", finish="stop"), None),
        (Reply("x", finish=""), None),
        (Reply("x", finish="length"), "truncated"),
        (Reply("", finish="length"), "truncated"),
        (Reply(" \n", finish="stop"), "empty"),
        (Reply("", finish="stop", reasoning="hm"), "empty"),
        (Reply("", finish="stop", refusal="no"), "refused"),
        (Reply("x", finish="content_filter"), "refused"),
        (Reply("", (ToolCall("1", "f", "{}"),), finish="stop"), None),
    ],
)
def test_only_whole_answers_are_good(reply: Reply, fault: str | None) -> None:
    assert reply.fault == fault


def test_hidden_reasoning_in_the_total_counts_as_written() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 50}
    raw = orjson.dumps({
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": usage,
    })
    assert parse_body(raw.decode()).usage == Usage(10, 40)

"""The forms of answers: narrower than the API's schemas, never wider."""

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.prompting.output_schemas import (
    MOST_LINE,
    MOST_TEXT,
    TEXT,
    answer_schema,
    tools_of,
)
from burnish.tools.deletion.notation import parse
from burnish.tools.deletion.schemas import Schema, openai_tools, reply_schema


def accepts(schema: Schema, answer: Any) -> bool:
    try:
        jsonschema.validate(answer, schema)
    except jsonschema.ValidationError:
        return False
    return True


def answer(**call: object) -> dict[str, object]:
    return {"calls": [call]}


def test_no_string_has_a_length_and_every_number_has_a_bound() -> None:
    written = json.dumps([answer_schema(), tools_of("tools", strict=True)])
    assert "minLength" not in written
    assert "maxLength" not in written
    assert written.count('"type": "integer"') == written.count(f'"maximum": {MOST_LINE}')


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_the_pattern_takes_any_text_as_json_writes_it(text: str) -> None:
    assert len(text) <= MOST_TEXT
    assert re.fullmatch(TEXT, json.dumps(text, ensure_ascii=False)[1:-1])


@given(st.from_regex(TEXT, fullmatch=True))
def test_what_the_pattern_takes_is_a_json_string(encoded: str) -> None:
    assert json.loads(f'"{encoded}"')


@pytest.mark.parametrize("encoded", ["", "\t", "\x01", '"', "a\\", 'a"b', "\\ud800", "a" * 201])
def test_the_pattern_refuses_what_is_no_json_string_or_too_long(encoded: str) -> None:
    assert not re.fullmatch(TEXT, encoded)


@pytest.mark.parametrize(
    "call",
    [
        {"name": "keep_all"},
        {"name": "remove_lines", "start": 1, "end": MOST_LINE},
        {"name": "remove_str", "line": 3, "text": "Share"},
    ],
)
def test_what_it_accepts_parses_and_suits_the_wide_schema(call: dict[str, object]) -> None:
    made = answer(**call)
    assert accepts(answer_schema(), made)
    assert accepts(reply_schema(), made)
    assert parse(json.dumps(made)).calls


def test_what_the_parser_refuses_it_refuses_too() -> None:
    assert not accepts(answer_schema(), {"calls": []})
    assert not accepts(answer_schema(), answer(name="remove_str", line=3, text=""))
    assert not accepts(answer_schema(), answer(name="remove_lines", start=1, end=MOST_LINE + 1))
    assert not accepts(answer_schema(), answer(name="remove_lines", start=0, end=1))


def test_the_tools_are_the_same_but_strict() -> None:
    strict = tools_of("tools", strict=True)
    ours = [tool["function"]["name"] for tool in strict]
    assert ours == [tool["function"]["name"] for tool in openai_tools()]
    assert all(tool["function"]["strict"] for tool in strict)

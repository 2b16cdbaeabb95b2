import json
import re
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from burnish.agents.operations.item_schemas import (
    FORMS,
    GroundedItem,
    NewDistractors,
    NewItem,
    Recalibrated,
    Repaired,
    Reworded,
)
from burnish.agents.prompting.output_schemas import (
    DONE,
    MOST_LINE,
    MOST_TEXT,
    TEXT,
    answer_schema,
    form_schema,
    tools_of,
)
from burnish.agents.validators.librarian import PassageJudgement


def test_answers_in_the_json_notation_fit_the_schema() -> None:
    calls: list[dict[str, Any]] = [
        {"name": "remove_lines", "start": 1, "end": 4},
        {"name": "remove_str", "line": 9, "text": " Read more »", "occurrence": 2},
        {"name": "keep_all"},
        {"name": "remove_all"},
    ]
    for call in calls:
        jsonschema.validate({"calls": [call]}, answer_schema())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MOST_TEXT))
def test_every_text_can_be_written_within_the_pattern(text: str) -> None:
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    assert re.fullmatch(TEXT.strip("^$"), written)


@given(st.text(max_size=20))
def test_whatever_the_pattern_lets_through_is_a_json_string(text: str) -> None:
    if re.fullmatch(TEXT.strip("^$"), text):
        assert isinstance(json.loads(f'"{text}"'), str)


def test_nothing_in_the_forms_is_unbounded() -> None:
    def check(value: object) -> None:
        if isinstance(value, list):
            for part in cast("list[object]", value):
                check(part)
        if not isinstance(value, dict):
            return
        schema = cast("dict[str, object]", value)
        if schema.get("type") == "integer":
            assert schema["maximum"] == MOST_LINE
        if schema.get("type") == "string":
            assert schema.get("pattern") == TEXT
        if schema.get("type") == "array":
            assert schema["maxItems"]
        for part in schema.values():
            check(part)

    check(answer_schema())
    for tool in tools_of("agentic", strict=True):
        check(tool["function"]["parameters"])


WRITTEN = (*FORMS, PassageJudgement)
KNOWN = {
    "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
    "minimum", "maximum", "enum", "pattern",
}  # fmt: skip
"""Keywords that xgrammar 0.2.8, vLLM's first backend, was seen to hold; `maxLength` lets control
characters through, and what it does not know it ignores."""


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [*schema.get("properties", {}).values()]
    inner += [schema["items"]] if "items" in schema else []
    return [schema, *(one for each in inner for one in _fields(each))]


@pytest.mark.parametrize("form", WRITTEN)
def test_forms_have_bounds_and_no_keyword_that_a_server_does_not_hold(form: type[Any]) -> None:
    schema = form_schema(form)
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(form.model_fields)
    for field in _fields(schema):
        assert set(field) <= KNOWN
        bounds = {
            "string": {"pattern"} if "enum" not in field else {"enum"},
            "array": {"items", "minItems", "maxItems"},
            "integer": {"minimum", "maximum"},
            "number": {"minimum", "maximum"},
            "object": {"properties"},
        }
        assert bounds[field["type"]] <= set(field)


def test_a_form_without_bounds_is_refused() -> None:
    class Open(BaseModel):
        words: str

    with pytest.raises(ValueError, match="no bounds"):
        form_schema(Open)


ANSWERS: dict[type[Any], dict[str, Any]] = {
    Reworded: {"question": 'Was "Ünal" right? \\ 中', "turns": ["a", ""], "rationale": ""},
    Recalibrated: {"question": "q", "turns": [], "rationale": "r\n", "wrong_answers": ["1", "2"]},
    NewDistractors: {"wrong_answers": ["1", "2", "3"]},
    NewItem: {"question": "q?", "answer": "a", "wrong_answers": [], "rationale": ""},
    GroundedItem: {
        "question": "q?", "answer": "a", "wrong_answers": ["b"], "rationale": "",
        "passage": "p-1", "quote": "so it is",
    },
    Repaired: {"question": "q?", "answer": "a", "wrong_answers": [], "rationale": "6 - 4 = 2"},
    PassageJudgement: {
        "verdict": "support", "passages": [1, 3], "quote": "so", "answer": "", "certainty": 0.75,
    },
}  # fmt: skip


@pytest.mark.parametrize("form", WRITTEN)
def test_the_grammar_of_a_form_takes_its_answers_and_ends_digits_and_texts(form: type[Any]) -> None:
    xgrammar = pytest.importorskip("xgrammar", reason="the grammar library of vLLM is not there")
    tokens = ["<s>", "</s>", *(f"<0x{at:02X}>" for at in range(256))]
    info = xgrammar.TokenizerInfo(tokens, xgrammar.VocabType.BYTE_FALLBACK, stop_token_ids=[1])
    compiler = xgrammar.GrammarCompiler(info)
    grammar = compiler.compile_json_schema(json.dumps(form_schema(form)), any_whitespace=False)

    def takes(text: str) -> bool:
        matcher = xgrammar.GrammarMatcher(grammar)
        return all(matcher.accept_token(2 + byte) for byte in text.encode()) and bool(
            matcher.accept_token(1)
        )

    answer = ANSWERS[form]
    assert takes(json.dumps(answer, ensure_ascii=False))
    form.model_validate(answer)
    assert not takes(json.dumps({**answer, "more": 1}))
    for name, value in answer.items():
        longer = ["x" * 20_000, "\x01"] if isinstance(value, str) else [7.5, ["3"] * 999]
        for one in longer:
            text = json.dumps({**answer, name: one}).replace("\\u0001", "\x01")
            assert not takes(text), name
    endless = json.dumps(answer).replace("0.75", "0." + "3" * 50).replace("[1, 3]", "[" + "3" * 50)
    assert endless == json.dumps(answer) or not takes(endless)


def test_only_an_agent_may_say_that_it_is_done() -> None:
    names = [tool["function"]["name"] for tool in tools_of("tools", strict=False)]
    assert DONE not in names
    assert not any("strict" in tool["function"] for tool in tools_of("tools", strict=False))
    assert tools_of("agentic", strict=True)[-1]["function"]["name"] == DONE

import json
from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.notation import arguments_of, call_of, parse, to_json
from burnish.tools.deletion.program import CALLS, NAMES, Call, Program
from burnish.tools.deletion.schemas import openai_tools, parameters, reply_schema
from tests.support.strategies import ANY_CALLS

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema checks the schemas")

VALUES: st.SearchStrategy[object] = st.one_of(
    st.integers(-2, 5), st.none(), st.booleans(), st.sampled_from([1.5, "", "text", "1"])
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["start", "end", "line", "text", "occurrence", "note", "other"]), VALUES
)


def conforms(value: object, schema: Mapping[str, object]) -> bool:
    return cast("bool", jsonschema.Draft202012Validator(schema).is_valid(value))


def reads(name: str, arguments: Mapping[str, object]) -> bool:
    try:
        call_of(name, arguments)
    except ReplyError:
        return False
    return True


@given(st.sampled_from(sorted(CALLS)), ARGUMENTS)
def test_the_schema_of_a_call_and_the_parser_agree(name: str, arguments: dict[str, object]) -> None:
    assert conforms(arguments, parameters(name)) == reads(name, arguments)


@given(ANY_CALLS)
def test_every_call_conforms_to_its_schema(call: Call) -> None:
    assert conforms(arguments_of(call), parameters(NAMES[type(call)]))


@given(st.lists(ANY_CALLS, max_size=5, unique=True).map(lambda calls: Program(tuple(calls))))
def test_every_written_answer_conforms_to_the_reply_schema(program: Program) -> None:
    assert conforms(json.loads(to_json(program)), reply_schema())


@given(st.lists(st.tuples(st.sampled_from(sorted(CALLS)), ARGUMENTS), max_size=3))
def test_an_answer_within_the_reply_schema_is_never_refused(
    calls: list[tuple[str, dict[str, object]]],
) -> None:
    answer = {"calls": [{**arguments, "name": name} for name, arguments in calls]}
    try:
        parse(json.dumps(answer))
    except ReplyError:
        assert not conforms(answer, reply_schema())
    else:
        assert conforms(answer, reply_schema())


def test_schemas_are_closed_and_show_nothing_a_model_should_not_write() -> None:
    for name in CALLS:
        schema = parameters(name)
        assert schema["additionalProperties"] is False
        assert "note" not in schema["properties"]


def test_every_call_is_offered_as_a_tool_with_a_description() -> None:
    functions = [tool["function"] for tool in openai_tools()]
    assert [function["name"] for function in functions] == list(CALLS)
    assert all(function["description"] for function in functions)
    assert functions[0]["parameters"]["required"] == ["start", "end"]
    assert functions[1]["parameters"]["required"] == ["line", "text"]

"""The forms that answers are held to: bounded, so that even small models end them.

Facts behind the bounds: a grammar without limits lets a weak model write digits or calls until its
tokens are used up. xgrammar takes a string's `pattern` as a pattern of the string *as it is
written*, escapes included, and with `maxLength` it lets raw control characters through. Hence a
pattern that spells out what a JSON string may hold; a backend that applies patterns to the meaning
instead only loses texts with quotes or backslashes.
"""

from typing import Any, Literal, cast

from pydantic import BaseModel

from burnish.tools.deletion.schemas import Schema, openai_tools, parameters, reply_schema

Mode = Literal["one_shot", "tools", "agentic"]

DONE = "done"
"""Tool that ends an agentic conversation."""

MOST_CALLS = 128
MOST_TEXT = 200
"""Characters that one `remove_str` may name; longer pieces are lines or several calls."""
MOST_LINE = 999_999


def text_pattern(least: int, most: int) -> str:
    """Return the pattern of a JSON string of so many characters, as it is written."""
    character = '([ !#-\\[\\]-\U0010ffff]|\\\\["\\\\/bfnrt]|\\\\u00[01][0-9a-fA-F])'
    return f"^{character}{{{least},{most}}}$"


TEXT = text_pattern(1, MOST_TEXT)
"""The class names what it takes: xgrammar 0.2.8 fails to compile a bounded `[^...\\x00-\\x1f]`, and
where that has no bound it refuses every escape."""


def answer_schema() -> Schema:
    """Return the schema of a one-shot answer, `{"calls": [...]}`; the same for every document."""
    schema = reply_schema()
    calls = schema["properties"]["calls"]
    calls |= {"minItems": 1, "maxItems": MOST_CALLS}
    return cast("Schema", _bounded(schema))


def tools_of(mode: Mode, *, strict: bool) -> tuple[Schema, ...]:
    """Return the deletion API as tools, with `done` where the conversation has several turns."""
    tools = [cast("Schema", _bounded(tool)) for tool in openai_tools()]
    if mode == "agentic":
        words = "End the work: nothing is left to delete."
        done: Schema = {"name": DONE, "description": words, "parameters": parameters("keep_all")}
        tools.append({"type": "function", "function": done})
    if strict:
        for tool in tools:
            tool["function"] |= {"strict": True}
    return tuple(tools)


def form_schema(form: type[BaseModel]) -> Schema:
    """Return the JSON schema of a flat form as servers take it for constrained decoding.

    It has no keywords but those that grammar backends hold (xgrammar 0.2.8 was tried). Texts,
    lists and numbers must have bounds: their `max_length`, `minimum` and `maximum`.
    """
    fields: dict[str, Schema] = form.model_json_schema()["properties"]
    properties = {name: _held(field) for name, field in fields.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _held(field: Schema) -> Schema:
    match field:
        case {"enum": choices}:
            return {"type": "string", "enum": choices}
        case {"type": "string", "maxLength": most}:
            return {"type": "string", "pattern": text_pattern(field.get("minLength", 0), most)}
        case {"type": "array", "items": items, "maxItems": most}:
            least = field.get("minItems", 0)
            return {"type": "array", "items": _held(items), "minItems": least, "maxItems": most}
        case {"type": "integer" | "number" as kind, "minimum": least, "maximum": most}:
            return {"type": kind, "minimum": least, "maximum": most}
        case _:
            raise ValueError(f"a form has no bounds for {field}")


def _bounded(value: object) -> object:
    """Bound every integer and every free string of a schema."""
    if isinstance(value, list):
        return [_bounded(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    schema = {key: _bounded(item) for key, item in cast("dict[str, Any]", value).items()}
    if schema.get("type") == "integer":
        schema["maximum"] = MOST_LINE
    elif schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
        schema.pop("minLength", None)
        schema["pattern"] = TEXT
    return schema

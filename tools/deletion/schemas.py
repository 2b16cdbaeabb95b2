"""The deletion API as a model sees it: JSON schemas made from the call types themselves."""

from typing import Any

from pydantic import TypeAdapter

from burnish.tools.deletion.program import CALLS

Schema = dict[str, Any]


def parameters(name: str) -> Schema:
    """Return the JSON schema of one call's arguments: closed, without what models never write."""
    schema = TypeAdapter(CALLS[name]).json_schema()
    properties = {
        key: {word: value for word, value in field.items() if word not in {"title", "default"}}
        for key, field in schema.get("properties", {}).items()
        if key != "note"
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in schema.get("required", []) if key in properties],
        "additionalProperties": False,
    }


def openai_tools() -> list[Schema]:
    """Return the calls as OpenAI function tools, their docstrings as the descriptions."""
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": (kind.__doc__ or "").strip(),
                "parameters": parameters(name),
            },
        }
        for name, kind in CALLS.items()
    ]


def reply_schema() -> Schema:
    """Return the JSON schema of a whole answer, `{"calls": [...]}`, for constrained decoding."""
    return {
        "type": "object",
        "properties": {
            "calls": {"type": "array", "items": {"anyOf": [_object(name) for name in CALLS]}}
        },
        "required": ["calls"],
        "additionalProperties": False,
    }


def _object(name: str) -> Schema:
    schema = parameters(name)
    return schema | {
        "properties": {"name": {"const": name}, **schema["properties"]},
        "required": ["name", *schema["required"]],
    }

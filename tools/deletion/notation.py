"""Read a model's answer as a program, and write a program as an answer.

Two notations say the same: JSON (`{"calls": [{"name": "remove_lines", "start": 3, "end": 5}]}`,
which a server can constrain by `schemas.reply_schema`) and one call a line
(`remove_lines(3, 5)`), which costs fewer tokens. Both fail closed: an answer that breaks off,
loops, or is anything else than calls is an error, never half a program.
"""

import ast
import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import cast

import orjson
from pydantic import TypeAdapter, ValidationError

from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.program import (
    CALLS,
    NAMES,
    Call,
    KeepAll,
    Program,
    RemoveLines,
    RemoveStr,
)

LOOP_LIMIT = 3
"""How often one and the same call may stand in an answer before the answer counts as looping."""

MAX_NUMBER = 2**31 - 1
"""Largest line number taken from an answer."""

_ADAPTERS: dict[str, TypeAdapter[Call]] = {name: TypeAdapter(kind) for name, kind in CALLS.items()}
_SIGNATURES = {
    "remove_lines": ("start", "end"),
    "remove_str": ("line", "text", "occurrence"),
    "keep_all": (),
    "remove_all": (),
}


def call_of(name: str, arguments: Mapping[str, object]) -> Call:
    """Make one call from a tool name and its arguments.

    Raises:
        ReplyError: kind `unknown_call` or `bad_argument`; the message is fit for the model.
    """
    adapter = _ADAPTERS.get(name)
    if adapter is None:
        raise ReplyError("unknown_call", f"There is no tool {name!r}; use {', '.join(CALLS)}.")
    unknown = set(arguments) - set(_SIGNATURES[name])
    if unknown:
        raise ReplyError("bad_argument", f"{name} has no argument {min(unknown)!r}.")
    if any(isinstance(value, int) and value > MAX_NUMBER for value in arguments.values()):
        raise ReplyError("bad_argument", f"{name}: a number is beyond any document.")
    try:
        return adapter.validate_python(dict(arguments))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "arguments"
        raise ReplyError("bad_argument", f"{name}: {where}: {fault['msg']}.") from None


def parse(answer: str) -> Program:
    """Read an answer in either notation.

    Raises:
        ReplyError: kind `empty`, `truncated`, `not_calls`, `unknown_call`, `bad_argument` or
            `looping`.
    """
    answer = answer.strip()
    if not answer:
        raise ReplyError("empty", "The answer is empty; say keep_all to keep the document.")
    calls = _from_json(answer) if answer[0] in "{[" else _from_lines(answer)
    refuse_loops(calls)
    return Program(tuple(calls))


def refuse_loops(calls: Iterable[Call]) -> None:
    """Refuse an answer that says one and the same thing over and over.

    Raises:
        ReplyError: kind `looping`.
    """
    looping = [call for call, count in Counter(calls).items() if count > LOOP_LIMIT]
    if looping:
        raise ReplyError("looping", f"The answer repeats {render_call(looping[0])} over and over.")


def _from_json(answer: str) -> list[Call]:
    try:
        value: object = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        broken_off = error.pos >= len(answer) - 1 or "end of" in error.msg
        kind = "truncated" if broken_off else "not_calls"
        raise ReplyError(kind, f"The answer is not complete JSON: {error.msg}.") from None
    items = cast("dict[str, object]", value).get("calls") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise ReplyError("not_calls", 'The answer must be {"calls": [...]}.')
    return [_from_object(item) for item in cast("list[object]", items)]


def _from_object(item: object) -> Call:
    if not isinstance(item, dict):
        raise ReplyError("not_calls", "Each call must be an object with a name.")
    arguments = dict(cast("dict[str, object]", item))
    name = arguments.pop("name", None)
    if not isinstance(name, str):
        raise ReplyError("not_calls", "Each call must be an object with a name.")
    return call_of(name, arguments)


def _from_lines(answer: str) -> list[Call]:
    return [_from_line(line.strip()) for line in answer.split("\n") if line.strip()]


def _from_line(line: str) -> Call:
    try:
        with warnings.catch_warnings():
            # A stray backslash ("\\d") stands for itself; Python would warn on standard error.
            warnings.simplefilter("ignore")
            tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        kind = "not_calls" if line.endswith(")") else "truncated"
        raise ReplyError(kind, "A line of the answer is not a complete call.") from None
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise ReplyError("not_calls", "Each line of the answer must be one call.")
    name = tree.func.id
    names = _SIGNATURES.get(name, ())
    if len(tree.args) > len(names) and name in CALLS:
        raise ReplyError("bad_argument", f"{name} takes {len(names)} arguments.")
    given = [*zip(names, tree.args, strict=False), *((str(w.arg), w.value) for w in tree.keywords)]
    repeated = [key for key, count in Counter(key for key, _ in given).items() if count > 1]
    if repeated:
        raise ReplyError("bad_argument", f"{name}: {repeated[0]} is given twice.")
    try:
        arguments = {key: ast.literal_eval(value) for key, value in given}
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise ReplyError("bad_argument", f"{name}: arguments must be numbers or strings.") from None
    return call_of(name, arguments)


def arguments_of(call: Call) -> dict[str, int | str]:
    """Return a call's arguments as the model writes them; an absent occurrence is left out."""
    match call:
        case RemoveLines(start, end):
            return {"start": start, "end": end}
        case RemoveStr(line, text, occurrence):
            given: dict[str, int | str] = {"line": line, "text": text}
            return given if occurrence is None else given | {"occurrence": occurrence}
        case _:
            return {}


def render_call(call: Call) -> str:
    """Write one call in the line notation, strings quoted so that `parse` reads them back."""
    # Python would read the surrogate pairs that JSON escapes as two characters, so none are made.
    values = (
        json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
        for value in arguments_of(call).values()
    )
    return f"{NAMES[type(call)]}({', '.join(values)})"


def render(program: Program) -> str:
    """Write a program in the line notation; a program without calls is `keep_all()`."""
    return "\n".join(render_call(call) for call in program.calls or (KeepAll(),))


def to_json(program: Program) -> str:
    """Write a program in the JSON notation."""
    calls = [{"name": NAMES[type(call)], **arguments_of(call)} for call in program.calls]
    answer = {"calls": calls or [{"name": "keep_all"}]}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))

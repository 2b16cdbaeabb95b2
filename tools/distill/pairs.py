"""Training pairs: a window of a document, and the program a refiner should answer with.

The messages are those that a served refiner sees, so that it is trained on what it will meet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, cast

import orjson

from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.lines import Lines, Window
from burnish.tools.deletion.notation import arguments_of, call_of, parse, render, to_json
from burnish.tools.deletion.program import (
    NAMES,
    Call,
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    occurrences,
)

Notation = Literal["tools", "json", "lines"]
NOTATIONS: tuple[Notation, ...] = ("tools", "json", "lines")
Kind = Literal["keep_all", "remove_all", "lines", "strings", "mixed"]
KINDS: tuple[Kind, ...] = ("keep_all", "remove_all", "lines", "strings", "mixed")
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Pair:
    """A window of a document and the program for it."""

    window: Window
    program: Program
    """Calls on the window's own lines only, named by the document's line numbers."""

    @property
    def kind(self) -> Kind:
        """What the program consists of."""
        kinds = {type(call) for call in self.program.calls}
        if kinds <= {KeepAll}:
            return "keep_all"
        if RemoveAll in kinds:
            return "remove_all"
        if kinds == {RemoveLines}:
            return "lines"
        return "strings" if kinds == {RemoveStr} else "mixed"


def pairs_of(program: Program, windows: Sequence[Window]) -> Iterator[Pair]:
    """Share a document's program out among its windows.

    In one of several windows `remove_all` becomes `remove_lines` of the window's own lines
    (UltraX, arXiv 2607.08646): no window can judge the whole document.
    """
    for window in windows:
        yield Pair(window, _share(program, window, len(windows)))


def _share(program: Program, window: Window, count: int) -> Program:
    if count == 1:
        return program if program.calls else Program((KeepAll(),))
    calls: list[Call] = []
    for call in program.calls:
        match call:
            case RemoveLines(start, end):
                first, last = max(start, window.acts_from), min(end, window.last)
                if first <= last:
                    calls.append(RemoveLines(first, last))
            case RemoveStr(line):
                if window.acts_from <= line <= window.last:
                    calls.append(call)
            case RemoveAll():
                calls.append(RemoveLines(window.acts_from, window.last))
            case KeepAll():
                pass
    return Program(tuple(calls) or (KeepAll(),))


def joined(pairs: Sequence[Pair]) -> Program:
    """Return the program of the whole document that the windows' programs amount to."""
    calls = [call for pair in pairs for call in pair.program.calls if call != KeepAll()]
    return Program(tuple(calls) or (KeepAll(),))


def shortened(program: Program, lines: Lines, longest: int) -> Program:
    """Return the program with every text of more than `longest` characters in several calls.

    Servers bound the texts that a model may write. Pieces end after white space where they can.
    """
    calls: list[Call] = []
    for call in program.calls:
        if isinstance(call, RemoveStr) and len(call.text) > longest:
            calls.extend(_shorter(call, lines.texts[call.line - 1], longest))
        else:
            calls.append(call)
    return Program(tuple(calls))


def _shorter(call: RemoveStr, line: str, longest: int) -> Iterator[RemoveStr]:
    places = occurrences(line, call.text)
    at = next(islice(places, (call.occurrence or 1) - 1, None))
    stop = at + len(call.text)
    while at < stop:
        end = min(at + longest, stop)
        if end < stop:
            space = line.rfind(" ", at + 1, end)
            end = space + 1 if space > 0 else end
        text = line[at:end]
        found = list(occurrences(line, text))
        yield RemoveStr(call.line, text, found.index(at) + 1 if len(found) > 1 else None)
        at = end


def assistant_turn(program: Program, notation: Notation) -> Json:
    """Write a program as the answer of a model, in the form chat completions have."""
    if notation == "tools":
        calls = program.calls or (KeepAll(),)
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [_tool_call(at, call) for at, call in enumerate(calls)],
        }
    content = render(program) if notation == "lines" else to_json(program)
    return {"role": "assistant", "content": content}


def _tool_call(at: int, call: Call) -> Json:
    arguments = orjson.dumps(arguments_of(call)).decode()
    return {
        "id": f"call_{at}",
        "type": "function",
        "function": {"name": NAMES[type(call)], "arguments": arguments},
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same in every row."""

    system: str
    tools: Sequence[Mapping[str, object]]
    """OpenAI function tools; none where answers are text."""
    notation: Notation


def record(pair: Pair, user: str, frame: Frame) -> Json:
    """Return a pair as a row for fine-tuning: messages, and tools where they are used."""
    row: Json = {
        "messages": [
            {"role": "system", "content": frame.system},
            {"role": "user", "content": user},
            assistant_turn(pair.program, frame.notation),
        ]
    }
    return row | {"tools": list(frame.tools)} if frame.tools else row


def program_in(turn: Mapping[str, object]) -> Program:
    """Read the program back from an assistant turn.

    Raises:
        ReplyError: it holds none.
    """
    calls = turn.get("tool_calls")
    if not isinstance(calls, list):
        return parse(str(turn.get("content") or ""))
    functions = [call["function"] for call in cast("list[Json]", calls)]
    return Program(tuple(_call_in(cast("Json", function)) for function in functions))


def _call_in(function: Mapping[str, object]) -> Call:
    try:
        arguments = orjson.loads(str(function["arguments"]))
    except orjson.JSONDecodeError:
        raise ReplyError("bad_argument", "The arguments are not JSON.") from None
    return call_of(str(function["name"]), cast("Json", arguments))

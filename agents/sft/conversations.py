"""Pairs to train a served refiner on: one conversation with its tools a line of a JSONL file.

Nothing here needs more than the standard library, so that it also runs on bare GPU machines.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from burnish.agents.prompting.sections import sections
from burnish.corpora.errors import SourceError

Turn = dict[str, Any]
"""A message as OpenAI writes it: role, content, tool_calls."""
Answers = Literal["given", "both", "json"]
_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})


@dataclass(frozen=True, slots=True)
class TrainingConversation:
    """What a model should learn to say: every assistant turn of it."""

    turns: tuple[Turn, ...]
    tools: tuple[Turn, ...] = ()

    def texts(self) -> Iterator[str]:
        """Yield all texts in it, answers and tools as JSON: what a tokenizer is trained on."""
        for turn in self.turns:
            yield str(turn.get("content") or "")
            if turn.get("tool_calls"):
                yield json.dumps(turn["tool_calls"], ensure_ascii=False)
        yield from (json.dumps(tool, ensure_ascii=False) for tool in self.tools)


def read_pairs(path: Path) -> list[TrainingConversation]:
    """Read a file of pairs as `burnish distill` writes it.

    Raises:
        SourceError: it cannot be read, is empty, or a row is no conversation with an answer.
    """
    pairs: list[TrainingConversation] = []
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    pairs.append(_conversation(line, f"{path}: row {number}"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as text: {error}") from None
    if not pairs:
        raise SourceError(f"{path}: there is no pair in it; make some with `burnish distill`")
    return pairs


def _conversation(line: str, where: str) -> TrainingConversation:
    try:
        row: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON: {error.msg}") from None
    turns = cast("Turn", row).get("messages") if isinstance(row, dict) else None
    tools = cast("Turn", row).get("tools") if isinstance(row, dict) else None
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in cast("list[Any]", turns)):
        raise SourceError(f"{where}: needs messages, a list of objects with a role")
    if not any(turn["role"] == "assistant" for turn in cast("list[Turn]", turns)):
        raise SourceError(f"{where}: no message of the assistant, so nothing to learn")
    return TrainingConversation(
        tuple(cast("list[Turn]", turns)), tuple(cast("list[Turn]", tools or []))
    )


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and cast("Turn", turn).get("role") in _ROLES


def in_forms(pairs: Sequence[TrainingConversation], answers: Answers) -> list[TrainingConversation]:
    """Return the pairs as they are, or every other one or all of them as JSON text.

    A model that is to serve both modes sees both: with tools it calls them, without tools it
    writes `{"calls": [...]}`. Alternating costs no tokens, unlike having each pair twice.
    """
    if answers == "given":
        return list(pairs)
    if answers == "json":
        return [as_json_answer(pair) for pair in pairs]
    return [as_json_answer(pair) if number % 2 else pair for number, pair in enumerate(pairs)]


def as_json_answer(pair: TrainingConversation) -> TrainingConversation:
    """Return a conversation with its tool calls written as JSON text and its tools left out.

    The served refiner's instructions for tools become those for one-shot answers, so that what is
    learnt is what will be asked; instructions of others stay. Conversations in which tools answered
    stay as they are: one-shot answers have no such turns.
    """
    if not pair.tools or any(turn["role"] == "tool" for turn in pair.turns):
        return pair
    # Most pairs never ask for it, and the machine that trains may lack what the refiner needs.
    from burnish.agents.refiners.served import PROMPT

    prompt = sections(PROMPT)
    forms = f"\n\n{prompt['tools']}", f"\n\n{prompt['one_shot']}"
    return TrainingConversation(tuple(_said(turn, *forms) for turn in pair.turns))


def _said(turn: Turn, tools: str, one_shot: str) -> Turn:
    content = turn.get("content")
    if turn["role"] == "system" and isinstance(content, str) and content.endswith(tools):
        return turn | {"content": content.removesuffix(tools) + one_shot}
    if not turn.get("tool_calls"):
        return turn
    calls = [
        {"name": call["function"]["name"], **arguments_of(call["function"])}
        for call in turn["tool_calls"]
    ]
    # Without white space, as servers write it under the grammar that `burnish serve` asks for.
    answer = json.dumps({"calls": calls}, ensure_ascii=False, separators=(",", ":"))
    return {"role": turn["role"], "content": answer}


def arguments_of(function: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's arguments, which may be JSON text or an object already."""
    arguments: object = function.get("arguments") or {}
    loaded: object = json.loads(arguments) if isinstance(arguments, str) else arguments
    return cast("dict[str, Any]", loaded)

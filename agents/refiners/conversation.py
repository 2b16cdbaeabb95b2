"""The conversation over one window: what a reply asks for, what comes of it, what is said next.

Plain steps over a frozen `Conversation`, without network and without a loop: whoever drives them
(a graph, a test) asks the model in between. In the one-shot form each answer is a whole program and
replaces the one before; with tools the calls add up, and every call gets its own result.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson

from burnish.agents.llm.messages import Message, Reply, ToolCall
from burnish.agents.prompting.fencing import NumberedText, unmarked
from burnish.agents.prompting.output_schemas import DONE, Mode
from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.lines import Window
from burnish.tools.deletion.notation import call_of, parse, refuse_loops, render_call
from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Program,
    Rejection,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    resolve,
)

_EXCERPT = 48


class RequestedCall(NamedTuple):
    """One call of a reply, or why it is none."""

    id: str
    """Of the tool call; empty where the reply is one JSON object."""
    call: Call | None
    complaint: str = ""
    ends: bool = False
    """Whether it is the call that ends the conversation."""


class ConversationLimits(NamedTuple):
    """What bounds a conversation."""

    mode: Mode
    turns: int
    """Answers of the model at most."""
    tokens: int
    """No further turn once so many were used."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation over one window, as far as it has come."""

    window: Window
    messages: tuple[Message, ...]
    terms: ConversationLimits
    reply: Reply | None = None
    wanted: tuple[RequestedCall, ...] = ()
    """What the last reply asks for."""
    results: tuple[str, ...] = ()
    """What is said to each of `wanted`; one complaint where the reply could not be read."""
    calls: tuple[Call, ...] = ()
    """Accepted calls; they may name lines of the context."""
    refused: tuple[Rejection, ...] = ()
    """Calls of the last reply that were not carried out."""
    written: tuple[Call, ...] = ()
    """Every call there was, good or not."""
    turns: int = 0
    tokens: int = 0
    answered: bool = False
    """Whether some reply could be read."""
    open: bool = True
    failure: str = ""
    """Why the window has no program: the kind of a ReplyError or of a ModelError."""
    silent: bool = False
    """Whether it failed because there was no reply at all."""

    @property
    def drops(self) -> bool:
        """Whether everything shown is worthless."""
        return any(isinstance(call, RemoveAll) for call in self.calls)

    @property
    def exhausted(self) -> bool:
        """Whether there may be no further turn."""
        return self.turns >= self.terms.turns or self.tokens >= self.terms.tokens


def with_reply(conversation: Conversation, reply: Reply) -> Conversation:
    """Take in a reply."""
    tokens = conversation.tokens + (reply.usage.total if reply.usage else 0)
    return replace(
        conversation,
        reply=reply,
        turns=conversation.turns + 1,
        tokens=tokens,
        wanted=(),
        results=(),
    )


def failed(conversation: Conversation, kind: str) -> Conversation:
    """End a conversation because the server gave no reply."""
    return replace(conversation, open=False, failure=kind, silent=True)


def parse_reply(conversation: Conversation) -> Conversation:
    """Parse the reply into calls; one that cannot be read is complained about or ends it all."""
    assert conversation.reply is not None
    try:
        wanted = tuple(_wanted(conversation.reply, conversation.terms.mode))
        calls = tuple(each.call for each in wanted if each.call is not None)
        written = (
            calls if conversation.terms.mode == "one_shot" else (*conversation.written, *calls)
        )
        refuse_loops(written)
    except ReplyError as error:
        return _unreadable(conversation, error)
    return replace(conversation, wanted=wanted, written=written, answered=True)


def _wanted(reply: Reply, mode: Mode) -> Iterator[RequestedCall]:
    if reply.fault is not None:
        raise ReplyError(reply.fault, f"the reply is {reply.fault}")
    if mode == "one_shot":
        yield from (RequestedCall("", call) for call in parse(_unfenced(reply.content)).calls)
        return
    if not reply.tool_calls:
        raise ReplyError("not_calls", "The answer calls no tool; call one.")
    yield from map(_tool_call, reply.tool_calls)


def _tool_call(call: ToolCall) -> RequestedCall:
    if call.name == DONE:
        return RequestedCall(call.id, None, ends=True)
    try:
        arguments: object = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return RequestedCall(
            call.id, None, f"{call.name[:40]}: the arguments are not complete JSON."
        )
    if not isinstance(arguments, dict):
        return RequestedCall(call.id, None, f"{call.name[:40]}: the arguments must be an object.")
    try:
        return RequestedCall(call.id, call_of(call.name[:40], arguments))  # type: ignore[arg-type]
    except ReplyError as error:
        return RequestedCall(call.id, None, str(error))


def _unfenced(content: str) -> str:
    """Return an answer without the Markdown fence that models like to put round it."""
    content = content.strip()
    if content.startswith("```") and content.endswith("```") and "\n" in content:
        return content.partition("\n")[2][:-3]
    return content


def _unreadable(conversation: Conversation, error: ReplyError) -> Conversation:
    """Complain once more, or end: with what an earlier answer said where that was complete."""
    assert conversation.reply is not None
    # Cut at the limit, declined, empty or looping: the same question would bring the same again.
    hopeless = conversation.reply.fault is not None or error.kind == "looping"
    if hopeless or conversation.exhausted:
        stands = conversation.answered and not (hopeless and conversation.terms.mode != "one_shot")
        return replace(conversation, open=False, failure="" if stands else error.kind)
    return replace(conversation, results=(str(error),))


def apply_calls(conversation: Conversation, page: NumberedText) -> Conversation:
    """Try the calls on the document: keep what can be carried out, note what not and why."""
    if not conversation.open or not conversation.wanted:
        return conversation
    whole = conversation.terms.mode == "one_shot"
    before = () if whole else conversation.calls
    faults = _faults(conversation, page, before)
    good = tuple(
        each.call
        for each in conversation.wanted
        if each.call is not None and each.call not in faults
    )
    calls = tuple(dict.fromkeys((*before, *good)))
    refused = tuple(Rejection(call, message) for call, message in faults.items())
    results = tuple(_result(each, faults, page) for each in conversation.wanted)
    conversation = replace(conversation, calls=calls, refused=refused, results=results)
    return replace(conversation, open=not (conversation.exhausted or _is_over(conversation, good)))


def _faults(
    conversation: Conversation, page: NumberedText, before: Sequence[Call]
) -> dict[Call, str]:
    """Say of each call of the reply that cannot be carried out why."""
    calls = [each.call for each in conversation.wanted if each.call is not None]
    faults = {call: fault for call in calls if (fault := _outside(call, conversation.window))}
    inside = Program(tuple(call for call in calls if call not in faults))
    for rejection in resolve(inside, page.text, page.lines).rejected:
        faults[rejection.call] = rejection.message
    if any(not isinstance(call, KeepAll) for call in before):
        for call in calls:
            if isinstance(call, KeepAll):
                faults[call] = "keep_all cannot stand beside the deletions made before."
    return faults


def _outside(call: Call, window: Window) -> str:
    first, last = window.first, window.last
    match call:
        case RemoveLines(start, end):
            inside = first <= start and end <= last
        case RemoveStr(line):
            inside = first <= line <= last
        case _:
            return ""
    return "" if inside else f"{render_call(call)[:60]}: only lines {first} to {last} are shown."


def _result(wanted: RequestedCall, faults: dict[Call, str], page: NumberedText) -> str:
    if wanted.ends:
        return "The work has ended."
    if wanted.call is None:
        return f"Not carried out. {wanted.complaint}"
    if wanted.call in faults:
        return f"Not carried out. {faults[wanted.call]}"
    return _effect(wanted.call, page)


def _effect(call: Call, page: NumberedText) -> str:
    """Say what a call removes, with the ends of it quoted, so that a slip of one line shows."""
    match call:
        case RemoveLines(start, end):
            first, last = (_quoted(page.lines.texts[number - 1]) for number in (start, end))
            chars = page.lines.starts[end] - page.lines.starts[start - 1]
            ends = first if start == end else f"{first} … {last}"
            return f"Done: {end - start + 1} lines, {chars} characters go: {ends}"
        case RemoveStr(line, text):
            return f"Done: {len(text)} characters of line {line} go."
        case KeepAll():
            return "Done: nothing goes."
        case RemoveAll():
            return "Done: everything shown goes."


def _quoted(line: str) -> str:
    cut = line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"
    return orjson.dumps(unmarked(cut)).decode()


def _is_over(conversation: Conversation, good: Sequence[Call]) -> bool:
    """Tell whether the model has said all it has to say."""
    if any(each.ends for each in conversation.wanted):
        return True
    clean = not conversation.refused and all(each.call is not None for each in conversation.wanted)
    if conversation.terms.mode != "agentic":
        return clean
    return clean and any(isinstance(call, KeepAll | RemoveAll) for call in good)


def with_feedback(conversation: Conversation) -> Conversation:
    """Add the reply and what is said to it, so that the model can be asked again."""
    assert conversation.reply is not None
    turns = [conversation.reply.as_message()]
    if conversation.reply.tool_calls:
        words = (
            conversation.results
            if conversation.wanted
            else conversation.results * len(conversation.reply.tool_calls)
        )
        turns += [
            Message("tool", said, answers=call.id)
            for call, said in zip(conversation.reply.tool_calls, words, strict=True)
        ]
    else:
        turns.append(Message("user", _objection(conversation)))
    return replace(conversation, messages=(*conversation.messages, *turns))


def _objection(conversation: Conversation) -> str:
    if not conversation.wanted:
        return f"That answer cannot be used. {conversation.results[0]} Answer again, completely."
    faults = "\n".join(f"- {rejection.message}" for rejection in conversation.refused)
    return (
        f"These calls of your answer cannot be carried out:\n{faults}\n"
        "Give the whole answer again, with these calls mended or left out."
    )


def name_failures(conversations: Sequence[Conversation]) -> str:
    """Name why windows failed, the commonest first."""
    counts = Counter(conversation.failure for conversation in conversations if conversation.failure)
    return ", ".join(f"{kind} ({count})" for kind, count in counts.most_common())

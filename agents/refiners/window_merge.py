"""From the programs of overlapping windows to one program of the document.

A later window acts only on lines after the previous window's end (UltraX, arXiv 2607.08646, §
"inference"); what it says of the context it shares with the earlier window is not carried out, but
where the two disagree the deletion is less certain. Each call's confidence is the share of votes
for it: every window that was shown its characters has one vote a character.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.agents.prompting.fencing import NumberedText
from burnish.agents.refiners.conversation import Conversation, name_failures
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Note,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    resolve,
)

_NEAR = 2
"""Windows before and after that may have been shown the same lines."""


@dataclass(frozen=True, slots=True)
class _Voter:
    """What one window was shown and what it wants gone."""

    shown: Span
    gone: tuple[Span, ...]


def merge_windows(conversations: Sequence[Conversation], page: NumberedText) -> Program:
    """Join the programs; a window that failed keeps its lines and is named in the flag.

    The document goes as a whole only when every window says so.
    """
    failed = [conversation for conversation in conversations if conversation.failure]
    flag = (
        f"windows {len(failed)} of {len(conversations)}: {name_failures(failed)}" if failed else ""
    )
    refused = tuple(
        rejection for conversation in conversations for rejection in conversation.refused
    )
    if not failed and all(conversation.drops for conversation in conversations):
        return Program((RemoveAll(),), refused, flag)
    calls: list[Call] = []
    voters = [_voter(conversation, page) for conversation in conversations]
    for place, conversation in enumerate(conversations):
        near = (*voters[max(0, place - _NEAR) : place], *voters[place + 1 : place + 1 + _NEAR])
        others = [voter for voter in near if voter is not None]
        calls += [_weighed(call, others, page) for call in _own(conversation)]
    if not calls and not failed and all(_keeps(conversation) for conversation in conversations):
        calls = [KeepAll()]
    return Program(tuple(calls), refused, flag)


def _keeps(conversation: Conversation) -> bool:
    return any(isinstance(call, KeepAll) for call in conversation.calls)


def _own(conversation: Conversation) -> list[Call]:
    """Return the calls as far as they act on the window's own lines."""
    window = conversation.window
    if conversation.failure:
        return []
    if conversation.drops:
        return [RemoveLines(window.acts_from, window.last)]
    calls: list[Call] = []
    for call in conversation.calls:
        match call:
            case RemoveLines(start, end) if end >= window.acts_from:
                calls.append(replace(call, start=max(start, window.acts_from)))
            case RemoveStr(line) if line >= window.acts_from:
                calls.append(call)
            case _:
                pass
    return list(dict.fromkeys(calls))


def _voter(conversation: Conversation, page: NumberedText) -> _Voter | None:
    if conversation.failure:
        return None
    window = conversation.window
    shown = page.lines.whole(window.first, window.last)
    if conversation.drops:
        return _Voter(shown, (shown,))
    return _Voter(shown, resolve(Program(conversation.calls), page.text, page.lines).spans)


def _weighed(call: Call, others: Sequence[_Voter], page: NumberedText) -> Call:
    # The window itself votes for all of its call; windows beside it for what they were shown.
    spans = resolve(Program((call,)), page.text, page.lines).spans
    votes = agreeing = sum(stop - start for start, stop in spans)
    for voter in others:
        votes += _common(spans, (voter.shown,))
        agreeing += _common(spans, voter.gone)
    if votes == agreeing:
        return call
    return replace(call, note=Note(confidence=round(agreeing / votes, 4)))


def _common(some: Sequence[Span], others: Sequence[Span]) -> int:
    """Count the characters that two sets of spans share."""
    return sum(
        max(0, min(stop, end) - max(start, begin)) for start, stop in some for begin, end in others
    )

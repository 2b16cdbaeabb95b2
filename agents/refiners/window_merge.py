"""From the programs of overlapping windows to one program of the document.

A later window acts only on lines after the previous window's end (UltraX, arXiv 2607.08646, §
"inference"); what it says of the context it shares with the earlier window is not carried out, but
where the two disagree the deletion is less certain. Each call's confidence is the share of votes
for it: every window that was shown its characters has one vote a character.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.agents.prompting.fencing import Page
from burnish.agents.refiners.conversation import Talk, kinds_of
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


def merge(talks: Sequence[Talk], page: Page) -> Program:
    """Join the programs; a window that failed keeps its lines and is named in the flag.

    The document goes as a whole only when every window says so.
    """
    failed = [talk for talk in talks if talk.failure]
    flag = f"windows {len(failed)} of {len(talks)}: {kinds_of(failed)}" if failed else ""
    refused = tuple(rejection for talk in talks for rejection in talk.refused)
    if not failed and all(talk.drops for talk in talks):
        return Program((RemoveAll(),), refused, flag)
    calls: list[Call] = []
    voters = [_voter(talk, page) for talk in talks]
    for place, talk in enumerate(talks):
        near = (*voters[max(0, place - _NEAR) : place], *voters[place + 1 : place + 1 + _NEAR])
        others = [voter for voter in near if voter is not None]
        calls += [_weighed(call, others, page) for call in _own(talk)]
    if not calls and not failed and all(_keeps(talk) for talk in talks):
        calls = [KeepAll()]
    return Program(tuple(calls), refused, flag)


def _keeps(talk: Talk) -> bool:
    return any(isinstance(call, KeepAll) for call in talk.calls)


def _own(talk: Talk) -> list[Call]:
    """Return the calls as far as they act on the window's own lines."""
    window = talk.window
    if talk.failure:
        return []
    if talk.drops:
        return [RemoveLines(window.acts_from, window.last)]
    calls: list[Call] = []
    for call in talk.calls:
        match call:
            case RemoveLines(start, end) if end >= window.acts_from:
                calls.append(replace(call, start=max(start, window.acts_from)))
            case RemoveStr(line) if line >= window.acts_from:
                calls.append(call)
            case _:
                pass
    return list(dict.fromkeys(calls))


def _voter(talk: Talk, page: Page) -> _Voter | None:
    if talk.failure:
        return None
    window = talk.window
    shown = page.lines.whole(window.first, window.last)
    if talk.drops:
        return _Voter(shown, (shown,))
    return _Voter(shown, resolve(Program(talk.calls), page.text, page.lines).spans)


def _weighed(call: Call, others: Sequence[_Voter], page: Page) -> Call:
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

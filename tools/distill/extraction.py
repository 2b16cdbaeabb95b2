"""From deletions to a program: the calls that cut given spans out of a text, or make it another.

A deletion may slide over equal characters without changing what is left ("ab" may go from "abab"
at either place). That freedom is used to find whole lines in it, and text that is unique on its
line. RefineX (arXiv 2507.03253, Algorithm 1) does neither, and emits spans across lines uncut.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from burnish.corpora.alignment.align import align, edits_between
from burnish.corpora.alignment.line_subsequence import embed_lines
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import (
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    cut,
    occurrences,
    resolve,
    union,
)

SLIDES = 48
"""How many places of one deletion within its line are considered."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """A program made from deletions."""

    program: Program
    exact: bool
    """Whether applying the program gives precisely the text that was asked for."""


class _Piece(NamedTuple):
    """A deletion inside one line, in characters of the whole text."""

    line: int
    start: int
    stop: int


def extract(raw: str, spans: Sequence[Span]) -> Extraction:
    """Write spans of `raw` as calls: whole lines where possible, else text within lines.

    The API cannot join two lines that both keep something: a newline deleted between them stays,
    and the extraction is not exact.
    """
    clipped = (Span(max(start, 0), min(stop, len(raw))) for start, stop in spans)
    wanted = union(span for span in clipped if span.start < span.stop)
    if not wanted:
        return Extraction(Program((KeepAll(),)), exact=True)
    if wanted == [Span(0, len(raw))]:
        return Extraction(Program((RemoveAll(),)), exact=True)
    lines = Lines.of(raw)
    whole: list[tuple[int, int]] = []
    pieces: list[_Piece] = []
    for span in _settled(raw, wanted):
        _decompose(span, lines, whole, pieces)
    program = _program(raw, lines, whole, pieces)
    made = cut(raw, resolve(program, raw, lines).spans)
    return Extraction(program, exact=made == cut(raw, wanted))


def distill_program(raw: str, refined: str) -> Extraction:
    """Return the program that turns `raw` into `refined`, as far as deletions can.

    Exact for every text the deletion API can make of `raw`. Where the refined text was also
    written in, the program holds the pure deletions only and is not exact: left alone beside a
    rewrite, a deletion can turn a meaning round, so such a program is to be filtered or dropped.
    """
    alignment = align(raw, refined)
    deletions = [Span(start, stop) for start, stop, new in alignment.edits if not new]
    found = extract(raw, deletions)
    if found.exact and alignment.deletes_only:
        return found
    by_lines = embed_lines(raw, refined) if alignment.deletes_only else None
    if by_lines is None:
        return Extraction(found.program, exact=False)
    edits = edits_between(raw, refined, by_lines.runs)
    return extract(raw, [Span(edit.start, edit.stop) for edit in edits])


def _settled(raw: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Slide each span that holds a newline to where it covers whole lines, or ends at a border.

    At least one kept character stays between two spans.
    """
    edge = -1
    for at, span in enumerate(spans):
        settled = span
        if raw.find("\n", span.start, span.stop) >= 0:
            ceiling = spans[at + 1].start if at + 1 < len(spans) else len(raw) + 1
            settled = _best_slide(raw, span, edge, ceiling)
        yield settled
        edge = settled.stop


def _best_slide(raw: str, span: Span, edge: int, ceiling: int) -> Span:
    best = span
    rank = _misfit(raw, span)
    if rank:
        for slid in _slides(raw, span, edge, ceiling):
            misfit = _misfit(raw, slid)
            if misfit < rank:
                best, rank = slid, misfit
            if not rank:
                break
    return best


def _slides(raw: str, span: Span, edge: int, ceiling: int) -> Iterator[Span]:
    """Yield the other places of a deletion, left ones first, between `edge` and `ceiling`."""
    start, stop = span
    while start - 1 > edge and raw[start - 1] == raw[stop - 1]:
        start, stop = start - 1, stop - 1
        yield Span(start, stop)
    start, stop = span
    while stop + 1 < ceiling and raw[start] == raw[stop]:
        start, stop = start + 1, stop + 1
        yield Span(start, stop)


def _misfit(raw: str, span: Span) -> int:
    """Rank how a deletion with a newline lies: 0 whole lines, 1 at a line border, 2 across."""
    start, stop = span
    from_start = start == 0 or raw[start - 1] == "\n"
    to_end = stop == len(raw) or raw[stop] == "\n"
    if (from_start and raw[stop - 1] == "\n") or (to_end and raw[start] == "\n"):
        return 0
    return 1 if from_start or to_end else 2


def _decompose(
    span: Span, lines: Lines, whole: list[tuple[int, int]], pieces: list[_Piece]
) -> None:
    """Split a deletion into whole lines and pieces of lines."""
    start, stop = span
    first, last = bisect_right(lines.starts, start), bisect_right(lines.starts, stop)
    last = min(last, len(lines))
    if first == last:
        pieces.append(_Piece(first, start, stop))
        return
    head, tail = lines.content(first), lines.content(last)
    ends_clean = start == head.stop and stop == tail.stop
    from_start = start == head.start and (stop == tail.start or not ends_clean)
    to_end = stop == tail.stop and not from_start
    top = first if from_start else first + 1
    bottom = last if to_end else last - 1
    if top <= bottom:
        whole.append((top, bottom))
    if not from_start and start < head.stop:
        pieces.append(_Piece(first, start, head.stop))
    if not to_end and tail.start < stop:
        pieces.append(_Piece(last, tail.start, stop))


def _program(
    raw: str, lines: Lines, whole: Sequence[tuple[int, int]], pieces: Sequence[_Piece]
) -> Program:
    ranges = union(Span(top, bottom + 1) for top, bottom in whole)
    calls: list[RemoveLines | RemoveStr] = [RemoveLines(top, after - 1) for top, after in ranges]
    edge = 0
    for at, piece in enumerate(pieces):
        content = lines.content(piece.line)
        ceiling = content.stop
        if at + 1 < len(pieces):
            ceiling = min(ceiling, pieces[at + 1].start)
        room = Span(max(edge, content.start), ceiling)
        call, edge = _removal(raw, lines, piece, room)
        calls.append(call)
    ordered = sorted(calls, key=_first_line)
    return Program(tuple(ordered) or (KeepAll(),))


def _first_line(call: RemoveLines | RemoveStr) -> int:
    return call.start if isinstance(call, RemoveLines) else call.line


class _Removal(NamedTuple):
    call: RemoveStr
    stop: int
    """Where the deletion ends, in characters of the whole text."""


def _removal(raw: str, lines: Lines, piece: _Piece, room: Span) -> _Removal:
    """Name a deletion within a line: by text that is unique there if any place offers one."""
    line, origin = lines.texts[piece.line - 1], lines.starts[piece.line - 1]
    slides = _slides(raw, Span(piece.start, piece.stop), room.start - 1, room.stop + 1)
    places = [Span(piece.start, piece.stop), *islice(slides, SLIDES)]
    places.sort(key=lambda place: (_splits_words(raw, place), abs(place.start - piece.start)))
    for start, stop in places:
        text = raw[start:stop]
        if line.find(text, line.find(text) + 1) < 0:
            return _Removal(RemoveStr(piece.line, text), stop)
    start, stop = places[0]
    text = raw[start:stop]
    at = start - origin
    occurrence = next(n for n, place in enumerate(occurrences(line, text), 1) if place == at)
    return _Removal(RemoveStr(piece.line, text, occurrence), stop)


def _splits_words(raw: str, span: Span) -> int:
    """Count the ends of a deletion that lie inside a word."""
    ends = (at for at in span if 0 < at < len(raw))
    return sum(raw[at - 1].isalnum() and raw[at].isalnum() for at in ends)

"""What an expert's rewrite asks to be deleted: the part of it that deletions can carry out.

RefineX (arXiv 2507.03253, section 3) drops insertions and replacements and keeps every deletion
beside them, so half of a paraphrase may be carried out. Here each deletion comes with where the
text was rewritten, so that `tools.distill.rewrite_filter` can refuse what belongs to a rewrite.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from burnish.corpora.alignment.align import align
from burnish.corpora.alignment.subsequence import contains
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import resolve, union
from burnish.tools.distill.extraction import distill_program
from burnish.tools.distill.stray_matches import without_crumbs
from burnish.tools.text.typography import Folded, fold

SILENT = 40
"""Longest text, in characters, that may be nothing but marks and white space."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants done with a text, as far as it can be said in places of that text."""

    deletions: tuple[Span, ...]
    """Sorted and disjoint; none joins two lines that both keep something."""
    rewrites: tuple[Span, ...] = ()
    """Where the text was written over; an empty span is an insertion before that place."""
    written: tuple[str, ...] = ()
    """What was written in at each rewrite, folded."""
    kept_ratio: float = 1.0
    """Share of the refined text's symbols that come from the raw text, 0 to 1."""


def paper_intent(raw: str, refined: str, lines: Lines) -> Intent:
    """Read a refined text as RefineX does (section 3): all deletions, no account of the rest.

    Newlines between two lines that both keep something stay, since no call can take them.
    """
    alignment = align(raw, refined)
    deletions = union(Span(start, stop) for start, stop, new in alignment.edits if not new)
    written = [edit for edit in alignment.edits if edit.replacement]
    return Intent(
        tuple(clip(lines, parts(lines, deletions))),
        tuple(Span(edit.start, edit.stop) for edit in written),
        tuple(edit.replacement for edit in written),
        alignment.kept / max(len(refined), 1),
    )


def intent_of(raw: str, refined: str, lines: Lines | None = None) -> Intent:
    """Read what a refined text asks for.

    A refined text that deletions can make of the raw one is taken at its letter. Any other is
    compared folded (`tools.text.typography`): what differs in typography alone is no rewrite, and
    the raw spelling stays, marks inside a line (bullets, full stops, quotation marks) included.
    """
    lines = lines or Lines.of(raw)
    if not refined.strip():
        return Intent((Span(0, len(raw)),) if raw else ())
    if contains(raw, refined):
        made = distill_program(raw, refined)
        if made.exact:
            return Intent(resolve(made.program, raw, lines).spans)
    source, target = fold(raw), fold(refined)
    if not contains(source.symbols, target.symbols):
        source, target = source.flat(), target.flat()
    alignment = align(source.symbols, target.symbols)
    kept_ratio = alignment.kept / max(len(target.symbols), 1)
    deleted: list[Span] = []
    rewrites: list[Span] = []
    written: list[str] = []
    for start, stop, replacement in without_crumbs(raw, source, alignment.edits):
        if replacement:
            rewrites.append(_place(source, start, stop, len(raw)))
            written.append(replacement)
        elif source.symbols[start:stop].strip("\n"):
            deleted.append(_trimmed(source, start, stop))
    spans = _spread(raw, lines, deleted, wordless=False)
    return Intent(tuple(spans), tuple(rewrites), tuple(written), kept_ratio)


def labels_intent(
    lines: Lines, raw: str, labels: str, partial: Mapping[int, Sequence[Span]]
) -> Intent:
    """Read what line labels ask for: D lines go, P lines keep their partial spans, others stay.

    Blank lines (`-`) beside a deleted line go as `intent_of` would have them go.

    Args:
        lines: the lines of `raw`.
        raw: the text.
        labels: a letter a line.
        partial: 0-based number of a P line to the sorted spans of that line to keep.
    """
    deleted: list[Span] = []
    gone = {number for number, label in enumerate(labels, 1) if label == "D"}
    for index, label in enumerate(labels):
        if label == "P":
            deleted.extend(_left_over(partial.get(index, ()), lines.content(index + 1)))
    return Intent(tuple(_spread(raw, lines, deleted, gone)))


def _left_over(kept: Sequence[Span], line: Span) -> Iterator[Span]:
    edge = line.start
    for start, stop in kept:
        if line.start + start > edge:
            yield Span(edge, line.start + start)
        edge = max(edge, line.start + stop)
    if edge < line.stop:
        yield Span(edge, line.stop)


def _place(source: Folded, start: int, stop: int, length: int) -> Span:
    """Return where a piece of the folded text stands; an empty piece stands after its left."""
    if start < stop:
        return Span(int(source.places[start]), int(source.places[stop - 1]) + 1)
    at = int(source.places[start - 1]) + 1 if start else 0
    return Span(min(at, length), min(at, length))


def _trimmed(source: Folded, start: int, stop: int) -> Span:
    while source.symbols[start] == "\n":
        start += 1
    while source.symbols[stop - 1] == "\n":
        stop -= 1
    return _place(source, start, stop, 0)


def _spread(
    raw: str,
    lines: Lines,
    deleted: Iterable[Span],
    whole: Iterable[int] = (),
    *,
    wordless: bool = True,
) -> list[Span]:
    """Grow deletions over what stands between them and a line border, cut at the borders.

    `whole` are the numbers of lines that go anyway; without `wordless`, marks and white space stay
    in lines that stay.
    """
    gone = set(whole)
    spans: list[Span] = []
    for piece in pieces(lines, union(deleted)):
        number = line_of(lines, piece.start)
        grown = _grown(raw, lines.content(number), piece)
        if grown == lines.content(number):
            gone.add(number)
        else:
            spans.append(grown)
    _add_pieced(raw, lines, spans, gone)
    gone |= _blank_beside(lines, gone)
    spans = [
        span
        for span in spans
        if line_of(lines, span.start) not in gone
        and (wordless or any(char.isalnum() for char in raw[span.start : span.stop]))
    ]
    return union([*spans, *whole_lines(lines, gone)])


def line_of(lines: Lines, place: int) -> int:
    """Return the number of the line that holds a place of the text."""
    return bisect_right(lines.starts, place, hi=len(lines))


def pieces(lines: Lines, spans: Iterable[Span]) -> Iterator[Span]:
    """Cut spans into pieces inside lines, newlines left out."""
    for start, stop in spans:
        number = line_of(lines, start)
        while number <= len(lines) and lines.starts[number - 1] < stop:
            line = lines.content(number)
            piece = Span(max(start, line.start), min(stop, line.stop))
            if piece.start < piece.stop:
                yield piece
            number += 1


def _grown(raw: str, line: Span, piece: Span) -> Span:
    """Grow a deletion over unsaid characters: to a line border, or over one side's white space."""
    start, stop = piece
    head, tail = raw[line.start : start], raw[stop : line.stop]
    at_start, at_end = _is_silent(head), _is_silent(tail)
    if at_start:
        start = line.start
    if at_end:
        stop = line.stop
    if at_start and at_end:
        return line
    if at_end:
        return Span(start - (len(head) - len(head.rstrip())), stop)
    spaces = len(tail) - len(tail.lstrip())
    if at_start or head[-1:].isspace():
        return Span(start, stop + spaces)
    return Span(start, stop)


def _is_silent(text: str) -> bool:
    """Tell whether a text folds to nothing."""
    return not text or text.isspace() or (len(text) <= SILENT and not fold(text).symbols)


def _add_pieced(raw: str, lines: Lines, spans: Sequence[Span], gone: set[int]) -> None:
    """Count lines as gone whose pieces leave nothing but punctuation."""
    left: dict[int, list[Span]] = {}
    for span in spans:
        left.setdefault(line_of(lines, span.start), []).append(span)
    for number, found in left.items():
        line = lines.content(number)
        at, rest = line.start, ""
        for start, stop in union(found):
            rest, at = rest + raw[at:start], stop
        if not any(char.isalnum() for char in rest + raw[at : line.stop]):
            gone.add(number)


def _blank_beside(lines: Lines, gone: set[int]) -> set[int]:
    """Return blank lines that would only double others once the lines `gone` are gone."""
    blank: set[int] = set()
    for number in sorted(gone):
        if number + 1 in gone:
            continue
        before = number
        while before in gone or before in blank:
            before -= 1
        needless = before == 0 or not lines.texts[before - 1].strip()
        after = number + 1
        while after <= len(lines) and after not in gone and not lines.texts[after - 1].strip():
            after += 1
        follows = after in gone or after > len(lines)
        if needless or follows:
            blank.update(range(number + 1, after))
    return blank | _blank_at_end(lines, gone | blank)


def _blank_at_end(lines: Lines, gone: set[int]) -> set[int]:
    """Return the blank lines that would end the text once the lines `gone` are gone."""
    last = len(lines)
    while last in gone:
        last -= 1
    if last == len(lines):
        return set()
    first = last
    while first and (first in gone or not lines.texts[first - 1].strip()):
        first -= 1
    return set(range(first + 1, last + 1))


def whole_lines(lines: Lines, numbers: Iterable[int]) -> list[Span]:
    """Return the spans that `remove_lines` makes of these lines."""
    ranges = union(Span(number, number + 1) for number in sorted(numbers))
    return [lines.whole(first, after - 1) for first, after in ranges]


class LinePart(NamedTuple):
    """What goes from one line."""

    line: int
    span: Span
    whole: bool
    """Whether all of the line goes, its newline too."""


def parts(lines: Lines, deletions: Sequence[Span]) -> Iterator[LinePart]:
    """Take deletions apart line by line; empty lines that go are parts too."""
    for span in deletions:
        inside = {line_of(lines, piece.start): piece for piece in pieces(lines, [span])}
        for number in range(line_of(lines, span.start), line_of(lines, span.stop) + 1):
            content = lines.content(number)
            piece = inside.get(number)
            if piece is not None:
                yield LinePart(number, piece, piece == content)
            elif content.start == content.stop and _takes_empty(span, content, lines, number):
                yield LinePart(number, content, whole=True)


def _takes_empty(span: Span, line: Span, lines: Lines, number: int) -> bool:
    """Tell whether a deletion takes an empty line: its newline, or the one before the last."""
    return span.start <= line.start and (span.stop > line.stop or number == len(lines))


def clip(lines: Lines, found: Iterable[LinePart]) -> list[Span]:
    """Return the spans of parts: whole lines with their newlines, pieces as they are."""
    numbers: set[int] = set()
    inner: list[Span] = []
    for part in found:
        if part.whole:
            numbers.add(part.line)
        else:
            inner.append(part.span)
    return union([*inner, *whole_lines(lines, numbers)])

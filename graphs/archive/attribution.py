"""Says which call removed which characters, so that reasons can be counted and shown."""

from collections.abc import Iterator
from typing import NamedTuple

from burnish.corpora.runs.document_ledger import CallRow, Entry
from burnish.graphs.archive.stored import call_of
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import Program, resolve


class Piece(NamedTuple):
    """Characters `[start, stop)` of the raw text, removed by one call."""

    start: int
    stop: int
    call: CallRow


class _Claim(NamedTuple):
    span: Span
    call: CallRow


_UNKNOWN = CallRow("", None, None, None, None, "", 0.0)


def attribute(entry: Entry, raw: str) -> list[Piece]:
    """Split the spans of a record among its calls: disjoint, in order, covering them exactly.

    Where calls overlap the one that begins first has the characters, and of those the longest.
    The newline that joins two neighbouring ranges at the end of a text goes to the later one.

    Raises:
        RunError: a call cannot be understood.
    """
    if len(entry.calls) == 1:
        return [Piece(span.start, span.stop, entry.calls[0]) for span in entry.spans]
    claims = sorted(_claims(entry, raw), key=lambda claim: (claim.span.start, -claim.span.stop))
    pieces: list[Piece] = []
    at = 0
    for start, stop, _ in entry.spans:
        while at < len(claims) and claims[at].span.stop <= start:
            at += 1
        cursor, last = start, _UNKNOWN
        while at < len(claims) and claims[at].span.start < stop:
            (_, end), last = claims[at]
            if cursor < end:
                pieces.append(Piece(cursor, min(end, stop), last))
                cursor = min(end, stop)
            at += 1
        if cursor < stop:
            pieces.append(Piece(cursor, stop, last))
    return pieces


def _claims(entry: Entry, raw: str) -> Iterator[_Claim]:
    lines = Lines.of(raw)
    for row in entry.calls:
        if row.name == "remove_lines" and row.start and row.end and row.end <= len(lines):
            yield _Claim(lines.whole(row.start, row.end), row)
        elif row.name != "keep_all":
            for span in resolve(Program((call_of(row),)), raw, lines).spans:
                yield _Claim(span, row)

"""Shows in a terminal what was deleted from a document, and why."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from rich.text import Text

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.document_ledger import Entry
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.archive.attribution import Piece, attribute
from burnish.graphs.archive.stored import Record, columns_of, records
from burnish.graphs.reports.charts import format_count, format_share
from burnish.tools.deletion.lines import Lines
from burnish.tools.text.visible import shown, visible

REMOVED = "red strike"
_KEPT_RUN = 160
_REMOVED_RUN = 400


class _Cut(NamedTuple):
    """What of one line goes: characters `[start, stop)` of the raw text, within the line."""

    start: int
    stop: int
    why: str
    takes_newline: bool


def diffs(
    folder: RunFolder, record_id: str | None, limit: int = 10, *, plain: bool = False
) -> Iterator[Text]:
    """Yield the diff of one record, or of the first `limit` that were edited or dropped.

    Raises:
        UsageError: the run read no record with this id.
        RunError: a file of the run is missing or broken.
    """
    found = islice(_chosen(folder, record_id), 1 if record_id is not None else limit)
    first = next(found, None)
    if first is None and record_id is not None:
        raise UsageError(f"record {shown(record_id)}: this run read no record with this id")
    for record in chain(() if first is None else (first,), found):
        yield render_diff(record.entry, record.text, plain=plain)


def _chosen(folder: RunFolder, record_id: str | None) -> Iterator[Record]:
    columns = columns_of(folder)
    for index in folder.finished():
        for record in records(folder, columns, index):
            outcome = record.entry.outcome
            if record.entry.id == record_id or (
                record_id is None and outcome in {"edited", "dropped"}
            ):
                yield record


def render_diff(entry: Entry, text: str, *, context_lines: int = 2, plain: bool = False) -> Text:
    """Return the lines that a record lost something from, with a few lines around them.

    `text` is what the run holds: refined for a kept record, raw for one that is aside. Nothing in
    it can steer the terminal. `plain` marks deletions as `[-…-]` for where there are no colours.

    Raises:
        RunError: the spans and the text do not go together.
    """
    record = Record(entry, text)
    diff = _heading(entry)
    if entry.outcome == "quarantined":
        return diff
    raw = record.raw
    lines = Lines.of(raw)
    cuts = _by_line(attribute(entry, raw), lines)
    before = 0
    for line in _around(sorted(cuts), len(lines), context_lines):
        _skipped(diff, line - before - 1)
        _line(diff, lines, line, cuts.get(line, []), plain=plain)
        before = line
    if cuts:
        _skipped(diff, len(lines) - before)
    return diff


def _heading(entry: Entry) -> Text:
    removed = sum(stop - start for start, stop, _ in entry.spans)
    facts = [entry.outcome, entry.agent]
    if entry.outcome != "quarantined":
        share = format_share(removed / max(entry.raw_chars, 1))
        facts.append(
            f"-{format_count(removed)} of {format_count(entry.raw_chars)} characters ({share})"
        )
    facts.append(f"flag: {shown(entry.flag)}" if entry.flag else "")
    heading = Text(shown(entry.id), style="bold")
    return Text.assemble(heading, ("  " + "  ".join(filter(None, facts)) + "\n", "dim"))


def _by_line(pieces: Sequence[Piece], lines: Lines) -> dict[int, list[_Cut]]:
    cuts: dict[int, list[_Cut]] = {}
    line = 1
    for start, stop, call in pieces:
        why = f"{shown(call.reason or call.name)} {call.confidence:.2f}"
        while lines.starts[line] <= start:
            line += 1
        at = line
        while at <= len(lines) and lines.starts[at - 1] < stop:
            begin, end = lines.content(at)
            inside = max(start, begin), min(stop, end)
            newline = start <= end < stop
            # A range that reaches the end of the text takes the newline before it along.
            if begin < end == start and stop > end + 1:
                at += 1
                continue
            if inside[0] < inside[1] or newline:
                cuts.setdefault(at, []).append(_Cut(*inside, why, newline))
            at += 1
    return cuts


def _around(changed: Sequence[int], last: int, context: int) -> Iterator[int]:
    shown_to = 0
    for line in changed:
        first = max(line - context, shown_to + 1)
        shown_to = min(line + context, last)
        yield from range(first, shown_to + 1)


def _skipped(diff: Text, count: int) -> None:
    if count > 0:
        diff.append(f"     … {format_count(count)} {'line' if count == 1 else 'lines'} …\n", "dim")


def _line(diff: Text, lines: Lines, line: int, cuts: Sequence[_Cut], *, plain: bool) -> None:
    begin, end = lines.content(line)
    content = lines.texts[line - 1]
    diff.append(f"{line:>5} ", "dim")
    at = begin
    for start, stop, _, takes_newline in cuts:
        diff.append(_short(content[at - begin : start - begin], _KEPT_RUN))
        removed = _short(content[start - begin : stop - begin], _REMOVED_RUN)
        if takes_newline and (begin, end) != (start, stop):
            removed += "⏎"
        removed = removed or "⏎"
        diff.append(f"[-{removed}-]" if plain else removed, REMOVED)
        at = max(at, stop)
    diff.append(_short(content[at - begin :], _KEPT_RUN))
    if cuts:
        diff.append("  (" + "; ".join(dict.fromkeys(cut.why for cut in cuts)) + ")", "dim")
    diff.append("\n")


def _short(text: str, room: int) -> str:
    if len(text) <= room + 40:
        return visible(text)
    half = room // 2
    left_out = format_count(len(text) - 2 * half)
    return f"{visible(text[:half])} … {left_out} characters … {visible(text[-half:])}"

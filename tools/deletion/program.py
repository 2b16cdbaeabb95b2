"""The deletion API: what a refiner may do to a document, and the proof of what was done.

Calls name lines of the *original* text, so their order cannot matter. A call either resolves to
spans of the raw text or is rejected with a message fit for a model; refined text is raw text minus
the union of the spans, so nothing can ever be written into a document.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from burnish.corpora.records import digest
from burnish.tools.deletion.lines import Lines, Span

LineNumber = Annotated[int, Field(ge=1, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Why a call was made; never part of what a model writes."""

    reason: str = ""
    confidence: float = 1.0
    """Probability, 0 to 1, that the deletion is right, in the view of the refiner that made it."""


@dataclass(frozen=True, slots=True)
class RemoveLines:
    """Delete the lines from start to end, both included."""

    start: Annotated[LineNumber, Field(description="number of the first line to delete")]
    end: Annotated[LineNumber, Field(description="number of the last line to delete")]
    note: Note = field(default=Note(), kw_only=True)


@dataclass(frozen=True, slots=True)
class RemoveStr:
    """Delete one piece of text from one line; the text must occur exactly once on that line."""

    line: Annotated[LineNumber, Field(description="number of the line")]
    text: Annotated[str, Field(min_length=1, strict=True, description="the exact text to delete")]
    occurrence: Annotated[
        LineNumber | None,
        Field(description="which occurrence, from 1 at the left, when the text occurs again"),
    ] = None
    note: Note = field(default=Note(), kw_only=True)


@dataclass(frozen=True, slots=True)
class KeepAll:
    """Leave the document as it is."""

    note: Note = field(default=Note(), kw_only=True)


@dataclass(frozen=True, slots=True)
class RemoveAll:
    """Drop the whole document: nothing in it is worth keeping."""

    note: Note = field(default=Note(), kw_only=True)


Call = RemoveLines | RemoveStr | KeepAll | RemoveAll
CALLS: dict[str, type[Call]] = {
    "remove_lines": RemoveLines,
    "remove_str": RemoveStr,
    "keep_all": KeepAll,
    "remove_all": RemoveAll,
}
NAMES: dict[type[Call], str] = {kind: name for name, kind in CALLS.items()}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A call that was not carried out, and why, in words for the model that made it."""

    call: Call
    message: str


@dataclass(frozen=True, slots=True)
class Program:
    """The calls for one document; no call at all keeps the document."""

    calls: tuple[Call, ...] = ()
    refused: tuple[Rejection, ...] = ()
    """Calls whose maker was already told that they cannot be carried out; they are only counted."""
    flag: str = ""
    """What a person should know of its making, such as a part of the document without answer."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a program means for one text."""

    spans: tuple[Span, ...]
    """Sorted, disjoint, not touching."""
    accepted: tuple[Call, ...]
    rejected: tuple[Rejection, ...]

    @property
    def removed_chars(self) -> int:
        """Count the characters that go."""
        return sum(stop - start for start, stop in self.spans)

    @property
    def drops(self) -> bool:
        """Tell whether the document goes as a whole, by a call for just that."""
        return any(isinstance(call, RemoveAll) for call in self.accepted)


def resolve(program: Program, text: str, lines: Lines | None = None) -> Resolution:
    """Turn calls into spans of `text`; calls that name what is not there are rejected.

    `keep_all` beside any deletion contradicts itself: the whole program is then rejected.
    `lines` saves splitting the text again where the caller has done so.
    """
    lines = lines or Lines.of(text)
    conflict = _contradiction(program)
    if conflict:
        return Resolution((), (), tuple(Rejection(call, conflict) for call in program.calls))
    accepted: list[Call] = []
    rejected: list[Rejection] = []
    ranges: list[tuple[int, int]] = []
    spans: list[Span] = []
    for call in program.calls:
        message = _fault(call, lines)
        if message:
            rejected.append(Rejection(call, message))
            continue
        accepted.append(call)
        match call:
            case RemoveLines(start, end):
                ranges.append((start, end))
            case RemoveStr():
                spans.append(_located(call, lines))
            case RemoveAll():
                spans.append(Span(0, len(text)))
            case KeepAll():
                pass
    spans.extend(lines.whole(first, last) for first, last in _runs(ranges))
    return Resolution(tuple(union(spans)), tuple(accepted), tuple(rejected))


def _contradiction(program: Program) -> str:
    kinds = {type(call) for call in program.calls}
    if KeepAll in kinds and len(kinds) > 1:
        return "keep_all cannot stand beside a deletion: send either keep_all or deletions."
    return ""


def _fault(call: Call, lines: Lines) -> str:
    match call:
        case RemoveLines(start, end):
            return _range_fault(start, end, lines)
        case RemoveStr():
            return _text_fault(call, lines)
        case _:
            return ""


def _range_fault(start: int, end: int, lines: Lines) -> str:
    if start > end:
        return f"remove_lines({start}, {end}): the first line comes after the last."
    if start < 1 or end > len(lines):
        return f"remove_lines({start}, {end}): the document has lines 1 to {len(lines)}."
    return ""


def _text_fault(call: RemoveStr, lines: Lines) -> str:
    if not 1 <= call.line <= len(lines):
        return (
            f"remove_str: there is no line {call.line}; the document has lines 1 to {len(lines)}."
        )
    if not call.text:
        return "remove_str: the text to delete is empty."
    if "\n" in call.text:
        return "remove_str: the text may not span lines; use one call for each line."
    places = occurrences(lines.texts[call.line - 1], call.text)
    first = next(places, None)
    if first is None:
        return f"remove_str: line {call.line} does not contain that text; copy it exactly."
    if call.occurrence is None:
        if next(places, None) is None:
            return ""
        return (
            f"remove_str: line {call.line} contains that text more than once; "
            "give more of the text around it, or say which occurrence."
        )
    found = 1 + sum(1 for _, _ in zip(range(call.occurrence - 1), places, strict=False))
    if found < call.occurrence or call.occurrence < 1:
        return f"remove_str: line {call.line} contains that text {found} times only."
    return ""


def occurrences(line: str, text: str) -> Iterator[int]:
    """Yield every place where `text` stands in `line`, overlapping ones too, left to right."""
    place = line.find(text)
    while place >= 0:
        yield place
        place = line.find(text, place + 1)


def _located(call: RemoveStr, lines: Lines) -> Span:
    places = occurrences(lines.texts[call.line - 1], call.text)
    for _ in range((call.occurrence or 1) - 1):
        next(places)
    start = lines.starts[call.line - 1] + next(places)
    return Span(start, start + len(call.text))


def _runs(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join line ranges that overlap or adjoin."""
    return [(first, stop - 1) for first, stop in union(Span(a, b + 1) for a, b in ranges)]


def union(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap or touch; empty ones go."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if start == stop:
            continue
        if joined and start <= joined[-1].stop:
            if stop > joined[-1].stop:
                joined[-1] = Span(joined[-1].start, stop)
        else:
            joined.append(Span(start, stop))
    return joined


def cut(text: str, spans: Sequence[Span]) -> str:
    """Return the text without the spans, which must be sorted and disjoint."""
    if not spans:
        return text
    pieces: list[str] = []
    kept_from = 0
    for start, stop in spans:
        pieces.append(text[kept_from:start])
        kept_from = stop
    pieces.append(text[kept_from:])
    return "".join(pieces)


def apply(program: Program, text: str) -> str:
    """Return the text after the program: a subsequence of `text`, whatever the program says."""
    return cut(text, resolve(program, text).spans)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Proof that one text came from another by deletion alone."""

    spans: tuple[Span, ...]
    raw_digest: str
    refined_digest: str

    @classmethod
    def issue(cls, raw: str, spans: Sequence[Span], refined: str) -> "Certificate":
        """Certify a cut that was just made."""
        return cls(tuple(spans), digest(raw), digest(refined))

    def fault(self, raw: str, refined: str) -> str:
        """Say what is wrong with the certificate for these texts; empty when it holds."""
        edge = 0
        for start, stop in self.spans:
            if not edge <= start < stop <= len(raw):
                return f"span [{start}, {stop}) is empty, overlaps or lies outside the text"
            edge = stop
        if digest(raw) != self.raw_digest:
            return "the raw text is not the one that was certified"
        if digest(refined) != self.refined_digest:
            return "the refined text is not the one that was certified"
        if cut(raw, self.spans) != refined:
            return "the refined text is not the raw text minus the spans"
        return ""


@dataclass(frozen=True, slots=True)
class Guard:
    """A cap on what one program may remove; `remove_all` is a decision of its own and passes."""

    max_removed_ratio: float = 0.98
    """Largest share of a document's characters that may go, 0 to 1."""

    def fault(self, resolution: Resolution, text: str) -> str:
        """Say why the program goes too far for this text; empty when it does not."""
        removed = resolution.removed_chars
        if resolution.drops or removed <= self.max_removed_ratio * len(text):
            return ""
        return (
            f"the program removes {removed / len(text):.0%} of the document; "
            f"at most {self.max_removed_ratio:.0%} may go (or remove_all)"
        )

r"""Number the lines of a document, cut long documents into windows, map lines to offsets.

Lines are split on "\n" only: `str.splitlines` also breaks on form feeds and U+2028, which a model
that counts lines cannot see. A "\r" before the newline belongs to its line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple


class Span(NamedTuple):
    """Characters `[start, stop)` of a raw text."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text with their offsets; line numbers count from 1."""

    texts: Sequence[str]
    starts: Sequence[int]
    """Offset of each line's first character, with one more entry: the text's length plus one."""

    @classmethod
    def of(cls, text: str) -> "Lines":
        """Split a text on newlines only; an empty text has one empty line."""
        texts = text.split("\n")
        return cls(texts, [0, *accumulate(len(line) + 1 for line in texts)])

    def __len__(self) -> int:
        return len(self.texts)

    def content(self, number: int) -> Span:
        """Return where the line stands, its newline excluded."""
        return Span(self.starts[number - 1], self.starts[number] - 1)

    def whole(self, first: int, last: int) -> Span:
        """Return lines `first..last` with one adjoining newline each.

        That is the newline after each line; lines that reach the end of the text take the one
        before them instead, so that no empty line is left behind.
        """
        start, stop = self.starts[first - 1], self.starts[last]
        if last == len(self):
            return Span(max(start - 1, 0), stop - 1)
        return Span(start, stop)


class Window(NamedTuple):
    """Lines `first..last` shown to a model; its calls may act on lines `acts_from..last` only."""

    first: int
    last: int
    acts_from: int


def windows(lines: Lines, max_chars: int, overlap: float = 0.2) -> Iterator[Window]:
    """Cut a document on line borders into windows of at most `max_chars` characters.

    Each window begins with whole lines of the one before it, up to `overlap` (a share of
    `max_chars`), as context: a later window acts only on lines after the previous window's end
    (UltraX, arXiv 2607.08646). A line longer than `max_chars` is a window of its own.
    """
    first, acts_from = 1, 1
    while acts_from <= len(lines):
        last = acts_from
        while last < len(lines) and lines.starts[last + 1] - lines.starts[first - 1] <= max_chars:
            last += 1
        yield Window(first, last, acts_from)
        acts_from = last + 1
        first = _context_start(lines, acts_from, int(max_chars * overlap), max_chars)


def _context_start(lines: Lines, acts_from: int, room: int, max_chars: int) -> int:
    if acts_from > len(lines):
        return acts_from
    own = lines.starts[acts_from] - lines.starts[acts_from - 1]
    room = min(room, max_chars - own)
    first = acts_from
    while first > 1 and lines.starts[acts_from - 1] - lines.starts[first - 2] <= room:
        first -= 1
    return first


def numbered(lines: Lines, window: Window | None = None) -> str:
    """Render lines as a model sees them: `[17] text`, with the document's own line numbers."""
    first, last = (1, len(lines)) if window is None else (window.first, window.last)
    return "\n".join(f"[{n}] {lines.texts[n - 1]}" for n in range(first, last + 1))

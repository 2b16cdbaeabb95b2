"""Refuse deletions that could change what the rest of a text says.

A deletion is refused when it belongs to a rewrite (it touches one, or stands in the same sentence
or within `MARGIN` characters), when its text was moved rather than deleted, when it cuts a word in
two, or when it takes a negation or a number out of a sentence that stays. The text it would have
taken stays as it was: a pair may teach too little, never a change of meaning.

A whole line that only stands near a rewritten one goes all the same when it has words of its own,
most of which were not written in anywhere: then it was not put in other words, it is noise.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import union
from burnish.tools.distill.intent import Intent, LinePart, clip, line_of, parts
from burnish.tools.text.typography import fold
from burnish.tools.text.words import splits_word, words

Refusal = Literal["rewrite", "moved", "word", "negation", "number"]
REFUSALS: tuple[Refusal, ...] = ("rewrite", "moved", "word", "negation", "number")

MARGIN = 20
"""So many characters around a rewrite nothing is deleted."""

MOVED = 12
"""Folded characters from which on a text that was written in elsewhere counts as moved."""

_SENTENCE_END = re.compile(r"[.!?\u2026]['\"\u201d\u2019)\]]*(?=\s)|[。\uff01\uff1f]")
_NEGATIONS = re.compile(
    r"\b(?:no|not|none|nor|never|neither|nothing|nobody|nowhere|without|cannot|unless|except|hardly"
    r"|scarcely|barely|false|fails?|failed|lacks?|un(?:less|like)|\w+n['\u2019]t|nicht|kein\w*|nie|niemals"
    r"|ohne|weder|ne|pas|jamais|aucune?|sans|ni|nunca|jamás|sin|ningún|ninguna?|non|senza|mai"
    r"|não|nem|sem|niet|geen|nooit|не|нет|ни|без|никогда)\b|[不没沒無无未非別别ない]",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d")
_CITED = re.compile(r"\s*(?:\[[^\[\]]{1,12}\]|\(\d{1,3}\)|[\u00b9\u00b2\u00b3\u2070-\u2079])+\s*")


@dataclass(frozen=True, slots=True)
class Guarded:
    """What is left of an intent, and what was refused."""

    deletions: tuple[Span, ...]
    refused: tuple[tuple[Refusal, Span], ...] = ()
    """Pieces inside lines, with why each was refused."""

    def refused_chars(self) -> dict[str, int]:
        """Count the characters refused, by reason."""
        counts: Counter[str] = Counter()
        for reason, span in self.refused:
            counts[reason] += span.stop - span.start
        return {reason: counts[reason] for reason in REFUSALS}


def guard(raw: str, lines: Lines, intent: Intent) -> Guarded:
    """Refuse those deletions of an intent that are not safe.

    Deletions are judged in pieces: whole lines one by one, and what goes from the inside of a line.
    """
    zones = rewrite_zones(raw, lines, intent.rewrites)
    rewritten = rewritten_lines(lines, intent.rewrites)
    written = "\n".join(intent.written)
    known = words(written.lower())
    allowed: list[LinePart] = []
    refused: list[tuple[Refusal, Span]] = []
    for part in parts(lines, intent.deletions):
        reason = _near(part.span, zones)
        if reason and part.whole and not _near(part.span, rewritten):
            reason = None if _is_foreign(raw, part.span, known) else reason
        reason = reason or _moved(raw, part.span, written)
        if reason is None and not part.whole:
            reason = inside_refusal(raw, lines.content(part.line), part.span)
        if reason is None:
            allowed.append(part)
        else:
            refused.append((reason, part.span))
    if not refused:
        return Guarded(intent.deletions)
    return Guarded(tuple(clip(lines, allowed)), tuple(refused))


def _near(piece: Span, zones: Sequence[Span]) -> Refusal | None:
    for start, stop in zones:
        if piece.start <= stop and piece.stop >= start:
            return "rewrite"
    return None


def rewrite_zones(raw: str, lines: Lines, rewrites: Sequence[Span]) -> list[Span]:
    """Return where nothing is deleted: around each rewrite, its sentence and `MARGIN` characters.

    A rewrite at the border of a line reaches over it, since it may belong to either side.
    """
    zones: list[Span] = []
    for start, stop in rewrites:
        first, last = lines.content(line_of(lines, start)), lines.content(line_of(lines, stop))
        left, right = max(start - MARGIN, 0), min(stop + MARGIN, len(raw))
        borders = [match.end() for match in _SENTENCE_END.finditer(raw, first.start, last.stop)]
        opening = max((b for b in borders if b <= start), default=first.start)
        closing = min((b for b in borders if b >= max(stop, start + 1)), default=last.stop)
        zones.append(Span(min(left, opening), max(right, closing)))
    return union(zones)


def rewritten_lines(lines: Lines, rewrites: Sequence[Span]) -> list[Span]:
    """Return the lines that were rewritten.

    A rewrite at the border of a line reaches to the next one, since it may belong to either.
    """
    zones: list[Span] = []
    for start, stop in rewrites:
        first, last = lines.content(line_of(lines, start)), lines.content(line_of(lines, stop))
        zones.append(Span(first.start - (start == first.start), last.stop + (stop == last.stop)))
    return union(zones)


def _is_foreign(raw: str, line: Span, written: set[str]) -> bool:
    """Tell whether a line has words, and most of them are not among those that were written."""
    found = words(fold(raw[line.start : line.stop]).symbols.lower())
    if not any(char.isalpha() for word in found for char in word):
        return False
    return 2 * len(found & written) < len(found)


def _moved(raw: str, piece: Span, written: str) -> Refusal | None:
    if len(written) < MOVED or piece.stop - piece.start < MOVED:
        return None
    text = fold(raw[piece.start : piece.stop]).symbols
    return "moved" if len(text) >= MOVED and text in written else None


def inside_refusal(raw: str, line: Span, piece: Span) -> Refusal | None:
    """Say why a piece must not go from the inside of a line; None when it may."""
    if splits_word(raw, piece.start, piece.stop):
        return "word"
    text = raw[piece.start : piece.stop]
    if _CITED.fullmatch(text) or _is_sentences(raw, line, piece):
        return None
    if _NEGATIONS.search(text):
        return "negation"
    return "number" if _NUMBER.search(text) else None


def _is_sentences(raw: str, line: Span, piece: Span) -> bool:
    """Tell whether a piece is made of whole sentences of its line."""
    head = raw[line.start : piece.start].rstrip()
    text = raw[piece.start : piece.stop].rstrip()
    opens = not head or _ends(head)
    closes = not raw[piece.stop : line.stop].strip() or _ends(text)
    return opens and closes


def _ends(text: str) -> bool:
    return _SENTENCE_END.search(text[-4:] + " ") is not None

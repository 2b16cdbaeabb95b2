"""What a refined page is worth, counted in tokens and characters against human labels.

Token F1 is that of extraction benchmarks (bags of tokens, as in SQuAD, arXiv 1606.05250, section
6.1) with three choices of ours: case counts, punctuation does not, and each Chinese or Japanese
character is a token, since those scripts put no spaces between words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import cut, union

_CJK = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
    "\U00020000-\U000323af"
)
_TOKEN = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
_PIECE = re.compile("[^\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]+")
_CITED_OR_SPACE = re.compile(r"\[[^\]]*\]|\s")


def tokens(text: str) -> list[str]:
    r"""Return the tokens of a text: runs of `\w`, and each CJK character by itself."""
    return _TOKEN.findall(text)


def token_f1(ours: Counter[str], gold: Counter[str]) -> float:
    """Return the harmonic mean of precision and recall of two bags of tokens, 0 to 1.

    Two empty bags agree (1); one empty bag beside a full one does not (0).
    """
    total = ours.total() + gold.total()
    if not total:
        return 1.0
    small, large = (ours, gold) if len(ours) <= len(gold) else (gold, ours)
    shared = sum(min(count, large[token]) for token, count in small.items() if token in large)
    return 2 * shared / total


class PageLabels(NamedTuple):
    """The characters of a raw text by label: sorted, disjoint spans that hold no newline."""

    gold: tuple[Span, ...]
    noise: tuple[Span, ...]
    unlabelled: tuple[Span, ...]


def labelled(raw: str, labels: str, partial: Mapping[int, Sequence[Span]]) -> PageLabels:
    """Sort a text's characters by their line's label.

    Args:
        raw: the text; lines end at newlines only.
        labels: a letter a line: K keep, D drop, P keep in part, `?` unknown, `-` blank.
        partial: 0-based number of a P line to the sorted spans of that line to keep.
    """
    gold: list[Span] = []
    noise: list[Span] = []
    unlabelled: list[Span] = []
    lines = Lines.of(raw)
    for index, label in enumerate(labels):
        line = lines.content(index + 1)
        if label == "K":
            gold.append(line)
        elif label == "D":
            noise.append(line)
        elif label == "?":
            unlabelled.append(line)
        elif label == "P":
            kept = [Span(line.start + a, line.start + b) for a, b in partial.get(index, ())]
            gold.extend(kept)
            noise.extend(complement(kept, line))
    return PageLabels(*(tuple(union(spans)) for spans in (gold, noise, unlabelled)))


def complement(spans: Sequence[Span], within: Span) -> list[Span]:
    """Return what sorted, disjoint spans leave of `within`."""
    left: list[Span] = []
    edge = within.start
    for start, stop in spans:
        if start > edge:
            left.append(Span(edge, start))
        edge = max(edge, stop)
    if edge < within.stop:
        left.append(Span(edge, within.stop))
    return left


def overlap(ours: Sequence[Span], theirs: Sequence[Span]) -> int:
    """Count the characters that lie in both; each side is sorted and disjoint."""
    shared = i = j = 0
    while i < len(ours) and j < len(theirs):
        shared += max(0, min(ours[i].stop, theirs[j].stop) - max(ours[i].start, theirs[j].start))
        if ours[i].stop <= theirs[j].stop:
            i += 1
        else:
            j += 1
    return shared


def removed_by_matching(raw: str, refined: str) -> list[Span]:
    """Find what went from a text whose refiner dropped lines and says only what is left.

    Lines of `refined` are met with lines of `raw` in order, the earliest first; they may have lost
    bracketed citations and space inside, no more. Of identical lines the earliest counts as the
    one that stayed. Lines end where `str.splitlines` ends them, since such refiners split so.
    """
    if refined == raw:
        return []
    places: dict[str, list[int]] = {}
    pieces = list(_PIECE.finditer(raw))
    for number, piece in enumerate(pieces):
        places.setdefault(_key(piece.group()), []).append(number)
    for numbers in places.values():
        numbers.reverse()
    kept: list[Span] = []
    reached = -1
    for text in _PIECE.findall(refined):
        numbers = places.get(_key(text), [])
        while numbers and numbers[-1] <= reached:
            numbers.pop()
        if numbers:
            reached = numbers.pop()
            kept.extend(_survivors(pieces[reached].group(), text, pieces[reached].start()))
    return complement(union(kept), Span(0, len(raw)))


def _key(piece: str) -> str:
    return _CITED_OR_SPACE.sub("", piece)


def _survivors(raw: str, refined: str, offset: int) -> Iterator[Span]:
    place = raw.find(refined)
    if place >= 0:
        yield Span(offset + place, offset + place + len(refined))
        return
    place = 0
    for character in refined:
        place = raw.find(character, place) + 1
        if not place:
            return
        yield Span(offset + place - 1, offset + place)


@dataclass(frozen=True, slots=True)
class PageTarget:
    """What a page should become, counted once for all systems."""

    raw: str
    spans: PageLabels
    gold_tokens: Counter[str]
    raw_tokens: int

    @classmethod
    def of(
        cls, raw: str, labels: str, partial: Mapping[int, Sequence[Span]], gold: str | None
    ) -> "PageTarget":
        """Prepare a page; without a gold text its gold is the labelled text to keep."""
        spans = labelled(raw, labels, partial)
        if gold is None:
            gold = "\n".join(raw[start:stop] for start, stop in spans.gold)
        return cls(raw, spans, Counter(tokens(gold)), len(tokens(raw)))


class PageFigures(NamedTuple):
    """Counts of one page after one refiner; characters leave newlines out."""

    f1: float
    harmed: int
    """Characters to keep that were deleted."""
    gold_chars: int
    missed: int
    """Characters of noise that were kept."""
    noise_chars: int
    kept_tokens: int
    raw_tokens: int
    removed_chars: int
    raw_chars: int
    emptied: bool
    untouched: bool


def score(target: PageTarget, refined: str, removed: Sequence[Span]) -> PageFigures:
    """Score a refined page; `removed` are the sorted, disjoint spans of raw text that went.

    Lines without a label count neither as gold nor as noise, and are left out of token F1 too.
    """
    bag = Counter(tokens(refined))
    compared = bag
    if target.spans.unlabelled:
        known = cut(target.raw, union([*removed, *target.spans.unlabelled]))
        compared = Counter(tokens(known))
    noise_chars = _length(target.spans.noise)
    return PageFigures(
        f1=token_f1(compared, target.gold_tokens),
        harmed=overlap(target.spans.gold, removed),
        gold_chars=_length(target.spans.gold),
        missed=noise_chars - overlap(target.spans.noise, removed),
        noise_chars=noise_chars,
        kept_tokens=bag.total(),
        raw_tokens=target.raw_tokens,
        removed_chars=_length(removed),
        raw_chars=len(target.raw),
        emptied=not refined.strip() and bool(target.raw.strip()),
        untouched=refined == target.raw,
    )


def _length(spans: Sequence[Span]) -> int:
    return sum(stop - start for start, stop in spans)

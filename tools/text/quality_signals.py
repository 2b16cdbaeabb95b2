"""Figures about a text that published quality filters look at: words, repetition, shape of lines.

All are pure functions of the text and cost time linear in its length. Words are what stands
between white space, except that each Han or kana character is a word of its own (punctuation
after it included): those scripts put no spaces between words, and thresholds on counts of words
would otherwise drop every Chinese or Japanese page.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_BULLETS = ("•", "‣", "▪", "●", "◦", "·", "\u2013", "-", "*")
_ELLIPSES = ("...", "…")


def words(text: str) -> list[str]:
    """Split a text into words, punctuation attached."""
    return text.split() if text.isascii() else _WORD.findall(text)


def has_words(text: str, least: int) -> bool:
    """Tell whether a text has at least that many words, without splitting more of it."""
    if least <= 0:
        return True
    if len(text.split(None, least - 1)) >= least:
        return True
    if text.isascii():
        return False
    return sum(1 for _ in islice(_WORD.finditer(text), least)) == least


def is_unspaced(tokens: Sequence[str]) -> bool:
    """Tell whether most words are single characters of a script without spaces."""
    unspaced = sum(1 for token in tokens if _UNSPACED_CHARACTER.match(token))
    return unspaced * 2 > len(tokens)


def mean_length(tokens: Sequence[str]) -> float:
    """Return the mean number of characters in a word; 0 without words."""
    return _share(sum(map(len, tokens)), len(tokens))


def alphabetic_share(tokens: Sequence[str]) -> float:
    """Return the share of words that hold at least one letter of any script."""
    return _share(sum(1 for token in tokens if any(map(str.isalpha, token))), len(tokens))


def stop_words_found(tokens: Iterable[str], stop_words: Iterable[str]) -> int:
    """Count the different stop words (given in lower case) that occur, in whatever case."""
    return len(set(stop_words) & {token.strip(".,;:!?\"'()").lower() for token in tokens})


def symbols_per_word(text: str, tokens: Sequence[str]) -> float:
    """Return hash signs per word or ellipses per word, whichever is more frequent."""
    ellipses = sum(map(text.count, _ELLIPSES))
    return _share(max(text.count("#"), ellipses), len(tokens))


class Duplicates(NamedTuple):
    """How much of a sequence of lines or paragraphs has occurred in it before."""

    share: float
    """Share of the items that repeat an earlier one."""
    char_share: float
    """Share of the characters that stand in such items."""


def duplicates(items: Sequence[str]) -> Duplicates:
    """Measure repetition; the first of equal items is no duplicate."""
    total = sum(map(len, items))
    seen = dict.fromkeys(items)
    repeated_chars = total - sum(map(len, seen))
    return Duplicates(
        _share(len(items) - len(seen), len(items)),
        _share(repeated_chars, total),
    )


def filled_lines(text: str) -> list[str]:
    """Return the lines that are not blank, white space at their ends stripped."""
    return [line for raw in text.split("\n") if (line := raw.strip())]


def paragraphs(text: str) -> list[str]:
    """Return the blocks between blank lines, white space at their ends stripped."""
    return [block for raw in _PARAGRAPH_BREAK.split(text) if (block := raw.strip())]


def bullet_share(lines: Sequence[str]) -> float:
    """Return the share of lines that begin with a bullet point or a dash."""
    return _share(sum(1 for line in lines if line.startswith(_BULLETS)), len(lines))


def ellipsis_share(lines: Sequence[str]) -> float:
    """Return the share of lines that end in an ellipsis."""
    return _share(sum(1 for line in lines if line.endswith(_ELLIPSES)), len(lines))


def ending_share(lines: Sequence[str], marks: str) -> float:
    """Return the share of lines whose last character is one of `marks`."""
    return _share(sum(1 for line in lines if line.endswith(tuple(marks))), len(lines))


def short_share(lines: Sequence[str], length: int) -> float:
    """Return the share of lines that have fewer than `length` characters."""
    return _share(sum(1 for line in lines if len(line) < length), len(lines))


def top_ngram_share(tokens: Sequence[str], n: int) -> float:
    """Return the share of the words' characters inside the most frequent n-gram (Gopher, §A1.1).

    Characters where occurrences overlap count once, white space not at all. Among n-grams that
    are equally frequent the longest counts, then the first. An n-gram that occurs once is no
    repetition: 0.
    """
    grams = _ngrams(tokens, n)
    counts = Counter(grams)
    often = max(counts.values(), default=0)
    if often < 2:
        return 0.0
    top = max(
        (gram for gram, count in counts.items() if count == often),
        key=lambda gram: sum(map(len, gram)),
    )
    places = (place for place, gram in enumerate(grams) if gram == top)
    return _covered_share(tokens, places, n)


def duplicate_ngram_share(tokens: Sequence[str], n: int) -> float:
    """Return the share of the words' characters inside n-grams seen before (Gopher, §A1.1).

    The first of equal n-grams is no duplicate; characters where n-grams overlap count once, white
    space not at all. The share never grows with n.
    """
    seen: set[tuple[str, ...]] = set()
    places: list[int] = []
    for place, gram in enumerate(_ngrams(tokens, n)):
        if gram in seen:
            places.append(place)
        else:
            seen.add(gram)
    return _covered_share(tokens, places, n)


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(tokens[shift:] for shift in range(n)), strict=False))


def _covered_share(tokens: Sequence[str], places: Iterable[int], n: int) -> float:
    """Return the share of characters in the runs of `n` words that begin at rising places."""
    offsets = [0, *accumulate(map(len, tokens))]
    covered, edge = 0, 0
    for place in places:
        covered += offsets[place + n] - max(offsets[place], edge)
        edge = offsets[place + n]
    return _share(covered, offsets[-1])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

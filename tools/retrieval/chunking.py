"""Cuts articles into passages of about a hundred words that begin and end with sentences."""

import re
from collections.abc import Iterator, Sequence

from burnish.corpora.wikipedia.passages import Article, Passage

WORDS = 100
"""Words a passage has room for (DPR cuts at as many: Karpukhin et al. 2020, section 4.1)."""

_SHORTENED = (
    "adm al approx apr aug ave bros ca capt cf co col corp dec dept dr ed eds eg est etc feb fig fl"
    " gen gov hon ie inc jan jr jul jun lt ltd maj mar mr mrs ms mt nov oct op pp prof rep rev sec"
    " sen sep sept sgt sr st vol vs"
)
_ABBREVIATIONS = frozenset(_SHORTENED.split())
_BORDER = re.compile(
    r"(?<=[.!?])[\"'\u2019\u201d)\]]*[ \t]+(?=[\"'\u2018\u201c(\[]*[A-Z0-9\u00c0-\u00de])"
    r"|(?<=[\u3002\uff01\uff1f])[\u300d\u300f\u201d]*"
    r"|\n+"
)
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CJK_PER_WORD = 2


def sentences(text: str) -> list[str]:
    """Split a text after sentences and at newlines; abbreviations and initials end none."""
    found: list[str] = []
    begin = 0
    for border in _BORDER.finditer(text):
        piece = text[begin : border.end()]
        if "\n" not in border.group() and _goes_on(text[begin : border.start()]):
            continue
        if piece.strip():
            found.append(piece.strip())
        begin = border.end()
    if text[begin:].strip():
        found.append(text[begin:].strip())
    return found


def _goes_on(piece: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation or an initial."""
    last = _LAST_WORD.search(piece)
    if last is None:
        return False
    word = last.group(1)
    return (len(word) == 1 and word.isupper()) or word.lower() in _ABBREVIATIONS


def weight(text: str) -> int:
    """Return a text's words; where words are not parted, two characters count as one."""
    ideographs = len(_CJK.findall(text))
    return len(_CJK.sub(" ", text).split()) + -(-ideographs // _CJK_PER_WORD)


def chunks(text: str, words: int = WORDS) -> list[str]:
    """Cut a text into pieces of about so many words, none of which breaks a sentence.

    A sentence longer than two pieces is broken between words. The pieces are balanced: a text of
    120 words becomes two of about 60, not one of 100 with a crumb.
    """
    parts = [part for sentence in sentences(text) for part in _bounded(sentence, 2 * words)]
    weights = [weight(part) for part in parts]
    total = sum(weights)
    if not total:
        return []
    count = max(1, round(total / words))
    target = total / count
    pieces: list[list[str]] = [[]]
    used = 0.0
    for part, size in zip(parts, weights, strict=True):
        # A border lies where the middle of the sentence has passed the piece's share.
        if pieces[-1] and used + size / 2 > target * len(pieces) and len(pieces) < count:
            pieces.append([])
        pieces[-1].append(part)
        used += size
    return [" ".join(piece) for piece in pieces]


def _bounded(sentence: str, most: int) -> Sequence[str]:
    if weight(sentence) <= most:
        return (sentence,)
    words = sentence.split()
    if len(words) > 1:
        return [" ".join(words[at : at + most]) for at in range(0, len(words), most)]
    step = most * _CJK_PER_WORD
    return [sentence[at : at + step] for at in range(0, len(sentence), step)]


def passages(article: Article, words: int = WORDS) -> Iterator[Passage]:
    """Cut an article; a passage never reaches over a heading. Ids are `article/number`."""
    number = 0
    for section in article.sections:
        for piece in chunks(section.text, words):
            yield Passage(f"{article.id}/{number}", article.title, section.title, piece)
            number += 1

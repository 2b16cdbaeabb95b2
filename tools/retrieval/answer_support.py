"""How well a sentence supports an answer, judged without a model that reads.

The answer must stand in the sentence, and the sentence be near the question in meaning.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.retrieval.chunking import sentences
from burnish.tools.retrieval.embedder import Embedder

_WORDS = re.compile(r"\w+")
_ARTICLES = frozenset({"a", "an", "the"})
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage that was found."""

    passage: str
    """The passage's id."""
    text: str
    headed: str
    """With the passage's title before it, as it is embedded."""


class Support(NamedTuple):
    """The sentence that supports an answer best."""

    score: float
    """Cosine of question and sentence; 0 where no sentence holds the answer."""
    sentence: Sentence | None


NOTHING = Support(0.0, None)


def normal(text: str) -> str:
    """Return the words of a text in lower case, without articles, parted by single blanks."""
    return " ".join(word for word in _WORDS.findall(text.lower()) if word not in _ARTICLES)


def mentions(answer: str, text: str) -> bool:
    """Whether the words of an answer stand together in a text."""
    words = normal(answer)
    return bool(words) and f" {words} " in f" {normal(text)} "


def telling(answer: str, question: str) -> bool:
    """Whether finding an answer in a sentence says anything.

    A yes or no stands anywhere, a single letter or digit too, and what the question itself says
    will be found wherever the question's matter is.
    """
    words = normal(answer)
    return (
        len(words) >= _SEVERAL
        and words not in {"yes", "no", "true", "false", "none", "all", "both", "neither"}
        and not mentions(answer, question)
    )


def sentences_of(passages: Sequence[Passage]) -> list[Sentence]:
    """Split passages into sentences."""
    return [
        Sentence(passage.id, text, f"{passage.title}. {text}" if passage.title else text)
        for passage in passages
        for text in sentences(passage.text)
    ]


def supports(
    question: str, answers: Sequence[str], passages: Sequence[Passage], embedder: Embedder
) -> list[Support]:
    """Return how well the passages support each answer to a question.

    Only sentences that hold an answer are embedded.
    """
    holding = sentences_of(passages)
    held = [
        [place for place, one in enumerate(holding) if mentions(answer, one.headed)]
        if telling(answer, question)
        else []
        for answer in answers
    ]
    needed = sorted({place for places in held for place in places})
    if not needed:
        return [NOTHING] * len(answers)
    vectors = embedder.embed([question, *(holding[place].headed for place in needed)])
    near: NDArray[np.float32] = vectors[1:] @ vectors[0]
    cosines = dict(zip(needed, near.tolist(), strict=True))
    found: list[Support] = []
    for places in held:
        best = max(places, key=lambda place: cosines[place], default=None)
        found.append(NOTHING if best is None else Support(cosines[best], holding[best]))
    return found

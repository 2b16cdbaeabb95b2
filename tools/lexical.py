# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportMissingImports=false
"""BM25 over passages (Robertson and Zaragoza 2009), scored ahead of time by bm25s.

Words are lower-cased, stripped of English endings (Snowball) and of stop words.
"""

import importlib.util
import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.errors import SourceError, UsageError
from burnish.tools.fusion import Rows

if TYPE_CHECKING:
    import bm25s

K1 = 0.9
B = 0.4
"""As tuned by Lin et al. for passages (Anserini); better here than 1.5 and .75."""

_WORD = re.compile(r"\w+")
_FUNCTION_WORDS = (
    "a an and are as at be been but by did do does for from had has have he her his how i if in"
    " into is it its me my no not of on or our she so such than that the their them then there"
    " these they this to was we were what when where which who whom whose why will with you your"
)
_STOP = frozenset(_FUNCTION_WORDS.split())


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 (PyStemmer's name)


class Words:
    """Turns texts into the stems that are indexed; remembers the stem of each word it met.

    Raises:
        UsageError: PyStemmer is not installed.
    """

    def __init__(self) -> None:
        _require("Stemmer")
        import Stemmer

        self._stemmer = cast("_Stemmer", Stemmer.Stemmer("english"))
        self._stems: dict[str, str] = {}

    def stems(self, text: str) -> list[str]:
        """Return the stems of a text in order, without stop words."""
        found: list[str] = []
        known = self._stems
        for word in _WORD.findall(text.lower()):
            stem = known.get(word)
            if stem is None:
                stem = "" if word in _STOP else self._stemmer.stemWord(word)
                known[word] = stem
            if stem:
                found.append(stem)
        return found


class LexicalIndex:
    """Finds passages by their words; open it with `open_lexical`."""

    def __init__(self, model: "bm25s.BM25", words: Words) -> None:
        self._words = words
        table = cast("dict[str, NDArray[np.float32]]", model.scores)
        self._vocabulary: dict[str, int] = model.vocab_dict
        self._weights = table["data"]
        self._places = cast("NDArray[np.int32]", table["indices"])
        self._starts = np.asarray(table["indptr"], np.int64)
        self._count = int(table["num_docs"])

    def __len__(self) -> int:
        return self._count

    def scores(self, question: str) -> NDArray[np.float32]:
        """Return the BM25 score of every passage; a word asked twice counts twice."""
        scores = np.zeros(self._count, np.float32)
        for stem in self._words.stems(question):
            term = self._vocabulary.get(stem)
            if term is not None:
                part = slice(self._starts[term], self._starts[term + 1])
                scores[self._places[part]] += self._weights[part]
        return scores

    def search(self, question: str, k: int) -> Rows:
        """Return the rows of up to k passages that share a word with the question, best first."""
        scores = self.scores(question)
        k = min(k, self._count)
        if k < 1:
            return np.zeros(0, np.int64)
        top = np.argpartition(scores, self._count - k)[self._count - k :]
        top = top[scores[top] > 0]
        return top[np.lexsort((top, -scores[top]))].astype(np.int64)


def build_lexical(texts: Iterable[str], folder: Path) -> None:
    """Index texts, in order, into a folder of memory-mapped arrays.

    Memory: about 4 bytes a word of the texts, and as much again twice while scores are made.

    Raises:
        UsageError: the libraries are not installed.
    """
    _require("bm25s")
    import bm25s
    from bm25s.tokenization import Tokenized

    words = Words()
    vocabulary: dict[str, int] = {}
    documents: list[Sequence[int]] = []
    for text in texts:
        stems = words.stems(text)
        documents.append(array("i", [vocabulary.setdefault(w, len(vocabulary)) for w in stems]))
    model = bm25s.BM25(k1=K1, b=B)
    if not vocabulary:
        raise SourceError("the passages hold no words: nothing to index")
    model.index(Tokenized(ids=cast("list[list[int]]", documents), vocab=vocabulary),
                show_progress=False)  # fmt: skip
    model.save(folder, show_progress=False)


def open_lexical(folder: Path) -> LexicalIndex:
    """Open an index without reading its arrays into memory.

    Raises:
        SourceError: it is damaged or not there.
        UsageError: the libraries are not installed.
    """
    _require("bm25s")
    import bm25s

    try:
        return LexicalIndex(bm25s.BM25.load(folder, mmap=True, show_progress=False), Words())
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{folder}: no index of words ({reason}); build it again") from None


def _require(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        name = {"Stemmer": "PyStemmer"}.get(module, module)
        raise UsageError(f'searching by words needs {name}: pip install "burnish[qa]"')

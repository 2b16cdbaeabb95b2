"""BM25 over passages (Robertson and Zaragoza 2009), scored ahead of time by bm25s.

Words are lower-cased, stripped of English endings (Snowball) and of stop words. Beside the scores
the stems of every passage are kept in order, so that passages found can be compared by where the
question's words stand in them.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import importlib.util
import re
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.retrieval.rank_fusion import Rows
from burnish.tools.retrieval.reranker import Asked, Shelf

if TYPE_CHECKING:
    import bm25s

K1 = 0.9
B = 0.4
"""As tuned by Lin et al. for passages (Anserini); better here than 1.5 and .75."""

_GROUP = 64
_STEMS = "stems.npy"
_STARTS = "starts.npy"
_HEADS = "heads.npy"

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


class _Stems(NamedTuple):
    """The stems of all passages, one after another, on disk."""

    terms: NDArray[np.int32]
    starts: NDArray[np.int64]
    """Where each passage begins, and the end of the last."""
    heads: NDArray[np.int32]
    """Stems of each title, and of title and section together."""


class LexicalIndex:
    """Finds passages by their words; open it with `open_lexical`."""

    def __init__(self, model: "bm25s.BM25", words: Words, stems: _Stems) -> None:
        self._words = words
        table = cast("dict[str, NDArray[np.float32]]", model.scores)
        self._vocabulary: dict[str, int] = model.vocab_dict
        self._weights = table["data"]
        self._places = cast("NDArray[np.int32]", table["indices"])
        self._starts = np.asarray(table["indptr"], np.int64)
        self._count = int(table["num_docs"])
        self._stems = stems

    def __len__(self) -> int:
        return self._count

    def asked(self, question: str) -> Asked:
        """Return the stems of a question that stand in any passage, and how rare they are."""
        known = (self._vocabulary.get(stem) for stem in self._words.stems(question))
        terms = np.array([term for term in known if term is not None], np.int64)
        holders = self._starts[terms + 1] - self._starts[terms]
        return Asked(terms, np.log1p((self._count - holders + 0.5) / (holders + 0.5)))

    def scores(self, terms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the BM25 score of every passage; a word asked twice counts twice."""
        scores = np.zeros(self._count, np.float32)
        for term in terms:
            part = slice(self._starts[term], self._starts[term + 1])
            scores[self._places[part]] += self._weights[part]
        return scores

    def search(self, question: str, k: int) -> Rows:
        """Return the rows of up to k passages that share a word with the question, best first."""
        return best_rows(self.scores(self.asked(question).terms), k)

    def shelf(self, rows: Rows) -> Shelf:
        """Return the stems of some passages."""
        terms, starts, heads = self._stems
        begins, ends = starts[rows], starts[rows + 1]
        parts = [terms[begin:end] for begin, end in zip(begins, ends, strict=True)]
        joined = np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int64)
        titles, tops = heads[rows].astype(np.int64).T
        return Shelf(joined, np.concatenate([[0], np.cumsum(ends - begins)]), titles, tops)


def best_rows(scores: NDArray[np.float32], k: int) -> Rows:
    """Return the rows of up to k positive scores, best first; equal scores go by row."""
    k = min(k, len(scores))
    if k < 1:
        return np.zeros(0, np.int64)
    least = _least(scores, k)
    top = np.flatnonzero(scores >= least) if least > 0 else np.flatnonzero(scores > 0)
    return top[np.lexsort((top, -scores[top]))][:k].astype(np.int64)


def _least(scores: NDArray[np.float32], k: int) -> float:
    """Return a score that at least k reach and few more do; 0 where that cannot be told cheaply.

    Of the greatest scores of many groups, the k-th greatest is reached in k groups. Selecting
    among all scores takes ten times as long, most of them being equal, namely zero.
    """
    groups = len(scores) // _GROUP
    if groups < k:
        return 0.0
    greatest = scores[: groups * _GROUP].reshape(_GROUP, groups).max(0)
    return float(np.partition(greatest, groups - k)[groups - k])


def build_lexical(passages: Iterable[Passage], folder: Path) -> None:
    """Index passages, in order, into a folder of memory-mapped arrays.

    Memory: about 4 bytes a word of the texts, and as much again twice while scores are made.

    Raises:
        UsageError: the libraries are not installed.
    """
    _require("bm25s")
    import bm25s
    from bm25s.tokenization import Tokenized

    words = Words()
    vocabulary: dict[str, int] = {}
    documents: list[array[int]] = []
    heads = array("i")
    for passage in passages:
        document = array("i")
        for part in (passage.title, passage.section, passage.text):
            stems = words.stems(part)
            document.extend(vocabulary.setdefault(stem, len(vocabulary)) for stem in stems)
            heads.append(len(document))
        heads.pop()
        documents.append(document)
    model = bm25s.BM25(k1=K1, b=B)
    if not vocabulary:
        raise SourceError("the passages hold no words: nothing to index")
    model.index(Tokenized(ids=cast("list[list[int]]", documents), vocab=vocabulary),
                show_progress=False)  # fmt: skip
    model.save(folder, show_progress=False)
    starts = np.cumsum([0, *(len(document) for document in documents)], dtype=np.int64)
    np.save(folder / _STARTS, starts)
    np.save(folder / _HEADS, np.array(heads, np.int32).reshape(-1, 2))
    kept = np.lib.format.open_memmap(folder / _STEMS, "w+", np.dtype(np.int32), (int(starts[-1]),))
    for document, start in zip(documents, starts, strict=False):
        kept[start : start + len(document)] = document
    kept.flush()


def open_lexical(folder: Path) -> LexicalIndex:
    """Open an index without reading its arrays into memory.

    Raises:
        SourceError: it is damaged or not there.
        UsageError: the libraries are not installed.
    """
    _require("bm25s")
    import bm25s

    try:
        model = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        parts = [np.load(folder / name, mmap_mode="r") for name in (_STEMS, _STARTS, _HEADS)]
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{folder}: no index of words ({reason}); build it again") from None
    index = LexicalIndex(model, Words(), _Stems(*parts))
    if not len(parts[1]) - 1 == len(parts[2]) == len(index) or parts[1][-1] != len(parts[0]):
        raise SourceError(f"{folder}: its stems belong to other passages; build it again")
    return index


def _require(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        name = {"Stemmer": "PyStemmer"}.get(module, module)
        raise UsageError(f'searching by words needs {name}: pip install "burnish[qa]"')

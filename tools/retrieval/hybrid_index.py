"""A finished index of passages: opened without reading it, searched by words and by meaning.

The hybrid search joins the two rankings by reciprocal rank fusion and reorders what stands at the
top by how the question's words stand in the passages (see `reordering`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.errors import SourceError
from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.retrieval.bm25 import LexicalIndex, best_rows, open_lexical
from burnish.tools.retrieval.dense_index import DenseIndex, open_dense
from burnish.tools.retrieval.embedder import Embedder
from burnish.tools.retrieval.manifest import Manifest, check_embedder, read_manifest
from burnish.tools.retrieval.passage_store import PassageStore
from burnish.tools.retrieval.rank_fusion import Fused, Ranking, fuse
from burnish.tools.retrieval.reranker import Asked, FeatureWeights, RetrievedRows, Shelf, reordered

Way = Literal["hybrid", "dense", "words"]

STORE = "passages.sqlite"
DENSE = "vectors.faiss"
LEXICAL = "words"


@dataclass(frozen=True, slots=True)
class Blend:
    """How the two rankings are joined; as `eval.retrieval` chooses it for the default embedder."""

    depth: int = 100
    """Passages taken from each, and reordered once they are joined."""
    constant: float = 2.0
    """Of reciprocal rank fusion."""
    dense: float = 0.25
    """Weight of the ranking by meaning; that by words counts 1."""


class Candidates(NamedTuple):
    """Passages that both rankings joined put first, and what they are to be reordered by."""

    asked: Asked
    shelf: Shelf
    found: RetrievedRows


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that was found."""

    rank: int
    """From 1."""
    score: float
    """Orders what was found for one question; says nothing across questions."""
    passage: Passage


@dataclass(frozen=True, slots=True)
class WikiIndex:
    """Passages with both of their indices; open it with `open_index`. Threads may share it."""

    folder: Path
    manifest: Manifest
    store: PassageStore
    dense: DenseIndex
    lexical: LexicalIndex
    embedder: Embedder
    blend: Blend
    weights: FeatureWeights = field(default_factory=FeatureWeights)

    def search(self, question: str, k: int = 5, way: Way = "hybrid") -> list[SearchHit]:
        """Return up to k passages that may answer a question, best first."""
        found = self.rows(question, self.embedder.embed([question])[0], k, way)
        passages = self.store.get([int(row) for row in found.rows])
        return [
            SearchHit(rank, float(score), passage)
            for rank, (score, passage) in enumerate(zip(found.scores, passages, strict=True), 1)
        ]

    def rows(
        self, question: str, vector: NDArray[np.float32], k: int, way: Way = "hybrid"
    ) -> Fused:
        """Return the rows that answer best, for a question that is embedded already."""
        depth = max(self.blend.depth, k)
        if way == "hybrid":
            found = reordered(*self.candidates(question, vector, depth), self.weights)
            return Fused(found.rows[:k], found.scores[:k])
        if way == "words":
            ranking = Ranking(self.lexical.search(question, depth))
        else:
            ranking = Ranking(self.dense.search(vector, depth).rows, self.blend.dense)
        ranked = fuse([ranking], constant=self.blend.constant)
        return Fused(ranked.rows[:k], ranked.scores[:k])

    def candidates(
        self, question: str, vector: NDArray[np.float32], depth: int | None = None
    ) -> Candidates:
        """Return the passages that the two rankings, joined, put first, in that order."""
        depth = depth or self.blend.depth
        asked = self.lexical.asked(question)
        scores = self.lexical.scores(asked.terms)
        near = self.dense.search(vector, depth)
        # Ranks, not scores: BM25 and cosines have no common scale (Cormack, Clarke & Büttcher,
        # SIGIR 2009).
        rankings = (
            Ranking(best_rows(scores, depth)),
            Ranking(near.rows, self.blend.dense),
        )
        rows = fuse(rankings, constant=self.blend.constant).rows[:depth]
        cosines = dict(zip(near.rows.tolist(), near.scores.tolist(), strict=True))
        # No passage that the search by meaning left out is nearer than the last one it found.
        farthest = min(cosines.values(), default=0.0)
        meaning = np.array([cosines.get(row, farthest) for row in rows.tolist()])
        words = scores[rows].astype(np.float64)
        return Candidates(asked, self.lexical.shelf(rows), RetrievedRows(rows, words, meaning))


_BLEND = Blend()


def open_index(folder: Path, embedder: Embedder, blend: Blend = _BLEND) -> WikiIndex:
    """Open a finished index; nothing of its size is read.

    Raises:
        SourceError: it is not there, not finished or damaged.
        UsageError: it was built with another embedder, or a library is missing.
    """
    manifest = read_manifest(folder)
    check_embedder(manifest, folder, embedder.name, embedder.digest)
    dense = open_dense(folder / DENSE, manifest.probes)
    lexical = open_lexical(folder / LEXICAL)
    store = PassageStore(folder / STORE)
    if not len(dense) == len(lexical) == len(store) == manifest.count:
        raise SourceError(f"{folder}: its parts hold different passages; build the index again")
    return WikiIndex(folder, manifest, store, dense, lexical, embedder, blend)

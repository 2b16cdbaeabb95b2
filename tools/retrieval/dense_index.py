"""Vectors of passages in one memory-mapped file: the one place that knows FAISS.

Up to 200,000 vectors every one is compared with the question, at half precision (scores to within
1e-3, half the memory traffic of full precision, which is what bounds the speed). Above, the vectors
lie in the cells of a coarse quantiser (IVF) and the cells nearest the question are compared; how
many are needed is found by trying, and the recall against exact search is reported.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import faiss
import numpy as np

from burnish.corpora.errors import SourceError
from burnish.tools.arrays import Vectors
from burnish.tools.retrieval.rank_fusion import Rows

EXACT_UP_TO = 200_000
WANTED_RECALL = 0.98
"""Share of the true ten nearest that a search in cells must find."""

_TRAINED_PER_CELL = 64
_TRIED = 256
_NEAREST = 10
_MOVED = 1.5
"""Length of what is added to a unit vector: their cosine becomes about .55, as that of a question
and its passage."""
_PROBES = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class DenseReport:
    """How the vectors are kept."""

    kind: Literal["exact", "cells"]
    cells: int = 0
    probes: int = 0
    """Cells that a search looks into."""
    recall: float = 1.0
    """Share of the true ten nearest found, over vectors of the index moved as far as questions lie
    from what answers them."""


class Nearest(NamedTuple):
    """Rows from nearest to farthest, and their cosines."""

    rows: Rows
    scores: Vectors


class DenseIndex:
    """Finds the vectors nearest to a question's; open it with `open_dense`."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return int(self._index.d)

    def search(self, vector: Vectors, k: int) -> Nearest:
        """Return up to k nearest rows; equal scores go by row."""
        asked = np.ascontiguousarray(vector.reshape(1, -1), np.float32)
        scores, rows = self._index.search(asked, max(1, min(k, len(self))))
        found = rows[0] >= 0
        kept_rows, kept_scores = rows[0][found], scores[0][found]
        order = np.lexsort((kept_rows, -kept_scores))
        return Nearest(kept_rows[order].astype(np.int64), kept_scores[order])

    def block(self, first: int, count: int) -> Vectors:
        """Return up to so many vectors from a row on, as they are kept; exact indices only."""
        count = min(count, len(self) - first)
        return np.asarray(self._index.reconstruct_n(first, count), np.float32)


def build_dense(
    shards: Sequence[Path], path: Path, *, exact_up_to: int = EXACT_UP_TO
) -> DenseReport:
    """Put the vectors of the shards, in order, into one file.

    Args:
        shards: `.npy` files of unit rows.
        path: the file to write, atomically.
        exact_up_to: more vectors than this go into cells.
    """
    count = sum(np.load(shard, mmap_mode="r").shape[0] for shard in shards)
    dimensions = np.load(shards[0], mmap_mode="r").shape[1]
    half = faiss.ScalarQuantizer.QT_fp16
    if count <= exact_up_to:
        index = faiss.IndexScalarQuantizer(dimensions, half, faiss.METRIC_INNER_PRODUCT)
        report = DenseReport("exact")
    else:
        cells = int(2 ** round(np.log2(4 * np.sqrt(count))))
        coarse = faiss.IndexFlatIP(dimensions)
        index = faiss.IndexIVFScalarQuantizer(
            coarse, dimensions, cells, half, faiss.METRIC_INNER_PRODUCT
        )
        index.train(_drawn(shards, count, cells * _TRAINED_PER_CELL))
        report = DenseReport("cells", cells)
    for rows in _loaded(shards):
        index.add(rows)
    if report.kind == "cells":
        report = _tuned(index, shards, count, report)
    temporary = path.with_suffix(".tmp")
    faiss.write_index(index, str(temporary))
    temporary.replace(path)
    return report


def open_dense(path: Path, probes: int = 0) -> DenseIndex:
    """Open a file of vectors; they are read from disk as searches touch them.

    Raises:
        SourceError: it is damaged or not there.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        raise SourceError(f"{path}: no sound index of vectors; build it again") from None
    if probes:
        index.nprobe = probes
    return DenseIndex(index)


def use_threads(count: int) -> None:
    """Let searches and builds of this process use so many threads."""
    faiss.omp_set_num_threads(count)


def _loaded(shards: Sequence[Path]) -> Iterator[Vectors]:
    for shard in shards:
        yield np.ascontiguousarray(np.load(shard), np.float32)


def _drawn(shards: Sequence[Path], count: int, wanted: int) -> Vectors:
    """Draw rows evenly spread over all shards."""
    step = max(1, count // wanted)
    return np.concatenate([rows[::step] for rows in _loaded(shards)])


def _moved(rows: Vectors) -> Vectors:
    """Move unit vectors, since a vector of the index finds its own cell too easily."""
    noise = np.random.default_rng(0).standard_normal(rows.shape)
    moved = rows + _MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def _tuned(
    index: "faiss.Index", shards: Sequence[Path], count: int, report: DenseReport
) -> DenseReport:
    """Look into as few cells as give the wanted recall against exact search."""
    asked = _moved(_drawn(shards, count, _TRIED)[:_TRIED])
    truth = _exact(asked, shards)
    recall, probes = 0.0, 1
    for probes in _PROBES:
        index.nprobe = min(probes, report.cells)
        _, rows = index.search(asked, _NEAREST)
        hits = [len(np.intersect1d(a, b)) for a, b in zip(truth, rows, strict=True)]
        recall = float(np.sum(hits) / truth.size)
        if recall >= WANTED_RECALL or probes >= report.cells:
            break
    return DenseReport("cells", report.cells, min(probes, report.cells), round(recall, 4))


def _exact(asked: Vectors, shards: Sequence[Path]) -> Rows:
    """Return the true nearest rows of each vector, by comparing it with all."""
    best = np.full((len(asked), _NEAREST), -np.inf, np.float32)
    rows = np.full((len(asked), _NEAREST), -1, np.int64)
    first = 0
    for block in _loaded(shards):
        scores = np.concatenate([best, asked @ block.T], axis=1)
        names = np.concatenate(
            [rows, np.broadcast_to(np.arange(first, first + len(block)), (len(asked), len(block)))],
            axis=1,
        )
        top = np.argpartition(-scores, _NEAREST - 1, axis=1)[:, :_NEAREST]
        best = np.take_along_axis(scores, top, axis=1)
        rows = np.take_along_axis(names, top, axis=1)
        first += len(block)
    return rows

"""Measures how much a search in cells misses of what comparing every vector finds.

    python -m burnish.eval.retrieval.cells DATA --index DIR [--vectors N] [--json FILE]

DIR is a finished index whose vectors are compared one by one. Its vectors, and as many made-up ones
as are wanted (each a real one moved by about as far as its neighbours are), are put into cells as
`wiki build` does with more than 200,000 passages. The recall that the build reports is over vectors
of the index; here questions of `wiki_passages` are asked, which lie elsewhere.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from burnish.eval.retrieval.command import LINKS, links_of
from burnish.eval.stats.harness import benchmark_parser, carry_out, tell
from burnish.tools.arrays import Vectors
from burnish.tools.retrieval.dense_index import DenseIndex, build_dense, open_dense
from burnish.tools.retrieval.embedder import load_embedder
from burnish.tools.retrieval.hybrid_index import open_index
from burnish.tools.retrieval.rank_fusion import Rows

_BLOCK = 16_384
_NEAREST = 10
_MOVED = 0.5
"""Length of what is added to a unit vector: the cosine to the real one becomes about .9."""


class SearchTiming(NamedTuple):
    """The nearest rows of each question, and the median seconds of a search."""

    rows: Rows
    seconds: float


def stretched(index: DenseIndex, count: int, seed: int = 0) -> Iterator[Vectors]:
    """Yield so many vectors block by block: the real ones, then made-up ones near them."""
    draw = np.random.default_rng(seed)
    made = 0
    while made < count:
        first = made % len(index)
        rows = index.block(first, min(_BLOCK, count - made))
        if made >= len(index):
            noise = draw.standard_normal(rows.shape, np.float32)
            rows = rows + _MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        yield (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        made += len(rows)


def asked(index: DenseIndex, questions: Vectors) -> SearchTiming:
    """Search for every question."""
    table = np.full((len(questions), _NEAREST), -1, np.int64)
    spent: list[float] = []
    for at, question in enumerate(questions):
        began = time.process_time()
        rows = index.search(question, _NEAREST).rows
        spent.append(time.process_time() - began)
        table[at, : len(rows)] = rows
    return SearchTiming(table, float(np.median(spent)))


def compared(index: DenseIndex, questions: Vectors, folder: Path, count: int) -> dict[str, object]:
    """Put the vectors into cells and into one list, and search both."""
    shards: list[Path] = []
    for number, rows in enumerate(stretched(index, count)):
        shards.append(folder / f"{number}.npy")
        np.save(shards[-1], rows)
    began = time.process_time()
    report = build_dense(shards, folder / "cells", exact_up_to=0)
    built = time.process_time() - began
    build_dense(shards, folder / "exact", exact_up_to=count)
    truth = asked(open_dense(folder / "exact"), questions)
    found = asked(open_dense(folder / "cells", report.probes), questions)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(truth.rows, found.rows, strict=True)]
    return {
        "vectors": count,
        "made_up": max(0, count - len(index)),
        "cells": report.cells,
        "probes": report.probes,
        "recall_reported": report.recall,
        "questions": len(questions),
        "recall_on_questions": round(float(np.mean(hits)) / _NEAREST, 4),
        "nearest_found": round(float(np.mean(truth.rows[:, 0] == found.rows[:, 0])), 4),
        "exact_cpu_ms_p50": round(1000 * truth.seconds, 2),
        "cells_cpu_ms_p50": round(1000 * found.seconds, 2),
        "build_cpu_s": round(built, 1),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures as JSON."""
    parser = benchmark_parser("retrieval.cells", __doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--vectors", type=int, help="by default those of the index")
    parser.add_argument("--json", type=Path)
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> None:
    embedder = load_embedder(threads=1)
    index = open_index(given.index, embedder)
    links = links_of(given.data / LINKS, index)
    questions = embedder.embed([link.question for link in links])
    with TemporaryDirectory() as folder:
        told = compared(index.dense, questions, Path(folder), given.vectors or len(index.dense))
    tell(told, given.json)


if __name__ == "__main__":
    raise SystemExit(main())

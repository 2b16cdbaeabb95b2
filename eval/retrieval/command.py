"""Measures how well passages are found, and how far the scorer of the librarian can be believed.

    python -m burnish.eval.retrieval DATA --index DIR [--passages N] [--json FILE]

DATA is the folder of the shared sets. The index is built (or finished) from the passages of
`wiki_passages`; questions are those of its `qa_linked` whose passage is in the index. Articles are
split in two by their names: on one part the blend of the two rankings, the weights of the
reordering and the scorer's threshold are chosen, on the other everything is reported. Cross-fitted
figures are over all articles, each reordered by weights that were fitted on the other part.
"""

import argparse
import gzip
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from burnish.agents.validators.librarian import Librarian, LibrarianConfig
from burnish.corpora.records import QAItem
from burnish.corpora.wikipedia.passages import Passage
from burnish.corpora.wikipedia.sources import open_wiki
from burnish.eval.retrieval.reranker import choices_of, fitted, named, reordered_rows
from burnish.eval.stats.bootstrap import interval, resamples
from burnish.eval.stats.harness import benchmark_parser, carry_out, tell
from burnish.tools.arrays import Flags
from burnish.tools.retrieval.answer_support import mentions, supports
from burnish.tools.retrieval.build_index import BuildSettings, build_index
from burnish.tools.retrieval.embedder import load_embedder
from burnish.tools.retrieval.hybrid_index import Blend, WikiIndex, open_index
from burnish.tools.retrieval.rank_fusion import Ranking, Rows, fuse
from burnish.tools.retrieval.reranker import FeatureWeights

PASSAGES = "wiki_passages/enwiki2015_sample.jsonl.gz"
LINKS = "wiki_passages/qa_linked.jsonl.gz"
OVERLAP = 0.5
"""Links with at least this share of the question's words in the passage are sure ones."""

_CUTS = (1, 5, 20)
_DEPTH = 100
_CONSTANTS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_WEIGHTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0)
_DRAWS = 1000
_TIMED = 200
_PRECISION = 0.9


@dataclass(frozen=True, slots=True)
class Link:
    """A question whose passage is known."""

    question: str
    answers: tuple[str, ...]
    title: str
    row: int
    sure: bool

    @property
    def tuning(self) -> bool:
        """Whether its article belongs to the part on which settings are chosen."""
        return hashlib.sha256(self.title.encode()).digest()[0] % 2 == 0


class Rankings(NamedTuple):
    """What each way found for each question, best first; -1 where nothing was left to find."""

    words: NDArray[np.int64]
    dense: NDArray[np.int64]


def links_of(path: Path, index: WikiIndex) -> list[Link]:
    """Read the links whose passage is in the index."""
    rows = {passage.id: row for row, passage in enumerate(index.store.every())}
    found: list[Link] = []
    with gzip.open(path, "rb") as file:
        for line in file:
            one = orjson.loads(line)
            if one["pid"] in rows:
                sure = one["question_word_overlap"] >= OVERLAP
                answers = tuple(one["answers"])
                found.append(Link(one["question"], answers, one["title"], rows[one["pid"]], sure))
    return found


def ranked(index: WikiIndex, links: Sequence[Link], vectors: NDArray[np.float32]) -> Rankings:
    """Search for every question in both ways."""
    words = np.full((len(links), _DEPTH), -1, np.int64)
    dense = np.full((len(links), _DEPTH), -1, np.int64)
    for at, (link, vector) in enumerate(zip(links, vectors, strict=True)):
        for table, rows in (
            (words, index.lexical.search(link.question, _DEPTH)),
            (dense, index.dense.search(vector, _DEPTH).rows),
        ):
            table[at, : len(rows)] = rows
    return Rankings(words, dense)


def joined(rankings: Rankings, blend: Blend) -> Rows:
    """Fuse the two rankings of each question."""
    table = np.full((len(rankings.words), _DEPTH), -1, np.int64)
    for at, (words, dense) in enumerate(zip(*rankings, strict=True)):
        voices = [Ranking(words[words >= 0]), Ranking(dense[dense >= 0], blend.dense)]
        rows = fuse(voices, constant=blend.constant).rows[:_DEPTH]
        table[at, : len(rows)] = rows
    return table


def figures(found: Rows, links: Sequence[Link], chosen: Flags) -> dict[str, object]:
    """Return recalls with their intervals and the mean reciprocal rank of some questions."""
    gold = np.array([link.row for link in links])
    hits = (found == gold[:, None])[chosen]
    count = int(chosen.sum())
    draws = resamples(count, draws=_DRAWS, seed=0)
    told: dict[str, object] = {"questions": count}
    for cut in _CUTS:
        hit = hits[:, :cut].any(1).astype(np.float64)
        told[f"recall@{cut}"] = [round(one, 4) for one in interval(hit, np.ones(count), draws)]
    places = np.where(hits.any(1), hits.argmax(1) + 1, np.inf)
    told["mrr"] = round(float(np.mean(1 / places)), 4)
    return told


def chosen_blend(rankings: Rankings, links: Sequence[Link]) -> Blend:
    """Choose constant and weight by recall at 1, 5 and 20 on the tuning part, summed."""
    gold = np.array([link.row for link in links])
    tuning = np.array([link.tuning and link.sure for link in links])
    best, chosen = -1.0, Blend()
    for constant in _CONSTANTS:
        for weight in _WEIGHTS:
            blend = Blend(_DEPTH, constant, weight)
            hits = (joined(rankings, blend) == gold[:, None])[tuning]
            value = float(hits[:, :5].any(1).mean() + 0.1 * hits[:, :1].any(1).mean())
            if value > best:
                best, chosen = value, blend
    return chosen


class Reordered(NamedTuple):
    """What the hybrid search finds for each question, and the weights fitted here."""

    shipped: Rows
    fitted: Rows
    """By weights fitted on the tuning part."""
    crossed: Rows
    """By weights fitted on the part the question does not belong to."""
    weights: FeatureWeights


def reordered(index: WikiIndex, links: Sequence[Link], vectors: NDArray[np.float32]) -> Reordered:
    """Reorder what is found for each question by the shipped weights and by fitted ones."""
    choices = choices_of(
        index, [link.question for link in links], [link.row for link in links], vectors
    )
    pairs = list(zip(choices, links, strict=True))
    here, there = (
        fitted([choice for choice, link in pairs if link.sure and link.tuning == part])
        for part in (True, False)
    )
    shipped, own, other = (
        reordered_rows(choices, weights, _DEPTH) for weights in (index.weights, here, there)
    )
    tuning = np.array([link.tuning for link in links])
    return Reordered(shipped, own, np.where(tuning[:, None], other, own), here)


def latency(index: WikiIndex, links: Sequence[Link]) -> dict[str, float]:
    """Time whole searches, embedding of the question and reading of the passages included."""
    walls: list[float] = []
    works: list[float] = []
    for link in links[:_TIMED]:
        wall, work = time.perf_counter(), time.process_time()
        index.search(link.question, 5)
        walls.append(1000 * (time.perf_counter() - wall))
        works.append(1000 * (time.process_time() - work))
    return {
        "wall_ms_p50": round(float(np.median(walls)), 2),
        "wall_ms_p95": round(float(np.percentile(walls, 95)), 2),
        "cpu_ms_p50": round(float(np.median(works)), 2),
        "cpu_ms_p95": round(float(np.percentile(works, 95)), 2),
    }


class SupportCase(NamedTuple):
    """A key, right or wrong, and how well the passages found support it."""

    tuning: bool
    right: bool
    score: float


def cases(index: WikiIndex, links: Sequence[Link], most: int) -> list[SupportCase]:
    """Score right keys, and as wrong ones answers to other questions about the same article."""
    librarian = Librarian(index, index.embedder)
    shelf: dict[str, list[Link]] = {}
    for link in links:
        shelf.setdefault(link.title, []).append(link)
    found: list[SupportCase] = []
    order = np.random.default_rng(0).permutation(len(links))[:most]
    for place in order:
        link = links[int(place)]
        others = [other.answers[0] for other in shelf[link.title] if _differs(other, link)]
        keys = [(link.answers[0], True)]
        if others:
            keys.append((others[int(place) % len(others)], False))
        for key, right in keys:
            passages: list[Passage] = librarian.look_up(QAItem("", link.question, key), key)
            support = supports(link.question, [key], passages, index.embedder)[0]
            found.append(SupportCase(link.tuning, right, support.score))
    return found


def _differs(other: Link, link: Link) -> bool:
    return not any(mentions(a, b) or mentions(b, a) for a in other.answers for b in link.answers)


def calibrated(found: Sequence[SupportCase]) -> dict[str, object]:
    """Find the lowest threshold that is precise enough, and say what it does on the other part."""
    told: dict[str, object] = {"cases": len(found)}
    threshold = 1.0
    tuning = sorted({case.score for case in found if case.tuning and case.score > 0}, reverse=True)
    for score in tuning:
        if _precision([case for case in found if case.tuning], score) >= _PRECISION:
            threshold = score
    rest = [case for case in found if not case.tuning]
    right = [case for case in rest if case.right]
    wrong = [case for case in rest if not case.right]
    told["threshold"] = round(threshold, 4)
    for name, at in (("chosen", threshold), ("shipped", LibrarianConfig().threshold)):
        told[name] = {
            "threshold": round(at, 4),
            "precision": round(_precision(rest, at), 4),
            "accepted_of_right": round(float(np.mean([c.score >= at for c in right])), 4),
            "accepted_of_wrong": round(float(np.mean([c.score >= at for c in wrong])), 4),
        }
    return told


def _precision(found: Sequence[SupportCase], threshold: float) -> float:
    accepted = [case.right for case in found if case.score >= threshold]
    return float(np.mean(accepted)) if accepted else 0.0


def measure(data: Path, folder: Path, passages: int | None, scored: int) -> dict[str, object]:
    """Build or finish the index and measure everything."""
    embedder = load_embedder(threads=1)
    source = open_wiki(str(data / PASSAGES))
    built = build_index(source, folder, embedder, BuildSettings(limit=passages), _say)
    began = time.perf_counter()
    index = open_index(folder, embedder)
    opened = time.perf_counter() - began
    links = links_of(data / LINKS, index)
    vectors = embedder.embed([link.question for link in links])
    rankings = ranked(index, links, vectors)
    order = reordered(index, links, vectors)
    blend = chosen_blend(rankings, links)
    sure = np.array([link.sure for link in links])
    kept = np.array([not link.tuning for link in links])
    ways = {
        "words": rankings.words,
        "dense": rankings.dense,
        "joined": joined(rankings, Blend()),
        "joined, blend chosen": joined(rankings, blend),
        "hybrid": order.shipped,
        "hybrid, weights fitted": order.fitted,
        "hybrid, cross-fitted": order.crossed,
    }
    groups = {"sure, kept aside": sure & kept, "sure": sure, "all": np.ones(len(links), np.bool_)}
    return {
        "passages": index.manifest.count,
        "embedder": embedder.name,
        "open_s": round(opened, 3),
        "embedded_now": built.embedded,
        "embedding_share": round(built.embedding_s / built.seconds, 3) if built.embedded else None,
        "blend": {"constant": blend.constant, "dense": blend.dense},
        "weights": {"shipped": named(index.weights), "fitted": named(order.weights)},
        "retrieval": {
            group: {way: figures(found, links, chosen) for way, found in ways.items()}
            for group, chosen in groups.items()
        },
        "latency": latency(index, links),
        "scorer": calibrated(cases(index, links, scored)),
    }


def _say(step: str, done: int, total: int | None) -> None:
    if done % 10_240 == 0 or done == total:
        sys.stderr.write(f"{step}: {done:,} of {total or '?'}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures as JSON."""
    parser = benchmark_parser("retrieval", __doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--passages", type=int)
    parser.add_argument("--scored", type=int, default=300)
    parser.add_argument("--json", type=Path)
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> None:
    told = measure(given.data, given.index, given.passages, given.scored)
    tell(told, given.json)

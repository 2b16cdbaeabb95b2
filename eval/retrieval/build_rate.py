"""Measures what building an index costs beside embedding its passages.

    python -m burnish.eval.retrieval.build_rate DATA [--passages N] [--json FILE]

The first N passages of `wiki_passages` are indexed in a fresh folder. The same texts are embedded
alone, one half before and one half after, so that what else the machine does weighs on both alike.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

from burnish.corpora.wikipedia.passages import Passage
from burnish.corpora.wikipedia.sources import WikiSource, open_wiki
from burnish.eval.retrieval.command import PASSAGES
from burnish.eval.stats.harness import benchmark_parser, carry_out, tell
from burnish.tools.retrieval.build_index import BuildSettings, build_index
from burnish.tools.retrieval.embedder import Embedder, load_embedder

_WARM = 64


class Spent(NamedTuple):
    """Seconds on the clock and of the processor."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Self:
        """Return what has passed so far."""
        return cls(time.monotonic(), time.process_time())

    def since(self, before: "Spent") -> "Spent":
        """Return what has passed since then."""
        return Spent(self.wall - before.wall, self.cpu - before.cpu)


def measured(source: WikiSource, embedder: Embedder, count: int, folder: Path) -> dict[str, object]:
    """Build an index, embed its texts, and compare the two."""
    build_index(source, folder / "warm", embedder, BuildSettings(limit=_WARM))
    texts = [one.headed for one in islice(source.items(), count) if isinstance(one, Passage)]
    half = len(texts) // 2
    marks = [Spent.now()]
    embedder.embed(texts[:half])
    marks.append(Spent.now())
    build_index(source, folder / "built", embedder, BuildSettings(limit=count))
    marks.append(Spent.now())
    embedder.embed(texts[half:])
    marks.append(Spent.now())
    before, built, after = (later.since(one) for one, later in pairwise(marks))
    wall, cpu = before.wall + after.wall, before.cpu + after.cpu
    return {
        "passages": len(texts),
        "embedded_alone_per_s": round(len(texts) / wall, 1),
        "built_per_s": round(len(texts) / built.wall, 1),
        "ratio": round(wall / built.wall, 3),
        "embedded_alone_per_cpu_s": round(len(texts) / cpu, 1),
        "built_per_cpu_s": round(len(texts) / built.cpu, 1),
        "cpu_ratio": round(cpu / built.cpu, 3),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures as JSON."""
    parser = benchmark_parser("retrieval.build_rate", __doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--passages", type=int, default=4096)
    parser.add_argument("--json", type=Path)
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> None:
    source = open_wiki(str(given.data / PASSAGES))
    with TemporaryDirectory() as folder:
        told = measured(source, load_embedder(threads=1), given.passages, Path(folder))
    tell(told, given.json)


if __name__ == "__main__":
    raise SystemExit(main())

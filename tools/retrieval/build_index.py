"""Builds an index of passages in steps that survive being killed.

Passages go into the store block by block; their vectors are written a shard at a time, each file at
once or not at all; then the two indices are made and the manifest, written last, declares the whole
finished. The same call continues where an earlier one stopped.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import orjson

from burnish.corpora.errors import RunError, SourceError
from burnish.corpora.storage.writers import write_atomic
from burnish.corpora.wikipedia.passages import Article, Passage
from burnish.corpora.wikipedia.sources import WikiSource
from burnish.tools.retrieval.bm25 import build_lexical
from burnish.tools.retrieval.chunking import WORDS, passages
from burnish.tools.retrieval.dense_index import EXACT_UP_TO, build_dense
from burnish.tools.retrieval.embedder import Embedder
from burnish.tools.retrieval.hybrid_index import DENSE, LEXICAL, STORE
from burnish.tools.retrieval.manifest import FORMAT, MANIFEST, Manifest, read_manifest, write_whole
from burnish.tools.retrieval.passage_store import PassageStore

SHARD = 1024
"""Passages embedded at a time; at most so many are embedded twice after a kill."""

_PLAN = "plan.json"
_READ = "read.json"
_WORK = "work"

Progress = Callable[[str, int, int | None], None]
"""Told the step, what is done, and of how much (None: unknown)."""


def silent(_step: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How passages are cut and kept."""

    words: int = WORDS
    limit: int | None = None
    """Passages at most."""
    shard: int = SHARD
    exact_up_to: int = EXACT_UP_TO


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to."""

    manifest: Manifest
    embedded: int
    """Passages embedded by this call."""
    embedding_s: float
    """Seconds of it spent in the embedder."""
    seconds: float


_SETTINGS = BuildSettings()


def build_index(
    source: WikiSource,
    folder: Path,
    embedder: Embedder,
    settings: BuildSettings = _SETTINGS,
    progress: Progress = silent,
) -> Built:
    """Build an index, or go on with one that was begun.

    Raises:
        RunError: the folder holds an index of something else.
        SourceError: the source is bad, or has no passages.
        UsageError: a library is missing.
    """
    began = time.monotonic()
    plan = _plan(source, embedder, settings)
    _claim(folder, plan)
    if (folder / MANIFEST).is_file():
        return Built(read_manifest(folder), 0, 0.0, 0.0)
    work = folder / _WORK
    work.mkdir(exist_ok=True)
    with PassageStore(folder / STORE, writable=True) as store:
        if not (work / _READ).is_file():
            _read(source, store, settings, progress)
            write_whole(work / _READ, b"{}\n")
        count = len(store)
        if not count:
            raise SourceError(f"{source.files[0]}: no passages in it; nothing to index")
        shards, embedded, spent = _embed(store, work, embedder, settings, progress)
        progress("indexing words", 0, None)
        _index_words(store, folder)
        store.finish()
    progress("indexing vectors", 0, None)
    dense = build_dense(shards, folder / DENSE, exact_up_to=settings.exact_up_to)
    manifest = Manifest(
        FORMAT, str(source.files[0]), source.revision, embedder.name, embedder.digest,
        embedder.dimensions, count, dense.kind, dense.cells, dense.probes, dense.recall,
        settings.words if source.kind in {"dump", "parquet"} else 0,
    )  # fmt: skip
    manifest.write(folder)
    shutil.rmtree(work)
    return Built(manifest, embedded, spent, time.monotonic() - began)


def _plan(source: WikiSource, embedder: Embedder, settings: BuildSettings) -> dict[str, object]:
    return {
        "revision": source.revision,
        "embedder": embedder.digest,
        "words": settings.words,
        "limit": settings.limit,
        "shard": settings.shard,
    }


def _claim(folder: Path, plan: dict[str, object]) -> None:
    """Write down what is built here, or see that it is the same."""
    path = folder / _PLAN
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise RunError(f"{folder}: holds something else; give an empty or new folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, orjson.dumps(plan))
        return
    found = cast("dict[str, object]", orjson.loads(path.read_bytes()))
    if found != plan:
        differs = ", ".join(key for key, value in plan.items() if found.get(key) != value)
        raise RunError(
            f"{folder}: was begun with another {differs}; give a new folder or remove this one"
        )


def _read(
    source: WikiSource, store: PassageStore, settings: BuildSettings, progress: Progress
) -> None:
    """Fill the store; passages that are in it already are counted off, not written again."""
    done = len(store)
    found = _passages(source, settings.words)
    if settings.limit is not None:
        found = islice(found, settings.limit)
    for _ in islice(found, done):
        pass
    while block := list(islice(found, settings.shard)):
        store.add(done, block)
        done += len(block)
        progress("reading", done, settings.limit)


def _passages(source: WikiSource, words: int) -> Iterator[Passage]:
    for item in source.items():
        if isinstance(item, Article):
            yield from passages(item, words)
        elif item.text.strip():
            yield item


def _embed(
    store: PassageStore,
    work: Path,
    embedder: Embedder,
    settings: BuildSettings,
    progress: Progress,
) -> tuple[list[Path], int, float]:
    count = len(store)
    shards: list[Path] = []
    embedded, spent = 0, 0.0
    for number, first in enumerate(range(0, count, settings.shard)):
        path = work / f"{number:06d}.npy"
        shards.append(path)
        if not path.is_file():
            texts = [passage.headed for passage in store.block(first, settings.shard)]
            began = time.monotonic()
            vectors = embedder.embed(texts)
            spent += time.monotonic() - began
            embedded += len(texts)
            write_atomic(path, lambda file, rows=vectors: np.save(file, rows))
        progress("embedding", min(first + settings.shard, count), count)
    return shards, embedded, spent


def _index_words(store: PassageStore, folder: Path) -> None:
    """Index all words into a folder of its own first, so that a kill leaves no half index."""
    if (folder / LEXICAL).is_dir():
        return
    made = folder / _WORK / LEXICAL
    shutil.rmtree(made, ignore_errors=True)
    build_lexical(store.every(), made)
    made.replace(folder / LEXICAL)

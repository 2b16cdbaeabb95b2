"""Building and searching an index: real FAISS and BM25, an embedder that needs no model."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from burnish.corpora.errors import RunError, SourceError, UsageError
from burnish.corpora.wikipedia.passages import Passage
from burnish.corpora.wikipedia.sources import open_wiki
from burnish.tools.retrieval.build_index import BuildSettings, build_index
from burnish.tools.retrieval.dense_index import build_dense, open_dense
from burnish.tools.retrieval.hybrid_index import DENSE, STORE, open_index
from burnish.tools.retrieval.manifest import MANIFEST
from tests.support.embedders import WordEmbedder
from tests.support.places import ROOT
from tests.support.waiting import wait_until

EMBEDDER = WordEmbedder()
SMALL = BuildSettings(shard=8)
ANIMALS = ("lion", "otter", "heron", "badger", "salmon", "beetle", "raven", "lynx", "newt", "seal")
PLACES = ("desert", "river", "marsh", "forest", "ocean", "meadow")
ROWS = [
    {"id": f"{animal}/{place}", "title": animal.title(), "section": place,
     "text": f"The {animal} number {at} hunts in the {place} of county {animal[:2]}{place[:2]}."}
    for at, (animal, place) in enumerate((a, p) for a in ANIMALS for p in PLACES)
]  # fmt: skip


def source(folder: Path, rows: list[dict[str, str]] = ROWS) -> Path:
    path = folder / "animals.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wiki")
    built = build_index(open_wiki(str(source(folder))), folder / "index", EMBEDDER, SMALL)
    assert (built.embedded, built.manifest.count) == (60, 60)
    return folder / "index"


def test_a_question_finds_its_passage_by_words_by_meaning_and_by_both(index: Path) -> None:
    opened = open_index(index, EMBEDDER)
    for way in ("words", "dense", "hybrid"):
        hits = opened.search("Where in the marsh does the heron hunt?", 3, way)
        assert hits[0].passage.id == "heron/marsh"
        assert [hit.rank for hit in hits] == [1, 2, 3]


def test_words_that_stand_nowhere_find_nothing_by_words(index: Path) -> None:
    assert open_index(index, EMBEDDER).search("xylophone quartet", 5, "words") == []
    assert len(open_index(index, EMBEDDER).search("the of and", 5)) == 5


def test_an_index_says_what_it_was_made_of(index: Path) -> None:
    manifest = json.loads((index / MANIFEST).read_bytes())
    assert manifest["embedder"] == EMBEDDER.name
    assert manifest["digest"] == EMBEDDER.digest
    assert manifest["revision"].startswith("animals.jsonl ")
    assert (manifest["kind"], manifest["recall"]) == ("exact", 1.0)
    assert not (index / "work").exists()


def test_another_embedder_is_refused_in_one_line_with_the_mend(index: Path) -> None:
    other = replace(EMBEDDER, digest="another", name="other/model")
    with pytest.raises(UsageError, match="give --embedder words or build the index again") as told:
        open_index(index, other)
    assert "\n" not in str(told.value)


def test_building_again_does_nothing_and_other_settings_are_refused(index: Path) -> None:
    found = open_wiki(str(index.parent / "animals.jsonl"))
    assert build_index(found, index, EMBEDDER, SMALL).embedded == 0
    with pytest.raises(RunError, match="was begun with another limit"):
        build_index(found, index, EMBEDDER, replace(SMALL, limit=5))


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", "utf-8")
    with pytest.raises(RunError, match="holds something else"):
        build_index(open_wiki(str(source(tmp_path))), tmp_path, EMBEDDER)


def test_an_unfinished_or_damaged_index_is_told_in_one_line(tmp_path: Path, index: Path) -> None:
    with pytest.raises(SourceError, match="no finished index here"):
        open_index(tmp_path, EMBEDDER)
    for name in (DENSE, STORE, MANIFEST):
        folder = tmp_path / name
        subprocess.run(["cp", "-r", str(index), str(folder)], check=True)
        (folder / name).write_bytes(b"nonsense")
        with pytest.raises(SourceError, match="build"):
            open_index(folder, EMBEDDER).search("lion")


def test_a_source_without_passages_is_refused(tmp_path: Path) -> None:
    empty = source(tmp_path, [])
    with pytest.raises(SourceError, match="no passages in it"):
        build_index(open_wiki(str(empty)), tmp_path / "index", EMBEDDER)


_SLOW_BUILD = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from tests.support.embedders import WordEmbedder
from burnish.corpora.wikipedia.sources import open_wiki
from burnish.tools.retrieval.build_index import BuildSettings, build_index

class Slow(WordEmbedder):
    def embed(self, texts):
        time.sleep(0.05)
        return super().embed(texts)

build_index(open_wiki(sys.argv[1]), Path(sys.argv[2]), Slow(), BuildSettings(shard=4))
"""


def test_a_killed_build_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    rows, folder = source(tmp_path), tmp_path / "killed"
    command = [sys.executable, "-c", _SLOW_BUILD, str(rows), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as child:
        wait_until(lambda: len(list(folder.glob("work/0*.npy"))) >= 3, child)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    kept = len(list(folder.glob("work/0*.npy")))
    settings = BuildSettings(shard=4)
    built = build_index(open_wiki(str(rows)), folder, EMBEDDER, settings)
    assert built.embedded == 60 - 4 * kept
    whole = tmp_path / "whole"
    build_index(open_wiki(str(rows)), whole, EMBEDDER, settings)
    assert (folder / DENSE).read_bytes() == (whole / DENSE).read_bytes()
    for question in ("the otter of the ocean", "raven forest"):
        found = [open_index(at, EMBEDDER).search(question, 5) for at in (folder, whole)]
        assert found[0] == found[1]


def test_a_store_that_was_half_filled_is_filled_without_doubles(tmp_path: Path) -> None:
    rows, folder = source(tmp_path), tmp_path / "index"

    class Stopped(WordEmbedder):
        def embed(self, texts: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            raise InterruptedError(str(texts)[:0])

    with pytest.raises(InterruptedError):
        build_index(open_wiki(str(rows)), folder, Stopped(), SMALL)
    (folder / "work" / "read.json").unlink()
    built = build_index(open_wiki(str(rows)), folder, EMBEDDER, SMALL)
    assert built.manifest.count == 60
    opened = open_index(folder, EMBEDDER)
    assert [one.id for one in opened.store.every()] == [row["id"] for row in ROWS]
    assert opened.store.get([3]) == [Passage(**ROWS[3])]


def test_many_vectors_go_into_cells_and_the_recall_is_reported(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((40, 24))
    rows = centres[draw.integers(0, 40, 3000)] + 0.2 * draw.standard_normal((3000, 24))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    shards = [tmp_path / "0.npy", tmp_path / "1.npy"]
    np.save(shards[0], rows[:1600])
    np.save(shards[1], rows[1600:])
    report = build_dense(shards, tmp_path / DENSE, exact_up_to=1000)
    assert report.kind == "cells"
    assert report.recall >= 0.98
    assert report.probes < report.cells
    opened = open_dense(tmp_path / DENSE, report.probes)
    assert [opened.search(rows[at], 1).rows[0] for at in (0, 1599, 1600, 2999)] == [
        0, 1599, 1600, 2999,
    ]  # fmt: skip


def test_exact_search_agrees_with_a_product_of_matrices(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    rows = draw.standard_normal((500, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.save(tmp_path / "0.npy", rows)
    assert build_dense([tmp_path / "0.npy"], tmp_path / DENSE).kind == "exact"
    opened = open_dense(tmp_path / DENSE)
    for asked in rows[:20] + np.float32(0.01):
        found = opened.search(asked, 10)
        truth = rows @ asked
        assert found.scores == pytest.approx(np.sort(truth)[::-1][:10], abs=2e-3)

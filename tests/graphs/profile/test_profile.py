# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from numpy.typing import NDArray

from burnish.graphs.profile.page import render_profile
from burnish.graphs.profile.profile import ProfileReading, Vectoring, profile_location
from burnish.graphs.profile.vector_cache import VectorCache
from burnish.tools.profile.cells import UNKNOWN
from burnish.tools.profile.profile import ProfileSettings
from tests.support.waiting import PATIENCE_S


class CountedEmbedder:
    """Vectors from the letters of a text; counts what it embedded."""

    name = digest = "letters"
    dimensions = 6

    def __init__(self) -> None:
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        rows = np.array([[1 + text.count(letter) for letter in "aeiost"] for text in texts], float)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made(folder: Path, name: str, items: int, seed: int, *, skew: bool = False) -> Path:
    draw = np.random.default_rng(seed)
    hard = 1.5 * draw.normal(size=items)
    able = np.linspace(-1, 2, 8)
    rows: list[Mapping[str, object]] = []
    for at in range(items):
        right = draw.random(8) < 1 / (1 + np.exp(hard[at] - able))
        picks = {f"m{m}": "A" if right[m] else "BCD"[int(draw.integers(3))] for m in range(8)}
        rows.append({
            "id": f"{name}{at}",
            "question": f"What is {at} times {seed}, said the {'abcdefgh'[at % 8] * 4} teacher?",
            "choices": [str(at * seed), str(at + seed), f"x{at}", f"y{at}"],
            "answer": "A",
            "subject": "sums" if skew and at % 5 else "logic",
            "picks": picks,
        })  # fmt: skip
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from burnish.graphs.cli.main import main; main()",
            "profile",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def test_the_command_prints_figures_and_writes_the_report(tmp_path: Path) -> None:
    source, target = made(tmp_path, "own", 120, 3, skew=True), made(tmp_path, "ref", 100, 4)
    page = tmp_path / "report.html"
    done = command(str(source), "--target", str(target), "--json", "-o", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    assert figures["items"] == 120
    assert figures["difficulty"]["models"] == 8
    assert figures["divergence"]["cells"]["bits"] > figures["divergence"]["cells"]["floor"]
    assert set(figures["divergence"]) == {"cells", "difficulty", "cells_and_difficulty"}
    [place] = figures["key_places"]
    assert place["counts"] == [120, 0, 0, 0]
    text = page.read_text("utf-8")
    assert "Distance to the target" in text
    assert "<script" not in text


def test_the_command_prints_a_table_for_people(tmp_path: Path) -> None:
    done = command(str(made(tmp_path, "own", 30, 3)))
    assert done.returncode == 0
    assert "items       30 (0 bad rows set aside)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "no such file"),
        (["{own}", "--edges", "2,1"], "--edges 2,1: give ascending numbers"),
        (["{own}", "-o", "report.txt"], "ends in .html, .json or .parquet"),
        (["{own}", "--question-field", "q"], "no column 'q'"),
        (["{own}", "--answers", "{other}"], "names none of the items"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    own, other = made(tmp_path, "own", 20, 3), made(tmp_path, "other", 20, 5)
    done = command(*(one.format(own=own, other=other) for one in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("burnish: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_profile_of_items_is_a_table_for_other_programs(tmp_path: Path) -> None:
    out = tmp_path / "items.parquet"
    assert command(str(made(tmp_path, "own", 40, 3)), "-o", str(out)).returncode == 0
    table = parquet.read_table(out)
    assert table.num_rows == 40
    assert {"id", "cell", "difficulty", "error", "bucket", "flags"} <= set(table.column_names)


def test_vectors_are_made_once(tmp_path: Path) -> None:
    source = str(made(tmp_path, "own", 30, 3))
    embedder = CountedEmbedder()
    cache = tmp_path / "vectors"
    for texts in (30 + 120, 30 + 120):
        vectoring = Vectoring(VectorCache(cache, "abc"), lambda: embedder)
        result = profile_location(source, vectoring=vectoring)
        assert result.figures["distractors"]["plausibility"]["items"] == 30
        assert 30 < embedder.texts <= texts
    VectorCache(cache, "abc").path.write_bytes(b"broken")
    again = CountedEmbedder()
    profile_location(source, vectoring=Vectoring(VectorCache(cache, "abc"), lambda: again))
    assert again.texts == embedder.texts


def test_difficulties_of_sets_that_no_model_shares_are_not_compared(tmp_path: Path) -> None:
    own, target = made(tmp_path, "own", 60, 3), made(tmp_path, "ref", 60, 4)
    target.write_text(target.read_text("utf-8").replace('"m', '"n'), encoding="utf-8")
    figures = profile_location(str(own), str(target)).figures
    assert set(figures["divergence"]) == {"cells"}


def test_items_without_answers_have_no_difficulty(tmp_path: Path) -> None:
    source = made(tmp_path, "own", 30, 3)
    lines = source.read_text("utf-8").split("\n")[:-1]
    bare = [json.loads(line) | {"picks": {}} for line in lines[:10]]
    text = "".join(json.dumps(row) + "\n" for row in bare) + "\n".join(lines[10:]) + "\n"
    source.write_text(text, encoding="utf-8")
    profile = profile_location(str(source), reading=ProfileReading()).profiled.profile
    assert np.isnan(profile.difficulty).tolist() == [True] * 10 + [False] * 20
    assert (profile.bucket[:10] == UNKNOWN).all()
    assert profile.places.counts().sum() == 30


def test_the_same_set_gives_the_same_profile(tmp_path: Path) -> None:
    source = str(made(tmp_path, "own", 250, 3, skew=True))
    first, second = profile_location(source).figures, profile_location(source).figures
    assert json.dumps(first) == json.dumps(second)


def judged(folder: Path, name: str, items: int, seed: int) -> tuple[Path, NDArray[np.float64]]:
    """Write pairs in which the truly harder item is named first as often as the odds say."""
    draw = np.random.default_rng(seed)
    hard = 1.5 * draw.normal(size=items)
    rows: list[str] = []
    for _ in range(40 * items):
        one, other = draw.choice(items, 2, replace=False)
        wins = draw.random() < 1 / (1 + np.exp(hard[other] - hard[one]))
        pair = (one, other) if wins else (other, one)
        rows.append(json.dumps({"harder": f"{name}{pair[0]}", "easier": f"{name}{pair[1]}"}))
    path = folder / "judgements.jsonl"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path, hard


@pytest.mark.parametrize("online", [False, True])
def test_judgements_of_pairs_tell_the_difficulty(tmp_path: Path, online: bool) -> None:  # noqa: FBT001
    own = made(tmp_path, "own", 60, 3)
    judgements, hard = judged(tmp_path, "own", 60, 4)
    reading = ProfileReading(judgements=str(judgements))
    result = profile_location(str(own), None, reading, ProfileSettings(online_elo=online))
    profile = result.profiled.profile
    assert np.corrcoef(profile.difficulty, hard)[0, 1] > 0.9
    assert bool(np.isnan(profile.error).all()) == online
    assert result.figures["difficulty"]["told_by"] == "judgements"
    assert result.figures["difficulty"]["answers"] == 2 * 40 * 60
    json.dumps(result.figures, allow_nan=False)
    assert ("± " in render_profile(result.figures)) != online


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"harder": "own1"}', "row 1: no 'easier'"),
        ('{"harder": "own1", "easier": "own1"}', "row 1: an item is judged against itself"),
        ('{"harder": "own1", "easier": "elsewhere"}', "no row of it names two of the items"),
    ],
)
def test_judgements_that_cannot_be_used_are_one_line(tmp_path: Path, row: str, reason: str) -> None:
    own = made(tmp_path, "own", 8, 3)
    path = tmp_path / "judgements.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    done = command(str(own), "--judgements", str(path))
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().split("\n")) == 1

"""A whole run that borrows wrong answers, from the command line, with the real embedder."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.graphs.archive.replay import replay
from burnish.graphs.archive.verify import verify
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.settings import load
from burnish.tools.answers.compare import compare
from burnish.tools.retrieval.embedder import DEFAULT, find_model
from tests.support.question_sets import write

KINDS = (
    "grey",
    "brown",
    "spotted",
    "striped",
    "dwarf",
    "giant",
    "common",
    "desert",
    "river",
    "snow",
)
BEASTS = ("fox", "owl", "hare", "otter", "seal", "crane", "viper", "toad", "lynx", "heron", "mole")
PLACES = (
    "marsh",
    "cliff",
    "meadow",
    "harbour",
    "forest",
    "dune",
    "cave",
    "orchard",
    "lake",
    "moor",
)


def _found() -> bool:
    try:
        find_model(DEFAULT)
    except UsageError:
        return False
    return True


pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not _found(), reason="there is no sentence embedder here"),
]


def _row(number: int) -> dict[str, Any]:
    """Return an item that says one of its wrong answers twice, or has a key that stands out."""
    draw = random.Random(number)  # noqa: S311
    animals = [f"{draw.choice(KINDS)} {beast}" for beast in draw.sample(BEASTS, 3)]
    key = animals[0]
    twice = number % 4 > 0
    wrong = [animals[1], animals[1], animals[2]] if twice else ["a", "b", "c"]
    choices = [*wrong, key] if number % 2 else [key, *wrong]
    return {
        "id": f"i{number}",
        "question": (
            f"Which animal of the {draw.choice(KINDS)} {draw.choice(PLACES)} was seen with a"
            f" {draw.choice(BEASTS)} on walk {number}?"
        ),
        "choices": choices,
        "answer": "ABCD"[choices.index(key)],
        "subject": "walks" if number % 3 else "tours",
        "note": number,
    }


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write(folder / "set.jsonl", [_row(number) for number in range(60)])
    (folder / "shares.toml").write_text("[shares]\nwalks = 0.6667\ntours = 0.3333\n", "utf-8")
    return folder


def _command(*arguments: str) -> str:
    code = "from burnish.graphs.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(sets: Path, root: Path, *operations: str) -> None:
    named = json.dumps(list(operations))
    _command(
        "run", str(sets / "set.jsonl"), "-o", str(root), "--target", str(sets / "shares.toml"),
        "--set", f"qa.operations={named}", "--set", "run.max_failure_ratio=1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "run"
    _run(sets, root, "mine_distractors")
    return root


def _ledger(root: Path) -> dict[str, QAEntry]:
    return {entry.id: entry for entry in LEDGER.read(RunFolder.open(root).part("ledger", 0))}


def _rows(root: Path) -> dict[str, dict[str, Any]]:
    table = parquet.read_table(root / "data" / "part-00000.parquet")
    return {str(row["id"]): row for row in table.to_pylist()}


def test_wrong_answers_are_borrowed_and_the_key_is_kept(sets: Path, done: Path) -> None:
    entries, rows = _ledger(done), _rows(done)
    lines = (sets / "set.jsonl").read_text("utf-8").splitlines()
    source = {str(row["id"]): row for row in map(json.loads, lines)}
    edited = [entry.id for entry in entries.values() if entry.outcome == "edited"]
    assert len(edited) >= 20
    lent = {choice for row in source.values() for choice in row["choices"]}
    for name in edited:
        before, after = source[name], rows[name]
        key = before["choices"]["ABCD".index(before["answer"])]
        assert after["choices"]["ABCD".index(after["answer"])] == key
        wrong = [choice for choice in after["choices"] if choice != key]
        assert len(set(wrong)) == 3
        assert set(wrong) <= lent
        assert not any(compare(key, one).may_be_same for one in wrong)
        assert (after["question"], after["note"]) == (before["question"], before["note"])
        assert "borrowed from" in entries[name].reason
    strata = Counter(rows[name]["answer"] for name in edited)
    assert set(strata) == set("ABCD")
    assert max(strata.values()) < 0.25 * len(edited) + 3 * (0.1875 * len(edited)) ** 0.5


def test_items_that_cannot_hide_their_key_stand_as_they_came_and_say_why(
    sets: Path, done: Path
) -> None:
    entries, rows = _ledger(done), _rows(done)
    failed = [entry for entry in entries.values() if entry.outcome == "failed"]
    assert failed
    lines = (sets / "set.jsonl").read_text("utf-8").splitlines()
    source = {str(row["id"]): row for row in map(json.loads, lines)}
    for entry in failed:
        assert rows[entry.id] == source[entry.id]
        assert "like the question than the key" in entry.reason or "of 3 fit" in entry.reason


def test_the_run_verifies_and_every_edit_can_be_undone(
    sets: Path, done: Path, tmp_path: Path
) -> None:
    assert verify(RunFolder.open(done)).holds
    # In this process: an idle run needs no embedder.
    settings = load((), ["qa.operations=[]", f"qa.target={sets / 'shares.toml'}"])
    idle = RunFolder(tmp_path / "idle", settings.run.format)
    carry_out(QaContext(idle, settings, str(sets / "set.jsonl")))
    undone = tmp_path / "undone"
    replay(RunFolder.open(done), undone, ["operation=mine_distractors"])
    name = Path("data") / "part-00000.parquet"
    assert (undone / name).read_bytes() == (tmp_path / "idle" / name).read_bytes()
    one = next(entry.id for entry in _ledger(done).values() if entry.outcome == "edited")
    replay(RunFolder.open(done), tmp_path / "one", [f"record={one}"])
    before, after = _rows(done), _rows(tmp_path / "one")
    assert [name for name in before if before[name] != after[name]] == [one]


@pytest.mark.slow
def test_the_same_run_again_ends_in_the_same_bytes(sets: Path, done: Path, tmp_path: Path) -> None:
    _run(sets, tmp_path / "again", "mine_distractors")
    name = Path("data") / "part-00000.parquet"
    assert (tmp_path / "again" / name).read_bytes() == (done / name).read_bytes()

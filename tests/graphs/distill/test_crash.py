"""`burnish distill` as a process that is killed and started again."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from burnish.eval.robustness.crashes import finished
from tests.support.model_server import model_server, questions
from tests.support.waiting import PATIENCE_S, wait_until

BURNISH = [sys.executable, "-c", "from burnish.graphs.cli.main import main; main()"]
WRITTEN = ("train.jsonl", "validation.jsonl", "report.json")
IN_FLIGHT = 64
"""Documents that an expert works on at a time."""


def write_pages(path: Path, count: int) -> Path:
    rows = [
        {
            "id": f"p{n}",
            "url": f"https://site{n % 40}.example/{n}",
            "raw": f"Menu {n}\nLogin\nText number {n} that stays.\nShare" + f"\nText {n}." * 30,
            "gold": f"Text number {n} that stays." + f"\nText {n}." * 30,
        }
        for n in range(count)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def start(words: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*BURNISH, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_when(words: Sequence[str], due: Callable[[], bool]) -> None:
    process = start(words)
    wait_until(due, process)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL


def written(root: Path) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in WRITTEN[:2]}


@pytest.mark.slow
def test_a_killed_distillation_of_given_pairs_ends_in_the_same_bytes(tmp_path: Path) -> None:
    corpus = write_pages(tmp_path / "in.jsonl", 4_000)
    root, calm = tmp_path / "killed", tmp_path / "calm"

    def words(folder: Path) -> list[str]:
        columns = ["--text-field", "raw", "--refined-field", "gold", "--workers", "1"]
        return ["distill", str(corpus), "-o", str(folder), *columns]

    assert start(words(calm)).wait(120) == 0
    shards = finished(calm)
    assert shards > 4
    for least in (1, shards // 2):
        kill_when(words(root), lambda least=least: finished(root) >= least)
        assert finished(root) < shards
        assert not (root / "train.jsonl").exists()
    assert start(words(root)).wait(120) == 0
    assert written(root) == written(calm)
    assert orjson.loads((root / "report.json").read_bytes()) == orjson.loads(
        (calm / "report.json").read_bytes()
    )


def tidy(turn: str) -> str:
    lines = turn.split("\n")[1:-1]
    kept = "\n".join(line for line in lines if line.startswith("Text"))
    return f"<reason>noise</reason>\n<document>\n{kept}\n</document>"


def answered(root: Path) -> int:
    path = root / "replies.sqlite"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return store.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.mark.slow
def test_a_killed_distillation_asks_the_expert_again_only_what_was_in_flight(
    tmp_path: Path,
) -> None:
    count = 160
    corpus = write_pages(tmp_path / "in.jsonl", count)
    root, calm = tmp_path / "killed", tmp_path / "calm"

    def words(folder: Path, url: str) -> list[str]:
        expert = ["--llm", url, "--model", "m", "--budget", "2000000"]
        return ["distill", str(corpus), "-o", str(folder), "--text-field", "raw", *expert]

    with model_server(tidy) as server:
        assert start(words(calm, server.url)).wait(120) == 0
    with model_server(tidy, delay_s=0.1) as server:
        kept: list[int] = []
        for share in (0.3, 0.7):
            kill_when(words(root, server.url), lambda: answered(root) >= count * share)  # noqa: B023
            kept.append(answered(root))
        assert start(words(root, server.url)).wait(120) == 0
    asked = questions(server)
    assert kept[0] < kept[1] < count
    assert len(asked) == answered(root) == count
    assert asked.total() <= count + 2 * IN_FLIGHT
    # Whatever was answered before a kill was asked once and never again.
    assert sum(times == 1 for times in asked.values()) >= kept[1] - IN_FLIGHT
    assert written(root) == written(calm)

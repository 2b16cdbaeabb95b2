# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.eval.robustness.speed import COMMAND
from tests.support.waiting import PATIENCE_S, cpu_seconds, wait_until

pytestmark = pytest.mark.process

HEAD = "item,operation,gain,cost,cell_from,cell_to\n"
SET = HEAD + "".join(
    f"q{i},remove,{2 + i % 3},0,{'ab'[i % 2]},\n"
    f"q{i},rephrase,{1 + i % 5},{10 + 3 * i},{'ab'[i % 2]},{'ab'[i % 2]}\n"
    f"q{i},move,{i % 4},20,{'ab'[i % 2]},{'ba'[i % 2]}\n"
    for i in range(20)
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def figures(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text(SET, encoding="utf-8")
    return tmp_path


def _solve(here: Path, *arguments: str) -> Ended:
    done = subprocess.run(
        [*COMMAND, "solve", *arguments],
        cwd=here,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_table_becomes_a_plan_and_figures(here: Path) -> None:
    (here / "q.toml").write_text('reserve = 0.1\n[cell."a"]\nmin_count = 9\n', encoding="utf-8")
    ended = _solve(here, "table.csv", "--budget", "300", "--quotas", "q.toml", "-o", "plan.parquet")
    assert ended.code == 0, ended.err
    figures = ended.figures
    assert figures["value"] == pytest.approx(figures["bound"])
    assert figures["gap"] <= 1e-9
    assert figures["reserve"] == pytest.approx(30)
    assert figures["cost"] <= 270
    assert figures["price_per_1000_tokens"] > 0
    floor, cell = figures["quotas"]
    assert floor["quota"] == "size share >= 0.9"
    assert floor["reached"] >= 0.9
    assert cell["reached"] >= 9
    assert all("price" in quota for quota in figures["quotas"])
    values = [point["value"] for point in figures["curve"] if point["value"] is not None]
    assert values == sorted(values)
    assert "baselines" not in figures
    plan = pq.read_table(here / "plan.parquet").to_pylist()
    assert len(plan) == 20
    assert sum(row["gain"] for row in plan) == pytest.approx(figures["value"])
    assert "value" in ended.err


def test_json_alone_with_baselines_and_without_a_curve(here: Path) -> None:
    ended = _solve(here, "table.csv", "--budget", "300", "--json", "--baselines", "--no-curve")
    assert (ended.code, ended.err) == (0, "")
    names = {rival["name"] for rival in ended.figures["baselines"]}
    assert {"greedy", "uniform", "random"} <= names
    for rival in ended.figures["baselines"]:
        assert rival["breaches"] or rival["value"] <= ended.figures["value"] + 1e-9
    assert len(ended.figures["curve"]) == 1


def test_the_same_command_gives_the_same_plan(here: Path) -> None:
    for name in ("one.csv", "two.csv"):
        assert _solve(here, "table.csv", "--budget", "250", "-o", name).code == 0
    assert (here / "one.csv").read_bytes() == (here / "two.csv").read_bytes()


def test_quotas_that_cannot_be_met_are_one_line_with_the_smallest_change(here: Path) -> None:
    (here / "q.toml").write_text('[cell."a"]\nmin_count = 30\n', encoding="utf-8")
    ended = _solve(here, "table.csv", "--budget", "90", "--quotas", "q.toml", "-o", "plan.csv")
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "the smallest change that helps: cell 'a' count >= 30 -> 14" in ended.err
    assert not (here / "plan.csv").exists()
    (here / "q.toml").write_text('[cell."a"]\nmin_count = 14\n', encoding="utf-8")
    assert _solve(here, "table.csv", "--budget", "90", "--quotas", "q.toml").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("absent.csv", "--budget", "3"), "no such file"),
        (("table.csv", "--budget", "nan"), "budget"),
        (("table.csv", "--budget", "3", "--quotas", "absent.toml"), "cannot be read"),
        (("table.csv", "--budget", "3", "-o", "no/plan.csv"), "its folder does not exist"),
        (("table.csv", "--budget", "3", "-o", "."), "is a folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    here: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = _solve(here, *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_an_interrupt_leaves_no_plan_and_no_trace(here: Path) -> None:
    _write_hard_table(here / "hard.parquet")
    command = [*COMMAND, "solve", "hard.parquet", "--budget", "4000", "-o", "plan.parquet"]
    with subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _wait_until_it_searches(process.pid)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert out == b""
    assert err.decode() == "burnish: interrupted; no plan was written\n"
    assert {path.name for path in here.iterdir()} == {"table.csv", "hard.parquet"}


def _write_hard_table(path: Path) -> None:
    """Write options whose gain is their cost and a bit: a proof takes minutes."""
    rng = np.random.default_rng(0)
    items, width = 2_500, 4
    cost = rng.integers(1_000, 9_000, items * width)
    table = pa.table({
        "item": np.repeat(np.arange(items), width),
        "operation": np.tile(["w", "x", "y", "z"], items),
        "gain": cost + 100.0 + rng.random(items * width),
        "cost": cost,
    })
    pq.write_table(table, path)


def _wait_until_it_searches(pid: int) -> None:
    """Wait until the process is at work for a while, its libraries loaded."""
    wait_until(lambda: "highs" in Path(f"/proc/{pid}/maps").read_text("utf-8"))
    loaded = cpu_seconds(pid)
    wait_until(lambda: cpu_seconds(pid) > loaded + 1)

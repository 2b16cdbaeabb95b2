"""Whole runs over questions: the real command line against a model server on loopback."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as parquet
import pytest
from aiohttp import web

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.eval.robustness.loopback import Body, LoopbackServer, completion, failure, ok
from burnish.graphs.archive.verify import verify
from burnish.tools.retrieval.embedder import DEFAULT, find_model
from tests.support.model_server import in_thread, is_probe, obeys_probe
from tests.support.question_script import mixed, passages, reply, task_of
from tests.support.question_sets import programs_run
from tests.support.waiting import PATIENCE_S, wait_until

EVERYTHING = (
    "remove", "flag", "generate", "expand", "recalibrate", "rewrite_distractors", "repair",
)  # fmt: skip
"""All but `rephrase`, which would be ordered in place of checks; the small runs have it."""
SMALL = ("flag", "generate", "rephrase", "repair")
BUDGET = 900_000
ABREAST = 4


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not programs_run(), reason="this system has no sandbox for programs"),
]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        """What was said that is no progress."""
        return [line for line in self.err.split("\n") if line.startswith("burnish: ")]


def _answered(body: Body, factor: int = 1) -> web.Response:
    if is_probe(body):
        return ok(obeys_probe(body))
    said = reply(body)
    asked = len(orjson.dumps(body["messages"]))
    return ok(completion(said, usage=(factor * asked // 4, factor * len(said) // 4)))


def _command(folder: Path, root: Path, url: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-c", "from burnish.graphs.cli.main import main; main()"),
        *("run", str(folder / "mixed.jsonl"), "-o", str(root), "--llm", url, "--model", "m"),
        *("--set", "qa.check=all", "--set", "qa.buckets=2", "--set", "qa.batch=8"),
        *("--set", f"llm.concurrency={ABREAST}", "--set", "llm.patience_s=1", *more),
    ]


def _small(folder: Path, root: Path, url: str, *more: str, budget: int = BUDGET) -> list[str]:
    pairs = ("--set", "qa.rounds=1", "--set", "qa.pilot=2", "--budget", str(budget))
    operations = json.dumps(SMALL)
    return _command(folder, root, url, *pairs, "--set", f"qa.operations={operations}", *more)


def _ended(command: list[str]) -> Ended:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def _ledger(root: Path) -> list[QAEntry]:
    return list(LEDGER.read(RunFolder.open(root).part("ledger", 0)))


def _asked(server: LoopbackServer) -> Counter[bytes]:
    return Counter(orjson.dumps(body) for body in server.bodies if not is_probe(body))


def _spent(root: Path) -> int:
    return int(json.loads((root / "report.json").read_text("utf-8"))["tokens"]["spent"])


def _files(root: Path) -> dict[str, bytes]:
    kept = ("data", "aside", "ledger", "edits")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and (path.parent.name in kept or path.name.startswith("review"))
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets")
    mixed(path)
    return path


@dataclass(frozen=True)
class Full:
    root: Path
    ended: Ended
    server: LoopbackServer


@pytest.fixture(scope="module")
def full(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Full]:
    """A run with every operation and every validator, on an index of passages."""
    try:
        find_model(DEFAULT)
    except UsageError:
        pytest.skip("no sentence embedder is installed")
    root, index = tmp_path_factory.mktemp("runs") / "run", folder / "index"
    burnish = [sys.executable, "-c", "from burnish.graphs.cli.main import main; main()"]
    assert _ended([*burnish, "wiki", "build", str(passages(folder)), "-o", str(index)]).code == 0
    with in_thread(_answered) as server:
        more = ("--budget", str(BUDGET), "--set", f"qa.wiki={index}", "--set", "qa.pilot=3")
        operations = json.dumps(EVERYTHING)
        command = _command(folder, root, server.url, *more, "--set", f"qa.operations={operations}")
        yield Full(root, _ended(command), server)


def test_every_operation_is_carried_out_over_the_wire_and_paid_for_once(full: Full) -> None:
    assert full.ended.code == 0, full.ended.err
    entries = _ledger(full.root)
    done = {entry.operation for entry in entries if entry.status == "done"}
    assert done >= set(EVERYTHING) - {"flag", "remove"}
    tasks = Counter(task_of(body) for body in full.server.bodies if not is_probe(body))
    written = {"generate", "expand", "recalibrate", "rewrite_distractors", "repair"}
    assert set(tasks) == written | {"reasoner", "librarian"}
    assert set(_asked(full.server).values()) == {1}
    assert 0 < _spent(full.root) <= BUDGET
    assert verify(RunFolder.open(full.root)).faults == ()
    forms = [body for body in full.server.bodies if task_of(body) in written | {"librarian"}]
    assert all("response_format" in body for body in forms)


def test_each_kind_goes_to_its_validator_and_its_evidence_is_in_the_ledger(full: Full) -> None:
    entries = {entry.id: entry for entry in _ledger(full.root)}
    towns = [entry for name, entry in entries.items() if name.startswith("towns-")]
    sums = [entry for name, entry in entries.items() if name.startswith("sums-")]
    assert {v.validator for entry in towns for v in entry.verdicts} == {"librarian"}
    assert {v.validator for entry in sums for v in entry.verdicts} == {"reasoner"}
    looked = [v for entry in towns for v in entry.verdicts if v.opinion != "abstain"]
    assert looked
    for verdict in looked:
        assert verdict.evidence[0].kind == "passage"
        assert verdict.evidence[0].source.startswith("town-")
    programs = [v for entry in sums for v in entry.verdicts if v.opinion != "abstain"]
    assert {piece.kind for verdict in programs for piece in verdict.evidence} >= {
        "program", "comparison", "calculation",
    }  # fmt: skip


def test_a_rejection_alone_edits_no_key_and_two_paths_do(full: Full, folder: Path) -> None:
    entries = {entry.id: entry for entry in _ledger(full.root)}
    lines = (folder / "mixed.jsonl").read_text("utf-8").split("\n")
    before = {row["id"]: row for row in map(json.loads, filter(None, lines))}
    table = parquet.read_table(full.root / "data" / "part-00000.parquet")
    after: dict[str, Any] = {row["id"]: row for row in table.to_pylist()}

    def keyed(row: dict[str, Any]) -> str:
        return str(row["choices"]["ABCD".index(row["answer"])])

    alone = [name for name in ("towns-9", "towns-19", "towns-29", "sums-8") if name in after]
    assert "sums-8" in alone
    for name in alone:
        assert keyed(after[name]) == keyed(before[name])
    lines = (full.root / "review.jsonl").read_text("utf-8").split("\n")
    review = {row["id"]: row for row in map(json.loads, filter(None, lines))}
    rejected = {
        name for name in alone if any(v.opinion == "reject" for v in entries[name].verdicts)
    }
    assert rejected
    assert rejected <= set(review)
    mended = [name for name, entry in entries.items() if entry.operation == "repair"]
    assert mended
    for name in mended:
        paths = {path for verdict in entries[name].verdicts for path in verdict.paths}
        assert paths == {"calculation", "program"}
        assert keyed(after[name]) != keyed(before[name])


def test_a_new_item_is_grounded_in_a_passage_that_the_ledger_names(full: Full) -> None:
    added = [
        entry
        for entry in _ledger(full.root)
        if entry.operation == "expand" and entry.outcome == "added"
    ]
    assert added
    table = parquet.read_table(full.root / "data" / "part-00000.parquet")
    rows: dict[str, Any] = {row["id"]: row for row in table.to_pylist()}
    for entry in added:
        kind, _, _ = entry.rests_on.partition("-")
        assert kind in {"town", "lake"}
        assert f"rests on passage {entry.rests_on}: " in entry.reason
        row = rows[entry.id]
        assert row["choices"]["ABCD".index(row["answer"])] in entry.reason


@pytest.fixture(scope="module")
def calm(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Full:
    """A run that nothing disturbs."""
    root = tmp_path_factory.mktemp("calm") / "run"
    with in_thread(_answered) as server:
        ended = _ended(_small(folder, root, server.url))
    assert ended.code == 0, ended.err
    assert set(_asked(server).values()) == {1}
    assert {"generate", "rephrase"} <= {task_of(body) for body in server.bodies}
    return Full(root, ended, server)


def _slowly(body: Body) -> web.Response:
    time.sleep(0.05)
    return _answered(body)


def test_a_killed_run_pays_again_only_what_was_in_flight_and_ends_the_same(
    folder: Path, calm: Full, tmp_path: Path
) -> None:
    wanted, root = sum(_asked(calm.server).values()), tmp_path / "run"
    with in_thread(_slowly) as server:
        command = _small(folder, root, server.url)
        for share in (0.25, 0.6):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            wait_until(lambda s=share: sum(_asked(server).values()) >= wanted * s, process)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
        ended = _ended(command)
    assert ended.code == 0, ended.err
    assert _files(root) == _files(calm.root)
    asked = _asked(server)
    assert set(asked) == set(_asked(calm.server))
    assert sum(asked.values()) <= wanted + 2 * ABREAST
    report = json.loads((root / "report.json").read_text("utf-8"))
    first = json.loads((calm.root / "report.json").read_text("utf-8"))
    assert report["tokens"]["work"] == first["tokens"]["work"]
    assert report["tokens"]["spent"] >= first["tokens"]["spent"]
    assert report["invoice"] == first["invoice"]


@pytest.mark.parametrize("factor", [1, 8])
def test_a_small_budget_holds_even_where_the_server_counts_too_much(
    folder: Path, tmp_path: Path, factor: int
) -> None:
    root, budget = tmp_path / "run", 40_000
    with in_thread(lambda body: _answered(body, factor)) as server:
        ended = _ended(_small(folder, root, server.url, budget=budget))
    assert ended.code == 0, ended.err
    assert 0 < _spent(root) <= budget
    assert json.loads((root / "report.json").read_text("utf-8"))["balance"]["balances"]


def test_a_server_that_dies_stops_the_run_in_one_line_and_nothing_is_lost(
    folder: Path, calm: Full, tmp_path: Path
) -> None:
    root, wanted = tmp_path / "run", sum(_asked(calm.server).values())
    with in_thread(_slowly) as server:
        process = subprocess.Popen(
            _small(folder, root, server.url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: sum(_asked(server).values()) >= wanted // 2, process)  # type: ignore[arg-type]
    _, err = process.communicate(timeout=PATIENCE_S)
    ended = Ended(process.returncode, "", err)
    assert ended.code == 3
    (line,) = ended.said
    assert "model server" in line
    assert "go on" in line
    assert "Traceback" not in err
    paid = _asked(server)
    with in_thread(_answered) as server:
        again = _ended(_small(folder, root, server.url))
    assert again.code == 0, again.err
    assert _files(root) == _files(calm.root)
    assert sum((_asked(server) & paid).values()) <= 2 * ABREAST


def test_requests_that_a_server_refuses_become_failures_with_the_boundary_in_their_reason(
    folder: Path, tmp_path: Path
) -> None:
    def choosy(body: Body) -> web.Response:
        return failure(400) if task_of(body) == "rephrase" else _answered(body)

    root = tmp_path / "run"
    with in_thread(choosy) as server:
        ratio = ("--set", "run.max_failure_ratio=0.02")
        ended = _ended(_small(folder, root, server.url, *ratio))
    assert ended.code == 1
    (line,) = ended.said
    assert "the model failed (rejected)" in line
    failed = [entry for entry in _ledger(root) if entry.status == "failed"]
    assert failed
    assert all("the model failed (rejected)" in entry.reason for entry in failed)
    assert verify(RunFolder.open(root)).faults == ()
    balance = json.loads((root / "report.json").read_text("utf-8"))["balance"]
    assert balance["balances"]
    assert balance["rows_out"] == 48 + balance["added"]

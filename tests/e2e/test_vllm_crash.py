"""A run on a real vLLM that is killed mid-way: what it pays, and what comes out of it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path

from burnish.eval.robustness.crashes import finished, imbalance, snapshot
from tests.e2e.toy import BURNISH, MARKS, NAME, PATIENCE_S, TOKENS, WINDOW, Json, burnish

CONCURRENCY = 4
SHARD_ROWS = 3
KILL_AT = 0.4
"""Share of the undisturbed run's tokens after which the run is killed."""
pytestmark = MARKS


def command(server: Json, root: Path) -> list[str]:
    source = str(files("burnish.corpora.samples").joinpath("documents.jsonl"))
    settings = {
        "llm.window_chars": WINDOW,
        "llm.max_tokens": TOKENS,
        "llm.concurrency": CONCURRENCY,
        "run.shard_rows": SHARD_ROWS,
        "guard.attempts": 1,
    }
    pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    model = ["--llm", server["url"], "--model", NAME, "--workers", "1"]
    return ["run", source, "-o", str(root), *model, *pairs]


def asked(path: Path, query: str) -> Sequence[tuple[int, ...]]:
    """Read a store of a run, which may be at work, without a trace."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()


def spent(root: Path) -> int:
    with suppress(sqlite3.OperationalError):
        return sum(asked(root / "budget.sqlite", "SELECT spent, held FROM account")[0])
    return 0


def kill_at(tokens: int, words: Sequence[str], root: Path) -> None:
    """Start a run and strike it by SIGKILL once it has spent so many tokens."""
    process = subprocess.Popen(
        [*BURNISH, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    ends = time.monotonic() + PATIENCE_S
    while spent(root) < tokens and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.01)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL


def test_a_killed_run_pays_again_only_for_what_was_in_flight(server: Json, tmp_path: Path) -> None:
    calm, root, again = tmp_path / "calm", tmp_path / "killed", tmp_path / "again"
    burnish(*command(server, calm))
    kill_at(int(KILL_AT * spent(calm)), command(server, root), root)
    shards = finished(calm)
    assert finished(root) < shards
    burnish(*command(server, root))
    burnish("replay", root, "--verify")
    assert imbalance(root) == ""
    # What a run does with these very replies when nobody disturbs it.
    again.mkdir()
    shutil.copy(root / "replies.sqlite", again)
    burnish(*command(server, again))
    assert snapshot(again) == snapshot(root)
    assert len(snapshot(root)) >= 2 * shards
    assert not asked(again / "budget.sqlite", "SELECT id FROM spending WHERE task = 'refine'")

    (paid, distinct, kept) = asked(root / "replies.sqlite", PAID)[0]
    (sent, worst) = asked(root / "budget.sqlite", SENT)[0]
    (probes,) = asked(root / "budget.sqlite", PROBES)[0]
    same = snapshot(calm) == snapshot(root)
    sys.stdout.write(
        f"undisturbed: {spent(calm)} tokens; killed and resumed: {spent(root)}, of them {probes} "
        f"for probes; {distinct} questions, {sent} requests, at worst {worst} tokens each; "
        f"the server {'repeats' if same else 'does not repeat'} itself\n"
    )
    assert kept == distinct <= sent <= distinct + CONCURRENCY
    assert spent(root) <= paid + probes + CONCURRENCY * worst
    if same:
        assert spent(root) <= spent(calm) + probes + CONCURRENCY * worst


PAID = """
SELECT SUM(prompt + completion), COUNT(DISTINCT key), COUNT(*) FROM replies
WHERE outcome IN ('good', 'truncated', 'empty', 'refused')
"""
SENT = "SELECT COUNT(*), MAX(reserved) FROM spending WHERE task = 'refine'"
PROBES = """
SELECT SUM(CASE state WHEN 'held' THEN reserved WHEN 'lost' THEN reserved
           WHEN 'unspent' THEN 0 ELSE prompt + completion END) FROM spending WHERE task = 'probe'
"""

"""Kill real runs at random moments, resume them, compare.

`python -m burnish.eval.robustness.crashes` does it.

A run that nobody disturbs is the reference. A second one is struck by SIGKILL (the process that was
started, one worker, or all of them) while it starts, refines, writes and reports, and is resumed by
the same command each time. In the end both folders must hold the same bytes.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.corpora.errors import UsageError
from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.document_ledger import LEDGER
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.eval.robustness.sessions import LINGER_S, POLL_S, kill, members, settle, start
from burnish.eval.robustness.speed import COMMAND
from burnish.eval.stats.harness import benchmark_parser, carry_out

Victim = Literal["parent", "session", "worker"]
VICTIMS: tuple[Victim, ...] = ("worker", "parent", "session")

COMPARED = ("data", "ledger", "aside", "quarantine")
"""Folders of a run whose bytes must not depend on how often it was killed."""

PATIENCE_S = 600.0
"""Longest time that one process may take before the benchmark gives up."""
_EARLY = 0.2
"""Share of the kills that strike before the first new shard is finished."""


@dataclass(frozen=True, slots=True)
class Crash:
    """One kill and what came of it."""

    victim: Victim
    shards: int
    """Finished when it struck."""
    code: int
    """Exit code of the process that was started; negative: the signal."""
    message: str
    """What the process said on standard error after it began to refine, in the end."""
    lingered_s: float
    """How long other processes of the run outlived the one that was started, in seconds."""


@dataclass(frozen=True, slots=True)
class CrashTrial:
    """What to kill and how often."""

    kills: int
    seed: int = 0
    shard_rows: int = 100
    workers: int = 2
    settings: tuple[str, ...] = ()
    """More `key=value` settings of the run."""

    def command(self, corpus: Path, folder: Path) -> list[str]:
        """Return the command that starts the run, and resumes it."""
        pairs = (f"run.shard_rows={self.shard_rows}", *self.settings)
        sets = [part for pair in pairs for part in ("--set", pair)]
        workers = ["--workers", str(self.workers)]
        return [*COMMAND, "run", str(corpus), "-o", str(folder), *workers, *sets]


@dataclass(frozen=True, slots=True)
class CrashComparison:
    """How the tormented run compares with the undisturbed one."""

    crashes: tuple[Crash, ...]
    shards: int
    wall_s: float
    """Of all processes of the tormented run."""
    reference_s: float
    """Of the undisturbed run."""
    faults: tuple[str, ...]
    """Empty when the folders are identical, rows balance and nothing was left behind."""


def write_corpus(path: Path, documents: int, seed: int = 0) -> None:
    """Write made-up documents as JSON lines: prose with menus, pages of noise, broken rows."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnoprstuvwy"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(3_000)]
    words += ["the", "of", "and", "to", "with"] * 150
    with path.open("w", encoding="utf-8") as file:
        for number in range(documents):
            if number % 401 == 400:
                file.write(f'{{"id": "broken-{number}", "text": "half a ro\n')
                continue
            text = _noise(rng) if number % 17 == 3 else _page(rng, words)
            row = {"id": f"doc-{number}", "text": text, "url": f"https://a.example/{number}"}
            file.write(json.dumps(row | {"score": rng.random()}) + "\n")


_MENU = (
    "Home", "About us", "Contact", "Sign in", "Privacy policy", "Share", "Tweet", "Subscribe",
    "Read more", "Cookie settings", "Next", "Previous", "Copyright 2024", "All rights reserved",
)  # fmt: skip


def _noise(rng: random.Random) -> str:
    return "\n".join(rng.sample(_MENU, k=rng.randint(4, 10)))


def _page(rng: random.Random, words: Sequence[str]) -> str:
    menu = rng.sample(_MENU, k=rng.randint(1, 6))
    prose = [_paragraph(rng, words) for _ in range(rng.randint(1, 7))]
    return "\n".join([*menu, *prose, *rng.sample(_MENU, k=rng.randint(0, 5))])


def _paragraph(rng: random.Random, words: Sequence[str]) -> str:
    sentences = (rng.choices(words, k=rng.randint(6, 20)) for _ in range(rng.randint(1, 5)))
    return " ".join(" ".join(chosen).capitalize() + "." for chosen in sentences)


def finished(folder: Path) -> int:
    """Count the finished shards of a run folder."""
    try:
        return sum(name.endswith(".json") for name in os.listdir(folder / "shards"))  # noqa: PTH208
    except FileNotFoundError:
        return 0


def snapshot(folder: Path) -> dict[str, str]:
    """Return the digests of all files that must not depend on crashes, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in COMPARED
        for path in sorted((folder / kind).rglob("*"))
        if path.is_file()
    }


def imbalance(folder: Path) -> str:
    """Count the ledger against what was read; empty when every row is there once."""
    run = RunFolder.open(folder)
    counts = Counter(
        entry.outcome
        for index in run.finished()
        for entry in LEDGER.read(run.part("ledger", index))
    )
    source = read_json(run.manifest)["input"]
    rows, bad = int(source["rows"]), int(source["bad_rows"])
    listed = sum(counts[outcome] for outcome in DOCUMENTS.outcomes)
    if listed == counts.total() == rows + bad and counts["quarantined"] == bad:
        return ""
    return f"rows do not balance: {rows} and {bad} bad ones were read, the ledger has {counts}"


def undisturbed(trial: CrashTrial, corpus: Path, folder: Path) -> tuple[float, float]:
    """Carry out the reference run; return its seconds, and those before its first shard.

    Raises:
        RuntimeError: the run failed.
    """
    began = time.monotonic()
    process = start(trial.command(corpus, folder), folder.with_suffix(".log"))
    _await(process, lambda: finished(folder) > 0)
    first = time.monotonic() - began
    if process.wait(PATIENCE_S):
        raise RuntimeError(f"the undisturbed run failed: {_last_line(folder)}")
    return time.monotonic() - began, first


def torment(
    trial: CrashTrial, corpus: Path, folder: Path, *, shards: int, start_up_s: float
) -> Iterator[Crash]:
    """Start a run, kill it, resume it, kill it again, then let it end.

    The moments are spread over the whole run: some while it starts, most between the first shard
    and the last, the last one while it reports.

    Raises:
        RuntimeError: a process ended otherwise than it should.
    """
    rng = random.Random(trial.seed)
    struck: set[Victim] = set()
    for number in range(trial.kills):
        process = start(trial.command(corpus, folder), folder.with_suffix(".log"))
        _reach(process, folder, _moment(rng, number, trial.kills, shards), rng, start_up_s)
        crash = _strike(process, folder, rng, shards, struck)
        if crash is None:
            break
        struck.add(crash.victim)
        yield crash
    process = start(trial.command(corpus, folder), folder.with_suffix(".log"))
    if process.wait(PATIENCE_S):
        raise RuntimeError(f"the run cannot be resumed: {_last_line(folder)}")


def _moment(rng: random.Random, number: int, kills: int, shards: int) -> int | None:
    """Return how many shards to wait for; None to strike while the process starts."""
    if number == kills - 1:
        return shards
    if rng.random() < _EARLY:
        return None
    return int(shards * (number + rng.random()) / kills)


def _reach(
    process: subprocess.Popen[bytes],
    folder: Path,
    target: int | None,
    rng: random.Random,
    start_up_s: float,
) -> None:
    if target is None:
        delay = rng.uniform(0, start_up_s)
    else:
        _await(process, lambda: finished(folder) >= target)
        delay = rng.uniform(0, 0.15)
    ends = time.monotonic() + delay
    _await(process, lambda: time.monotonic() >= ends)


def _await(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and not reached():
        if time.monotonic() > deadline:
            kill(process.pid, members(process.pid))
            raise RuntimeError(f"nothing happened for {PATIENCE_S:.0f} seconds")
        time.sleep(POLL_S)


def _strike(
    process: subprocess.Popen[bytes],
    folder: Path,
    rng: random.Random,
    total: int,
    struck: Collection[Victim],
) -> Crash | None:
    """Kill somebody; None when the run came to its end before."""
    shards, present = finished(folder), members(process.pid)
    # Nobody needs the workers once all shards are finished.
    workers = [member for member in present if member.role == "worker" and shards < total]
    # Nobody is left out, whatever the moments come to on this machine. Workers live for the
    # shortest time, so the first chance to strike one is taken.
    possible: list[Victim] = [name for name in VICTIMS if workers or name != "worker"]
    spared: list[Victim] = [name for name in possible if name not in struck]
    victim: Victim = spared[0] if spared else rng.choice(possible)
    chosen = {
        "parent": [member for member in present if member.role == "parent"],
        "session": present,
        "worker": workers[:1],
    }[victim]
    kill(process.pid, chosen)
    code = process.wait(PATIENCE_S)
    lingered = settle(process.pid)
    if code == 0:
        return None
    return Crash(victim, shards, code, _said(folder), lingered)


def _said(folder: Path) -> str:
    text = folder.with_suffix(".log").read_text("utf-8", "replace")
    return "\n".join(
        line
        for line in text.split("\n")
        if line and not line.startswith(("refining ", "surveying"))
    )


def _last_line(folder: Path) -> str:
    return _said(folder).rpartition("\n")[2] or "it said nothing"


def judge(crashes: Sequence[Crash], reference: Path, folder: Path) -> list[str]:
    """Say everything that is wrong with the tormented run; nothing when all is well."""
    faults = [fault for fault in map(_crash_fault, crashes) if fault]
    wanted, held = snapshot(reference), snapshot(folder)
    differing = sorted(
        name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name)
    )
    if differing:
        faults.append(f"{len(differing)} files differ from the undisturbed run: {differing[:5]}")
    faults.extend(fault for fault in (imbalance(folder),) if fault)
    leftovers = [path.name for path in folder.rglob(".*.tmp")]
    if leftovers:
        faults.append(f"{len(leftovers)} temporary files were left behind: {leftovers[:5]}")
    return faults


def _crash_fault(crash: Crash) -> str:
    if crash.lingered_s > LINGER_S:
        return f"after a kill of the {crash.victim} workers lived on for over {LINGER_S:.0f} s"
    if crash.victim != "worker":
        return "" if crash.code == -signal.SIGKILL else f"a killed process ended with {crash.code}"
    last = crash.message.rpartition("\n")[2]
    if crash.code != 2 or not last.startswith("burnish: a worker process died"):
        return f"after a worker was killed the run ended with {crash.code} and said {last!r}"
    return "a dead worker shows a traceback" if "Traceback" in crash.message else ""


def run_trial(
    trial: CrashTrial, documents: int, home: Path, tell: Callable[[str], object]
) -> CrashComparison:
    """Make a corpus, run it undisturbed, run it tormented, compare.

    Raises:
        RuntimeError: a run failed for another reason than the kills.
    """
    corpus, reference, folder = home / "corpus.jsonl", home / "reference", home / "tormented"
    write_corpus(corpus, documents, trial.seed)
    whole_s, first_s = undisturbed(trial, corpus, reference)
    shards = finished(reference)
    tell(f"undisturbed: {whole_s:.1f} s, {shards} shards, the first after {first_s:.1f} s")
    began = time.monotonic()
    crashes: list[Crash] = []
    for crash in torment(trial, corpus, folder, shards=shards, start_up_s=first_s):
        crashes.append(crash)
        tell(
            f"kill {len(crashes)}: {crash.victim} at {crash.shards} of {shards} shards, exit code "
            f"{crash.code}, all gone after {crash.lingered_s:.2f} s"
        )
    wall_s = time.monotonic() - began
    faults = judge(crashes, reference, folder)
    return CrashComparison(tuple(crashes), shards, wall_s, whole_s, tuple(faults))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print what came of it; 0 identical, 1 not, 2 usage."""
    parser = benchmark_parser("robustness.crashes", __doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard-rows", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> int:
    if min(given.documents, given.kills, given.shard_rows, given.workers) < 1:
        raise UsageError("--documents, --kills, --shard-rows and --workers must be at least 1")
    trial = CrashTrial(given.kills, given.seed, given.shard_rows, given.workers, tuple(given.set))
    with tempfile.TemporaryDirectory() as home:
        try:
            verdict = run_trial(trial, given.documents, Path(home), print)
        except RuntimeError as error:
            print(f"crashes: {error}", file=sys.stderr)
            return 1
    return _told(verdict)


def _told(verdict: CrashComparison) -> int:
    struck = Counter(crash.victim for crash in verdict.crashes)
    lingered = max((crash.lingered_s for crash in verdict.crashes), default=0.0)
    print(f"kills: {len(verdict.crashes)} ({dict(struck)}), resumes: {len(verdict.crashes)}")
    print(f"longest that workers outlived the run: {lingered:.2f} s")
    print(f"wall: {verdict.wall_s:.1f} s, undisturbed {verdict.reference_s:.1f} s")
    for fault in verdict.faults:
        print(f"FAULT: {fault}")
    print(f"identical and balanced: {'no' if verdict.faults else 'yes'}")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure the sandbox: containment, real programs, speed, neighbours, what stays behind.

`python -m burnish.eval.robustness.sandbox` runs every part and prints one JSON object a part;
`--only` names parts, `--limit` takes a sample of the real programs. Processor seconds (of children,
fork servers and this process) are the figure to compare between machines; wall time depends on who
else works.
"""

import argparse
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from burnish.eval.datasets.recorded_programs import agrees, read_recorded
from burnish.eval.stats.harness import benchmark_parser, carry_out, data_root, tell_line
from burnish.tools.sandbox.expectations import check, read_expectations
from burnish.tools.sandbox.native.sealing import NOBODY
from burnish.tools.sandbox.pool import Limits, Sandbox, layers

HOSTILE = (
    "import os\nwhile True: os.fork()",
    "x = bytearray(100 << 30)",
    "while True: print('a' * 1000)",
    "while True: pass",
)
NEIGHBOUR = "total = 0\nfor i in range(300000): total += i * i\nanswer = total"
"""A program of a few hundredths of a second, long enough to be slowed measurably."""


@dataclass(frozen=True, slots=True)
class SandboxBenchmark:
    """What to measure and on what."""

    data: Path
    attacks: Path
    limit: int
    """Most real programs to run, 0 for all."""
    repeats: int
    """Programs to run in the search for what stays behind."""
    workers: int


Figures = dict[str, object]


def containment(plan: SandboxBenchmark) -> Figures:
    """Run the collection of attacks and benign programs; list what ended otherwise than it must."""
    expectations = read_expectations(plan.attacks)
    limits = Limits(cpu_seconds=2, wall_seconds=6.0)
    with Sandbox(limits, workers=1) as sandbox:
        rows = [check(expectation, sandbox) for expectation in expectations]
    benign = [row for row in rows if row.expected == ("finished",)]
    return {
        "attacks": len(rows) - len(benign),
        "attacks_as_listed": sum(row.agrees for row in rows) - sum(row.agrees for row in benign),
        "benign": len(benign),
        "benign_right": sum(row.agrees for row in benign),
        "differing": {row.id: row.reason for row in rows if not row.agrees},
    }


def real_programs(plan: SandboxBenchmark) -> Figures:
    """Re-run real programs: agreement with recorded numbers, cost and rate over the whole mix."""
    programs = list(read_recorded(plan.data / "pot_programs" / "pot_programs.jsonl.gz"))
    random.Random(0).shuffle(programs)
    programs = programs[: plan.limit or None]
    with Sandbox(workers=plan.workers) as sandbox, ThreadPoolExecutor(plan.workers) as threads:
        list(threads.map(sandbox.run, ["1"] * plan.workers))
        pids = sorted(sandbox.pids)
        before, started = _processor_seconds(pids), time.monotonic()
        results = list(threads.map(sandbox.run, [program.code for program in programs]))
        wall = time.monotonic() - started
        processor = _processor_seconds(pids) - before
        memory = [_memory(pid) for pid in pids]
    numeric = [pair for pair in zip(programs, results, strict=True) if pair[0].number is not None]
    right = sum(agrees(*pair) for pair in numeric)
    return {
        "programs": len(programs),
        "outcomes": dict(Counter(result.outcome for result in results)),
        "numeric": len(numeric),
        "agreement": right / max(1, len(numeric)),
        "agreement_signs_kept": sum(
            agrees(replace(program, absolute=False), result) for program, result in numeric
        )
        / max(1, len(numeric)),
        "differing": Counter(pair[0].family for pair in numeric if not agrees(*pair)),
        "processor_ms": 1000 * processor / len(programs),
        "child_ms": 1000 * statistics.fmean(result.cost.cpu_seconds for result in results),
        "per_second_two_idle_cores": 2 * len(programs) / processor,
        "per_second_now": len(programs) / wall,
        "workers": plan.workers,
        "worker_memory_mib": memory,
    }


def neighbours(plan: SandboxBenchmark) -> Figures:
    """Time a program alone, then beside a fork bomb, 100 GB, an endless print and a loop."""
    del plan
    with (
        Sandbox(Limits(cpu_seconds=2), workers=len(HOSTILE) + 1) as sandbox,
        ThreadPoolExecutor(len(HOSTILE)) as threads,
    ):
        list(threads.map(sandbox.run, [NEIGHBOUR] * 8))
        alone = [_timed(sandbox) for _ in range(30)]
        beside: list[float] = []
        ends: Counter[str] = Counter()
        for _ in range(3):
            hostile = [threads.submit(sandbox.run, program) for program in HOSTILE]
            while not all(future.done() for future in hostile):
                beside.append(_timed(sandbox))
            ends.update(future.result().outcome for future in hostile)
    return {
        "alone_ms": 1000 * statistics.median(alone),
        "beside_ms": 1000 * statistics.median(beside),
        "slower_by": statistics.median(beside) / statistics.median(alone),
        "runs_beside": len(beside),
        "hostile_ends": dict(ends),
    }


def leftovers(plan: SandboxBenchmark) -> Figures:
    """Run thousands of programs of every kind and count what they left."""
    programs = ["6*7", "1/0", "x = (", "open('/tmp/left', 'w')", *HOSTILE[:3]]
    with Sandbox(workers=plan.workers) as sandbox, ThreadPoolExecutor(plan.workers) as threads:
        list(threads.map(sandbox.run, programs))
        before, started = _traces(sandbox), time.monotonic()
        chosen = (programs[number % len(programs)] for number in range(plan.repeats))
        ends = Counter(result.outcome for result in threads.map(sandbox.run, chosen))
        wall, after = time.monotonic() - started, _traces(sandbox)
        pids = set(sandbox.pids)
    gone = all(not Path(f"/proc/{pid}").exists() for pid in pids)
    counted = ("descriptors", "server_descriptors", "children", "zombies", "files_of_programs")
    return {
        "programs": plan.repeats,
        "seconds": wall,
        "outcomes": dict(ends),
        "before": before,
        "after": after,
        "workers_gone_after_close": gone,
        "nothing_left": gone and all(before[name] == after[name] for name in counted),
    }


def _timed(sandbox: Sandbox) -> float:
    started = time.monotonic()
    sandbox.run(NEIGHBOUR)
    return time.monotonic() - started


def _traces(sandbox: Sandbox) -> Figures:
    """Count what a program could leave: descriptors, processes, files, memory."""
    time.sleep(0.2)
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "server_descriptors": [_entries(f"/proc/{pid}/fd") for pid in sorted(sandbox.pids)],
        "children": [len(_family(pid)) - 1 for pid in sorted(sandbox.pids)],
        "zombies": _zombies(),
        "files_of_programs": [_owned("/tmp"), _owned("/dev/shm")],  # noqa: S108
        "server_memory_mib": [_memory(pid) for pid in sorted(sandbox.pids)],
    }


def _entries(folder: str) -> int | None:
    try:
        return len(list(Path(folder).iterdir()))
    except OSError:
        return None


def _children_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in children.split()]


def _family(pid: int) -> list[int]:
    return [pid, *(member for child in _children_of(pid) for member in _family(child))]


def _zombies() -> int:
    """Count ended children of this process that nobody collected."""
    count = 0
    for pid in (child for path in Path("/proc/self/task").iterdir() for child in _listed(path)):
        try:
            state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        count += state == "Z"
    return count


def _listed(task: Path) -> list[int]:
    return [int(child) for child in (task / "children").read_text(encoding="ascii").split()]


def _owned(folder: str) -> int:
    """Count what belongs to the user that programs run as (nobody where burnish runs as root)."""
    user = os.getuid() or NOBODY
    owners = 0
    for entry in Path(folder).iterdir():
        try:
            owners += entry.lstat().st_uid == user
        except OSError:
            continue
    return owners


def _processor_seconds(pids: Sequence[int]) -> float:
    """Return what this process, the servers and their ended children have used."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = time.process_time()
    for pid in (member for server in pids for member in _family(server)):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15]) / ticks
    return total


def _memory(pid: int) -> float | None:
    """Return the proportional set size of a server and the child that waits, in MiB.

    A page that several processes share counts in part for each. None where the system does not
    show it (a sealed process is shown to root only).
    """
    total = 0
    try:
        for part in _family(pid):
            rollup = Path(f"/proc/{part}/smaps_rollup").read_text(encoding="ascii")
            line = next(line for line in rollup.split("\n") if line.startswith("Pss:"))
            total += int(line.split()[1])
    except OSError:
        return None
    return round(total / 1024, 1)


PARTS: Mapping[str, Callable[[SandboxBenchmark], Figures]] = {
    "containment": containment,
    "real_programs": real_programs,
    "neighbours": neighbours,
    "leftovers": leftovers,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts asked for; return the exit code."""
    parser = benchmark_parser("robustness.sandbox", __doc__)
    parser.add_argument("--data", type=Path, default=data_root())
    parser.add_argument("--attacks", type=Path, help="sandbox_attacks.jsonl")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    return carry_out(parser, _run, argv)


def _run(options: argparse.Namespace) -> None:
    attacks = options.attacks or options.data.parent / "facts" / "sandbox_attacks.jsonl"
    plan = SandboxBenchmark(options.data, attacks, options.limit, options.repeats, options.workers)
    tell_line({"layers": {layer.name: layer.detail for layer in layers()}})
    for name in options.only:
        tell_line({name: PARTS[name](plan)})


if __name__ == "__main__":
    raise SystemExit(main())

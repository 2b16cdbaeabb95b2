"""Measure memory and speed of a large run.

`python -m burnish.eval.robustness.memory --gigabytes 1` does it.

The corpus repeats labelled pages under distinct ids (made-up pages where those are absent). The run
is started as a user starts it; what each process holds is read from /proc several times a second.
The corpus and the run are deleted afterwards, also on Ctrl-C.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from burnish.corpora.errors import UsageError
from burnish.eval.datasets.pages import available, load_pages
from burnish.eval.robustness.crashes import write_corpus
from burnish.eval.robustness.sessions import Member, kill, members, settle, start
from burnish.eval.robustness.speed import COMMAND
from burnish.eval.stats.harness import benchmark_parser, carry_out, data_root

_EVERY_S = 0.1
_PAGES = "web_wcxb"
_MADE_PAGES = 2_000
_MB = 1e6


@dataclass
class Peaks:
    """The most that each process held, in bytes, by role and process id."""

    resident: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    """All pages in memory (RSS)."""
    share: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    """Pages in memory, shared ones divided by those who share them (PSS)."""
    together: int = 0
    """Greatest sum of the shares of all processes at one time."""

    def look(self, session: int) -> None:
        """Read what the processes of a session hold now."""
        total = 0
        for member in members(session):
            held = _held(member)
            if held is None:
                continue
            name = f"{member.role} {member.pid}"
            self.resident[name] = max(self.resident[name], held[0])
            self.share[name] = max(self.share[name], held[1])
            total += held[1]
        self.together = max(self.together, total)


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What one run took."""

    corpus_bytes: int
    text_bytes: int
    wall_s: float
    cpu_s: float
    """Of all processes, user and system."""
    peaks: Peaks


def _held(member: Member) -> tuple[int, int] | None:
    try:
        lines = Path(f"/proc/{member.pid}/smaps_rollup").read_text("ascii").split("\n")
    except OSError:
        return None
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if ":" in line}
    if "Rss" not in values:
        return None
    return values["Rss"] * 1024, values["Pss"] * 1024


def texts(home: Path) -> list[str]:
    """Return the texts to repeat: labelled pages, else made-up ones."""
    root = data_root()
    if available(root, [_PAGES]):
        return [page.raw for page in load_pages(root, _PAGES)]
    made = home / "made.jsonl"
    write_corpus(made, _MADE_PAGES)
    rows = [line for line in made.read_bytes().split(b"\n") if line.endswith(b"}")]
    return [str(orjson.loads(row)["text"]) for row in rows]


def write_large(path: Path, pages: Sequence[str], size: int) -> int:
    """Write JSON lines up to a size in bytes; return the bytes of the texts alone."""
    written = text_bytes = number = 0
    with path.open("wb") as file:
        while written < size:
            text = pages[number % len(pages)]
            line = orjson.dumps({"id": f"page-{number}", "text": text}) + b"\n"
            file.write(line)
            written += len(line)
            text_bytes += len(text.encode())
            number += 1
    return text_bytes


def measure(corpus: Path, text_bytes: int, workers: int, settings: Sequence[str]) -> MemoryUse:
    """Run the corpus and watch its processes.

    Raises:
        RuntimeError: the run failed.
    """
    root = corpus.with_name("run")
    pairs = [part for pair in settings for part in ("--set", pair)]
    command = [*COMMAND, "run", str(corpus), "-o", str(root), "--workers", str(workers), *pairs]
    log = corpus.with_name("log")
    peaks, cpu, began = Peaks(), _children_cpu(), time.monotonic()
    process = start(command, log)
    try:
        _watch(process, peaks)
    except BaseException:
        kill(process.pid, members(process.pid))
        process.wait()
        settle(process.pid)
        raise
    if process.returncode:
        last = log.read_text("utf-8", "replace").rstrip("\n").rpartition("\n")[2]
        raise RuntimeError(f"burnish run ended with exit code {process.returncode}: {last}")
    return MemoryUse(
        corpus.stat().st_size,
        text_bytes,
        time.monotonic() - began,
        _children_cpu() - cpu,
        peaks,
    )


def _watch(process: subprocess.Popen[bytes], peaks: Peaks) -> None:
    while process.poll() is None:
        peaks.look(process.pid)
        time.sleep(_EVERY_S)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print it; 0 done, 1 the run failed, 2 usage, 130 interrupted."""
    parser = benchmark_parser("robustness.memory", __doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the corpus")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--home", type=Path, help="folder for the temporary files")
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> int:
    if given.gigabytes <= 0 or given.workers < 1:
        raise UsageError("--gigabytes must be above 0 and --workers at least 1")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(dir=given.home) as home:
            corpus = Path(home) / "corpus.jsonl"
            size = write_large(corpus, texts(Path(home)), int(given.gigabytes * 1e9))
            print(f"corpus: {corpus.stat().st_size / _MB:,.0f} MB, texts {size / _MB:,.0f} MB")
            _tell(measure(corpus, size, given.workers, given.set), given.workers)
    except RuntimeError as error:
        print(f"memory: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("memory: interrupted; the temporary files are gone", file=sys.stderr)
        return 130
    return 0


def _tell(measured: MemoryUse, workers: int) -> None:
    for name, resident in sorted(measured.peaks.resident.items()):
        share = measured.peaks.share[name]
        print(f"{name}: peak RSS {resident / _MB:,.0f} MB, peak PSS {share / _MB:,.0f} MB")
    print(f"all processes at one time: {measured.peaks.together / _MB:,.0f} MB (PSS)")
    megabytes = measured.text_bytes / _MB
    print(
        f"{megabytes / measured.wall_s:.2f} MB/s of text with {workers} workers "
        f"({measured.wall_s:.0f} s), {megabytes / measured.cpu_s:.2f} MB per CPU second "
        f"({measured.cpu_s:.0f} s, survey, start-up and report included)"
    )


if __name__ == "__main__":
    sys.exit(main())

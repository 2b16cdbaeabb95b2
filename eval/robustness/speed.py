"""Time the whole `burnish run` as a user starts it: a process of its own, files in, files out."""

import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from burnish.corpora.records import Document

_CLI = "burnish.graphs.cli.main"
COMMAND = (sys.executable, "-c", f"import sys; from {_CLI} import main; sys.exit(main())")
_PATIENCE_S = 1800


@dataclass(frozen=True, slots=True)
class PipelineSpeed:
    """One run of the pipeline; start-up, report and all processes are inside the times."""

    workers: int
    raw_bytes: int
    wall_seconds: float
    cpu_seconds: float
    """Of all processes of the run, user and system."""


def time_pipeline(
    documents: Sequence[Document], workers: Sequence[int], command: Sequence[str] = COMMAND
) -> list[PipelineSpeed]:
    """Run the pipeline over the documents once for each number of workers.

    Raises:
        RuntimeError: a run failed; its text is one line.
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        raw_bytes = _write(documents, corpus)
        return [
            _timed_run(
                [*command, "run", str(corpus), "-o", str(Path(folder) / f"run{count}")],
                count,
                raw_bytes,
            )
            for count in workers
        ]


def has_pipeline() -> bool:
    """Tell whether the command is part of this installation."""
    return importlib.util.find_spec(_CLI) is not None


def _write(documents: Sequence[Document], path: Path) -> int:
    size = 0
    with path.open("wb") as stream:
        for document in documents:
            text = document.text.encode("utf-8", "replace")
            size += len(text)
            stream.write(orjson.dumps({"id": document.id, "text": text.decode()}) + b"\n")
    return size


def _timed_run(command: Sequence[str], workers: int, raw_bytes: int) -> PipelineSpeed:
    cpu, wall = _children_cpu(), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command on our own files
        [*command, "--workers", str(workers)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    wall, cpu = time.perf_counter() - wall, _children_cpu() - cpu
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise RuntimeError(f"burnish run ended with exit code {done.returncode}: {said}")
    return PipelineSpeed(workers, raw_bytes, wall, cpu)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

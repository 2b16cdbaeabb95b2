"""Worker processes that work on shards: bounded in flight, gone when the run is gone."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

import contextlib
import multiprocessing
import pickle
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from types import ModuleType
from typing import Any, Protocol, TypeVar

from burnish.corpora.errors import RunError
from burnish.corpora.readers.rows import Shard
from burnish.graphs.runs.worker_process import deaf, follow_parent

Marker = dict[str, Any]
P = TypeVar("P")
R = TypeVar("R")
_FEW = 4
_HIDING = threading.Lock()


class Runner(Protocol):
    """Whoever works on one shard after another."""

    def run(self, shard: Shard) -> Marker:
        """Do the shard, write its files and its marker, and return what the marker says."""
        ...


class WorkerTask(Protocol):
    """What a worker needs to know; it travels to other processes."""

    def runner(self) -> Runner:
        """Make the runner, in the process that will use it."""
        ...


def map_parts(work: Callable[[P], R], parts: Iterable[P], workers: int) -> Generator[R]:
    """Yield what some work makes of each part, in the order of the parts.

    With several workers the parts are worked on side by side in processes, two a worker under way
    at most, so memory stays bounded; what comes out does not depend on their number. A few parts
    are worked on here: to start a process takes longer.

    Args:
        work: a function of a module, or a partial of one: it travels to other processes.
        parts: what it gets, one after the other.
        workers: processes.

    Raises:
        RunError: a worker died.
    """
    whole = iter(parts)
    few = list(islice(whole, _FEW + 1)) if workers > 1 else []
    if len(few) <= _FEW:
        yield from map(work, chain(few, whole))
        return
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=follow_parent
    )
    script = _needs_script(work)
    waiting: deque[Future[R]] = deque()
    try:
        for part in chain(few, whole):
            with deaf(), _scriptless(needed=script):
                waiting.append(executor.submit(work, part))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise _died(script=script) from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def refine_here(runner: Runner, shards: Iterator[Shard]) -> Generator[Marker]:
    """Refine shards one after another in this process."""
    for shard in shards:
        yield runner.run(shard)


def refine_with(job: WorkerTask, shards: Iterator[Shard], workers: int) -> Generator[Marker]:
    """Refine shards in worker processes; markers come as shards finish.

    At most one shard a worker waits while others run, so memory stays bounded. When the caller
    stops early, shards in flight are finished first.

    Raises:
        RunError: a worker died.
    """
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(job,)
    )
    script = _needs_script(job)
    running: set[Future[Marker]] = set()
    try:
        for shard in shards:
            with deaf(), _scriptless(needed=script):
                running.add(executor.submit(_refine, shard))
            if len(running) > workers:
                yield from _finished(running)
        while running:
            yield from _finished(running)
    except BrokenProcessPool:
        raise _died(script=script) from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _needs_script(job: object) -> bool:
    """Tell whether a job names something of the caller's script, such as a refiner made there."""
    return b"__main__" in pickle.dumps(job)


@contextlib.contextmanager
def _scriptless(*, needed: bool) -> Generator[None]:
    """Start processes that do not run the caller's script.

    A spawned process begins with the script of its parent, and one that does not keep its own code
    under `if __name__ == "__main__":` would start its run once more in every worker. Nothing that
    works here lives in that script, so the workers are not told of it, unless it is needed.
    """
    if needed:
        yield
        return
    with _HIDING:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def _died(*, script: bool) -> RunError:
    reason = "out of memory, or killed"
    if script:
        reason += ', or the script does not keep its own code under if __name__ == "__main__":'
    return RunError(
        f"a worker process died ({reason}); run the same command again to go on from the last "
        "finished shard"
    )


def _finished(running: set[Future[Marker]]) -> Iterator[Marker]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    running -= done
    yield from (future.result() for future in done)


class _Worker:
    """The runner of this worker process."""

    runner: Runner


def _prepare(job: WorkerTask) -> None:
    follow_parent()
    _Worker.runner = job.runner()


def _refine(shard: Shard) -> Marker:
    return _Worker.runner.run(shard)

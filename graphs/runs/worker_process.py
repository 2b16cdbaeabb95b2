"""What every worker process of ours does: leave Ctrl-C to its parent, and not outlive it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def deaf() -> Generator[None]:
    """Hold Ctrl-C back while processes are made: they inherit deafness, and start with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    missed: list[int] = []
    # The mask is what processes inherit. It does not keep this thread from being interrupted: the
    # signal may arrive in any other thread, and Python's handler then runs here all the same.
    handler = signal.signal(signal.SIGINT, lambda number, _: missed.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if missed:
            signal.raise_signal(signal.SIGINT)


def follow_parent() -> None:
    """Make this worker process deaf to Ctrl-C, and leave when its parent does."""
    # Ctrl-C reaches the whole process group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

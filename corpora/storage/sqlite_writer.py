"""A SQLite file written by one thread of a process, several operations to a transaction.

Tasks of an event loop hand operations over and never wait on a lock or a disk themselves; other
processes may write the same file. The file must lie on a local disk: SQLite's write-ahead log
does not work across machines.
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Generic, TypeVar

from burnish.corpora.errors import RunError
from burnish.corpora.storage.closing import Closing

T = TypeVar("T")
DatabaseStep = Callable[[sqlite3.Connection], T]

_BATCH = 256
_LOCK_WAIT_S = 120.0


class _Job(Generic[T]):
    """One operation and the future that gets its result."""

    def __init__(self, operation: DatabaseStep[T]) -> None:
        self.operation = operation
        self.future: Future[T] = Future()
        self._result: T | None = None
        self._done = False

    def run(self, connection: sqlite3.Connection) -> None:
        self._result = self.operation(connection)
        self._done = True

    def publish(self) -> None:
        if self._done:
            self.future.set_result(self._result)  # type: ignore[arg-type]


class SqliteWriter(Closing):
    """A SQLite database with a writer thread and a connection for reading.

    Args:
        path: the file; it is made with `schema` (statements that may be repeated) if missing.
        schema: SQL that makes the tables.
        durable: whether a commit outlives a power cut (a sync each) or only a killed process.
    """

    def __init__(self, path: Path, schema: str, *, durable: bool) -> None:
        self._path = path
        self._writer = _connect(path, schema, durable=durable)
        self.reader = _open(path)
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(
            target=self._work, name=f"writer of {path.name}", daemon=True
        )
        self._thread.start()

    def submit(self, operation: DatabaseStep[T]) -> Future[T]:
        """Queue an operation; its future is done when the transaction is committed.

        Raises:
            RunError: the journal is closed.
        """
        if self._closed:
            raise RunError(f"{self._path.name} is closed")
        job = _Job(operation)
        self._jobs.put(job)  # type: ignore[arg-type]
        return job.future

    def do(self, operation: DatabaseStep[T]) -> T:
        """Run an operation after all queued ones and wait for it."""
        return self.submit(operation).result()

    def close(self) -> None:
        """Finish what is queued and close the file."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self.reader.close()

    def _work(self) -> None:
        going = True
        while going:
            batch = [self._jobs.get()]
            while len(batch) < _BATCH and not self._jobs.empty():
                batch.append(self._jobs.get())
            going = None not in batch
            jobs = [
                job
                for job in batch
                if job is not None and job.future.set_running_or_notify_cancel()
            ]
            if jobs:
                self._commit(jobs)
        self._writer.close()

    def _commit(self, jobs: list[_Job[object]]) -> None:
        """Commit the jobs in one transaction; after a failure, each in one of its own."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.run(self._writer)
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (whoever waits for the job gets it)
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:
                self._commit([job])
            return
        for job in jobs:
            job.publish()


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False
    )


def _connect(path: Path, schema: str, *, durable: bool) -> sqlite3.Connection:
    """Open the file for writing.

    Raises:
        RunError: it cannot be opened or is no SQLite file.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            connection = _open(path)
        except sqlite3.Error as error:
            raise RunError(f"{path}: cannot be opened ({error})") from None
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.executescript(f"BEGIN IMMEDIATE;{schema};COMMIT;")
        except sqlite3.Error as error:
            connection.close()
            # SQLite does not wait for the lock while it changes the journal mode.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise RunError(f"{path}: cannot be used ({error})") from None
            time.sleep(0.02)
        else:
            return connection

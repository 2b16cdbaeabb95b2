"""One process works on a folder at a time."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from burnish.corpora.errors import RunError


@contextmanager
def locked(root: Path) -> Generator[None]:
    """Hold a folder; the lock goes with the process.

    Raises:
        RunError: another process holds it.
    """
    with (root / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"{root}: another burnish process is working on this folder; "
                "wait for it or give another folder with -o"
            ) from None
        yield

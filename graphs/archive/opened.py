"""A finished run as it is read back, whichever kind of record it is over."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

from burnish.corpora.errors import RunError
from burnish.corpora.records import Filing
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.runs.manifest import kind_of
from burnish.graphs.archive.document_archive import DocumentArchive
from burnish.graphs.archive.findings import Findings
from burnish.graphs.archive.question_archive import QuestionArchive
from burnish.graphs.archive.stored import columns_of
from burnish.graphs.archive.without import Filters, Without

Progress = Callable[[int], None]
"""Is told, after each shard, how many rows it had."""


class Archive(Protocol):
    """What a kind of record brings to checks and versions; work is done a shard at a time."""

    filing: ClassVar[Filing]
    """Which files hold what."""
    filters: ClassVar[Filters[Any]]
    """What can be left out of versions."""

    def entries(self, index: int) -> Iterator[Any]:
        """Read the ledger of a shard.

        Raises:
            RunError: it is missing or broken.
        """
        ...

    def count(self, index: int, found: Findings, counts: Counter[str]) -> None:
        """Check every record of a shard, and count them under the names that markers have.

        Raises:
            RunError: a file is missing or broken; what was counted before stands in `counts`.
        """
        ...

    def write(self, target: RunFolder, index: int, without: Sequence[Without]) -> Counter[str]:
        """Write the version of a shard; return what `ReplaySummary` adds up."""
        ...


def open_archive(folder: RunFolder) -> Archive:
    """Open a run for reading.

    Raises:
        RunError: there is no readable manifest, or the folder holds no run that can be read back.
    """
    match kind_of(folder):
        case "qa":
            return QuestionArchive(folder)
        case "documents":
            return DocumentArchive(folder, columns_of(folder))
        case "distill":
            raise RunError(
                f"{folder.root}: holds training pairs, which are not verified or replayed; "
                "make them again with burnish distill"
            )

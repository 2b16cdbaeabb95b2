"""What a refiner is: it reads documents and answers with deletion programs, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from burnish.corpora.records import Document
from burnish.tools.deletion.program import Program


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program that was tried on a document and sent back."""

    program: Program | None
    """None when the answer could not be read as a program."""
    complaints: tuple[str, ...]
    """What was wrong, in words for whoever wrote it."""


@runtime_checkable
class Refiner(Protocol):
    """Reads many documents at once and needs no conversation (rules, embedded)."""

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides, part of a run's fingerprint."""
        ...

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Return one program for each document, in order; the same text gives the same program."""
        ...


@runtime_checkable
class ConversingRefiner(Protocol):
    """Reads one document at a time and may be asked again (served, scripted)."""

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides, part of a run's fingerprint."""
        ...

    async def propose_one(self, document: Document, attempts: Sequence[Attempt]) -> Program:
        """Return a program for the document, knowing what earlier attempts were sent back for.

        Raises:
            ReplyError: the answer is not a program.
            RefinerError: there is no answer.
        """
        ...


AnyRefiner = Refiner | ConversingRefiner

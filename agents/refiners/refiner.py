"""What a refiner is: it reads documents and answers with deletion programs, nothing else.

This is where third parties join: an object with the three members of `Refiner` can be given to
`burnish.refine` and to a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from burnish.corpora.records import Document
from burnish.tools.deletion.program import Program


@runtime_checkable
class Refiner(Protocol):
    r"""Reads documents and says what to delete, without being asked twice.

    ```python
    class NoShouting:
        name, revision = "no_shouting", "1"

        def propose(self, documents):
            return [Program(tuple(
                RemoveLines(number, number, note=Note(reason="shouting"))
                for number, line in enumerate(document.text.split("\n"), 1)
                if line.isupper()
            )) for document in documents]
    ```

    What the caller sees to: documents come in batches, in no order that means anything, from one
    thread of each worker process.

    What is done with a program: its lines are numbered from 1 and split at "\n" alone. A call
    that names nothing in the text is rejected and told of in the ledger, the others stand. A
    program that removes more than the guard allows is rolled back as a whole. What stands is cut
    out of the original text, and a certificate proves that the result is the original without
    those spans: a refiner cannot write, so none needs to be trusted.
    """

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides; a run goes on only under the same revision."""
        ...

    def propose(self, documents: Sequence[Document]) -> Sequence[Program]:
        """Return one program for each document, in order; the same text gives the same program.

        Raises:
            RefinerError: none of these documents can be answered for; they stay as they are, with
                outcome `failed`. Any other exception ends the run.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program that was tried on a document and sent back."""

    program: Program | None
    """None when the answer could not be read as a program."""
    complaints: tuple[str, ...]
    """What was wrong, in words for whoever wrote it."""


@runtime_checkable
class ConversingRefiner(Protocol):
    """Reads one document at a time and may be asked again (served, scripted).

    Documents are asked about side by side in one event loop. A program with rejected calls, or one
    that the guard refuses, comes back as an `Attempt` until the attempts of the settings are used
    up; what is done with the last one is as for a `Refiner`.
    """

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        ...

    @property
    def revision(self) -> str:
        """Digest or version of whatever decides; a run goes on only under the same revision."""
        ...

    async def propose_one(self, document: Document, attempts: Sequence[Attempt]) -> Program:
        """Return a program for the document, knowing what earlier attempts were sent back for.

        Raises:
            ReplyError: the answer is not a program; it counts as an attempt.
            RefinerError: there is no answer; the document stays as it is, outcome `failed`.
        """
        ...


AnyRefiner = Refiner | ConversingRefiner
"""Whatever a run over documents can ask."""

"""What others can add to burnish: a refiner of documents, an operation, a validator of questions.

Each is a plain class with the members that its protocol names. burnish makes it when the settings
name it, resolves, guards and certifies what it answers, and turns what it raises into failed rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish import (
    Document,
    EditOrder,
    EditResult,
    Note,
    Program,
    QAItem,
    RemoveLines,
    Verdict,
)


@dataclass(frozen=True)
class NoShouting:
    """Deletes lines that are written in capitals."""

    least: int = 2
    """Fewest words of such a line; `--set refiner.options.least=3` changes it."""
    name: str = "shouting"

    @property
    def revision(self) -> str:
        """What decides: another number is another run."""
        return f"1, at least {self.least} words"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Return one program for each document; lines are numbered from 1."""
        return [self._program(document.text) for document in documents]

    def _program(self, text: str) -> Program:
        note = Note(reason="shouting", confidence=0.9)
        return Program(
            tuple(
                RemoveLines(number, number, note=note)
                for number, line in enumerate(text.split("\n"), start=1)
                if line.isupper() and len(line.split()) >= self.least
            )
        )


@dataclass(frozen=True)
class QuestionMark:
    """Ends a question in a question mark."""

    name: str = "question_mark"
    revision: str = "1"
    needs_model: bool = False

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order; what needs no mending is a result that failed."""
        item = order.item
        if item is None or item.question.rstrip().endswith("?"):
            return EditResult(order, "failed", item, item, "it ends in a question mark")
        after = replace(item, question=item.question.rstrip(" .") + "?")
        return EditResult(order, "done", item, after, "question mark added")


@dataclass(frozen=True)
class NoEmptyKey:
    """Mistrusts questions whose key says nothing."""

    name: str = "no_empty_key"
    revision: str = "1"

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer; who cannot tell abstains."""
        if item.answer.strip(" .-?"):
            return Verdict(self.name, "abstain", 0.0, "the key says something")
        return Verdict(self.name, "reject", 0.9, "the key says nothing", paths=(self.name,))

"""A refiner that says what it is told to: for tests, and to try a run without any model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from burnish.agents.refiners.refiner import Attempt
from burnish.corpora.errors import RefinerError
from burnish.corpora.records import Document
from burnish.tools.deletion.notation import parse
from burnish.tools.deletion.program import Program


@dataclass(frozen=True, slots=True)
class ScriptedRefiner:
    """Converses by the script: for each document id the answers to give, one an attempt.

    The last answer is given again when a script runs out; documents without a script are kept. An
    answer of None stands for a server that does not answer.
    """

    script: Mapping[str, Sequence[str | None]]
    name: str = "scripted"
    revision: str = "1"
    seen: list[tuple[str, tuple[Attempt, ...]]] = field(
        default_factory=list[tuple[str, tuple[Attempt, ...]]]
    )
    """Every question put to the refiner, in order: document id and what was sent back before."""

    async def propose_one(self, document: Document, attempts: Sequence[Attempt]) -> Program:
        """Answer from the script, through the parser that reads models' answers."""
        self.seen.append((document.id, tuple(attempts)))
        answers = self.script.get(document.id, ("keep_all()",))
        answer = answers[min(len(attempts), len(answers) - 1)]
        if answer is None:
            raise RefinerError("the scripted model does not answer")
        return parse(answer)

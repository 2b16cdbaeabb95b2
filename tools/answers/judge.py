"""Compare answers to the end: what only algebra can tell is asked of the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from burnish.corpora.questions.choices import LETTERS
from burnish.tools.answers.choices import chosen, keyed, letter_of, unlabelled
from burnish.tools.answers.compare import Comparison, Relation, Tolerance, compare
from burnish.tools.sandbox.results import Execution


class ProgramRunner(Protocol):
    """Runs programs in isolation; `tools.sandbox.pool.Sandbox` is one."""

    async def run_async(self, program: str) -> Execution:
        """Run a program.

        Raises:
            SandboxError: it could not be run, which says nothing about the program.
        """
        ...


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares answers, formulas by SymPy inside the sandbox."""

    runner: ProgramRunner
    tolerance: Tolerance = field(default_factory=Tolerance)

    async def compare(self, left: str, right: str) -> Comparison:
        """Compare two answers.

        Raises:
            SandboxError: a program could not be run.
        """
        found = compare(left, right, self.tolerance)
        if found.program is None:
            return found
        result = await self.runner.run_async(found.program)
        return Comparison(_relation(result), "compared as formulas", found.program)

    async def against_key(self, found: str, key: str, choices: Sequence[str]) -> Comparison:
        """Compare an answer with the keyed one; where there are choices, by their values.

        Raises:
            SandboxError: a program could not be run.
        """
        place = keyed(key, choices) if choices else None
        if place is None:
            if choices:
                return Comparison("unclear", "the key names no choice, or several")
            return await self.compare(found, key)
        bare = unlabelled(choices)
        if (letter := letter_of(found, bare)) is not None and letter_of(key, bare) is not None:
            relation: Relation = "same" if letter == place else "different"
            return Comparison(relation, f"choice {LETTERS[letter]}")
        relations = [await self.compare(found, choice) for choice in bare]
        return chosen(relations, place, bare)


def _relation(result: Execution) -> Relation:
    said = result.value.text.strip("'\"") if result.value is not None else ""
    if result.outcome != "finished":
        return "unclear"
    return "same" if said == "same" else "different" if said == "different" else "unclear"

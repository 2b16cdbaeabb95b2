"""Asks a panel of models every question of a set once, and writes their answers as records."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from burnish.agents.annotators.solver import Solver, SolverAnswer
from burnish.corpora.errors import BudgetExhausted
from burnish.corpora.records import QAItem
from burnish.corpora.storage.writers import write_jsonl
from burnish.graphs.runs.llm import account_of, model_pool
from burnish.graphs.runs.sections import LlmSettings

ANSWERS = "answers.jsonl"
_ABREAST = 256
"""Items whose answers are waited for together."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Who is asked, and where replies, budget and answers are kept."""

    models: tuple[str, ...]
    llm: LlmSettings
    """Server, budget and limits."""
    folder: Path


class Told(NamedTuple):
    """What came of a panel."""

    path: Path
    """The answer records."""
    asked: int
    answered: int
    """Answers that could be read and marked."""
    spent: int
    """Tokens paid, earlier calls on the folder included."""
    ended: bool
    """Whether the budget ended before everything was asked."""


def ask_panel(items: Sequence[QAItem], panel: Panel, name: str) -> Told:
    """Ask every model every question; what was answered before is not paid for again.

    Args:
        items: the questions.
        panel: who is asked.
        name: column of the ids in the records.

    Raises:
        QuotaPaused: the server's quota is used up; call again later.
        ModelError: the server cannot be used at all.
    """
    panel.folder.mkdir(parents=True, exist_ok=True)
    found, ended = asyncio.run(_answers(items, panel))
    path = panel.folder / ANSWERS
    rows = [
        {
            name: item.id,
            "answers": [
                _row(who, one)
                for who, one in zip(panel.models, each, strict=True)
                if one.correct is not None
            ],
        }
        for item, each in zip(items, found, strict=True)
    ]
    write_jsonl(path, (row for row in rows if row["answers"]))
    marked = [one for each in found for one in each if one.correct is not None]
    account = account_of(panel.llm, panel.folder)
    spent = account.spent + account.held if account else 0
    return Told(path, len(items) * len(panel.models), len(marked), spent, ended)


def _row(who: str, one: SolverAnswer) -> dict[str, object]:
    return {"model": who, "correct": one.correct, "answer": one.answer}


async def _answers(items: Sequence[QAItem], panel: Panel) -> tuple[list[list[SolverAnswer]], bool]:
    ended = False

    async def ask(solver: Solver, item: QAItem) -> SolverAnswer:
        nonlocal ended
        try:
            return await solver.attempt(item)
        except BudgetExhausted:
            ended = True
            return SolverAnswer(None)

    found: list[list[SolverAnswer]] = []
    async with model_pool(panel.llm, panel.folder, panel.models) as pool:
        solvers = [Solver(pool.client(name)) for name in panel.models]
        for start in range(0, len(items), _ABREAST):
            part = items[start : start + _ABREAST]
            asked = [ask(one, item) for item in part for one in solvers]
            ends = await asyncio.gather(*asked, return_exceptions=True)
            for one in ends:
                if isinstance(one, BaseException):
                    raise one
            got = [one for one in ends if isinstance(one, SolverAnswer)]
            found += [got[at : at + len(solvers)] for at in range(0, len(got), len(solvers))]
    return found, ended

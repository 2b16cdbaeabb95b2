"""The solver: answers questions as somebody who is examined does, to tell how hard they are.

It sees what the reasoner sees, never the key. Its answers to a whole set are answer records, from
which difficulties and its own ability are fitted. Where its ability is known, a few answers to a
new or changed item place that item on the same scale (`rasch.placed`).
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from burnish.agents.llm.messages import Message, Model, Request, Sampling
from burnish.agents.operations.operation import DifficultyScore
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.prompting.structured import Metered, ask_parsed, json_reader
from burnish.agents.validators.reasoner import fenced_question
from burnish.corpora.errors import STOPPING, BudgetExhausted, ModelError, ReplyError
from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import QAItem
from burnish.tools.answers.choices import letter_of
from burnish.tools.answers.compare import compare
from burnish.tools.deletion.schemas import Schema
from burnish.tools.items.keys import key_positions
from burnish.tools.profile.cells import Buckets
from burnish.tools.profile.rasch import placed

NAME = "solver"
PROMPT = Path(__file__).with_name("solver.md")
MOST_ANSWER = 300


class SolverReply(BaseModel):
    """What a solver answers."""

    model_config = ConfigDict(extra="forbid")

    answer: Annotated[str, Field(min_length=1, max_length=MOST_ANSWER)]


_ANSWERED = TypeAdapter(SolverReply)


@dataclass(frozen=True, slots=True)
class SolverConfig:
    """How a solver is asked; everything here decides what it answers."""

    max_tokens: int = 1024
    """Of one answer; models that think first need most of it."""
    spread: float = 0.7
    """Temperature where one item is asked about several times; a single answer has 0."""


@dataclass(frozen=True, slots=True)
class SolverAnswer:
    """One answer to one item."""

    correct: bool | None
    """None: there was no usable answer, or it cannot be told whether it is right."""
    answer: str = ""
    """A choice's letter, or the answer's words."""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Solver:
    """Answers items without seeing their key."""

    model: Model
    config: SolverConfig = field(default_factory=SolverConfig)

    @property
    def revision(self) -> str:
        """Model, and a digest of prompt and settings."""
        return f"{self.model.name} {digest_of(sections(PROMPT)['task'], repr(self.config))}"

    def request(self, item: QAItem, sample: int | None = None) -> Request:
        """Return the question about an item; a sample is a number among several answers."""
        several = sample is not None
        sampling = Sampling(
            max_tokens=self.config.max_tokens,
            temperature=self.config.spread if several else 0.0,
            seed=sample,
        )
        messages = (
            Message("system", sections(PROMPT)["task"]),
            Message("user", fenced_question(item)),
        )
        return Request(messages, sampling, schema=schema_for(item), task=NAME, sample=sample or 0)

    async def attempt(self, item: QAItem, sample: int | None = None) -> SolverAnswer:
        """Answer an item once; an answer that cannot be read is no answer.

        Raises:
            BudgetExhausted: the request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
            ModelError: the server cannot be used at all.
        """
        metered = Metered(self.model)
        try:
            said = await ask_parsed(metered, self.request(item, sample), json_reader(_ANSWERED))
        except ReplyError:
            return SolverAnswer(None, tokens=metered.tokens)
        except ModelError as error:
            if error.kind in STOPPING:
                raise
            return SolverAnswer(None, tokens=metered.tokens)
        words = said.answer.strip()
        return SolverAnswer(is_right(item, words), words, metered.tokens)


def schema_for(item: QAItem) -> Schema:
    """Return the form of an answer: one of the letters where there are choices."""
    schema = form_schema(SolverReply)
    if item.choices:
        letters = list(LETTERS[: len(item.choices)])
        schema["properties"]["answer"] = {"type": "string", "enum": letters}
    return schema


def is_right(item: QAItem, answer: str) -> bool | None:
    """Tell whether an answer is the keyed one; None where that cannot be told."""
    if not item.choices:
        found = compare(answer, item.answer)
        return None if found.relation == "unclear" else found.same
    keyed = key_positions(item)
    place = letter_of(answer, item.choices)
    if len(keyed) != 1 or place is None:
        return None
    return place == keyed[0]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Says how hard an item is, by a solver of known ability.

    The answers of one solver to one item hang together, so the error that is told is a lower bound
    of the true one.
    """

    solver: Solver
    ability: float
    """In logits, on the scale of the set's difficulties."""
    spread: float
    """Standard deviation of the set's difficulties."""
    centres: tuple[float, ...]
    """Mean difficulty of each bucket: where an item is thought to be before it is answered."""
    buckets: Buckets
    answers: int
    """How often the solver answers each item."""

    async def score(self, item: QAItem, wanted: int) -> DifficultyScore:
        """Return the difficulty that the answers speak for, beginning at the wanted bucket's.

        Raises:
            QuotaPaused: the server's quota is used up.
            ModelError: the server cannot be used at all.
        """
        found = await asyncio.gather(
            *(self.solver.attempt(item, sample) for sample in range(self.answers)),
            return_exceptions=True,
        )
        attempts = [one for one in found if isinstance(one, SolverAnswer)]
        tokens = sum(one.tokens for one in attempts)
        for one in found:
            if isinstance(one, BudgetExhausted):
                return DifficultyScore(None, tokens, note="unverified: the token budget ended")
            if isinstance(one, BaseException):
                raise one
        right = [one.correct for one in attempts if one.correct is not None]
        if not right:
            return DifficultyScore(None, tokens, note="unverified: no usable answer of the solver")
        centre = self.centres[min(wanted, len(self.centres) - 1)]
        mean, error = placed(right, self.ability, centre, self.spread)
        bucket = int(self.buckets.of(np.array([mean]))[0])
        name = self.solver.model.name
        note = f"{name} answered {sum(right)} of {len(right)} right"
        return DifficultyScore(bucket, tokens, mean, error, note)

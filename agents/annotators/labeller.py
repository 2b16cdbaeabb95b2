"""The labeller: a model puts items into a list of labels, or says that none fits."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.agents.operations.item_schemas import fenced_item
from burnish.agents.prompting.fencing import fence
from burnish.agents.prompting.sections import sections
from burnish.agents.prompting.structured import ask_parsed, json_reader
from burnish.agents.validators.validator import boundary_of, stops_run
from burnish.corpora.errors import BurnishError, ReplyError
from burnish.corpora.records import QAItem
from burnish.tools.profile.labelling import OTHER

NAME = "labeller"
PROMPT = Path(__file__).with_name("labeller.md")


@dataclass(frozen=True, slots=True)
class LabellerConfig:
    """How the model is asked."""

    max_tokens: int = 32
    temperature: float = 0.0
    concurrency: int = 32
    """Items asked about at the same time."""


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """What became of one item."""

    label: str | None
    """One of the list, `other`, or None where there is no answer."""
    failure: str = ""
    """The boundary that failed: model or budget."""
    reason: str = ""


class LabelReply(BaseModel):
    """What the model answers."""

    model_config = ConfigDict(extra="forbid")

    number: int


_CHOICE = TypeAdapter(LabelReply)


@dataclass(frozen=True, slots=True)
class Labeller:
    """Labels items one by one.

    Args:
        model: who is asked.
        labels: the list.
        config: how.
    """

    model: Model
    labels: Sequence[str]
    config: LabellerConfig = field(default_factory=LabellerConfig)

    async def label(
        self, items: Sequence[QAItem], progress: Callable[[int], None] | None = None
    ) -> list[ItemLabel]:
        """Label items; every failure is one item's own, and is told of.

        Args:
            items: what to label.
            progress: told how many more items are done.

        Raises:
            QuotaPaused: the server's quota is used up: to be gone on with later.
            ModelError: the server cannot be used at all.
        """
        room = asyncio.Semaphore(self.config.concurrency)

        async def one(item: QAItem) -> ItemLabel:
            async with room:
                found = await self._asked(item)
            if progress is not None:
                progress(1)
            return found

        return list(await asyncio.gather(*map(one, items)))

    def request(self, item: QAItem) -> Request:
        """Return the question about one item."""
        listed = "\n".join(f"{at}. {label}" for at, label in enumerate(self.labels, 1))
        words = f"{fence('subjects', listed)}\n\n{fenced_item(item)}"
        numbers = list(range(len(self.labels) + 1))
        schema = {
            "type": "object",
            "properties": {"number": {"type": "integer", "enum": numbers}},
            "required": ["number"],
            "additionalProperties": False,
        }
        return Request(
            (Message("system", sections(PROMPT)["task"]), Message("user", words)),
            Sampling(max_tokens=self.config.max_tokens, temperature=self.config.temperature),
            schema=schema,
            task=NAME,
        )

    async def _asked(self, item: QAItem) -> ItemLabel:
        try:
            answer = await ask_parsed(self.model, self.request(item), self._read)
        except BurnishError as error:
            if stops_run(error):
                raise
            return ItemLabel(None, boundary_of(error), str(error))
        number = answer.number
        return ItemLabel(self.labels[number - 1] if number else OTHER)

    def _read(self, reply: Reply) -> LabelReply:
        found = json_reader(_CHOICE)(reply)
        if not 0 <= found.number <= len(self.labels):
            raise ReplyError("wrong_shape", f"number: give 0 to {len(self.labels)}")
        return found

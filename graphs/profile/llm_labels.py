"""Labels by a model: asks it for the label of every item that names no domain."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from burnish.agents.annotators.labeller import ItemLabel, Labeller
from burnish.corpora.questions.question_source import QuestionRow
from burnish.corpora.records import QAItem
from burnish.corpora.storage.writers import write_jsonl
from burnish.graphs.profile.labels import Assigned, Label
from burnish.graphs.runs.llm import account_of, opened
from burnish.graphs.runs.sections import LlmSettings

LABELS = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class ModelLabelling:
    """Labels by a model; replies, budget and labels are kept in a folder."""

    labels: Sequence[Label]
    llm: LlmSettings
    folder: Path
    progress: Callable[[int], None] | None = None

    def assigned(self, rows: Sequence[QuestionRow], bare: Sequence[int]) -> Assigned:
        """Ask for each item; what was answered before is not paid for again.

        Raises:
            QuotaPaused: the server's quota is used up; call again later.
            ModelError: the server cannot be used at all.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        items = [rows[at].item for at in bare]
        found = asyncio.run(self._asked(items))
        told = ({"id": i.id, "label": one.label} for i, one in zip(items, found, strict=True))
        write_jsonl(self.folder / LABELS, (row for row in told if row["label"] is not None))
        account = account_of(self.llm, self.folder)
        failures = Counter(one.failure for one in found if one.failure)
        how = {
            "by": self.llm.model,
            "tokens": account.spent + account.held if account else 0,
            "failures": dict(sorted(failures.items())),
        }
        return Assigned([one.label for one in found], how)

    async def _asked(self, items: Sequence[QAItem]) -> list[ItemLabel]:
        names = {label.titled: label.name for label in self.labels}
        async with opened(self.llm, self.folder) as model:
            found = await Labeller(model, tuple(names)).label(items, self.progress)
        return [
            one if one.label is None else ItemLabel(names.get(one.label, one.label))
            for one in found
        ]

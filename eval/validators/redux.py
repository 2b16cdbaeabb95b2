"""MMLU-Redux: what is known of its items without a model, against its human error labels.

Keys with the labels `wrong groundtruth`, `no correct answer` and `multiple correct answers` count
as wrong, those with `ok` as right; unclear questions and items marked for experts are left out.
The shared part holds few wrong keys, so every figure here is rough.
"""

import asyncio
import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import orjson

from burnish.agents.validators.reasoner import Reasoner
from burnish.corpora.errors import SandboxError, SourceError
from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import QAItem, Verdict
from burnish.eval.validators.detection import auroc, precision_at
from burnish.tools.answers.choices import twins
from burnish.tools.items.kinds import kind_of
from burnish.tools.sandbox.results import Execution

WRONG = frozenset({"wrong groundtruth", "no correct answer", "multiple correct answers"})
TOP = 50


@dataclass(frozen=True, slots=True)
class ReduxItem:
    """An item with what people and recorded models said of it."""

    item: QAItem
    label: str
    answers: tuple[int, ...]
    """The choices that the recorded models took, by place; -1 for none."""
    key: int


class _NoSandbox:
    """Nothing is to be run here: the items hold no programs."""

    async def run_async(self, program: str) -> Execution:
        raise SandboxError(f"no program was expected here, and one of {len(program)} came")


def redux(data: Path) -> list[dict[str, object]]:
    """Return a row for the router, and one for each way to doubt a key without asking a model.

    Raises:
        SourceError: a file cannot be read.
    """
    items = read_redux(data)
    kinds = Counter(kind_of(one.item) for one in items)
    judged = asyncio.run(_without_model(items))
    opinions = Counter(verdict.opinion for verdict in judged)
    told = [one for one in items if one.label in WRONG or one.label == "ok"]
    equal = [float(_keyed_twin(one)) for one in told]
    off = [sum(a != one.key for a in one.answers) / max(1, len(one.answers)) for one in told]
    elsewhere = [_rival_share(one) for one in told]
    return [
        {"what": "router", "items": len(items), "found": dict(kinds)},
        {"what": "reasoner without a model", "items": len(items), "found": dict(opinions)},
        _row("keyed choice equals another by value", told, equal),
        _row("recorded models that do not answer the key (share of 14)", told, off),
        _row("recorded models that agree on one other choice (share of 14)", told, elsewhere),
    ]


def read_redux(data: Path) -> list[ReduxItem]:
    """Read the items, with the answers of 14 models recorded by HELM.

    Raises:
        SourceError: a file cannot be read.
    """
    rows = _rows(data / "mmlu_redux" / "mmlu_redux.jsonl.gz")
    recorded = {
        _same(row): tuple(cast("dict[str, object]", row["pred"]).values())
        for row in _rows(data / "mmlu_redux" / "helm14_responses.jsonl.gz")
    }
    return [_labelled(row, recorded.get(_same(row), ())) for row in rows]


def _labelled(row: dict[str, object], answers: Sequence[object]) -> ReduxItem:
    choices = tuple(str(choice) for choice in cast("list[object]", row["choices"]))
    key = int(str(row["answer"]))
    item = QAItem(str(row["id"]), str(row["question"]), LETTERS[key], choices, str(row["subject"]))
    label = str(row["error_type"]).casefold().replace("_", " ")
    return ReduxItem(item, label, tuple(_place(answer) for answer in answers), key)


def _place(answer: object) -> int:
    text = str(answer).strip()
    return LETTERS.find(text) if len(text) == 1 else -1


def _same(row: dict[str, object]) -> tuple[str, str, str]:
    return str(row["subject"]), str(row["question"]), str(row["choices"])


async def _without_model(items: Sequence[ReduxItem]) -> list[Verdict]:
    reasoner = Reasoner(_NoSandbox())
    return [await reasoner.check(one.item) for one in items]


def _keyed_twin(one: ReduxItem) -> bool:
    return any(one.key in pair for pair in twins(one.item.choices))


def _rival_share(one: ReduxItem) -> float:
    others = Counter(answer for answer in one.answers if answer not in {one.key, -1})
    return max(others.values(), default=0) / max(1, len(one.answers))


def _row(what: str, told: Sequence[ReduxItem], scores: Sequence[float]) -> dict[str, object]:
    wrong = np.array([one.label in WRONG for one in told])
    doubts = np.array(scores)
    return {
        "what": what,
        "items": len(told),
        "wrong": int(wrong.sum()),
        "found": {
            "doubted": int((doubts > 0).sum()),
            "doubted_and_wrong": int(wrong[doubts > 0].sum()),
        },
        "auroc": auroc(doubts, wrong),
        f"precision_at_{TOP}": precision_at(doubts, wrong, TOP),
    }


def _rows(path: Path) -> list[dict[str, object]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [cast("dict[str, object]", orjson.loads(line)) for line in lines]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not gzipped JSON Lines"
        raise SourceError(f"{path}: {reason}; give the mmlu_redux folder of the data") from None

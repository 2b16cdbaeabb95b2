"""MMLU with the recorded answers of ten models, as arrays (see the data folder's index)."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import orjson

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.choices import LETTERS
from burnish.tools.arrays import Flags, Floats, Ints

FILE = Path("mmlu") / "mmlu_test_dev_with_responses.jsonl.gz"
CHARACTERS_PER_TOKEN = 4.0
"""A usual rule for English; only ratios of costs matter here."""


@dataclass(frozen=True, slots=True, eq=False)
class Mmlu:
    """The items that all models answered."""

    subjects: tuple[str, ...]
    subject: Ints
    """Code of each item's subject."""
    models: tuple[str, ...]
    correct: Flags
    """An item a row, a model a column."""
    tokens: Floats
    """Length of question and choices."""


class MmluRow(TypedDict):
    """An item as the file has it."""

    id: str
    subject: str
    question: str
    choices: list[str]
    answer: int
    """Place of the key."""
    helm10: dict[str, str]
    """The letter that each model answered."""


def read(root: Path, limit: int | None = None) -> list[MmluRow]:
    """Read the rows of the items; `limit` takes every n-th so that about so many are left.

    Raises:
        SourceError: the file is not there, or holds no item that all models answered.
    """
    path = root / FILE
    try:
        with gzip.open(path) as lines:
            rows: list[MmluRow] = [orjson.loads(line) for line in lines]
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error}); set BURNISH_DATA.") from error
    rows = [row for row in rows if row.get("helm10")]
    if not rows:
        raise SourceError(f"{path}: no item with answers; fetch the data again.")
    return rows if limit is None else rows[:: max(1, len(rows) // limit)]


def load(root: Path, limit: int | None = None) -> Mmlu:
    """Read the items as arrays, as `read` returns them.

    Raises:
        SourceError: the file is not there, or holds no item that all models answered.
    """
    rows = read(root, limit)
    models = tuple(sorted(rows[0]["helm10"]))
    names = tuple(sorted({row["subject"] for row in rows}))
    code = {name: number for number, name in enumerate(names)}
    right = [[row["helm10"].get(m) == LETTERS[row["answer"]] for m in models] for row in rows]
    length = [len(row["question"]) + sum(map(len, row["choices"])) for row in rows]
    return Mmlu(
        names,
        np.array([code[row["subject"]] for row in rows], np.int64),
        models,
        np.array(right, np.bool_),
        np.ceil(np.array(length, np.float64) / CHARACTERS_PER_TOKEN),
    )

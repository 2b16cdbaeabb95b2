"""How well items are put into a list of labels by embedding.

`python -m burnish.eval.questions.labelling` runs the experiment.

Items of MMLU whose subject is hidden get a label from a list that lacks every fifth subject: items
of those should be `other`. Once nothing is known, and once as many other items name their subject.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from burnish.corpora.questions.question_source import QuestionRow
from burnish.corpora.records import QAItem
from burnish.eval.datasets import mmlu
from burnish.eval.stats.harness import benchmark_parser, carry_out, data_root, say_skipped
from burnish.graphs.profile.labels import Label, Labelling, label_sets
from burnish.graphs.profile.vector_cache import Vectoring, vectoring_of
from burnish.tools.profile.labelling import OTHER

STRANGE = 5
"""Every such subject is not in the list."""


@dataclass(frozen=True, slots=True)
class Score:
    """What became of items whose subject was hidden."""

    known: int
    """Items that named their subject, on which `other` was calibrated."""
    right: float
    """Of items whose subject is in the list: the share that got it."""
    wrong: float
    """The share that got another label; the rest are `other`."""
    strangers: float
    """Of items whose subject is not in the list: the share that is `other`."""
    items: int


class LabellingSample(NamedTuple):
    """Items with their subjects, half of them to be known."""

    hidden: list[QuestionRow]
    known: list[QuestionRow]
    labels: list[Label]


def drawn(rows: Sequence[mmlu.MmluRow], items: int, seed: int) -> LabellingSample:
    """Draw items, half of them known; of the known only those whose subject is in the list."""
    mixed = np.random.default_rng(seed).permutation(len(rows))
    chosen: list[int] = mixed[: 2 * items].tolist()
    subjects = sorted({row["subject"] for row in rows})
    listed = [name for at, name in enumerate(subjects) if at % STRANGE]
    found = [_row(rows[at], place) for place, at in enumerate(chosen)]
    half = len(found) // 2
    return LabellingSample(
        found[:half],
        [row for row in found[half:] if row.item.domain in listed],
        [Label(name, name.replace("_", " ")) for name in listed],
    )


def _row(row: mmlu.MmluRow, place: int) -> QuestionRow:
    choices = tuple(row["choices"])
    item = QAItem(str(row["id"]), row["question"], "", choices, row["subject"])
    return QuestionRow(item, "mmlu", place + 1)


def score(found: LabellingSample, vectoring: Vectoring, *, calibrated: bool) -> Score:
    """Label the hidden items and compare with their subjects."""
    bare = [replace(row, item=replace(row.item, domain=None)) for row in found.hidden]
    known = found.known if calibrated else []
    told = label_sets([bare, known], Labelling(found.labels, vectoring))
    listed = {label.name for label in found.labels}
    pairs = [
        (row.item.domain, named.item.domain)
        for row, named in zip(found.hidden, told.sets[0], strict=True)
    ]
    inside = [(own, given) for own, given in pairs if own in listed]
    outside = [given for own, given in pairs if own not in listed]
    return Score(
        sum(row.item.domain in listed for row in known),
        float(np.mean([own == given for own, given in inside])),
        float(np.mean([given not in {own, OTHER} for own, given in inside])),
        float(np.mean([given == OTHER for given in outside])),
        len(pairs),
    )


def show(scores: Sequence[Score], console: Console) -> None:
    """Print a score a row."""
    table = Table(box=None, pad_edge=False)
    for head in ("known items", "hidden", "right label", "wrong label", "strangers other"):
        table.add_column(head, justify="right")
    for one in scores:
        shares = (f"{share:.1%}" for share in (one.right, one.wrong, one.strangers))
        table.add_row(str(one.known), str(one.items), *shares)
    console.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and print it."""
    parser = benchmark_parser("questions.labelling", __doc__)
    parser.add_argument("--items", type=int, default=500, help="items whose subject is hidden")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedder", help="by name or folder; none: the default one")
    parser.add_argument("--cache", type=Path, help="folder for cached vectors")
    return carry_out(parser, _run, argv)


def _run(wanted: argparse.Namespace) -> int:
    root = data_root()
    if not (root / mmlu.FILE).is_file():
        return say_skipped("data", root)
    found = drawn(mmlu.read(root), wanted.items, wanted.seed)
    vectoring = vectoring_of(wanted.embedder, wanted.cache)
    scores = [score(found, vectoring, calibrated=each) for each in (False, True)]
    show(scores, Console(width=100, color_system=None, highlight=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

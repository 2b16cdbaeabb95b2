"""How well difficulties are recovered: `python -m burnish.eval.questions.difficulty`.

On MMLU-Pro, models are split at random into 14 that difficulties are estimated from and 15 whose
error rates they are compared with (Spearman), for every split; an answer that could not be read
counts as wrong, as in the leaderboard's own accuracy. Rasch's model with a content prior sees, of
each item, what stands in it and how hard its like were, never its own further answers; what models
picked where they were wrong has no part in it.
Whether errors are true is told twice: on simulated answers, by the share of 90 % intervals that
hold the true difficulty; on MMLU-Pro, by the share of held-out scores inside the 90 % interval
that the posterior predicts for them.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import argparse
import gzip
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from scipy.stats import rankdata

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.question_source import QuestionFields, QuestionRow, open_questions
from burnish.eval.stats.harness import benchmark_parser, carry_out, data_root
from burnish.tools.arrays import Floats, Ints
from burnish.tools.profile.cells import cell_name, code_names
from burnish.tools.profile.content_features import content_features
from burnish.tools.profile.content_prior import content_means
from burnish.tools.profile.rasch import (
    GRID,
    chances,
    fit_rasch,
    from_matrix,
)
from burnish.tools.profile.rasch_by_cell import fit_by_cell

TRAINED, FEW = 14, 5


_FIGURES = (
    "raw rates",
    "Rasch",
    "content alone, no answers",
    "Rasch with content prior",
    "  and abilities by cell",
    "held-out scores inside 90 %",
)


class Split(NamedTuple):
    """Spearman's correlations of one split, by what was estimated from."""

    raw: float
    rasch: float
    alone: float
    """The prior's means by themselves: no answer to an item has a part in its own."""
    content: float
    cells: float
    """With the content prior, and with abilities by cell."""
    held: float
    """Share of held-out scores inside the 90 % interval that the last fit predicts for them."""


def read_answers(folder: Path) -> tuple[Floats, list[QuestionRow]]:
    """Return right (1) and wrong (0) answers, an item a row, a model a column; and the items."""
    with gzip.open(folder / "responses.jsonl.gz") as lines:
        rows = [orjson.loads(line) for line in lines]
    models = sorted({model for row in rows for model in row["pred"]})
    table = np.array(
        [[row["pred"].get(model) == row["answer"] for model in models] for row in rows], np.float64
    )
    fields = QuestionFields(skill="src")
    found = open_questions(str(folder / "questions.jsonl.gz"), fields).rows()
    items = [row for row in found if isinstance(row, QuestionRow)]
    assert [row.item.id for row in items] == [str(row["question_id"]) for row in rows]
    return table, items


def thinned(table: Floats, few: int, seed: int) -> Floats:
    """Keep so many answers of each item, drawn at random."""
    order = np.random.default_rng(seed).random(table.shape).argsort(axis=1)
    return np.where(order.argsort(axis=1) < few, table, np.nan)


def splits(
    table: Floats,
    features: Floats,
    cells: Ints,
    few: int | None,
    seeds: Iterable[int],
    *,
    slopes: bool = False,
) -> Iterator[Split]:
    """Yield the figures of each split of the models."""
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(table.shape[1])
        own, others = table[:, order[:TRAINED]], table[:, order[TRAINED:]]
        errors = 1 - others.mean(axis=1)
        known = own if few is None else thinned(own, few, seed)
        records = from_matrix(known)
        plain = fit_rasch(records, slopes=slopes)
        means = content_means(plain, features, seed=seed)
        told = fit_rasch(records, means, slopes=slopes, scaled=True)
        by_cell = fit_by_cell(records, told, cells, means)
        yield Split(
            agreement(1 - np.nanmean(known, axis=1), errors),
            agreement(plain.difficulty, errors),
            agreement(means, errors),
            agreement(told.difficulty, errors),
            agreement(by_cell.difficulty.difficulty, errors),
            predicted(by_cell.weights, others, seed),
        )


def agreement(first: Floats, second: Floats) -> float:
    """Return Spearman's rank correlation."""
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def predicted(weights: Floats, others: Floats, seed: int) -> float:
    """Return the share of held-out scores inside the central 90 % of their prediction.

    `weights` is each item's posterior over `tools.profile.rasch.GRID`.

    Held-out abilities are taken from the held-out answers; scores are whole numbers, so they are
    spread at random over their step before they are counted (Czado, Gneiting & Held 2009).
    """
    held = _abilities(weights, others)
    chance = chances(held, np.ones(len(held)), 0.0)
    scores = np.ones((1, len(GRID)))
    for own in chance:
        grown = np.zeros((len(scores) + 1, len(GRID)))
        grown[:-1] += scores * (1 - own)
        grown[1:] += scores * own
        scores = grown
    mass = weights @ scores.T
    found = others.sum(axis=1).astype(np.int64)
    below = np.cumsum(mass, axis=1) - mass
    rows = np.arange(len(found))
    jitter = np.random.default_rng(seed).random(len(found))
    place = below[rows, found] + jitter * mass[rows, found]
    return float(((place > 0.05) & (place < 0.95)).mean())


def _abilities(weights: Floats, answers: Floats) -> Floats:
    """Return the ability of each model at which its expected score is the one it had."""
    share = weights.mean(axis=0)
    low, high = np.full(answers.shape[1], -9.0), np.full(answers.shape[1], 9.0)
    for _ in range(50):
        middle = (low + high) / 2
        expected = chances(middle, np.ones(len(middle)), 0.0) @ share
        low, high = (
            np.where(expected < answers.mean(axis=0), middle, low),
            np.where(expected < answers.mean(axis=0), high, middle),
        )
    return (low + high) / 2


def coverage(answers: int, *, draws: int = 5, items: int = 2_000, models: int = 14) -> float:
    """Return the share of 90 % intervals that hold the true difficulty, on simulated answers."""
    inside: list[float] = []
    for seed in range(draws):
        draw = np.random.default_rng(seed)
        hard, able = 1.9 * draw.normal(size=items), draw.normal(size=models)
        right = draw.random((items, models)) < 1 / (1 + np.exp(hard[:, None] - able))
        low, high = fit_rasch(from_matrix(thinned(right.astype(float), answers, seed))).interval()
        inside.append(float(((low <= hard) & (hard <= high)).mean()))
    return float(np.mean(inside))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; return 2 where the data are absent."""
    parser = benchmark_parser("questions.difficulty", __doc__)
    parser.add_argument("--data", type=Path, default=data_root())
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--vectors", type=Path, help="array of the items' vectors (.npy), in order")
    parser.add_argument("--first", type=int, default=0, help="seed of the first split")
    parser.add_argument("--slopes", action="store_true", help="a slope for each model")
    return carry_out(parser, _run, argv)


def _run(chosen: argparse.Namespace) -> None:
    folder = chosen.data / "mmlu_pro"
    if not folder.is_dir():
        raise UsageError(f"{folder} is absent; give the folder of public data with --data")
    table, items = read_answers(folder)
    vectors = None if chosen.vectors is None else np.load(chosen.vectors)
    plain = [replace(row.item, rationale=None, meta={}) for row in items]
    features = content_features(
        plain, [cell_name(item.domain, item.skill) for item in plain], vectors
    )
    names = [item.domain or "" for item in plain]
    cells = code_names(names, sorted(set(names))).codes
    seeds = range(chosen.first, chosen.first + chosen.splits)
    print(f"{len(table):,} items, {table.shape[1]} models, {chosen.splits} splits of the models")
    print("Spearman with the error rates of the other models, mean (and spread) over splits")
    for few in (None, FEW):
        found = list(splits(table, features, cells, few, seeds, slopes=chosen.slopes))
        print(f"all {TRAINED} answers" if few is None else f"{few} random answers")
        for name, values in zip(_FIGURES, np.array(found).T, strict=True):
            print(f"  {name:<34} {values.mean():.4f} ({values.std():.4f})", flush=True)
    for answers in (3, FEW, TRAINED):
        print(f"simulated, {answers:>2} answers: 90 % intervals hold {coverage(answers):.1%}")


if __name__ == "__main__":
    sys.exit(main())

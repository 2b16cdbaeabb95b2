"""Mined wrong answers against human ones: `python -m burnish.eval.distractors`.

On whole subjects of MMLU, every item's wrong answers are replaced in four ways: not at all (human),
mined, mined without balancing the cues (the first set drawn), and drawn at random from the subject.
Two questions are put to each: how plausible are they (cosine of wrong answer and key), and how
often do guessers find the key that see nothing but lengths and likenesses. Chance is 1 in 4. The
answer records of ten models say whether that plausibility means anything: wrong answers that models
chose against those that none chose.
"""

import argparse
import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np
import orjson
from numpy.typing import NDArray

from burnish.corpora.documents import QAItem
from burnish.eval.bootstrap import Interval, interval, resamples
from burnish.tools.answer_keys import key_positions, wrong_choices
from burnish.tools.answer_values import same_words
from burnish.tools.distractor_mining import (
    Options,
    Terms,
    Vectors,
    Wanted,
    mine,
    options_of,
    restyled,
)
from burnish.tools.embedder import load_embedder
from burnish.tools.splitting import rank

Floats = NDArray[np.float64]
ARMS = ("human", "mined", "unbalanced", "random")
CUES = ("longest", "shortest", "like the question", "like the others")
FITTED = "all cues, fitted"
FOLDS = 5
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """An item with the wrong answers that models chose."""

    item: QAItem
    chosen: frozenset[str]
    """Wrong answers that at least one model chose; empty without records, too."""
    asked: int
    """Models with a record."""


class _Row(TypedDict):
    """A row of the file, as far as it is read."""

    id: str
    split: str
    subject: str
    question: str
    choices: list[str]
    answer: int
    helm10: NotRequired[dict[str, str] | None]


class Sheet(NamedTuple):
    """Four answers to one question, the key first."""

    fold: int
    cues: Floats
    """A row an answer: length, likeness to the question, mean likeness to the other answers."""
    likeness: Floats
    """Of each wrong answer to the key."""


def read(path: Path, subjects: int, seed: int) -> dict[str, list[Question]]:
    """Read the test items of some subjects, drawn by a seed."""
    rows: list[_Row] = [
        orjson.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]
    ]
    names = sorted({row["subject"] for row in rows}, key=lambda name: rank(seed, name))
    wanted = set(names[:subjects])
    found: dict[str, list[Question]] = {}
    for row in rows:
        if row["subject"] in wanted and row["split"] == "test" and len(set(row["choices"])) == 4:
            found.setdefault(row["subject"], []).append(_question(row))
    return found


def _question(row: _Row) -> Question:
    choices = row["choices"]
    key = choices[row["answer"]]
    item = QAItem(row["id"], row["question"], key, tuple(choices), row["subject"])
    records = row.get("helm10") or {}
    letters = list(records.values())
    picked = {choices["ABCD".index(one)] for one in letters if one in {"A", "B", "C", "D"}}
    return Question(item, frozenset(picked - {key}), len(letters))


def drawn(item: QAItem, options: Options, seed: int) -> list[str]:
    """Return wrong answers drawn at random from a cell, other than the item's own."""
    order = np.random.default_rng(rank(seed, item.id)).permutation(len(options.texts))
    held: list[str] = []
    for at in order:
        text = options.texts[int(at)]
        if text not in item.choices and not any(same_words(text, other) for other in held):
            held.append(text)
        if len(held) == len(item.choices) - 1:
            break
    return held


def arms_of(
    item: QAItem, options: Options, vector_of: Mapping[str, Vectors], seed: int
) -> dict[str, list[tuple[str, Vectors]]] | None:
    """Return the wrong answers of each arm with their vectors; None where too few can be mined."""
    wrong = wrong_choices(item)
    key = item.choices[key_positions(item)[0]]
    wanted = Wanted(item.id, key, vector_of[key], vector_of[item.question], len(wrong))
    mined = mine(wanted, options, seed).chosen
    unbalanced = mine(wanted, options, seed, Terms(draws=1)).chosen
    if len(mined) < len(wrong):
        return None

    def told(rows: Sequence[int]) -> list[tuple[str, Vectors]]:
        return [(restyled(options.texts[at], key), options.vectors[at]) for at in rows]

    return {
        "human": [(text, vector_of[text]) for text in wrong],
        "mined": told(mined),
        "unbalanced": told(unbalanced),
        "random": [(text, vector_of[text]) for text in drawn(item, options, seed)],
    }


def sheet(
    item: QAItem, wrong: Sequence[tuple[str, Vectors]], vector_of: Mapping[str, Vectors], seed: int
) -> Sheet:
    """Measure what a guesser sees of a question."""
    texts = [item.answer, *(text for text, _ in wrong)]
    vectors = np.stack([vector_of[item.answer], *(vector for _, vector in wrong)])
    among = vectors @ vectors.T
    others = (among.sum(axis=1) - np.diag(among)) / (len(texts) - 1)
    lengths = np.array([len(text) for text in texts], np.float64)
    cues = np.stack([lengths, vectors @ vector_of[item.question], others], axis=1)
    fold = rank(seed, f"fold {item.id}") % FOLDS
    return Sheet(fold, cues.astype(np.float64), among[0, 1:].astype(np.float64))


def guesses(sheets: Sequence[Sheet]) -> dict[str, Floats]:
    """Return for each guesser how far it found each key: 1, 0, or a share where it ties."""
    cues = np.stack([one.cues for one in sheets])
    scores = {
        "longest": cues[:, :, 0],
        "shortest": -cues[:, :, 0],
        "like the question": cues[:, :, 1],
        "like the others": cues[:, :, 2],
        FITTED: fitted(cues, np.array([one.fold for one in sheets])),
    }
    return {name: _credit(score) for name, score in scores.items()}


def _credit(score: Floats) -> Floats:
    best = score == score.max(axis=1, keepdims=True)
    return best[:, 0] / best.sum(axis=1)


def fitted(cues: Floats, folds: NDArray[np.int64]) -> Floats:
    """Score answers by a conditional logit on all cues, fitted on the other folds."""
    features = _features(cues)
    scores = np.zeros(cues.shape[:2])
    for fold in np.unique(folds):
        own = folds == fold
        scores[own] = features[own] @ _logit(features[~own])
    return scores


def _features(cues: Floats) -> Floats:
    """Return each cue within its question: centred, its square, and whether it is the extreme."""
    cues = cues.copy()
    cues[:, :, 0] = np.log1p(cues[:, :, 0])
    centred = cues - cues.mean(axis=1, keepdims=True)
    scale = np.maximum(centred.std(axis=(0, 1), keepdims=True), 1e-9)
    centred /= scale
    most = (centred == centred.max(axis=1, keepdims=True)).astype(np.float64)
    least = (centred == centred.min(axis=1, keepdims=True)).astype(np.float64)
    return np.concatenate([centred, centred**2, most, least], axis=2)


def _logit(features: Floats, steps: int = 300, ridge: float = 1e-2) -> Floats:
    """Fit a conditional logit whose first answer is right, by gradient steps (McFadden 1974)."""
    weights = np.zeros(features.shape[2])
    for _ in range(steps if len(features) else 0):
        odds = features @ weights
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        expected = np.einsum("qa,qaf->f", odds, features) / len(features)
        weights += 0.3 * (features[:, 0].mean(axis=0) - expected - ridge * weights)
    return weights


def picked(
    questions: Sequence[Question], vector_of: Mapping[str, Vectors]
) -> tuple[Interval, int] | None:
    """Return by how much the wrong answers that models chose are more like the key.

    Per question: mean likeness of those chosen less that of those not chosen; None without records.
    """
    gaps: list[float] = []
    for question in questions:
        item = question.item
        likeness = {w: float(vector_of[w] @ vector_of[item.answer]) for w in wrong_choices(item)}
        chosen = [value for text, value in likeness.items() if text in question.chosen]
        left = [value for text, value in likeness.items() if text not in question.chosen]
        if question.asked and chosen and left:
            gaps.append(float(np.mean(chosen) - np.mean(left)))
    if not gaps:
        return None
    values = np.array(gaps)
    counts = resamples(len(gaps), draws=_DRAWS, seed=0)
    return interval(values, np.ones(len(gaps)), counts), len(gaps)


def measure(
    subjects: Mapping[str, Sequence[Question]], embed: Callable[[Sequence[str]], Vectors], seed: int
) -> dict[str, object]:
    """Return all figures as plain values."""
    sheets: dict[str, list[Sheet]] = {arm: [] for arm in ARMS}
    everything = [question for held in subjects.values() for question in held]
    vector_of: dict[str, Vectors] = {}
    for held in subjects.values():
        vector_of |= _vectors(held, embed)
        items = [question.item for question in held]
        rows = [(one.question, one.choices, key_positions(one)[0]) for one in items]
        options = options_of(rows, vector_of)
        for item in items:
            arms = arms_of(item, options, vector_of, seed)
            for arm, wrong in (arms or {}).items():
                sheets[arm].append(sheet(item, wrong, vector_of, seed))
    told: dict[str, object] = {"items": len(everything), "compared": len(sheets["mined"])}
    counts = resamples(max(len(sheets["mined"]), 1), draws=_DRAWS, seed=seed)
    for arm, held in sheets.items():
        if held:
            told[arm] = _figures(held, counts)
    gap = picked(everything, vector_of)
    if gap is not None:
        told["likeness of chosen less unchosen"] = [*map(_short, gap[0]), gap[1]]
    return told


def _vectors(
    held: Sequence[Question], embed: Callable[[Sequence[str]], Vectors]
) -> dict[str, Vectors]:
    texts = list({text: None for one in held for text in (one.item.question, *one.item.choices)})
    return dict(zip(texts, embed(texts), strict=True))


def _figures(sheets: Sequence[Sheet], counts: Floats) -> dict[str, object]:
    ones = np.ones(len(sheets))
    likeness = np.concatenate([one.likeness for one in sheets])
    found = {
        name: [*map(_short, interval(credit, ones, counts))]
        for name, credit in guesses(sheets).items()
    }
    quantiles = np.quantile(likeness, [0.1, 0.25, 0.5, 0.75, 0.9])
    return {"likeness to the key": [*map(_short, quantiles)], "keys found": found}


def _short(value: float) -> float:
    return round(float(value), 4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the figures as JSON."""
    data = Path(os.environ.get("BURNISH_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(prog="burnish.eval.distractors", description=__doc__)
    parser.add_argument("--data", type=Path, default=data / "mmlu")
    parser.add_argument("--subjects", type=int, default=12, help="how many, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    path: Path = given.data / "mmlu_test_dev_with_responses.jsonl.gz"
    if not path.exists():
        parser.error(f"{path}: not there; name the folder with --data")
    embedder = load_embedder(threads=given.threads)
    subjects = read(path, given.subjects, given.seed)
    told = {"embedder": embedder.name, "subjects": sorted(subjects)}
    told |= measure(subjects, embedder.embed, given.seed)
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()

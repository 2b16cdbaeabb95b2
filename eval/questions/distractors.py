"""Mined wrong answers against human ones: `python -m burnish.eval.questions.distractors`.

On whole subjects of MMLU, every item's wrong answers are replaced in four ways: not at all (human),
mined, mined without weighing the sets (unbalanced), and drawn at random from the subject. Three
questions are put to each: for how many items are there any (yield), how plausible are they (cosine
of wrong answer and key), and how often do guessers find the key that see nothing but looks and
likenesses. Chance is 1 in 4. All arms are told of the items that could be mined, and the human
one of all items too. The answer records of ten models say whether plausibility means anything:
wrong answers that models chose against those that none chose.

The method was designed on the first two thirds of the subjects, in an order drawn by the seed; the
last third (`--part kept`) was looked at for the report alone.
"""

import argparse
import gzip
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, NotRequired, TypedDict

import numpy as np
import orjson

from burnish.agents.operations.offline import CellMember, OptionIndex
from burnish.corpora.errors import UsageError
from burnish.corpora.records import QAItem
from burnish.eval.questions.option_guessers import FITTED, FOLDS, TREES, Sheet, guesses
from burnish.eval.stats.bootstrap import ConfidenceInterval, interval, resamples
from burnish.eval.stats.harness import benchmark_parser, carry_out, data_root, tell
from burnish.graphs.profile.vector_cache import VectorCache, default_folder
from burnish.tools.answers.compare import compare
from burnish.tools.arrays import Floats, Vectors
from burnish.tools.distractors.cue_balance import Balance
from burnish.tools.distractors.cues import TOPICAL, cues_of, looks
from burnish.tools.distractors.mining import Options, Terms, mine, restyled
from burnish.tools.items.keys import wrong_choices
from burnish.tools.retrieval.embedder import Embedder, load_embedder
from burnish.tools.stable_order import rank

Part = Literal["design", "kept", "all"]
ARMS = ("human", "mined", "unbalanced", "random")
_DRAWS = 1000
_SOME = frozenset({"length", "like the question", "like the others", "likest to another"})
"""Cues whose extremes are told; of all others only the worst is."""


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


def read(path: Path, part: Part, seed: int, most: int | None = None) -> dict[str, list[Question]]:
    """Read the test items of some subjects; `most` takes the first few of the part."""
    rows: list[_Row] = [
        orjson.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]
    ]
    names = sorted({row["subject"] for row in rows}, key=lambda name: rank(seed, name))
    cut = -(-2 * len(names) // 3)
    names = {"design": names[:cut], "kept": names[cut:], "all": names}[part][:most]
    found: dict[str, list[Question]] = {name: [] for name in names}
    for row in rows:
        if row["subject"] in found and row["split"] == "test" and len(set(row["choices"])) == 4:
            found[row["subject"]].append(_question(row))
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
        if text not in item.choices and not any(compare(text, other).may_be_same for other in held):
            held.append(text)
        if len(held) == len(item.choices) - 1:
            break
    return held


class Arms(NamedTuple):
    """The wrong answers of each arm with their vectors; none mined, and why."""

    wrong: Mapping[str, list[tuple[str, Vectors]]]
    reason: str = ""


def arms_of(item: QAItem, index: OptionIndex, seed: int, balance: Balance) -> Arms:
    """Return the wrong answers of each arm; where none can be mined, the human ones alone."""
    cell = item.domain or ""
    _, options, vector_of = index.cell(cell)
    own = wrong_choices(item)
    wanted = index.wanted(item, len(own), cell)
    human = [(text, vector_of[text]) for text in own]
    mined = mine(wanted, options, seed, Terms(), balance)
    if not mined.chosen:
        return Arms({"human": human}, mined.reason)

    def told(rows: Sequence[int]) -> list[tuple[str, Vectors]]:
        return [(restyled(options.texts[at], wanted.key), options.vectors[at]) for at in rows]

    random = [(text, vector_of[text]) for text in drawn(item, options, seed)]
    plain = told(mine(wanted, options, seed, Terms()).chosen)
    arms = {"human": human, "mined": told(mined.chosen), "unbalanced": plain, "random": random}
    return Arms(arms)


def sheet(
    item: QAItem, wrong: Sequence[tuple[str, Vectors]], vector_of: Mapping[str, Vectors], seed: int
) -> Sheet:
    """Measure what a guesser sees of a question."""
    texts = [item.answer, *(text for text, _ in wrong)]
    vectors = np.stack([vector_of[item.answer], *(vector for _, vector in wrong)]).astype(
        np.float64
    )
    own = np.column_stack([looks(texts, item.question), vectors @ vector_of[item.question]])
    among = vectors @ vectors.T
    fold = rank(seed, f"fold {item.id}") % FOLDS
    return Sheet(fold, cues_of(own[None], among[None])[0], among[0, 1:])


def picked(
    questions: Sequence[Question],
    vector_of: Mapping[str, Vectors],
    *,
    beside: Literal["key", "question"],
) -> tuple[ConfidenceInterval, int] | None:
    """Return by how much the wrong answers that models chose are more like the key or question.

    Per question: mean likeness of those chosen less that of those not chosen; None without records.
    """
    gaps: list[float] = []
    for question in questions:
        item = question.item
        other = vector_of[item.answer if beside == "key" else item.question]
        likeness = {text: float(vector_of[text] @ other) for text in wrong_choices(item)}
        chosen = [value for text, value in likeness.items() if text in question.chosen]
        left = [value for text, value in likeness.items() if text not in question.chosen]
        if question.asked and chosen and left:
            gaps.append(float(np.mean(chosen) - np.mean(left)))
    if not gaps:
        return None
    values = np.array(gaps)
    counts = resamples(len(gaps), draws=_DRAWS, seed=0)
    return interval(values, np.ones(len(gaps)), counts), len(gaps)


@dataclass(slots=True)
class DistractorMeasurements:
    """What was seen of all items."""

    sheets: dict[str, list[Sheet]] = field(default_factory=lambda: {arm: [] for arm in ARMS})
    everyone: list[Sheet] = field(default_factory=list[Sheet])
    """Human wrong answers, of items that nothing could be mined for as well."""
    refused: Counter[str] = field(default_factory=Counter[str])
    vector_of: dict[str, Vectors] = field(default_factory=dict[str, Vectors])


@dataclass(frozen=True, slots=True)
class Known:
    """Vectors of all texts, in the place of the embedder that made them."""

    name: str
    digest: str
    dimensions: int
    vector_of: Mapping[str, Vectors]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit row for each text."""
        return np.stack([self.vector_of[text] for text in texts])


def measure(
    subjects: Mapping[str, Sequence[Question]],
    embedder: Embedder,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, object]:
    """Return all figures as plain values."""
    everything = [question for held in subjects.values() for question in held]
    members = [CellMember(one.item, one.item.domain or "") for one in everything]
    index = OptionIndex(members, embedder, seed=seed)
    seen = DistractorMeasurements()
    for number, (name, held) in enumerate(subjects.items(), start=1):
        vector_of = index.cell(name).vector_of
        seen.vector_of |= vector_of
        for question in held:
            item = question.item
            arms = arms_of(item, index, seed, index.balance(item, Terms()))
            seen.everyone.append(sheet(item, arms.wrong["human"], vector_of, seed))
            seen.refused.update([arms.reason] if arms.reason else [])
            for arm, wrong in arms.wrong.items() if not arms.reason else ():
                seen.sheets[arm].append(sheet(item, wrong, vector_of, seed))
        progress(f"{number} of {len(subjects)} subjects mined, {len(seen.everyone)} items")
    return _told(seen, everything, seed, progress)


def _told(
    seen: DistractorMeasurements,
    questions: Sequence[Question],
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, object]:
    mined = len(seen.sheets["mined"])
    told: dict[str, object] = {
        "items": len(questions),
        "compared": mined,
        "yield": _short(mined / max(len(questions), 1)),
        "refused": dict(seen.refused.most_common()),
    }
    for arm, held in {**seen.sheets, "human, all items": seen.everyone}.items():
        if held:
            told[arm] = _figures(held, resamples(len(held), draws=_DRAWS, seed=seed))
            progress(f"guessed: {arm}")
    for beside in ("key", "question"):
        gap = picked(questions, seen.vector_of, beside=beside)
        if gap is not None:
            told[f"likeness to the {beside} of chosen less unchosen"] = [
                *map(_short, gap[0]),
                gap[1],
            ]
    return told


def _figures(sheets: Sequence[Sheet], counts: Floats) -> dict[str, object]:
    ones = np.ones(len(sheets))
    likeness = np.concatenate([one.likeness for one in sheets])
    shares = {
        name: [*map(_short, interval(credit, ones, counts))]
        for name, credit in guesses(sheets).items()
    }
    single = {name: share for name, share in shares.items() if name not in {FITTED, TREES}}
    worst = max(single, key=lambda name: single[name][0])
    found = {
        name: share
        for name, share in shares.items()
        if name not in single or name.partition(" ")[2] in _SOME
    }
    quantiles = np.quantile(likeness, [0.1, 0.25, 0.5, 0.75, 0.9])
    topical = np.concatenate([one.cues[1:, TOPICAL] for one in sheets])
    return {
        "likeness to the key": [*map(_short, quantiles)],
        "median likeness to the question": _short(float(np.median(topical))),
        "keys found": found,
        "worst single cue": {worst: single[worst]},
    }


def _short(value: float) -> float:
    return round(float(value), 4)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the figures as JSON; progress goes to the standard error."""
    parser = benchmark_parser("questions.distractors", __doc__)
    parser.add_argument("--data", type=Path, default=data_root() / "mmlu")
    parser.add_argument("--part", choices=["design", "kept", "all"], default="all")
    parser.add_argument("--subjects", type=int, help="only the first few of the part")
    parser.add_argument(
        "--vectors", type=Path, default=default_folder(), help="folder of the cache"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return carry_out(parser, _run, argv)


def _run(given: argparse.Namespace) -> None:
    path: Path = given.data / "mmlu_test_dev_with_responses.jsonl.gz"
    if not path.exists():
        raise UsageError(f"{path}: not there; name the folder with --data")

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    embedder = load_embedder(threads=given.threads)
    cache = VectorCache(given.vectors, embedder.digest)
    subjects = read(path, given.part, given.seed, given.subjects)
    texts = [
        t
        for held in subjects.values()
        for one in held
        for t in (one.item.question, *one.item.choices)
    ]
    lacking, made = len(cache.missing(texts)), Counter[str]()

    def embedded(count: int) -> None:
        made["texts"] += count
        progress(f"{made['texts']} of {lacking} texts embedded")

    vectors = cache.of(texts, lambda: embedder, embedded)
    vector_of: dict[str, Vectors] = dict(zip(texts, vectors, strict=True))
    known = Known(embedder.name, embedder.digest, embedder.dimensions, vector_of)
    told: dict[str, object] = {"embedder": embedder.name, "subjects": sorted(subjects)}
    told |= measure(subjects, known, given.seed, progress)
    tell(told)


if __name__ == "__main__":
    raise SystemExit(main())

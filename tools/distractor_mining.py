"""Wrong answers for an item out of the answers of its fellows, by their vectors and their form.

An option may stand beside a key when it is like it (cosine at least `Terms.farthest`) but not so
like it that it may mean the same (`Terms.nearest`, and `answer_values.same_words` whatever the
vectors say), has its shape and about its length, and does not answer a question of the same kind.
Out of what remains, options are put together so that its looks tell the key as little as the cell
allows (`eval.distractors` measures how much they still do): its place among the options by length,
by likeness to the question and by likeness to the other options is drawn at random for every item,
and the set nearest to that draw is taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.answer_values import Shape, quantity, same_words, shape
from burnish.tools.splitting import rank

Vectors = NDArray[np.float32]
"""Unit rows."""
Refusal = str

MAGNITUDE = 10
"""Most times larger or smaller than the key a number may be."""
_EXACT = frozenset({"number", "date"})
"""Shapes whose likeness says nothing about meaning: 60 % and 40 % are near, and different."""
_KIND: Mapping[str, str] = {"sentence": "phrase"}
"""Shapes that may stand side by side."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When an option may stand beside a key; all likenesses are cosines of unit vectors."""

    nearest: float = 0.8
    """At or above, an option may be a synonym of the key."""
    farthest: float = 0.15
    """Below, an option is not plausible."""
    apart: float = 0.9
    """At or above, two options are the same."""
    like_question: float = 0.6
    """The key of a question this like the item's may be a right answer to it too."""
    same_question: float = 0.9
    """No option of a question this like the item's is taken: it may be a rewording."""
    length_ratio: float = 2.0
    """Most times longer or shorter than the key."""
    length_slack: int = 8
    """Characters that a short key may differ by, whatever the ratio."""
    shortlist: int = 48
    """Most options that sets are drawn from."""
    draws: int = 256
    """Sets drawn."""


@dataclass(frozen=True, slots=True)
class Options:
    """The answers of one cell that may be borrowed, each once."""

    texts: tuple[str, ...]
    vectors: Vectors
    """A row an option."""
    homes: tuple[tuple[int, ...], ...]
    """For each option the rows in `questions` of the items it belongs to."""
    keyed: tuple[tuple[int, ...], ...]
    """Those of them to which it is the right answer."""
    questions: Vectors
    shapes: tuple[Shape, ...] = field(init=False)
    lengths: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", tuple(map(shape, self.texts)))
        object.__setattr__(self, "lengths", np.array([len(t) for t in self.texts], np.int64))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item that wants wrong answers."""

    id: str
    key: str
    key_vector: Vectors
    question_vector: Vectors
    count: int
    kept: tuple[str, ...] = ()
    """Texts that no mined option may repeat: wrong answers that stay."""


class Mined(NamedTuple):
    """Options found, fewer than wanted when no more are fit, and why others were not."""

    chosen: tuple[int, ...]
    refused: Mapping[Refusal, int]


def mine(wanted: Wanted, options: Options, seed: int, terms: Terms | None = None) -> Mined:
    """Choose wrong answers for an item; the same seed and id give the same ones."""
    terms = terms or Terms()
    refused: Counter[Refusal] = Counter()
    if shape(wanted.key) == "reference":
        return Mined((), {"the key points at other answers": 1})
    near = options.vectors @ wanted.key_vector
    topical = options.vectors @ wanted.question_vector
    fit = _fit_by_numbers(wanted, options, near, terms, refused)
    fit &= ~_answers_alike(wanted, options, terms, refused)
    order = np.argsort(-(near + topical), kind="stable")
    candidates = _fit_by_words(
        wanted, options, (int(at) for at in order if fit[at]), terms, refused
    )
    chosen = _together(wanted, options, candidates, terms, seed)
    return Mined(chosen, dict(refused))


def _fit_by_numbers(
    wanted: Wanted, options: Options, near: Vectors, terms: Terms, refused: Counter[Refusal]
) -> NDArray[np.bool_]:
    """Tell which options have a fit likeness, shape and length."""
    form = _forms(wanted.key, options)
    length = max(len(wanted.key), 1)
    most = max(length * terms.length_ratio, length + terms.length_slack)
    least = min(length / terms.length_ratio, length - terms.length_slack)
    sized = (options.lengths <= most) & (options.lengths >= least)
    synonym, far = near >= terms.nearest, near < terms.farthest
    if shape(wanted.key) in _EXACT:
        synonym = np.zeros_like(form)
    refused["another shape"] += int((~form).sum())
    refused["another length"] += int((form & ~sized).sum())
    refused["may mean the key"] += int((form & sized & synonym).sum())
    refused["not plausible"] += int((form & sized & far).sum())
    return form & sized & ~synonym & ~far


def _forms(key: str, options: Options) -> NDArray[np.bool_]:
    """Tell which options look like the key: shape, first letter, unit and order of magnitude."""
    wish = _KIND.get(shape(key), shape(key))
    small = key[:1].islower()
    form = [
        _KIND.get(one, one) == wish and not (small and text[:1].isupper())
        for one, text in zip(options.shapes, options.texts, strict=True)
    ]
    if wish == "number":
        form = [one and _of_size(key, text) for one, text in zip(form, options.texts, strict=True)]
    return np.array(form, np.bool_)


def _of_size(key: str, text: str) -> bool:
    """Tell whether two numbers have one unit and sign, and are within ten times of each other."""
    one, two = quantity(key), quantity(text)
    if one is None or two is None or one.unit != two.unit:
        return False
    if not one.value or not two.value:
        return abs(one.value - two.value) <= MAGNITUDE
    return 1 / MAGNITUDE <= two.value / one.value <= MAGNITUDE


def restyled(text: str, key: str) -> str:
    """Return an option with the capital and the full stop that the key has, so neither tells."""
    ended = text.rstrip()
    if key.rstrip().endswith(".") != ended.endswith(".") and not ended.endswith(("...", "?", "!")):
        ended = ended[:-1] if ended.endswith(".") else ended + "."
    return ended[:1].upper() + ended[1:] if key[:1].isupper() and ended[:1].islower() else ended


def _answers_alike(
    wanted: Wanted, options: Options, terms: Terms, refused: Counter[Refusal]
) -> NDArray[np.bool_]:
    """Tell which options belong to questions so like the item's that they may be right here."""
    likeness = options.questions @ wanted.question_vector
    alike = likeness >= terms.like_question
    same = likeness >= terms.same_question
    found = np.array(
        [
            any(alike[at] for at in keyed) or any(same[at] for at in homes)
            for keyed, homes in zip(options.keyed, options.homes, strict=True)
        ],
        np.bool_,
    )
    refused["answers a like question"] += int(found.sum())
    return found


def _fit_by_words(
    wanted: Wanted,
    options: Options,
    order: Iterable[int],
    terms: Terms,
    refused: Counter[Refusal],
) -> list[int]:
    """Take options in order that say neither what the key says nor what another one says."""
    taken: list[int] = []
    for at in order:
        text = options.texts[at]
        if same_words(text, wanted.key):
            refused["says the key in other words"] += 1
        elif any(same_words(text, other) for other in wanted.kept) or _repeats(
            at, taken, options, terms
        ):
            refused["says what another one says"] += 1
        else:
            taken.append(at)
        if len(taken) == terms.shortlist:
            break
    return taken


def _repeats(at: int, taken: Sequence[int], options: Options, terms: Terms) -> bool:
    if not taken:
        return False
    likeness = options.vectors[list(taken)] @ options.vectors[at]
    return bool((likeness >= terms.apart).any()) or any(
        same_words(options.texts[at], options.texts[other]) for other in taken
    )


def _together(
    wanted: Wanted, options: Options, candidates: Sequence[int], terms: Terms, seed: int
) -> tuple[int, ...]:
    """Choose the set in which the key's places come nearest to places drawn at random."""
    if len(candidates) <= wanted.count:
        return tuple(candidates)
    rng = np.random.default_rng(rank(seed, wanted.id))
    aims = rng.integers(0, wanted.count + 1, size=3)
    pool = np.array(candidates)
    drawn = rng.random((terms.draws, len(pool))).argpartition(wanted.count - 1, axis=1)
    sets = pool[np.sort(drawn[:, : wanted.count], axis=1)]
    places = _places(wanted, options, sets)
    missed = np.abs(places - aims).sum(axis=1) / wanted.count
    plausible = (options.vectors[sets] @ wanted.key_vector).mean(axis=1)
    best = int(np.argmax(plausible - missed))
    return tuple(int(at) for at in sets[best])


def _places(wanted: Wanted, options: Options, sets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each set how many of its options exceed the key in each of three cues.

    The cues: length, likeness to the question, mean likeness to the other options. Ties count half.
    """
    vectors = options.vectors[sets]
    to_key = vectors @ wanted.key_vector
    among = np.einsum("sid,sjd->sij", vectors, vectors)
    others = (among.sum(axis=2) - np.einsum("sii->si", among) + to_key) / wanted.count
    cues = (
        (options.lengths[sets], np.float64(len(wanted.key))),
        (vectors @ wanted.question_vector, wanted.key_vector @ wanted.question_vector),
        (others, to_key.mean(axis=1, keepdims=True)),
    )
    return np.stack(
        [(ours > key).sum(axis=1) + (ours == key).sum(axis=1) / 2 for ours, key in cues], axis=1
    )


def options_of(
    items: Iterable[tuple[str, Sequence[str], int]],
    vector_of: Mapping[str, Vectors],
) -> Options:
    """Gather the options of a cell's items.

    Args:
        items: of each item the question, its choices and the key's position.
        vector_of: the vector of every question and choice, by text.
    """
    homes: dict[str, list[int]] = {}
    keyed: dict[str, list[int]] = {}
    questions: list[Vectors] = []
    for row, (question, choices, key) in enumerate(items):
        questions.append(vector_of[question])
        for at, choice in enumerate(choices):
            if shape(choice) == "reference":
                continue
            homes.setdefault(choice, []).append(row)
            keyed.setdefault(choice, []).extend([row] if at == key else [])
    texts = tuple(homes)
    width = len(questions[0]) if questions else 0
    vectors = [vector_of[text] for text in texts]
    return Options(
        texts,
        np.stack(vectors) if vectors else np.zeros((0, width), np.float32),
        tuple(tuple(homes[text]) for text in texts),
        tuple(tuple(keyed[text]) for text in texts),
        np.stack(questions) if questions else np.zeros((0, width), np.float32),
    )

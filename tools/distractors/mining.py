"""Wrong answers for an item out of the answers of its fellows, by their vectors and their form.

An option may stand beside a key when it is like it (cosine at least `Terms.farthest`) but not so
like it that it may mean the same (`Terms.nearest`, and `Comparison.may_be_same` whatever the
vectors say), has its shape and about its length, and does not answer a question of the same kind.

A key is about its question and borrowed answers are about others, which gives it away. So an item
gets wrong answers only where its cell has enough of them more like the question than the key, and
enough less like it: then the key's place is drawn. Sets are drawn with a place each, and one is
taken with the chances of a `cue_balance.Balance`, which is fitted on other items so that no looks
or likenesses tell a key. An item is refused by what its cell has, never by what was drawn for it:
otherwise the items that are left would tell their keys again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tools.answers.compare import compare
from burnish.tools.answers.likeness import Shape, shape
from burnish.tools.answers.normalize import plain
from burnish.tools.answers.numbers import Number, is_percent, number_of
from burnish.tools.arrays import Vectors
from burnish.tools.distractors.cue_balance import Balance, DrawnSets, order_of
from burnish.tools.distractors.cues import OTHERS, cues_of, looks
from burnish.tools.stable_order import rank

Refusal = str

_CLOSE = (0.0, 4.0, 8.0)
"""How much likelier an option is drawn for its likeness to the one that a set is drawn around."""
POINTS = "the key points at other answers"
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
    shortlist: int = 64
    """Most options taken for their likeness to the key, and as many for that to the question."""
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
    kinds: NDArray[np.str_] = field(init=False)
    """Shapes, those that may stand side by side as one."""
    capital: NDArray[np.bool_] = field(init=False)
    numbers: tuple[Number | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        shapes = tuple(map(shape, self.texts))
        found = {
            "shapes": shapes,
            "lengths": np.array([len(text) for text in self.texts], np.int64),
            "kinds": np.array([_KIND.get(one, one) for one in shapes], np.str_),
            "capital": np.array([text[:1].isupper() for text in self.texts], np.bool_),
            "numbers": tuple(
                number_of(plain(text)) if one == "number" else None
                for one, text in zip(shapes, self.texts, strict=True)
            ),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item that wants wrong answers."""

    id: str
    key: str
    key_vector: Vectors
    question_vector: Vectors
    count: int
    question: str = ""
    """Text of the question; words that answers share with it tell a key, too."""
    kept: tuple[str, ...] = ()
    """Texts that no mined option may repeat."""


class Mined(NamedTuple):
    """Options found, all that were wanted or none, and why others were not."""

    chosen: tuple[int, ...]
    refused: Mapping[Refusal, int]
    reason: str = ""
    """Why there are none, where there are none."""


class Fit(NamedTuple):
    """Options that may stand beside a key by themselves, and how many may not."""

    rows: NDArray[np.int64]
    refused: Mapping[Refusal, int]


class Sets(NamedTuple):
    """Sets of options drawn for an item, with their cues."""

    rows: NDArray[np.int64]
    """Sets x options, rows of the cell's options."""
    drawn: DrawnSets


def mine(
    wanted: Wanted,
    options: Options,
    seed: int,
    terms: Terms | None = None,
    balance: Balance | None = None,
) -> Mined:
    """Choose wrong answers for an item; the same arguments give the same ones.

    Args:
        wanted: the item.
        options: the answers of its cell.
        seed: of the draws.
        terms: when an option may stand beside the key.
        balance: weighs the sets, fitted on other items; None takes them as drawn.
    """
    terms = terms or Terms()
    if shape(wanted.key) == "reference":
        return Mined((), {}, POINTS)
    fit = fitting(wanted, options, terms)
    sets = draw_sets(wanted, options, fit.rows, seed, terms)
    if isinstance(sets, str):
        return Mined((), fit.refused, sets)
    rng = np.random.default_rng(rank(seed, f"take {wanted.id}"))
    for at in order_of((balance or Balance()).score(sets.drawn), rng):
        chosen = tuple(int(row) for row in sets.rows[at])
        if not _says_twice([options.texts[row] for row in chosen]):
            return Mined(chosen, fit.refused)
    return Mined((), fit.refused, "its fellows' answers say the same")


def fitting(wanted: Wanted, options: Options, terms: Terms) -> Fit:
    """Return the options that may stand beside the key, those most like it or its question."""
    refused: Counter[Refusal] = Counter()
    if shape(wanted.key) == "reference":
        return Fit(np.zeros(0, np.int64), {})
    near = options.vectors @ wanted.key_vector
    topical = options.vectors @ wanted.question_vector
    fit = _fit_by_numbers(wanted, options, near, terms, refused)
    fit &= ~_answers_alike(wanted, options, terms, refused)
    rows = np.flatnonzero(fit)
    first = [
        rows[np.argsort(-by[rows], kind="stable")[: terms.shortlist]] for by in (topical, near)
    ]
    found = _fit_by_words(wanted, options, dict.fromkeys(np.concatenate(first).tolist()), refused)
    return Fit(np.array(found, np.int64), dict(refused))


def draw_sets(
    wanted: Wanted, options: Options, rows: NDArray[np.int64], seed: int, terms: Terms
) -> Sets | str:
    """Draw sets of fit options, the key's place by likeness to the question drawn for each.

    Returns:
        The sets, or why none can be drawn without telling the key.
    """
    count = wanted.count
    if len(rows) < count:
        return f"{len(rows)} of {count} fit wrong answers among its fellows' answers"
    vectors = options.vectors[rows]
    topical = vectors @ wanted.question_vector
    own = float(wanted.key_vector @ wanted.question_vector)
    above, below = topical > own, topical < own
    # Every rank of the key must be possible, or the ranks that are left would tell it.
    if min(int(above.sum()), int(below.sum())) < count:
        more = "more" if int(above.sum()) < count else "less"
        return f"too few of its fellows' answers are {more} like the question than the key"
    rng = np.random.default_rng(rank(seed, wanted.id))
    grams = vectors @ vectors.T
    drawn = _drawn(above, below, grams, count, terms.draws, rng)
    index = np.arange(count)
    apart = grams[drawn[:, :, None], drawn[:, None]]
    apart[:, index, index] = 0
    drawn = drawn[apart.max(axis=(1, 2)) < terms.apart]
    if not len(drawn):
        return "its fellows' answers say the same"
    # As many sets for every item, so that they can be stacked.
    drawn = drawn[np.arange(terms.draws) % len(drawn)]
    return Sets(rows[drawn], _seen(wanted, options, rows, drawn))


def _seen(
    wanted: Wanted, options: Options, rows: NDArray[np.int64], drawn: NDArray[np.int64]
) -> DrawnSets:
    """Return what a guesser sees of the sets: the key first, then places in `rows`."""
    taken: list[int] = rows.tolist()
    texts = [wanted.key, *(restyled(options.texts[row], wanted.key) for row in taken)]
    vectors = np.vstack([wanted.key_vector[None], options.vectors[rows]]).astype(np.float64)
    own = np.column_stack([looks(texts, wanted.question), vectors @ wanted.question_vector])
    sets = np.concatenate([np.zeros((len(drawn), 1), np.int64), drawn + 1], axis=1)
    likeness = vectors @ vectors.T
    cues = cues_of(own[sets], likeness[sets[:, :, None], sets[:, None]])
    return DrawnSets(cues, cues[:, :, OTHERS].mean(axis=1))


def _drawn(
    above: NDArray[np.bool_],
    below: NDArray[np.bool_],
    grams: Vectors,
    count: int,
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw sets: 0 to count options above the key, each as likely, the others below.

    A third of the sets is drawn evenly, the others around one of the options: wrong answers that
    have nothing in common but the key would show it.
    """
    # The key's rank in likeness to the question is drawn first and evenly: whoever bets on the most
    # like, or the least like, wins by chance only.
    places = rng.integers(0, count + 1, draws)
    close = rng.choice(_CLOSE, draws)
    pivots = rng.integers(0, len(above), draws)
    # Gumbel noise makes the first `count` of an order a draw without return, for all sets at once.
    score = close[:, None] * grams[pivots] + rng.gumbel(size=(draws, len(above)))
    sides = [
        np.argsort(-np.where(side, score, -np.inf), axis=1)[:, :count] for side in (above, below)
    ]
    step = np.arange(count)[None]
    later = np.clip(step - places[:, None], 0, None)
    return np.where(
        step < places[:, None], sides[0], np.take_along_axis(sides[1], later, axis=1)
    ).astype(np.int64)


def _says_twice(texts: Sequence[str]) -> bool:
    return any(compare(one, two).may_be_same for one, two in combinations(texts, 2))


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
    form = options.kinds == wish
    if key[:1].islower():
        form = form & ~options.capital
    if wish == "number":
        own = number_of(plain(key))
        sized = [one and _of_size(own, two) for one, two in zip(form, options.numbers, strict=True)]
        form = np.array(sized, np.bool_)
    return form


def _of_size(one: Number | None, two: Number | None) -> bool:
    """Tell whether two numbers have one unit and sign, and are within ten times of each other."""
    if one is None or two is None or _measured_in(one) != _measured_in(two):
        return False
    if not one.quantity or not two.quantity:
        return abs(one.quantity - two.quantity) <= MAGNITUDE
    return 1 / MAGNITUDE <= two.quantity / one.quantity <= MAGNITUDE


def _measured_in(number: Number) -> tuple[object, bool]:
    """Return the dimension of a number; percent is one of its own."""
    return number.unit.dimension if number.unit else (), is_percent(number)


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
    alike = frozenset(np.flatnonzero(likeness >= terms.like_question).tolist())
    same = frozenset(np.flatnonzero(likeness >= terms.same_question).tolist())
    found = np.array(
        [
            not (alike.isdisjoint(keyed) and same.isdisjoint(homes))
            for keyed, homes in zip(options.keyed, options.homes, strict=True)
        ],
        np.bool_,
    )
    refused["answers a like question"] += int(found.sum())
    return found


def _fit_by_words(
    wanted: Wanted, options: Options, rows: Iterable[int], refused: Counter[Refusal]
) -> list[int]:
    """Take options that say neither what the key says nor what is to be kept."""
    taken: list[int] = []
    for at in rows:
        text = options.texts[at]
        if compare(text, wanted.key).may_be_same:
            refused["says the key in other words"] += 1
        elif any(compare(text, other).may_be_same for other in wanted.kept):
            refused["says what another one says"] += 1
        else:
            taken.append(at)
    return taken


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

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answers.compare import compare
from burnish.tools.answers.likeness import shape
from burnish.tools.arrays import Vectors
from burnish.tools.distractors.cue_balance import DrawnSets, balanced
from burnish.tools.distractors.cues import NAMES, TOPICAL
from burnish.tools.distractors.mining import (
    POINTS,
    Options,
    Sets,
    Terms,
    Wanted,
    draw_sets,
    fitting,
    mine,
    options_of,
    restyled,
)

WORDS = st.text(alphabet="abcdefgh ", min_size=1, max_size=18).filter(lambda t: bool(t.strip()))
ANSWERS = st.one_of(
    WORDS,
    st.integers(-50, 2100).map(str),
    st.integers(0, 100).map(lambda n: f"{n}%"),
    st.sampled_from(["one half", "0.5", "1/2", "all of the above", "Heart", "the heart.", "WHO"]),
)


def unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.maximum(lengths, 1e-9)).astype(np.float32)


@st.composite
def cells(draw: st.DrawFn) -> tuple[Wanted, Options]:
    items = draw(st.lists(st.lists(ANSWERS, min_size=2, max_size=4), min_size=2, max_size=12))
    key = draw(ANSWERS)
    seed = draw(st.integers(0, 9))
    rng = np.random.default_rng(seed)
    spread = draw(st.sampled_from([0.3, 1.0, 3.0]))
    texts = {text for item in items for text in item} | {f"q{at}" for at in range(len(items))}
    centre = rng.normal(size=8)
    vector = {
        t: unit(np.asarray(centre + spread * rng.normal(size=8), np.float32)) for t in sorted(texts)
    }
    options = options_of([(f"q{at}", item, 0) for at, item in enumerate(items)], vector)
    mean = np.asarray(centre, np.float32)
    wanted = Wanted("x", key, vector.get(key, unit(mean)), unit(mean), draw(st.integers(1, 4)))
    return wanted, options


@given(cells(), st.integers(0, 5))
def test_what_is_mined_never_means_the_key_nor_one_another(
    cell: tuple[Wanted, Options], seed: int
) -> None:
    wanted, options = cell
    terms = Terms()
    mined = mine(wanted, options, seed, terms)
    found = mined.chosen
    assert len(found) == (0 if mined.reason else wanted.count)
    texts = [options.texts[at] for at in found]
    assert len(set(found)) == len(found)
    for at, text in zip(found, texts, strict=True):
        assert not compare(text, wanted.key).may_be_same
        likeness = float(options.vectors[at] @ wanted.key_vector)
        assert likeness >= terms.farthest - 1e-6
        assert likeness < terms.nearest or shape(wanted.key) in {"number", "date"}
        assert {shape(text), shape(wanted.key)} <= {"phrase", "sentence"} or (
            shape(text) == shape(wanted.key)
        )
        assert not any(compare(text, other).may_be_same for other in texts if other is not text)
    assert mine(wanted, options, seed, terms) == mined
    own = float(wanted.key_vector @ wanted.question_vector)
    topical = options.vectors[fitting(wanted, options, terms).rows] @ wanted.question_vector
    hidden = min((topical > own).sum(), (topical < own).sum()) >= wanted.count
    assert hidden or not found


def vectors(rows: Sequence[Sequence[float]]) -> Vectors:
    return unit(np.array(rows, np.float32))


def pool(texts: Sequence[str], likeness: Sequence[float], question: float = 0.0) -> Options:
    """Return options with given likenesses to the key (1, 0, 0), one foreign question each."""
    rows = [
        [cos, (1 - cos * cos) ** 0.5 * np.cos(at), (1 - cos * cos) ** 0.5 * np.sin(at)]
        for at, cos in enumerate(likeness)
    ]
    questions = [[0.0, (1 - question * question) ** 0.5, question]] * len(texts)
    return Options(
        tuple(texts),
        vectors(rows),
        tuple((at,) for at in range(len(texts))),
        tuple((at,) if at == 0 else () for at in range(len(texts))),
        vectors(questions),
    )


def wanted(key: str, count: int = 1) -> Wanted:
    axis = vectors([[1, 0, 0], [0, 0, 1]])
    return Wanted("w", key, axis[0], axis[1], count)


def fit(wanted: Wanted, options: Options) -> set[int]:
    return set(fitting(wanted, options, Terms()).rows.tolist())


def test_options_too_like_or_too_unlike_the_key_are_refused() -> None:
    options = pool(["doctor", "plumber", "granite"], [0.85, 0.5, 0.05])
    found = fitting(wanted("physician"), options, Terms())
    assert found.rows.tolist() == [1]
    assert found.refused["may mean the key"] == 1
    assert found.refused["not plausible"] == 1


def test_numbers_are_told_apart_by_value_not_by_vector() -> None:
    options = pool(["0.40", "2/5", "60%", "0.25"], [0.95, 0.9, 0.95, 0.95])
    assert fit(wanted("0.4", 4), options) == {3}


def test_the_key_of_a_like_question_is_not_borrowed() -> None:
    texts = ["iron ore", "lead ore"]
    assert fit(wanted("zinc ore", 2), pool(texts, [0.5, 0.5])) == {0, 1}
    assert fit(wanted("zinc ore", 2), pool(texts, [0.5, 0.5], 0.7)) == {1}
    assert fit(wanted("zinc ore", 2), pool(texts, [0.5, 0.5], 0.95)) == set()


def test_a_key_that_points_at_other_answers_gets_nothing() -> None:
    mined = mine(wanted("all of the above"), pool(["iron"], [0.5]), 0)
    assert (mined.chosen, mined.reason) == ((), POINTS)


SIZE = 80
SOME = Terms(draws=48)
TEXTS = [f"term {chr(97 + at % 26)}{'xyz' * (at % 4)}{at // 26}k" for at in range(SIZE)]


def cell(seed: int, *, lift: float = 0.3) -> tuple[Wanted, Options]:
    """Return an item whose key is more like its question than its fellows' answers are."""
    rng = np.random.default_rng(seed)
    rows = np.asarray([1, 0, 0, 0, 0, 0] + 0.7 * rng.normal(size=(SIZE, 6)), np.float32)
    far = unit(np.array([[0, 0, 0, 0, 0, 1]], np.float32))
    options = Options(
        tuple(TEXTS), unit(rows), tuple((0,) for _ in TEXTS), tuple(() for _ in TEXTS), far
    )
    question = np.asarray([1, 0, 0, 0, 0, 0] + 0.5 * rng.normal(size=6), np.float32)
    key = np.asarray([1, 0, 0, 0, 0, 0] + 0.7 * rng.normal(size=6) + lift * question, np.float32)
    return Wanted(str(seed), "term qqqq", unit(key), unit(question), 3), options


def drawn(seed: int, lift: float = 0.3) -> Sets | None:
    asked, options = cell(seed, lift=lift)
    sets = draw_sets(asked, options, fitting(asked, options, SOME).rows, 0, SOME)
    return None if isinstance(sets, str) else sets


def test_the_place_of_the_key_by_likeness_to_the_question_is_drawn_evenly() -> None:
    counts = np.zeros(4)
    for seed in range(60):
        if (sets := drawn(seed)) is not None:
            topical = sets.drawn.cues[:, :, TOPICAL]
            counts += np.bincount((topical[:, 1:] > topical[:, :1]).sum(axis=1), minlength=4)
    assert counts.sum() > 1500
    assert np.abs(counts / counts.sum() - 0.25).max() < 0.04


def test_an_item_whose_key_stands_alone_is_refused_and_told_why() -> None:
    asked, options = cell(0)
    lone = Wanted("x", asked.key, asked.question_vector, asked.question_vector, 3)
    mined = mine(lone, options, 0)
    assert mined.chosen == ()
    assert "more like the question than the key" in mined.reason
    few = mine(wanted("zinc ore", 3), pool(["iron ore"], [0.5]), 0)
    assert (few.chosen, few.reason[:6]) == ((), "1 of 3")


def test_no_cue_tells_keys_once_sets_are_weighed_by_a_balance_of_other_items() -> None:
    learnt: list[DrawnSets] = [
        sets.drawn for seed in range(90) if (sets := drawn(seed)) is not None
    ]
    weighed = balanced(learnt)
    places: list[float] = []
    firsts: list[bool] = []
    for seed in range(1000, 1160):
        asked, options = cell(seed)
        found = mine(asked, options, seed, SOME, weighed).chosen
        if found:
            mates = np.concatenate([asked.key_vector[None], options.vectors[list(found)]])
            likest = (mates @ mates.T).sum(axis=1)
            firsts.append(bool(likest.argmax() == 0))
            places.append(float((likest > likest[0]).sum()))
    rounds = len(places)
    assert rounds > 60
    slack = 3 * (0.25 * 0.75 / rounds) ** 0.5
    assert abs(np.mean(firsts) - 0.25) < slack
    assert abs(np.mean(places) - 1.5) < 3 * (1.25 / rounds) ** 0.5


def test_cues_are_those_of_the_texts_as_they_will_stand() -> None:
    sets = drawn(3)
    assert sets is not None
    asked, options = cell(3)
    row, cues = sets.rows[0], sets.drawn.cues[0]
    vectors = np.concatenate([asked.key_vector[None], options.vectors[row]]).astype(float)
    assert np.allclose(cues[:, TOPICAL], vectors @ asked.question_vector, atol=1e-6)
    taken: list[int] = row.tolist()
    lengths = [len(asked.key), *(len(options.texts[at]) for at in taken)]
    assert np.allclose(np.expm1(cues[:, NAMES.index("length")]), lengths)


def test_an_option_takes_on_the_full_stop_and_the_capital_of_the_key() -> None:
    assert restyled("small towns", "Big cities.") == "Small towns."
    assert restyled("small towns.", "big cities") == "small towns"
    assert restyled("DNA", "big cities") == "DNA"

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.answer_values import same_words, shape
from burnish.tools.distractor_mining import (
    Options,
    Terms,
    Vectors,
    Wanted,
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
    found = mine(wanted, options, seed, terms).chosen
    texts = [options.texts[at] for at in found]
    assert len(found) <= wanted.count
    assert len(set(found)) == len(found)
    for at, text in zip(found, texts, strict=True):
        assert not same_words(text, wanted.key)
        likeness = float(options.vectors[at] @ wanted.key_vector)
        assert likeness >= terms.farthest - 1e-6
        assert likeness < terms.nearest or shape(wanted.key) in {"number", "date"}
        assert {shape(text), shape(wanted.key)} <= {"phrase", "sentence"} or (
            shape(text) == shape(wanted.key)
        )
        assert not any(same_words(text, other) for other in texts if other is not text)
    assert mine(wanted, options, seed, terms).chosen == found


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


def test_options_too_like_or_too_unlike_the_key_are_refused() -> None:
    found = mine(wanted("physician"), pool(["doctor", "plumber", "granite"], [0.85, 0.5, 0.05]), 0)
    assert found.chosen == (1,)
    assert found.refused["may mean the key"] == 1
    assert found.refused["not plausible"] == 1


def test_numbers_are_told_apart_by_value_not_by_vector() -> None:
    options = pool(["0.40", "2/5", "60%", "0.25"], [0.95, 0.9, 0.95, 0.95])
    assert mine(wanted("0.4", 4), options, 0).chosen == (3,)


def test_the_key_of_a_like_question_is_not_borrowed() -> None:
    texts = ["iron ore", "lead ore"]
    assert set(mine(wanted("zinc ore", 2), pool(texts, [0.5, 0.5]), 0).chosen) == {0, 1}
    assert mine(wanted("zinc ore", 2), pool(texts, [0.5, 0.5], 0.7), 0).chosen == (1,)
    assert mine(wanted("zinc ore", 2), pool(texts, [0.5, 0.5], 0.95), 0).chosen == ()


def test_a_key_that_points_at_other_answers_gets_nothing() -> None:
    assert mine(wanted("all of the above"), pool(["iron"], [0.5]), 0).chosen == ()


@pytest.mark.parametrize("cue", ["length", "likeness"])
def test_no_cue_tells_the_key_more_often_than_chance(cue: str) -> None:
    rng = np.random.default_rng(4)
    size = 160
    texts = [f"term {chr(97 + at % 26)}{'xyz' * (at % 4)}{at // 26}k" for at in range(size)]
    vector = unit(np.asarray([1, 0, 0, 0, 0, 0] + 0.9 * rng.normal(size=(size, 6)), np.float32))
    homes = tuple((0,) for _ in texts)
    far = unit(np.array([[0, 0, 0, 0, 0, 1]], np.float32))
    options = Options(tuple(texts), vector, homes, tuple(() for _ in texts), far)
    hits = 0
    rounds = 120
    for seed in range(rounds):
        key = unit(np.asarray([1, 0, 0, 0, 0, 0] + 0.5 * rng.normal(size=6), np.float32))
        asked = Wanted(str(seed), "term qqqq", key, unit(np.ones(6, np.float32)), 3)
        found = mine(asked, options, seed).chosen
        assert len(found) == 3
        if cue == "length":
            hits += all(len(texts[at]) < len(asked.key) for at in found)
        else:
            mates = np.concatenate([options.vectors[list(found)], key[None]])
            hits += int((mates @ mates.T).sum(axis=1).argmax() == 3)
    assert hits / rounds < 0.25 + 3 * (0.25 * 0.75 / rounds) ** 0.5


def test_an_option_takes_on_the_full_stop_and_the_capital_of_the_key() -> None:
    assert restyled("small towns", "Big cities.") == "Small towns."
    assert restyled("small towns.", "big cities") == "small towns"
    assert restyled("DNA", "big cities") == "DNA"

"""Reordering against a slow reference that follows the definitions word by word."""

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.retrieval.reranker import (
    CLOSE,
    CLOSER,
    MOST,
    Asked,
    FeatureWeights,
    RetrievedRows,
    Shelf,
    features,
    reordered,
)

terms = st.integers(0, 9)
NONE = FeatureWeights(0, 0, 0, 0, 0, 0, 0)


class Stems(NamedTuple):
    title: list[int]
    section: list[int]
    text: list[int]


passages = st.lists(
    st.builds(
        Stems,
        st.lists(terms, max_size=4),
        st.lists(terms, max_size=3),
        st.lists(terms, max_size=30),
    ),
    min_size=1,
    max_size=5,
)


def shelved(stems: list[Stems]) -> Shelf:
    whole = [one.title + one.section + one.text for one in stems]
    return Shelf(
        np.array([term for one in whole for term in one], np.int64),
        np.cumsum([0, *map(len, whole)]),
        np.array([len(one.title) for one in stems]),
        np.array([len(one.title) + len(one.section) for one in stems]),
    )


def rarity(term: int) -> float:
    return 1.0 + term / 3


def question(stems: list[int]) -> Asked:
    return Asked(np.array(stems, np.int64), np.array([rarity(term) for term in stems]))


def found(count: int) -> RetrievedRows:
    draw = np.random.default_rng(count)
    return RetrievedRows(
        10 * np.arange(count), draw.uniform(0, 9, count), draw.uniform(0, 1, count)
    )


def expected(asked: list[int], passage: Stems) -> list[float]:
    """Return phrases, close, closer, present and title of one passage."""
    whole = passage.title + passage.section + passage.text
    total = sum(rarity(term) for term in set(asked))

    def share(stems: list[int]) -> float:
        return sum(rarity(term) for term in set(asked) & set(stems)) / total if asked else 0.0

    def window(stems: list[int], width: int) -> float:
        return max((share(stems[at : at + width]) for at in range(len(stems))), default=0.0)

    return [
        len(set(pairwise(asked)) & set(pairwise(whole))),
        window(whole, CLOSE),
        window(passage.text, CLOSER),
        share(whole),
        share(passage.title),
    ]


@given(st.lists(terms, max_size=8), passages)
def test_features_are_what_their_names_say(asked: list[int], stems: list[Stems]) -> None:
    given_ = found(len(stems))
    table = features(question(asked), shelved(stems), given_)
    assert table[:, 0] == pytest.approx(given_.words / given_.words.max())
    assert table[:, 1] == pytest.approx(given_.meaning)
    for row, passage in zip(table[:, 2:], stems, strict=True):
        assert row == pytest.approx(expected(asked, passage))


@given(st.lists(terms, max_size=8), passages)
def test_reordering_only_changes_the_order(asked: list[int], stems: list[Stems]) -> None:
    given_ = found(len(stems))
    fused = reordered(question(asked), shelved(stems), given_)
    assert sorted(fused.rows.tolist()) == given_.rows.tolist()
    assert np.all(np.diff(fused.scores) <= 0)


def test_without_weights_the_order_given_stays() -> None:
    stems = [Stems([1], [], [2, 3]), Stems([], [], [1, 2, 3]), Stems([], [], [])]
    fused = reordered(question([1, 2, 3]), shelved(stems), found(3), NONE)
    assert fused.rows.tolist() == [0, 10, 20]


def test_words_that_stand_together_beat_words_that_stand_apart() -> None:
    apart = Stems([], [], [1, 9, 9, 9, 2, *[9] * 20, 3])
    together = Stems([], [], [*[9] * 20, 1, 2, 3, 9, 9, 9])
    alike = RetrievedRows(np.array([7, 8]), np.array([5.0, 5.0]), np.array([0.5, 0.5]))
    fused = reordered(question([1, 2, 3]), shelved([apart, together]), alike)
    assert fused.rows.tolist() == [8, 7]


def test_a_question_of_unknown_words_goes_by_meaning() -> None:
    alike = RetrievedRows(np.array([7, 8]), np.array([0.0, 0.0]), np.array([0.3, 0.5]))
    fused = reordered(question([]), shelved([Stems([1], [], [2])] * 2), alike)
    assert fused.rows.tolist() == [8, 7]


def test_a_question_longer_than_is_looked_at_is_answered() -> None:
    asked = list(range(MOST + 40))
    stems = [Stems([], [], asked[:30]), Stems([], [], asked[-30:])]
    table = features(question(asked), shelved(stems), found(2))
    assert table[0, 3] > 0
    assert table[1, 5] == 0


def test_nothing_found_is_nothing_reordered() -> None:
    nothing = RetrievedRows(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    assert reordered(question([1]), shelved([]), nothing).rows.tolist() == []


@given(passages, st.floats(0.1, 9))
def test_the_scale_of_rarity_and_of_scores_does_not_matter(
    stems: list[Stems], scale: float
) -> None:
    asked, given_ = question([1, 2, 3, 4]), found(len(stems))
    other = Asked(asked.terms, asked.rarity * scale)
    scaled = replace(FeatureWeights(), words=2.0)
    one = reordered(asked, shelved(stems), given_, scaled)
    two = reordered(other, shelved(stems), given_._replace(words=given_.words * scale), scaled)
    assert one.scores == pytest.approx(two.scores)

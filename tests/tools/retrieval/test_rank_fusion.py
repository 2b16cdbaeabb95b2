import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.retrieval.rank_fusion import Ranking, fuse

rankings = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), max_size=3)


def ranking(rows: list[int], weight: float = 1.0) -> Ranking:
    return Ranking(np.array(rows, np.int64), weight)


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    fused = fuse([ranking([7, 3]), ranking([3, 9])], constant=60)
    assert fused.rows.tolist() == [3, 7, 9]
    assert fused.scores == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_a_weightless_ranking_changes_no_order() -> None:
    fused = fuse([ranking([5, 4]), ranking([4, 5], 0.0)])
    assert fused.rows.tolist() == [5, 4]


def test_nothing_found_is_nothing_fused() -> None:
    assert fuse([]).rows.tolist() == []
    assert fuse([ranking([])]).rows.tolist() == []


@given(rankings)
def test_the_order_of_the_rankings_does_not_matter(lists: list[list[int]]) -> None:
    one = fuse([ranking(rows) for rows in lists])
    other = fuse([ranking(rows) for rows in reversed(lists)])
    assert one.rows.tolist() == other.rows.tolist()
    assert set(one.rows.tolist()) == {row for rows in lists for row in rows}
    assert np.all(np.diff(one.scores) <= 1e-15)

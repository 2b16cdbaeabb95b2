import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.planning.stratified import shares_of, stratified

strata_lists = st.lists(st.integers(0, 6), max_size=60)


@given(strata=strata_lists, size=st.integers(0, 70), seed=st.integers(0, 5))
def test_a_pilot_is_of_the_size_asked_for_and_visits_every_stratum_it_can(
    strata: list[int], size: int, seed: int
) -> None:
    codes = np.array(strata, np.int64)
    drawn = stratified(codes, size, seed)
    assert len(drawn) == min(size, len(strata))
    assert len(set(drawn.tolist())) == len(drawn)
    assert drawn.tolist() == sorted(drawn.tolist())
    if size >= len(set(strata)):
        assert set(codes[drawn].tolist()) == set(strata)
    assert stratified(codes, size, seed).tolist() == drawn.tolist()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 60))
def test_shares_follow_the_counts(counts: list[int], size: int) -> None:
    given_out = shares_of(np.array(counts), size)
    assert given_out.sum() == min(size, sum(counts))
    assert all(0 <= got <= have for got, have in zip(given_out.tolist(), counts, strict=True))


def test_large_strata_get_more() -> None:
    assert shares_of(np.array([80, 15, 5]), 20).tolist() == [16, 3, 1]
    assert shares_of(np.array([80, 15, 5]), 2).tolist() == [1, 1, 0]


def test_seeds_draw_different_items() -> None:
    strata = np.zeros(100, np.int64)
    assert stratified(strata, 10, 0).tolist() != stratified(strata, 10, 1).tolist()
    with pytest.raises(TypeError):
        stratified(strata, 10)  # pyright: ignore[reportCallIssue]

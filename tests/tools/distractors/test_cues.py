import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.distractors.cues import LOOKS, cues_of, extremes, looks


def test_looks_count_what_is_written() -> None:
    row = looks(["Two big ovens, on-site."], "Which ovens are big?")[0]
    told = dict(zip(LOOKS, row.tolist(), strict=True))
    assert np.isclose(np.expm1(told["length"]), 23)
    assert np.isclose(np.expm1(told["words in the question"]), 2)
    assert told["share of its words in the question"] == 2 / 4
    assert (told["capital first"], told["full stop"]) == (1, 1)
    assert np.isclose(np.expm1(told["commas"]), 1)
    assert np.isclose(np.expm1(told["marks"]), 1)
    assert told["digits"] == 0


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=30))
def test_any_texts_have_looks(texts: list[str], question: str) -> None:
    found = looks(texts, question)
    assert found.shape == (len(texts), len(LOOKS))
    assert np.isfinite(found).all()


@given(st.integers(2, 5), st.integers(0, 99))
def test_likenesses_to_others_leave_an_option_itself_out(size: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(size, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    among = vectors @ vectors.T
    found = cues_of(np.zeros((1, size, 1)), among[None])[0]
    for at in range(size):
        others = [among[at, other] for other in range(size) if other != at]
        assert np.allclose(found[at, 1:], [np.mean(others), max(others)])


def test_a_set_of_equals_has_no_extremes() -> None:
    most, least = extremes(np.array([[[1.0], [1.0]], [[1.0], [2.0]]]))
    assert most[:, :, 0].tolist() == [[0, 0], [0, 1]]
    assert least[:, :, 0].tolist() == [[0, 0], [1, 0]]

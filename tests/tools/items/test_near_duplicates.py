import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.items.near_duplicates import find_duplicates, item_text, jaccard

WORDS = [f"word{n}" for n in range(400)]


def text(seed: int, length: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))  # noqa: S311


def test_equal_texts_are_found_whatever_their_case_and_spaces() -> None:
    [copy] = find_duplicates([text(1), text(2), text(1).upper().replace(" ", "  ")])
    assert (copy.item, copy.of, copy.exact) == (2, 0, True)


def test_a_text_with_one_word_changed_is_nearly_the_same() -> None:
    words = text(3).split()
    words[20] = "other"
    [copy] = find_duplicates([text(3), text(4), " ".join(words)])
    assert (copy.item, copy.of, copy.exact) == (2, 0, False)
    assert copy.similarity > 0.8


def test_different_texts_are_no_copies() -> None:
    assert find_duplicates([text(seed) for seed in range(60)]) == []


def test_most_pairs_above_the_threshold_are_found() -> None:
    texts: list[str] = []
    for seed in range(200):
        words = text(seed, 60).split()
        texts.append(" ".join(words))
        words[30] = "changed"
        texts.append(" ".join(words))
    found = {copy.item: copy.of for copy in find_duplicates(texts, threshold=0.8)}
    assert sum(found.get(2 * at + 1) == 2 * at for at in range(200)) >= 196


@given(st.lists(st.text("ab ", max_size=12), max_size=12))
def test_a_copy_names_an_earlier_item_that_is_none(texts: list[str]) -> None:
    found = find_duplicates(texts)
    assert len({copy.item for copy in found}) == len(found)
    for copy in found:
        assert copy.of < copy.item
        assert 0.8 <= copy.similarity <= 1


def test_similarity_is_that_of_jaccard() -> None:
    first, second = np.array([1, 2, 3], np.uint64), np.array([2, 3, 4], np.uint64)
    assert jaccard(first, second) == 0.5


def test_the_order_of_choices_does_not_make_an_item_new() -> None:
    one = QAItem("a", "Which?", "x", ("x", "y"))
    other = QAItem("b", "Which?", "x", ("y", "x"))
    assert item_text(one) == item_text(other)
    assert item_text(one) != item_text(QAItem("c", "Which?", "x", ("y", "z")))

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.errors import SourceError
from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.retrieval.bm25 import LexicalIndex, Words, best_rows, build_lexical, open_lexical

PASSAGES = [
    Passage("a", "Otters", "Diet", "Otters eat fish. They hunt by night."),
    Passage("b", "", "", "A heron hunts fish in the marsh."),
    Passage("c", "Marsh", "", ""),
    Passage("d", "", "", "The of and"),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    folder = tmp_path_factory.mktemp("lexical") / "words"
    build_lexical(PASSAGES, folder)
    return open_lexical(folder)


@given(
    st.integers(0, 400),
    st.integers(0, 4),
    st.integers(0, 30),
    st.integers(0, 2**32 - 1),
)
def test_the_best_rows_are_those_of_a_full_sort(blocks: int, kinds: int, k: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, 1 + 5**kinds, 17 * blocks).astype(np.float32)
    scores[draw.random(len(scores)) < 0.8] = 0
    order = np.lexsort((np.arange(len(scores)), -scores))
    wanted = [row for row in order[:k].tolist() if scores[row] > 0]
    assert best_rows(scores, k).tolist() == wanted


def test_the_stems_of_passages_are_kept_in_order(index: LexicalIndex) -> None:
    rows = [2, 0, 3, 1]
    shelf = index.shelf(np.array(rows))
    words = Words()
    for at, row in enumerate(rows):
        passage = PASSAGES[row]
        kept = shelf.terms[shelf.starts[at] : shelf.starts[at + 1]]
        told = [int(index.asked(stem).terms[0]) for stem in words.stems(passage.headed)]
        assert kept.tolist() == told
        assert shelf.titles[at] == len(words.stems(passage.title))
        assert shelf.heads[at] == len(words.stems(f"{passage.title}. {passage.section}"))


def test_a_rarer_word_is_told_to_be_rarer(index: LexicalIndex) -> None:
    asked = index.asked("Which fish do otters eat, and which okapi?")
    fish, otter, eat = asked.rarity
    assert otter == eat > fish > 0


def test_passages_are_found_by_their_words(index: LexicalIndex) -> None:
    assert index.search("hunting in a marsh", 5).tolist() == [1, 2, 0]
    assert index.search("okapi", 5).tolist() == []


@pytest.mark.parametrize("name", ["stems.npy", "starts.npy", "heads.npy"])
def test_an_index_with_damaged_stems_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "words"
    build_lexical(PASSAGES, folder)
    np.save(folder / name, np.arange(3))
    with pytest.raises(SourceError, match="build it again"):
        open_lexical(folder)
    (folder / name).unlink()
    with pytest.raises(SourceError, match="build it again"):
        open_lexical(folder)

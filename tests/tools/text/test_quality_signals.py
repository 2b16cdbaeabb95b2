from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.text import quality_signals

few_words = st.lists(st.sampled_from(["a", "bb", "ccc", "dé"]), max_size=30)
mixed_text = st.text(st.sampled_from("ab .,\n\t茶树。のé—#"), max_size=60)


def covered_share_by_hand(tokens: list[str], covered: set[int]) -> float:
    """Weigh each word position once: the slow way to say what share of characters is covered."""
    total = sum(len(token) for token in tokens)
    return sum(len(tokens[place]) for place in covered) / total if total else 0.0


@given(few_words, st.integers(1, 6))
def test_repeated_n_grams_agree_with_a_search_of_every_pair(tokens: list[str], n: int) -> None:
    covered: set[int] = set()
    for place in range(len(tokens) - n + 1):
        if any(tokens[before : before + n] == tokens[place : place + n] for before in range(place)):
            covered |= set(range(place, place + n))
    expected = covered_share_by_hand(tokens, covered)
    assert quality_signals.duplicate_ngram_share(tokens, n) == pytest.approx(expected)


@given(few_words, st.integers(1, 4))
def test_the_top_n_gram_agrees_with_a_search_of_every_pair(tokens: list[str], n: int) -> None:
    places = range(len(tokens) - n + 1)
    best, expected = (1, 0), 0.0
    for place in places:
        gram = tokens[place : place + n]
        equal = [other for other in places if tokens[other : other + n] == gram]
        rank = (len(equal), sum(map(len, gram)))
        if len(equal) > 1 and rank > best:
            covered = {other + step for other in equal for step in range(n)}
            best, expected = rank, covered_share_by_hand(tokens, covered)
    assert quality_signals.top_ngram_share(tokens, n) == pytest.approx(expected)


@given(few_words)
def test_the_share_of_repeated_n_grams_never_grows_with_n(tokens: list[str]) -> None:
    shares = [quality_signals.duplicate_ngram_share(tokens, n) for n in range(1, 8)]
    assert all(longer <= shorter for shorter, longer in pairwise(shares))


@given(few_words)
def test_duplicates_agree_with_counting_by_hand(items: list[str]) -> None:
    repeats = [item for place, item in enumerate(items) if item in items[:place]]
    chars = sum(map(len, items))
    found = quality_signals.duplicates(items)
    assert found.share == pytest.approx(len(repeats) / len(items) if items else 0.0)
    assert found.char_share == pytest.approx(sum(map(len, repeats)) / chars if chars else 0.0)


@given(mixed_text)
def test_words_lose_nothing_but_white_space(text: str) -> None:
    assert "".join(quality_signals.words(text)) == "".join(text.split())


@given(mixed_text, st.integers(0, 8))
def test_has_words_agrees_with_counting_them(text: str, least: int) -> None:
    assert quality_signals.has_words(text, least) == (len(quality_signals.words(text)) >= least)


def test_each_han_character_is_a_word_with_its_punctuation() -> None:
    assert quality_signals.words("老茶树。 tea 好") == ["老", "茶", "树。", "tea", "好"]


def test_words_of_other_scripts_are_split_at_spaces_only() -> None:
    assert quality_signals.words("Größe 한국어 문장 здесь") == ["Größe", "한국어", "문장", "здесь"]


@pytest.mark.parametrize("text", ["老茶树", "山路 很长, 很长"])
def test_text_of_mostly_han_is_unspaced(text: str) -> None:
    assert quality_signals.is_unspaced(quality_signals.words(text))


@pytest.mark.parametrize(
    "text", ["", "plain words", "老茶树 is what we call it here", "한국어 문장"]
)
def test_text_with_little_or_no_han_is_not_unspaced(text: str) -> None:
    assert not quality_signals.is_unspaced(quality_signals.words(text))


def test_lines_and_paragraphs_are_stripped_and_blank_ones_left_out() -> None:
    text = " one \n\n\n two\nthree\n \t\n\nfour\u2028still four\n"
    assert quality_signals.filled_lines(text) == ["one", "two", "three", "four\u2028still four"]
    assert quality_signals.paragraphs(text) == ["one", "two\nthree", "four\u2028still four"]


def test_shares_of_lines_count_what_they_name() -> None:
    lines = ["- milk", "• eggs", "and so on...", "more…", "A sentence that is complete."]
    assert quality_signals.bullet_share(lines) == pytest.approx(0.4)
    assert quality_signals.ellipsis_share(lines) == pytest.approx(0.4)
    assert quality_signals.ending_share(lines, ".…") == pytest.approx(0.6)
    assert quality_signals.short_share(lines, 7) == pytest.approx(0.6)


def test_short_lines_are_shorter_than_the_length_not_as_long() -> None:
    assert quality_signals.short_share(["x" * 29, "x" * 30], 30) == pytest.approx(0.5)


def test_word_figures_count_what_they_name() -> None:
    tokens = quality_signals.words("The cat, #1 of 22: die Ärztin!")
    assert quality_signals.mean_length(tokens) == pytest.approx(24 / 7)
    assert quality_signals.alphabetic_share(tokens) == pytest.approx(5 / 7)
    assert quality_signals.stop_words_found(tokens, ("the", "of", "cat", "dog")) == 3


def test_the_more_frequent_symbol_counts() -> None:
    assert quality_signals.symbols_per_word("#a #b and ... so", ["w"] * 10) == pytest.approx(0.2)
    assert quality_signals.symbols_per_word("a... b… c... #", ["w"] * 10) == pytest.approx(0.3)


def test_an_n_gram_that_occurs_once_is_no_repetition() -> None:
    assert not quality_signals.top_ngram_share(["only", "these", "words"], 3)


def test_a_text_without_anything_has_figures_of_zero() -> None:
    empty: list[str] = []
    assert not any((
        quality_signals.mean_length(empty),
        quality_signals.alphabetic_share(empty),
        quality_signals.symbols_per_word("", empty),
        quality_signals.bullet_share(empty),
        quality_signals.ellipsis_share(empty),
        quality_signals.ending_share(empty, "."),
        quality_signals.short_share(empty, 30),
        quality_signals.top_ngram_share(empty, 2),
        quality_signals.duplicate_ngram_share(empty, 5),
        *quality_signals.duplicates(empty),
    ))

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.eval.datasets.pages import Page
from burnish.eval.refiners.baselines import LabelCeiling
from burnish.eval.refiners.metrics import (
    PageTarget,
    complement,
    labelled,
    overlap,
    removed_by_matching,
    score,
    token_f1,
    tokens,
)
from burnish.eval.refiners.systems import ProgramSystem
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import Guard, cut, union

BAGS = st.lists(st.sampled_from("abcde")).map(Counter[str])
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12))).map(
    lambda pairs: union(Span(start, start + length) for start, length in pairs)
)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """Draw a page with any labels; P lines keep any sorted, disjoint pieces."""
    lines = draw(st.lists(st.text(alphabet="ab \u2028漢", max_size=8), min_size=1, max_size=8))
    labels = "".join(
        draw(st.lists(st.sampled_from("KDP?"), min_size=len(lines), max_size=len(lines)))
    )
    partial: dict[int, tuple[Span, ...]] = {}
    for number, (line, label) in enumerate(zip(lines, labels, strict=True)):
        if label == "P":
            kept = [index for index in range(len(line)) if draw(st.booleans())]
            partial[number] = tuple(union(Span(index, index + 1) for index in kept))
    return Page("p", "h", "any", "en", "\n".join(lines), labels, partial, None)


def _target(page: Page) -> PageTarget:
    return PageTarget.of(page.raw, page.labels, page.partial, page.gold)


def _characters(spans: list[Span]) -> set[int]:
    return {place for start, stop in spans for place in range(start, stop)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("The cat's 2nd toy", ["The", "cat", "s", "2nd", "toy"]),
        ("漢字kana かな", ["漢", "字", "kana", "か", "な"]),
        ("Größe_1 … — !", ["Größe_1"]),
    ],
)
def test_tokens_are_words_and_single_cjk_characters(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("ours", "gold", "expected"),
    [
        ("", "", 1.0),
        ("a", "", 0.0),
        ("", "a", 0.0),
        ("a b", "c d", 0.0),
        ("a b c d", "a b", 2 * 0.5 * 1.0 / 1.5),
        ("a a b", "a b b", 2 / 3),
        ("A", "a", 0.0),
    ],
)
def test_token_f1_has_its_closed_form(ours: str, gold: str, expected: float) -> None:
    assert token_f1(Counter(tokens(ours)), Counter(tokens(gold))) == pytest.approx(expected)


@given(BAGS, BAGS)
def test_token_f1_is_symmetric_and_bounded(ours: Counter[str], gold: Counter[str]) -> None:
    assert token_f1(ours, gold) == token_f1(gold, ours)
    assert 0 <= token_f1(ours, gold) <= 1
    assert (token_f1(ours, gold) == 1) == (ours == gold)


@given(SPANS, SPANS)
def test_overlap_counts_the_shared_characters(ours: list[Span], theirs: list[Span]) -> None:
    assert overlap(ours, theirs) == len(_characters(ours) & _characters(theirs))


@given(SPANS)
def test_complement_is_everything_else(spans: list[Span]) -> None:
    inside = union(Span(start, min(stop, 40)) for start, stop in spans if start < 40)
    rest = complement(inside, Span(0, 40))
    assert _characters(rest) == set(range(40)) - _characters(inside)


@given(pages(), SPANS)
def test_harm_and_missed_noise_match_a_count_by_characters(page: Page, spans: list[Span]) -> None:
    removed = union(Span(a, min(b, len(page.raw))) for a, b in spans if a < len(page.raw))
    gold: set[int] = set()
    noise: set[int] = set()
    lines = Lines.of(page.raw)
    for index, label in enumerate(page.labels):
        start, stop = lines.content(index + 1)
        for place in range(start, stop):
            kept = any(a <= place - start < b for a, b in page.partial.get(index, ()))
            if label == "K" or (label == "P" and kept):
                gold.add(place)
            elif label in "DP":
                noise.add(place)
    gone = _characters(removed)
    result = score(_target(page), cut(page.raw, removed), removed)
    assert (result.harmed, result.gold_chars) == (len(gold & gone), len(gold))
    assert (result.missed, result.noise_chars) == (len(noise - gone), len(noise))
    assert result.removed_chars == len(gone)


@given(pages())
def test_keeping_all_harms_nothing_and_misses_all_noise(page: Page) -> None:
    result = score(_target(page), page.raw, [])
    assert result.harmed == 0
    assert result.missed == result.noise_chars
    assert result.kept_tokens == result.raw_tokens
    assert result.untouched
    assert not result.emptied


@given(pages())
def test_the_ceiling_misses_no_noise_and_harms_nothing(page: Page) -> None:
    system = ProgramSystem(LabelCeiling({page.id: page}), Guard(max_removed_ratio=1.0))
    refined = system.refine([page.document])[0]
    assert refined.removed is not None
    result = score(_target(page), refined.text, refined.removed)
    assert (result.harmed, result.missed) == (0, 0)


def test_the_ceiling_has_full_f1_where_the_labels_are_the_gold() -> None:
    page = Page("p", "h", "any", "en", "menu\nfirst line\nlast words", "DKK", {}, None)
    result = score(_target(page), "first line\nlast words", [Span(0, 5)])
    assert result.f1 == 1.0


def test_unlabelled_lines_count_nowhere_but_in_kept_tokens() -> None:
    target = PageTarget.of("menu\nwho knows\ntext", "D?K", {}, None)
    kept = score(target, "who knows\ntext", [Span(0, 5)])
    dropped = score(target, "text", [Span(0, 15)])
    assert kept.f1 == dropped.f1 == 1.0
    assert kept.harmed == dropped.harmed == 0
    assert (kept.kept_tokens, dropped.kept_tokens) == (3, 1)


def test_an_emptied_page_is_one_whose_text_is_gone() -> None:
    target = PageTarget.of("only\nnoise", "DD", {}, "")
    assert score(target, "", [Span(0, 10)]).emptied
    assert score(target, "", [Span(0, 10)]).f1 == 1.0
    assert not score(target, "noise", [Span(0, 5)]).emptied
    assert not score(PageTarget.of(" ", "K", {}, ""), " ", []).emptied


def test_labels_sort_characters_without_newlines() -> None:
    spans = labelled("ab\ncd\nef\ngh", "KDP?", {2: [Span(1, 2)]})
    assert spans.gold == (Span(0, 2), Span(7, 8))
    assert spans.noise == (Span(3, 5), Span(6, 7))
    assert spans.unlabelled == (Span(9, 11),)


def test_matching_finds_dropped_lines_and_lost_citations() -> None:
    raw = "Menu\n  A fact.[12] More. \nMenu\nEnd."
    removed = removed_by_matching(raw, "A fact. More.\nEnd.")
    assert cut(raw, removed) == "A fact. More.End."
    assert removed_by_matching(raw, raw) == []
    assert removed_by_matching(raw, "") == [Span(0, len(raw))]


def test_matching_follows_splitters_that_see_more_line_ends() -> None:
    raw = "one.\x0ctwo.\u2028three."
    assert cut(raw, removed_by_matching(raw, "one.\nthree.")) == "one.three."


@given(st.lists(st.sampled_from(["a.", "b.", "c d.", "漢"]), min_size=1), st.data())
def test_matching_finds_as_many_characters_as_stayed(lines: list[str], data: st.DataObject) -> None:
    kept = [line for line in lines if data.draw(st.booleans())]
    raw, refined = "\n".join(lines), "\n".join(kept)
    if refined != raw:
        assert cut(raw, removed_by_matching(raw, refined)) == "".join(kept)

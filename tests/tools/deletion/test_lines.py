from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.deletion.lines import Lines, Span, Window, numbered, windows
from tests.support.strategies import texts

SIZES = st.integers(1, 60)
OVERLAPS = st.sampled_from([0.0, 0.2, 0.5, 1.0])


@given(texts())
def test_lines_are_split_on_newlines_only(text: str) -> None:
    lines = Lines.of(text)
    assert "\n".join(lines.texts) == text
    assert len(lines) == text.count("\n") + 1


@given(texts())
def test_offsets_lead_back_to_the_lines(text: str) -> None:
    lines = Lines.of(text)
    for number, content in enumerate(lines.texts, 1):
        start, stop = lines.content(number)
        assert text[start:stop] == content


@given(texts(), st.data())
def test_whole_lines_are_cut_without_a_trace(text: str, data: st.DataObject) -> None:
    lines = Lines.of(text)
    first = data.draw(st.integers(1, len(lines)))
    last = data.draw(st.integers(first, len(lines)))
    start, stop = lines.whole(first, last)
    rest = [*lines.texts[: first - 1], *lines.texts[last:]]
    assert text[:start] + text[stop:] == "\n".join(rest)


@pytest.mark.parametrize(
    ("text", "first", "last", "span"),
    [
        ("", 1, 1, Span(0, 0)),
        ("a\nb", 1, 1, Span(0, 2)),
        ("a\nb", 2, 2, Span(1, 3)),
        ("a\nb\n", 2, 2, Span(2, 4)),
        ("a\nb\n", 3, 3, Span(3, 4)),
        ("a\nb", 1, 2, Span(0, 3)),
    ],
)
def test_one_newline_goes_with_each_line(text: str, first: int, last: int, span: Span) -> None:
    assert Lines.of(text).whole(first, last) == span


def size(lines: Lines, window: Window) -> int:
    return lines.starts[window.last] - lines.starts[window.first - 1]


@given(texts(max_lines=30), SIZES, OVERLAPS)
def test_windows_act_on_every_line_exactly_once(text: str, max_chars: int, overlap: float) -> None:
    lines = Lines.of(text)
    acted = [
        number
        for window in windows(lines, max_chars, overlap)
        for number in range(window.acts_from, window.last + 1)
    ]
    assert acted == list(range(1, len(lines) + 1))


@given(texts(max_lines=30), SIZES, OVERLAPS)
def test_only_a_single_long_line_makes_a_window_too_large(
    text: str, max_chars: int, overlap: float
) -> None:
    lines = Lines.of(text)
    for window in windows(lines, max_chars, overlap):
        assert size(lines, window) <= max_chars or window.first == window.last


@given(texts(max_lines=30), SIZES, OVERLAPS)
def test_a_window_begins_with_lines_of_the_one_before_it(
    text: str, max_chars: int, overlap: float
) -> None:
    lines = Lines.of(text)
    cut = list(windows(lines, max_chars, overlap))
    for before, window in pairwise(cut):
        assert before.first <= window.first <= window.acts_from == before.last + 1
        context = lines.starts[window.acts_from - 1] - lines.starts[window.first - 1]
        assert context <= max_chars * overlap
    assert cut[0].first == cut[0].acts_from == 1


def test_a_short_document_is_one_window() -> None:
    assert list(windows(Lines.of("a\nb\nc"), 100)) == [Window(1, 3, 1)]


def test_a_line_of_a_megabyte_is_a_window_of_its_own() -> None:
    lines = Lines.of("a\n" + "x" * 1_000_000 + "\nb")
    assert list(windows(lines, 1000)) == [Window(1, 1, 1), Window(2, 2, 2), Window(3, 3, 3)]


def test_a_hundred_thousand_lines_are_cut_into_windows() -> None:
    lines = Lines.of("\n".join(["a line of text"] * 100_000))
    cut = list(windows(lines, 12_000))
    assert cut[-1].last == 100_000
    assert sum(window.last - window.acts_from + 1 for window in cut) == 100_000


def test_windows_keep_the_numbers_of_the_document() -> None:
    lines = Lines.of("a\nb\u2028c\nd")
    assert numbered(lines) == "[1] a\n[2] b\u2028c\n[3] d"
    assert numbered(lines, Window(2, 3, 3)) == "[2] b\u2028c\n[3] d"

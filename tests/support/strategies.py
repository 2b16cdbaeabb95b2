"""Hypothesis strategies: hostile texts, and programs for them."""

from hypothesis import strategies as st

from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    occurrences,
)

PIECES = (
    "", "a", "b", "ab", "aba", " ", "  ", "word", "Share ", "e", ",", "(", ")", "=", '"', "'", "\\",
    "\\n", "\r", "\t", "\f", "\x0b", "\x1c", "\x00", "\x85", "\u2028", "\u2029", "\ufeff",
    "e\u0301", "\u200d", "😀", "👩\u200d👩", "𝔘", "שלום", "\u202eabc", "中文", "ß", "İ",
)  # fmt: skip

LINES = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12
)

NEWLINES = st.sampled_from(("\n", "\n", "\n", "\r\n", "\n\n"))


@st.composite
def texts(draw: st.DrawFn, max_lines: int = 12) -> str:
    """Texts with repeated, empty and odd lines; with and without a newline at the end."""
    palette = draw(st.lists(LINES, min_size=1, max_size=5))
    line = st.sampled_from(palette) | LINES
    parts = draw(st.lists(st.tuples(line, NEWLINES), max_size=max_lines))
    return "".join(text + newline for text, newline in parts) + draw(st.just("") | line)


@st.composite
def valid_calls(draw: st.DrawFn, text: str) -> Call:
    """A deletion that the text allows."""
    lines = text.split("\n")
    number = draw(st.integers(1, len(lines)))
    line = lines[number - 1]
    if not line or draw(st.booleans()):
        return RemoveLines(number, draw(st.integers(number, min(len(lines), number + 3))))
    start = draw(st.integers(0, len(line) - 1))
    piece = line[start : draw(st.integers(start + 1, len(line)))]
    places = list(occurrences(line, piece))
    once = len(places) == 1 and draw(st.booleans())
    return RemoveStr(number, piece, None if once else places.index(start) + 1)


ANY_CALLS: st.SearchStrategy[Call] = st.one_of(
    st.builds(RemoveLines, st.integers(1, 20), st.integers(1, 20)),
    st.builds(
        RemoveStr,
        st.integers(1, 20),
        st.text(min_size=1, max_size=8) | st.sampled_from(PIECES).filter(bool),
        st.none() | st.integers(1, 4),
    ),
    st.builds(KeepAll),
    st.builds(RemoveAll),
)
"""Calls of the right form, whether or not they fit any document."""


def programs(text: str, max_calls: int = 6) -> st.SearchStrategy[Program]:
    """Programs of deletions that the text allows."""
    return st.lists(valid_calls(text), max_size=max_calls).map(lambda calls: Program(tuple(calls)))


def wild_programs(text: str, max_calls: int = 6) -> st.SearchStrategy[Program]:
    """Programs whose calls may be impossible or contradict one another."""
    calls = st.lists(valid_calls(text) | ANY_CALLS, max_size=max_calls)
    return calls.map(lambda calls: Program(tuple(calls)))


@st.composite
def texts_with_programs(draw: st.DrawFn) -> tuple[str, Program]:
    """A text and a program of deletions that it allows."""
    text = draw(texts())
    return text, draw(programs(text))


@st.composite
def texts_with_wild_programs(draw: st.DrawFn) -> tuple[str, Program]:
    """A text and a program that may be bad."""
    text = draw(texts())
    return text, draw(wild_programs(text))

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    apply,
    cut,
    resolve,
    union,
)
from burnish.tools.distill.extraction import distill_program, extract
from tests.support.strategies import texts, texts_with_programs


@given(texts_with_programs())
def test_what_a_program_did_is_distilled_into_a_program_that_does_the_same(
    case: tuple[str, Program],
) -> None:
    raw, program = case
    refined = apply(program, raw)
    distilled = distill_program(raw, refined)
    assert distilled.exact
    assert apply(distilled.program, raw) == refined
    assert resolve(distilled.program, raw).rejected == ()


@given(texts_with_programs())
def test_the_spans_of_a_program_are_extracted_exactly(case: tuple[str, Program]) -> None:
    raw, program = case
    extracted = extract(raw, resolve(program, raw).spans)
    assert extracted.exact
    assert apply(extracted.program, raw) == apply(program, raw)


@given(texts(), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=5))
def test_any_spans_give_a_program_that_says_whether_it_is_exact(
    raw: str, pairs: list[tuple[int, int]]
) -> None:
    spans = [Span(start, start + size) for start, size in pairs]
    inside = union(Span(min(a, len(raw)), min(b, len(raw))) for a, b in spans)
    extracted = extract(raw, spans)
    assert resolve(extracted.program, raw).rejected == ()
    assert extracted.exact == (apply(extracted.program, raw) == cut(raw, inside))
    if not any("\n" in raw[start:stop] for start, stop in inside):
        assert extracted.exact


@given(texts(), texts())
def test_distilling_any_two_texts_tells_whether_it_came_out(raw: str, refined: str) -> None:
    distilled = distill_program(raw, refined)
    assert resolve(distilled.program, raw).rejected == ()
    assert distilled.exact == (apply(distilled.program, raw) == refined)


@given(texts_with_programs())
def test_calls_are_in_order_and_ranges_do_not_adjoin(case: tuple[str, Program]) -> None:
    raw, program = case
    calls = extract(raw, resolve(program, raw).spans).program.calls
    ranges = [call for call in calls if isinstance(call, RemoveLines)]
    assert all(one.end + 1 < other.start for one, other in pairwise(ranges))
    numbers = [
        call.start if isinstance(call, RemoveLines) else call.line
        for call in calls
        if isinstance(call, RemoveLines | RemoveStr)
    ]
    assert numbers == sorted(numbers)


DISTILLED: list[tuple[str, str, str, tuple[Call, ...]]] = [
    ("nothing", "a\nb", "a\nb", (KeepAll(),)),
    ("everything", "a\nb", "", (RemoveAll(),)),
    ("nothing of nothing", "", "", (KeepAll(),)),
    ("a line", "a\nb\nc", "a\nc", (RemoveLines(2, 2),)),
    ("the first line", "a\nb\nc", "b\nc", (RemoveLines(1, 1),)),
    ("the last line", "a\nb\nc", "a\nb", (RemoveLines(3, 3),)),
    ("lines in a row", "a\nb\nc\nd", "a\nd", (RemoveLines(2, 3),)),
    ("lines apart", "a\nb\nc\nd\ne", "a\nc\ne", (RemoveLines(2, 2), RemoveLines(4, 4))),
    ("a repeated line", "x\nShare\ny\nShare\nz", "x\nShare\ny\nz", (RemoveLines(4, 4),)),
    (
        "a line alike its neighbour",
        "Home\nHome page\nText",
        "Home page\nText",
        (RemoveLines(1, 1),),
    ),
    ("an empty line", "a\n\n\nb", "a\n\nb", (RemoveLines(3, 3),)),
    ("the text of a line only", "a\nb\nc", "a\n\nc", (RemoveStr(2, "b"),)),
    ("the beginning of a line", "[Posted ]October 30", "October 30", (RemoveStr(1, "[Posted ]"),)),
    ("a word, not parts of two", "Share Shopping list", "Shopping list", (RemoveStr(1, "Share "),)),
    ("the middle of a line", "one (ad) two", "one two", (RemoveStr(1, "(ad) "),)),
    ("one of many", "aba", "ab", (RemoveStr(1, "a", 2),)),
    ("lines and a beginning", "x\ny\n> z", "z", (RemoveLines(1, 2), RemoveStr(3, "> "))),
    ("an end and lines", "a |\nx\ny", "a", (RemoveStr(1, " |"), RemoveLines(2, 3))),
]


@pytest.mark.parametrize(
    ("raw", "refined", "calls"), [pytest.param(*row[1:], id=row[0]) for row in DISTILLED]
)
def test_deletions_are_written_as_a_person_would(
    raw: str, refined: str, calls: tuple[Call, ...]
) -> None:
    distilled = distill_program(raw, refined)
    assert distilled.exact
    assert distilled.program.calls == calls


def test_a_span_slides_onto_whole_lines() -> None:
    raw = "Nav one\nNav two\nText"
    across = Span(4, 12)
    assert cut(raw, [across]) == "Nav two\nText"
    assert extract(raw, [across]).program == Program((RemoveLines(1, 1),))


def test_a_deletion_slides_to_where_its_text_is_unique() -> None:
    raw = "abcab"
    assert extract(raw, [Span(3, 5)]).program == Program((RemoveStr(1, "ab", 2),))
    assert extract("xaab", [Span(1, 2)]).program == Program((RemoveStr(1, "a", 1),))
    assert extract("b aba", [Span(2, 4)]).program == Program((RemoveStr(1, "ab"),))


def test_joining_two_lines_cannot_be_said() -> None:
    joined = extract("hello\nworld", [Span(5, 6)])
    assert joined.program == Program((KeepAll(),))
    assert not joined.exact
    clipped = extract("hello big\nX\nwide world", [Span(5, 17)])
    assert apply(clipped.program, "hello big\nX\nwide world") == "hello\nworld"
    assert not clipped.exact


def test_a_rewrite_is_never_taken_for_a_deletion() -> None:
    raw = "People don't sleep well."
    distilled = distill_program(raw, "People sleep poorly.")
    assert not distilled.exact


def test_many_lines_of_a_long_document_are_distilled() -> None:
    lines = [f"{n} {'word ' * (n % 7)}" for n in range(20_000)]
    raw = "\n".join(lines)
    kept = [line[: 2 + n % 9] if n % 11 == 0 else line for n, line in enumerate(lines) if n % 3]
    refined = "\n".join(kept)
    distilled = distill_program(raw, refined)
    assert distilled.exact
    assert apply(distilled.program, raw) == refined


def test_pieces_of_a_line_of_a_megabyte_are_distilled() -> None:
    words = [f"w{n}" for n in range(150_000)]
    raw = " ".join(words)
    refined = " ".join(word for n, word in enumerate(words) if n % 3000)
    distilled = distill_program(raw, refined)
    assert distilled.exact
    assert len(distilled.program.calls) == 50

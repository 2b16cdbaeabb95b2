from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import (
    Call,
    Certificate,
    Guard,
    KeepAll,
    Note,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    apply,
    cut,
    occurrences,
    resolve,
    union,
)
from tests.support.strategies import programs, texts, texts_with_programs, texts_with_wild_programs


def is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


@given(texts_with_wild_programs())
def test_a_program_only_deletes(case: tuple[str, Program]) -> None:
    text, program = case
    assert is_subsequence(apply(program, text), text)


@given(texts_with_wild_programs(), st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(case: tuple[str, Program], random: Random) -> None:
    text, program = case
    shuffled = list(program.calls)
    random.shuffle(shuffled)
    assert resolve(Program(tuple(shuffled)), text).spans == resolve(program, text).spans


@given(texts_with_wild_programs())
def test_every_call_is_accepted_or_rejected_with_a_reason(case: tuple[str, Program]) -> None:
    text, program = case
    resolution = resolve(program, text)
    rejected = [rejection.call for rejection in resolution.rejected]
    assert sorted(map(repr, [*resolution.accepted, *rejected])) == sorted(map(repr, program.calls))
    assert all(rejection.message for rejection in resolution.rejected)
    assert resolve(Program(resolution.accepted), text).spans == resolution.spans


@given(texts_with_wild_programs())
def test_spans_are_sorted_apart_and_inside(case: tuple[str, Program]) -> None:
    text, program = case
    resolution = resolve(program, text)
    edge = -1
    for start, stop in resolution.spans:
        assert edge < start < stop <= len(text)
        edge = stop
    assert resolution.removed_chars == len(text) - len(apply(program, text))


@given(texts_with_programs())
def test_what_a_text_allows_is_never_rejected(case: tuple[str, Program]) -> None:
    text, program = case
    assert resolve(program, text).rejected == ()


@given(texts())
def test_the_empty_program_changes_nothing(text: str) -> None:
    assert apply(Program(), text) == text
    assert apply(Program((KeepAll(),)), text) == text


@given(texts())
def test_remove_all_leaves_nothing_and_says_that_it_drops(text: str) -> None:
    program = Program((RemoveAll(),))
    assert apply(program, text) == ""
    assert resolve(program, text).drops


@given(texts(), st.data())
def test_removed_lines_are_gone_and_leave_no_empty_line(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    gone = data.draw(st.sets(st.integers(1, len(lines))))
    program = Program(tuple(RemoveLines(number, number) for number in gone))
    rest = [line for number, line in enumerate(lines, 1) if number not in gone]
    assert apply(program, text) == "\n".join(rest)
    if rest:
        assert len(apply(program, text).split("\n")) == len(lines) - len(gone)


@given(texts(), st.data())
def test_programs_add_up(text: str, data: st.DataObject) -> None:
    one, other = data.draw(programs(text)), data.draw(programs(text))
    both = resolve(Program(one.calls + other.calls), text).removed_chars
    apart = resolve(one, text).removed_chars + resolve(other, text).removed_chars
    assert max(resolve(one, text).removed_chars, resolve(other, text).removed_chars) <= both
    assert both <= apart + text.count("\n")


@given(texts(), st.text(min_size=1, max_size=3))
def test_occurrences_are_all_places_of_a_text(line: str, text: str) -> None:
    places = [at for at in range(len(line)) if line.startswith(text, at)]
    assert list(occurrences(line, text)) == places


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5))))
def test_a_union_covers_what_its_spans_cover(pairs: list[tuple[int, int]]) -> None:
    spans = [Span(start, start + size) for start, size in pairs]
    covered = {at for start, stop in spans for at in range(start, stop)}
    assert {at for start, stop in union(spans) for at in range(start, stop)} == covered


EDITS: list[tuple[str, str, Call, str]] = [
    ("a comma in the text", "keep this, not that", RemoveStr(1, ", not that"), "keep this"),
    ("a closing bracket", "a (useful) b", RemoveStr(1, "(useful)"), "a  b"),
    ("an equals sign", "comma a=b here", RemoveStr(1, "a=b"), "comma  here"),
    ("an address", "see http://x.y/?a=1&b=2, ok", RemoveStr(1, " http://x.y/?a=1&b=2,"), "see ok"),
    ("a single quote", "it's 'so' good", RemoveStr(1, " 'so'"), "it's good"),
    ("a double quote", 'say "hi" now', RemoveStr(1, ' "hi"'), "say now"),
    ("a backslash", "C:\\dir\\n x", RemoveStr(1, "\\dir\\n"), "C: x"),
    ("a pattern is only text", "a.c abc", RemoveStr(1, "a.c"), " abc"),
    ("one letter of many", "eleven", RemoveStr(1, "e", 2), "elven"),
    ("one space of many", "a b c d", RemoveStr(1, " ", 3), "a b cd"),
    ("overlapping places", "aaa", RemoveStr(1, "aa", 2), "a"),
    ("a whole line's text leaves its line", "a\nb\nc", RemoveStr(2, "b"), "a\n\nc"),
    ("a carriage return stays with its line", "a\r\nb\r\nc", RemoveLines(2, 2), "a\r\nc"),
    ("a form feed is no line border", "a\x0cb\nc", RemoveLines(1, 1), "c"),
    ("U+2028 is no line border", "a\u2028b\nc", RemoveLines(2, 2), "a\u2028b"),
    ("the first line", "a\nb", RemoveLines(1, 1), "b"),
    ("the last line", "a\nb", RemoveLines(2, 2), "a"),
    ("the empty line at the end", "a\n", RemoveLines(2, 2), "a"),
    ("every line", "a\nb", RemoveLines(1, 2), ""),
    ("a tiny document keeps", "Yes.", KeepAll(), "Yes."),
    ("a tiny document is edited", "Yes. Share", RemoveStr(1, " Share"), "Yes."),
    ("whitespace only keeps", " \n\t", KeepAll(), " \n\t"),
    ("whitespace only is edited", " \n\t", RemoveLines(1, 1), "\t"),
    ("the empty document", "", RemoveLines(1, 1), ""),
]


@pytest.mark.parametrize(
    ("text", "call", "refined"), [pytest.param(*row[1:], id=row[0]) for row in EDITS]
)
def test_a_call_deletes_just_what_it_says(text: str, call: Call, refined: str) -> None:
    resolution = resolve(Program((call,)), text)
    assert resolution.rejected == ()
    assert cut(text, resolution.spans) == refined


REFUSALS: list[tuple[str, str, Call, str]] = [
    ("a letter that stands often", "eleven", RemoveStr(1, "e"), "more than once"),
    ("absent text", "abc", RemoveStr(1, "x"), "does not contain"),
    ("text of another line", "abc\nx", RemoveStr(1, "x"), "does not contain"),
    ("other letter case", "Share", RemoveStr(1, "share"), "does not contain"),
    ("a look-alike in other code points", "caf\u00e9", RemoveStr(1, "e\u0301"), "does not contain"),
    ("text across lines", "a\nb", RemoveStr(1, "a\nb"), "may not span lines"),
    ("empty text", "abc", RemoveStr(1, ""), "empty"),
    ("too late an occurrence", "aba", RemoveStr(1, "a", 3), "2 times only"),
    ("no such line", "abc", RemoveStr(2, "a"), "no line 2"),
    ("a reversed range", "a\nb\nc", RemoveLines(3, 2), "comes after"),
    ("a range past the end", "a\nb", RemoveLines(1, 3), "lines 1 to 2"),
    ("a start past the end", "a\nb", RemoveLines(7, 9), "lines 1 to 2"),
]


@pytest.mark.parametrize(
    ("text", "call", "reason"), [pytest.param(*row[1:], id=row[0]) for row in REFUSALS]
)
def test_an_impossible_call_is_rejected_and_nothing_is_guessed(
    text: str, call: Call, reason: str
) -> None:
    resolution = resolve(Program((call,)), text)
    assert resolution.spans == resolution.accepted == ()
    assert [reason in rejection.message for rejection in resolution.rejected] == [True]


def test_a_bad_call_does_not_spoil_the_good_ones() -> None:
    resolution = resolve(Program((RemoveLines(9, 9), RemoveLines(1, 1))), "a\nb")
    assert resolution.accepted == (RemoveLines(1, 1),)
    assert cut("a\nb", resolution.spans) == "b"


def test_overlapping_ranges_are_one() -> None:
    program = Program((RemoveLines(2, 4), RemoveLines(3, 5), RemoveStr(3, "c")))
    assert apply(program, "a\nb\nc\nd\ne\nf") == "a\nf"


def test_keep_all_beside_a_deletion_is_a_contradiction() -> None:
    resolution = resolve(Program((KeepAll(), RemoveLines(1, 1))), "a\nb")
    assert resolution.spans == ()
    assert len(resolution.rejected) == 2


def test_dropping_every_line_by_range_is_not_remove_all() -> None:
    resolution = resolve(Program((RemoveLines(1, 2),)), "a\nb")
    assert not resolution.drops
    assert Guard().fault(resolution, "a\nb")


def test_a_note_changes_nothing() -> None:
    noted = RemoveLines(1, 1, note=Note(reason="navigation", confidence=0.7))
    assert apply(Program((noted,)), "a\nb") == "b"


@given(texts_with_programs())
def test_the_certificate_of_a_cut_holds(case: tuple[str, Program]) -> None:
    text, program = case
    spans = resolve(program, text).spans
    refined = apply(program, text)
    assert Certificate.issue(text, spans, refined).fault(text, refined) == ""


@given(texts_with_programs(), st.data())
def test_a_tampered_text_does_not_pass(case: tuple[str, Program], data: st.DataObject) -> None:
    text, program = case
    spans = resolve(program, text).spans
    refined = apply(program, text)
    certificate = Certificate.issue(text, spans, refined)
    at = data.draw(st.integers(0, len(refined)))
    assert certificate.fault(text, refined[:at] + "+" + refined[at:])
    assert certificate.fault("+" + text, refined)
    if refined:
        assert certificate.fault(text, refined[:-1])


@given(texts_with_programs(), st.data())
def test_moved_spans_do_not_pass_unless_they_cut_the_same(
    case: tuple[str, Program], data: st.DataObject
) -> None:
    text, program = case
    spans = list(resolve(program, text).spans)
    refined = apply(program, text)
    if not spans:
        return
    at = data.draw(st.integers(0, len(spans) - 1))
    by = data.draw(st.sampled_from([-1, 1]))
    start, stop = spans[at]
    moved = data.draw(
        st.sampled_from([
            Span(start + by, stop + by),
            Span(start + by, stop),
            Span(start, stop + by),
        ])
    )
    spans[at] = moved
    tampered = Certificate.issue(text, spans, refined)
    ordered = all(a.stop <= b.start for a, b in pairwise(spans))
    sound = ordered and 0 <= moved.start < moved.stop <= len(text) and cut(text, spans) == refined
    assert (tampered.fault(text, refined) == "") == sound


@pytest.mark.parametrize(
    "spans",
    [
        (Span(2, 2),),
        (Span(3, 1),),
        (Span(-1, 1),),
        (Span(4, 9),),
        (Span(0, 2), Span(1, 3)),
        (Span(3, 4), Span(0, 1)),
    ],
)
def test_spans_that_are_no_cut_do_not_pass(spans: tuple[Span, ...]) -> None:
    assert "span" in Certificate.issue("abcdef", spans, "").fault("abcdef", "")


def test_the_guard_stops_a_program_that_takes_nearly_everything() -> None:
    text = "\n".join(["line"] * 200)
    greedy = resolve(Program((RemoveLines(1, 199),)), text)
    assert "at most 98%" in Guard().fault(greedy, text)
    assert Guard(max_removed_ratio=1.0).fault(greedy, text) == ""
    assert Guard().fault(resolve(Program((RemoveLines(1, 150),)), text), text) == ""
    assert Guard(0.0).fault(resolve(Program((RemoveAll(),)), text), text) == ""


@given(texts())
def test_the_guard_lets_an_untouched_document_pass(text: str) -> None:
    assert Guard(0.0).fault(resolve(Program(), text), text) == ""


def test_a_hundred_thousand_lines_lose_every_other_one() -> None:
    text = "\n".join(map(str, range(100_000)))
    program = Program(tuple(RemoveLines(n, n) for n in range(1, 100_001, 2)))
    refined = apply(program, text)
    assert refined == "\n".join(map(str, range(1, 100_000, 2)))


def test_a_line_of_a_megabyte_loses_one_piece() -> None:
    text = "head\n" + "x" * 600_000 + "needle" + "x" * 400_000 + "\ntail"
    refined = apply(Program((RemoveStr(2, "needle"), RemoveLines(3, 3))), text)
    assert refined == "head\n" + "x" * 1_000_000


def test_ten_megabytes_are_cut_in_fifty_thousand_places() -> None:
    text = "0123456789abcdefghi\n" * 500_000
    program = Program(tuple(RemoveLines(n, n) for n in range(1, 500_000, 10)))
    resolution = resolve(program, text, Lines.of(text))
    assert len(resolution.spans) == 50_000
    refined = cut(text, resolution.spans)
    assert len(refined) == len(text) - 50_000 * 20
    assert Certificate.issue(text, resolution.spans, refined).fault(text, refined) == ""

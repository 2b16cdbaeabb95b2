import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.notation import LOOP_LIMIT, call_of, parse, render, to_json
from burnish.tools.deletion.program import (
    Call,
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    apply,
)
from tests.support.strategies import ANY_CALLS

DISTINCT = st.lists(ANY_CALLS, min_size=1, max_size=6, unique=True).map(
    lambda calls: Program(tuple(calls))
)


@given(DISTINCT)
def test_a_rendered_program_is_read_back_as_it_was(program: Program) -> None:
    assert parse(render(program)) == program
    assert parse(to_json(program)) == program


AWKWARD = (
    ",", ")", "(", "=", "a=b", "f(x, y)", '"', "'", "\"'\"", "\\", "\\n", "\\\\\"",
    "\r", "\t", "\x00",
    "\x7f", "\x85", "\u2028", "\ufeff", "😀",
    "e\u0301", "שלום", "remove_lines(1, 2)", "{}", "[1]",
    "#", "%s", "{0}", "None", "https://example.org/?a=1&b=2", "(c) 2020, all rights reserved",
)  # fmt: skip


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_survives_both_notations(text: str) -> None:
    program = Program((RemoveStr(3, text), RemoveStr(3, text, 2)))
    assert parse(render(program)) == program
    assert parse(to_json(program)) == program


@given(st.text(max_size=60) | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")))
def test_any_answer_is_a_program_or_a_reply_error(answer: str) -> None:
    try:
        program = parse(answer)
    except ReplyError:
        return
    assert all(isinstance(call, Call) for call in program.calls)


@given(DISTINCT, st.data())
def test_an_answer_cut_short_inside_a_call_is_refused(
    program: Program, data: st.DataObject
) -> None:
    answer = to_json(program)
    cut = data.draw(st.integers(1, len(answer) - 1))
    with pytest.raises(ReplyError) as caught:
        parse(answer[:cut])
    assert caught.value.kind == "truncated"
    last = render(program).split("\n")[-1]
    with pytest.raises(ReplyError):
        parse(render(program)[: -data.draw(st.integers(1, len(last) - 1))])


READ = [
    ("keep_all()", KeepAll()),
    ("  remove_all()  \n", RemoveAll()),
    ("remove_lines(3, 5)", RemoveLines(3, 5)),
    ("remove_lines(start=3, end=5)", RemoveLines(3, 5)),
    ("remove_lines(end=5, start=3)", RemoveLines(3, 5)),
    ("remove_lines(3, end=5)", RemoveLines(3, 5)),
    ("remove_str(2, 'a, b')", RemoveStr(2, "a, b")),
    ('remove_str(2, "(useful)")', RemoveStr(2, "(useful)")),
    ("remove_str(line=2, text='x=1', occurrence=2)", RemoveStr(2, "x=1", 2)),
    ("remove_str(2, '\\d')", RemoveStr(2, "\\d")),
    ("remove_str(2, 'x', None)", RemoveStr(2, "x")),
    ('[{"name": "keep_all"}]', KeepAll()),
    ('{"calls": [{"name": "remove_lines", "start": 1, "end": 2}]}', RemoveLines(1, 2)),
    (
        '{"calls": [{"name": "remove_str", "line": 1, "text": "\\u00e9", "occurrence": null}]}',
        RemoveStr(1, "é"),
    ),
]


@pytest.mark.parametrize(("answer", "call"), READ)
def test_both_notations_are_read(answer: str, call: Call) -> None:
    assert parse(answer) == Program((call,))


REFUSED = [
    ("", "empty"),
    (" \n\t", "empty"),
    ("remove_lines(start=2, end=56", "truncated"),
    ("keep_all()\nremove_lines(2, 5", "truncated"),
    ('remove_str(1, "half', "truncated"),
    ('{"calls": [{"name": "remove_lines", "start": 2, "end": 5', "truncated"),
    ('{"calls": [{"name": "remove_str", "line": 1, "text": "half', "truncated"),
    ('{"calls": [{"name": "keep_all"}]', "truncated"),
    ("I would keep this document.", "truncated"),
    ("null", "not_calls"),
    ("{}", "not_calls"),
    ("[1]", "not_calls"),
    ('{"calls": [{"start": 1, "end": 2}]}', "not_calls"),
    ('{"calls": [{"name": "keep_all"}]} done', "not_calls"),
    ("tools.keep_all()", "not_calls"),
    ("keep_all() or remove_all()", "not_calls"),
    ("remove_str(1, 'a\rb')", "not_calls"),
    ("remove_str(1, 'a\x00b')", "not_calls"),
    ("remove_str(1, '\ud800')", "not_calls"),
    ("remove_lines(" + "[" * 400 + "]" * 400 + ")", "not_calls"),
    ("normalize('a', 'b')", "unknown_call"),
    ('{"calls": [{"name": "insert", "text": "x"}]}', "unknown_call"),
    ("remove_lines(1)", "bad_argument"),
    ("remove_lines(1, 2, 3)", "bad_argument"),
    ("remove_lines(1, 2, start=1)", "bad_argument"),
    ("remove_lines(start=1, start=2, end=3)", "bad_argument"),
    ("remove_lines(*[1, 2])", "bad_argument"),
    ("remove_lines(**{'start': 1, 'end': 2})", "bad_argument"),
    ("remove_lines(0, 2)", "bad_argument"),
    ("remove_lines(-1, 2)", "bad_argument"),
    ("remove_lines(1.0, 2)", "bad_argument"),
    ("remove_lines(True, 2)", "bad_argument"),
    ("remove_lines('1', 2)", "bad_argument"),
    ("remove_lines(all=True)", "bad_argument"),
    ("remove_lines(1, 0x" + "f" * 5000 + ")", "bad_argument"),
    ('{"calls": [{"name": "remove_lines", "start": 1, "end": 18446744073709551615}]}',
     "bad_argument"),
    ("remove_str(1, '')", "bad_argument"),
    ("remove_str(1, b'bytes')", "bad_argument"),
    ("remove_str(1, f'{x}')", "bad_argument"),
    ("remove_str(1, {[]: 1})", "bad_argument"),
    ("remove_str(1, open('x'))", "bad_argument"),
    ("remove_str(1, 'x', note='y')", "bad_argument"),
    ("keep_all(1)", "bad_argument"),
    ("\n".join(["remove_lines(1, 2)"] * (LOOP_LIMIT + 1)), "looping"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "kind"), REFUSED)
def test_anything_but_whole_calls_is_refused(answer: str, kind: str) -> None:
    with pytest.raises(ReplyError) as caught:
        parse(answer)
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)


def test_a_few_repeated_calls_are_no_loop() -> None:
    repeated = "\n".join(["remove_lines(1, 1)"] * LOOP_LIMIT)
    assert apply(parse(repeated), "a\nb") == "b"


def test_a_program_without_calls_is_written_as_keep_all() -> None:
    assert parse(render(Program())) == Program((KeepAll(),))
    assert parse(to_json(Program())) == Program((KeepAll(),))


def test_a_tool_call_is_checked_like_a_written_one() -> None:
    assert call_of("remove_lines", {"start": 2, "end": 3}) == RemoveLines(2, 3)
    with pytest.raises(ReplyError, match="no argument 'note'"):
        call_of("remove_lines", {"start": 2, "end": 3, "note": {}})

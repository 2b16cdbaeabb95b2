"""The diff in the terminal: what went is marked, and a document cannot steer the terminal."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from rich.console import Console

from burnish.corpora.errors import UsageError
from burnish.graphs.reports.diff import diffs, render_diff
from burnish.tools.deletion.program import Program, RemoveAll, RemoveLines, RemoveStr, cut, resolve
from tests.support.run_folders import Bad, Case, cases, entry_of, noted, write_run

PAGE = Case(
    "page",
    "\n".join(["Home | News", *(f"line {n}" for n in range(2, 10)), "Share me: the end", "Legal"]),
    Program((
        noted(RemoveLines(1, 1), "nav", 0.91),
        noted(RemoveStr(10, "Share me: "), "share", 0.8),
        noted(RemoveLines(11, 11), "legal", 0.7),
    )),
)
SPAM = Case("spam", "buy\nbuy", Program((noted(RemoveAll(), "spam", 1.0),)))


def stored(case: Case) -> str:
    entry = entry_of(case)
    if entry.outcome in {"dropped", "failed"}:
        return case.text
    return cut(case.text, resolve(case.program, case.text).spans)


def plain(case: Case) -> str:
    return render_diff(entry_of(case), stored(case), plain=True).plain


def test_deletions_are_marked_with_their_reasons_and_context() -> None:
    assert plain(PAGE).split("\n") == [
        "page  edited  scripted  -28 of 91 characters (30.8%)",
        "    1 [-Home | News-]  (nav 0.91)",
        "    2 line 2",
        "    3 line 3",
        "     … 4 lines …",
        "    8 line 8",
        "    9 line 9",
        "   10 [-Share me: -]the end  (share 0.80)",
        "   11 [-Legal-]  (legal 0.70)",
        "",
    ]


def test_a_dropped_record_is_struck_out_whole() -> None:
    assert plain(SPAM) == (
        "spam  dropped  scripted  -7 of 7 characters (100%)\n"
        "    1 [-buy-]  (spam 1.00)\n"
        "    2 [-buy-]  (spam 1.00)\n"
    )


def test_colours_mark_deletions_only_on_a_terminal(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [[PAGE, SPAM]])
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, color_system="standard", width=80)
    for diff in diffs(folder, "spam", 10):
        console.print(diff)
    assert "\x1b[9;31mbuy" in printed.getvalue()
    assert "[-" not in printed.getvalue()
    without = "".join(diff.plain for diff in diffs(folder, None, 10, plain=True))
    assert "\x1b" not in without
    assert "[-buy-]" in without


def test_only_so_many_records_are_shown_and_unchanged_ones_only_by_id(tmp_path: Path) -> None:
    clean = Case("clean", "Fine.")
    bad = Bad("a.jsonl", 3, "not JSON")
    folder = write_run(tmp_path / "run", [[clean, PAGE], [SPAM]], bad=[bad])
    assert len(list(diffs(folder, None, 1))) == 1
    assert len(list(diffs(folder, "clean"))) == 1
    assert len(list(diffs(folder, "a.jsonl:3"))) == 1
    with pytest.raises(UsageError, match="record nobody: this run read no record with this id"):
        list(diffs(folder, "nobody"))


def test_a_document_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b[2Jb\x9bc\r\x07\u202eevil\u2066[bold red]x[/]\nkept"
    reason = "\x1b]0;title\x07"
    case = Case("i\x1bd\n", hostile, Program((noted(RemoveLines(1, 1), reason),)))
    shown = plain(case)
    assert not set(shown) & {"\x1b", "\x9b", "\r", "\x07", "\u202e", "\u2066"}
    assert "a␛[2Jb⟨U+009B⟩c␍␇⟨U+202E⟩evil⟨U+2066⟩[bold red]x[/]-]" in shown
    assert shown.startswith("i␛d␊  edited")


@settings(max_examples=60, deadline=None)
@given(cases("a"))
def test_any_record_can_be_shown(case: Case) -> None:
    shown = plain(case)
    controls = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - {"\n", "\t"}
    assert not set(shown) & controls
    assert ("[-" in shown.partition("\n")[2]) >= bool(entry_of(case).spans)


def test_a_line_of_a_megabyte_is_shortened() -> None:
    case = Case("long", "x" * 1_000_000 + "Share", Program((noted(RemoveStr(1, "Share"), "s"),)))
    assert len(plain(case)) < 1_000
    assert "… 999,840 characters …" in plain(case)

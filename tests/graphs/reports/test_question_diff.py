import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.corpora.runs.question_ledger import QAEntry
from burnish.graphs.archive.question_records import QuestionRecord
from burnish.graphs.reports.question_diff import ADDED, REMOVED, render_question

_WORDS = st.lists(st.sampled_from(["red", "kettle", "7", "of", "the", "room"]), max_size=12)
_ITEM = QAItem("q-1", "Which figure is written?", "8", ("7", "8"), "rivers")


def _diff(before: QAItem | None, after: QAItem | None, *, outcome: str = "edited") -> str:
    entry = QAEntry("q-1", outcome, operation="rephrase", round=1, reason="new words")  # pyright: ignore[reportArgumentType]
    return render_question(QuestionRecord(entry, before, after), plain=True).plain


def _line(diff: str, name: str) -> str:
    return next(line for line in diff.splitlines() if line.strip().startswith(name))


@given(_WORDS, _WORDS)
@settings(max_examples=60, deadline=None)
def test_what_is_left_without_the_marks_is_the_question_before_and_after(
    before: list[str], after: list[str]
) -> None:
    old, new = " ".join(["Which", *before]), " ".join(["Which", *after])
    line = _line(_diff(replace(_ITEM, question=old), replace(_ITEM, question=new)), "question")
    words = line.strip().removeprefix("question ")
    assert re.sub(r"\{\+.*?\+\}", "", words).replace("[-", "").replace("-]", "") == old
    assert re.sub(r"\[-.*?-\]", "", words).replace("{+", "").replace("+}", "") == new


def test_an_edit_tells_its_operation_its_reason_the_options_and_the_key() -> None:
    after = replace(_ITEM, choices=("9", "8"))
    diff = _diff(_ITEM, after)
    assert diff.startswith("q-1  edited  rephrase  round 1  new words\n")
    assert _line(diff, "choice A").split(maxsplit=2)[2] == "[-7-]{+9+}"
    assert _line(diff, "choice B").split(maxsplit=2)[2] == "8"
    assert _line(diff, "key").split() == ["key", "8"]
    assert "domain" not in diff


def test_a_dropped_item_goes_whole_and_an_added_one_comes_whole() -> None:
    gone = _diff(_ITEM, None, outcome="dropped")
    assert _line(gone, "question").endswith("[-Which figure is written?-]")
    come = _diff(None, _ITEM, outcome="added")
    assert _line(come, "domain").endswith("{+rivers+}")


def test_colours_stand_in_place_of_marks_and_nothing_steers_the_terminal() -> None:
    entry = QAEntry("q\x1b-1", "edited")
    after = replace(_ITEM, question="Which \x1b[31mfigure\u202e?")
    text = render_question(QuestionRecord(entry, _ITEM, after))
    assert "\x1b" not in text.plain
    assert "\u202e" not in text.plain
    assert {REMOVED, ADDED} <= {str(span.style) for span in text.spans}

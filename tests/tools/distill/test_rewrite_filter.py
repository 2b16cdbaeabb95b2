from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.alignment.subsequence import contains
from burnish.tools.deletion.lines import Lines
from burnish.tools.deletion.program import cut
from burnish.tools.distill.intent import Intent, intent_of, labels_intent, paper_intent
from burnish.tools.distill.rewrite_filter import guard
from burnish.tools.text.words import words
from tests.support.strategies import texts

WORDS = ("people", "do", "not", "don't", "sleep", "well", "poorly", "Menu", "12", "yes.", "no.")


@st.composite
def sentences(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=8))
    return "\n".join(lines)


def guarded(raw: str, refined: str) -> str:
    lines = Lines.of(raw)
    return cut(raw, guard(raw, lines, intent_of(raw, refined, lines)).deletions)


def test_half_a_paraphrase_never_turns_a_meaning_round() -> None:
    raw = "Menu\nHome\n\npeople don't sleep well\nAnd more follows here."
    refined = "people sleep poorly\nAnd more follows here."
    assert "don't" in guarded(raw, refined)


def test_the_filter_of_the_paper_lets_that_paraphrase_through() -> None:
    raw = "people don't sleep well"
    intent = paper_intent(raw, "people sleep poorly", Lines.of(raw))
    assert "don't" not in cut(raw, intent.deletions)


def test_a_negation_stays_even_where_nothing_was_rewritten() -> None:
    assert guarded("We do not sell it here at all.", "We do sell it here at all.").count("not") == 1


def test_a_number_stays_in_its_sentence_but_a_citation_goes() -> None:
    assert "250" in guarded("It weighs 250 kilos today.", "It weighs kilos today.")
    assert guarded("It weighs much [12] today.", "It weighs much today.") == "It weighs much today."


def test_a_word_is_never_cut() -> None:
    raw = "The cats ran home"
    assert guarded(raw, "The cat ran home") == raw


def test_text_that_was_moved_is_not_deleted() -> None:
    raw = "A long heading of the page\nfirst words of text\nlast words of text"
    refined = "first words of text\nlast words of text\nA long heading of the page"
    assert "A long heading of the page" in guarded(raw, refined)


def test_typography_is_no_rewrite() -> None:
    raw = "Home\nMenu\n“Quoted” — naïve text…\nFooter"
    assert guarded(raw, '- "Quoted" - naive text...') == "“Quoted” — naïve text…"


def test_labels_delete_lines_whole_and_partial_lines_in_part() -> None:
    raw = "Menu\nKeep this. Read more\n\nFooter"
    lines = Lines.of(raw)
    intent = labels_intent(lines, raw, "DP-D", {1: [(0, 10)]})  # type: ignore[list-item]
    assert cut(raw, intent.deletions) == "Keep this."


def test_marks_inside_a_line_that_stays_are_typography() -> None:
    raw = "Menu\n- First point of two.\n- Second “quoted” point®\nFooter"
    assert guarded(raw, 'First point of two\nSecond "quoted" point').split("\n") == [
        "- First point of two.",
        "- Second “quoted” point®",
    ]


def test_noise_beside_a_rewritten_line_goes_and_its_other_half_stays() -> None:
    raw = "Share this\nThe mill was shut in May after the flood of that year.\n7.\nBuy flour now"
    refined = "The mill closed its doors in May after the flood of that year."
    assert guarded(raw, refined).split("\n")[0].startswith("The mill was shut in May")
    assert "Buy flour now" not in guarded(raw, refined)
    halves = "People sleep well.\nThey do not dream at all.\nMore text follows here as it was."
    merged = "People sleep well and do not dream at all.\nMore text follows here as it was."
    assert "They do not dream at all." in guarded(halves, merged)


@given(st.data())
def test_no_deletion_adjoins_a_rewrite(data: st.DataObject) -> None:
    raw = data.draw(sentences() | texts())
    refined = data.draw(sentences() | texts())
    lines = Lines.of(raw)
    intent = intent_of(raw, refined, lines)
    for start, stop in guard(raw, lines, intent).deletions:
        for at, to in intent.rewrites:
            visible = raw[to:start].strip() if to <= start else raw[stop:at].strip()
            assert stop < at or to < start
            assert visible


@given(sentences() | texts(), sentences() | texts())
def test_what_is_left_is_a_subsequence_without_new_words(raw: str, refined: str) -> None:
    left = guarded(raw, refined)
    assert contains(raw, left)
    plain = raw.isascii()
    assert not plain or words(left) <= words(raw)


@given(sentences() | texts())
def test_the_same_text_asks_for_nothing(raw: str) -> None:
    if raw.strip():
        assert intent_of(raw, raw) == Intent(())

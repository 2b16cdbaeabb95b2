import json
from dataclasses import replace
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.refiners.rules import CONFIDENCE, RulesConfig, RulesRefiner
from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document
from burnish.tools.deletion.program import Program, RemoveAll, RemoveLines, apply, cut, resolve

GOOD = "This is a plain sentence of quite a few words."
OTHER = "Here stands another sentence that nobody could object to."

LINES = RulesConfig()
FINEWEB = RulesConfig(terminal_punctuation=False)
DROPPING = RulesConfig(drop_documents=True)

STORY = "\n".join((
    "The ferry left the quay at six and was back before the lamps were lit.",
    "Nobody on board spoke of the wind, which had turned twice since noon.",
    "Old Marten counted the passengers, found one more than he had tickets for, and let it be.",
    "There are evenings that do not want to be looked into, he used to say.",
    "On the far side a dog ran along the shingle with a shoe in its mouth.",
    "It belonged to the teacher, who had walked into the water with both of them on.",
))


def program_for(text: str, config: RulesConfig = LINES) -> Program:
    return RulesRefiner(config).propose([Document("d", text)])[0]


def reasons_for(text: str, config: RulesConfig = LINES) -> list[tuple[int, int, str]]:
    calls = program_for(text, config).calls
    assert all(isinstance(call, RemoveLines) for call in calls)
    return [(c.start, c.end, c.note.reason) for c in calls if isinstance(c, RemoveLines)]


def drop_reason(text: str, config: RulesConfig = DROPPING) -> str:
    for call in program_for(text, config).calls:
        if isinstance(call, RemoveAll):
            return call.note.reason
    return ""


def test_a_line_without_terminal_punctuation_goes() -> None:
    text = f"{GOOD}\nHome News Sport Weather Travel More\n{OTHER}"
    assert reasons_for(text) == [(2, 2, "no_terminal_punctuation")]
    assert apply(program_for(text), text) == f"{GOOD}\n{OTHER}"


@pytest.mark.parametrize("mark", [".", "!", "?", '"', "”", "。", "\uff01", "\uff1f", "」", "…"])
def test_a_line_that_ends_in_a_terminal_mark_stays(mark: str) -> None:
    assert not reasons_for(f"It was all that he had to say{mark} \r\n{GOOD}")


def test_the_fineweb_variant_keeps_lines_without_terminal_punctuation() -> None:
    assert not reasons_for("Home News Sport Weather Travel More", FINEWEB)


def test_a_line_of_fewer_than_five_words_goes() -> None:
    text = f"Four words are here.\nFive words are standing here.\n{GOOD}"
    assert reasons_for(text) == [(1, 1, "too_few_words")]
    assert not reasons_for(text, replace(LINES, min_line_words=4))


def test_han_characters_count_as_words() -> None:
    assert reasons_for("山雾起得早。\n首页\n他沿着山路走到半山腰。") == [(2, 2, "too_few_words")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Please turn on JavaScript to see this page properly.", "javascript"),
        ("By going on you agree to our Terms of Use today.", "policy_notice"),
        ("This site uses cookies to make your visit better.", "policy_notice"),
        ("All of that is explained in our PRIVACY POLICY page.", "policy_notice"),
    ],
)
def test_a_line_that_holds_a_phrase_goes_for_that_reason(line: str, reason: str) -> None:
    assert reasons_for(f"{GOOD}\n{line}\n{OTHER}") == [(2, 2, reason)]


def test_phrases_and_javascript_can_be_allowed() -> None:
    config = replace(LINES, javascript=False, policy_phrases=())
    text = "JavaScript is not what our privacy policy is about."
    assert not reasons_for(text, config)


def test_a_later_copy_of_a_line_goes_and_the_first_stays() -> None:
    text = f"{GOOD}\n{OTHER}\n  {GOOD}\r\n{OTHER}"
    assert reasons_for(text) == [(3, 4, "duplicate_line")]
    assert not reasons_for(text, replace(LINES, duplicate_lines=False))


def test_copies_of_a_line_that_goes_carry_the_first_ones_reason() -> None:
    assert reasons_for(f"Menu\n{GOOD}\nMenu") == [(1, 1, "too_few_words"), (3, 3, "too_few_words")]


def test_neighbours_with_one_reason_make_one_call_and_others_another() -> None:
    text = f"Home\nNews\nAll the news from the whole county\nSport\n{GOOD}"
    assert reasons_for(text) == [
        (1, 2, "too_few_words"),
        (3, 3, "no_terminal_punctuation"),
        (4, 4, "too_few_words"),
    ]


def test_a_blank_line_goes_when_both_its_neighbours_go() -> None:
    assert reasons_for(f"{GOOD}\nHome\n\n \nNews\n{OTHER}") == [(2, 5, "too_few_words")]


def test_a_blank_line_beside_a_line_that_stays_stays() -> None:
    assert reasons_for(f"{GOOD}\n\nHome\n\n{OTHER}") == [(3, 3, "too_few_words")]


def test_blank_lines_at_an_edge_go_with_their_only_neighbour() -> None:
    text = f"\n\nHome\n{GOOD}\nNews\n\n"
    assert reasons_for(text) == [(1, 3, "too_few_words"), (5, 7, "too_few_words")]
    assert not reasons_for(f"\n{GOOD}\n\n")


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", GOOD, f"{GOOD}\r\n\r\n{OTHER}\r\n"])
def test_a_text_without_fault_gets_an_empty_program(text: str) -> None:
    assert program_for(text) == Program()


def test_only_a_newline_ends_a_line() -> None:
    assert not reasons_for(f"{GOOD}\fHome\u2028News and nothing that follows.")


def test_every_call_says_how_often_its_rule_is_right() -> None:
    for call in program_for("Home\nAll the news from the whole county\nNews").calls:
        assert call.note.confidence == CONFIDENCE[call.note.reason]


def test_documents_are_dropped_only_where_that_is_asked_for() -> None:
    text = f"Lorem ipsum is what this page says on its only line.\n{STORY}"
    assert drop_reason(text) == "lorem_ipsum"
    assert not drop_reason(text, LINES)


def test_a_good_document_passes_every_rule_for_documents() -> None:
    assert program_for(STORY, DROPPING) == Program()


@pytest.mark.parametrize(
    ("text", "looser"),
    [
        ("The page is short and that is all of it.", replace(DROPPING, min_words=0)),
        (
            " ".join(f"a{n % 7} b" for n in range(60)) + " the of.",
            replace(DROPPING, min_mean_word_length=0),
        ),
        (
            " ".join(["incomprehensibilities"] * 60) + " the of.",
            replace(DROPPING, max_mean_word_length=30),
        ),
        (
            " ".join(f"#tag{n} the of" for n in range(40)) + ".",
            replace(DROPPING, max_symbols_per_word=1),
        ),
        (
            " ".join(f"the of {n}4321" for n in range(60)) + ".",
            replace(DROPPING, min_alphabetic_words=0),
        ),
        (
            "\n".join(f"- {line}" for line in STORY.split("\n")),
            replace(DROPPING, max_bullet_lines=1),
        ),
        (
            "\n".join(f"{line[:-1]}..." for line in STORY.split("\n")),
            replace(DROPPING, max_ellipsis_lines=1),
        ),
        (
            " ".join(f"kein{n} Wort{n}" for n in range(40)) + ".",
            replace(DROPPING, min_stop_words=0),
        ),
    ],
)
def test_each_quality_threshold_of_gopher_drops_by_itself(text: str, looser: RulesConfig) -> None:
    assert drop_reason(text) == "gopher_quality"
    assert drop_reason(text, looser) != "gopher_quality"


def test_a_document_of_too_many_words_is_dropped() -> None:
    assert drop_reason(STORY, replace(DROPPING, max_words=60)) == "gopher_quality"


NO_REPETITION = replace(
    DROPPING,
    max_duplicate_lines=1,
    max_duplicate_line_chars=1,
    max_duplicate_paragraphs=1,
    max_duplicate_paragraph_chars=1,
    max_top_ngram_chars=(),
    max_duplicate_ngram_chars=(),
)


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        (f"{STORY}\n{STORY}", replace(NO_REPETITION, max_duplicate_lines=0.30)),
        (f"{STORY}\n{STORY}", replace(NO_REPETITION, max_duplicate_line_chars=0.20)),
        (f"{STORY}\n\n{STORY}", replace(NO_REPETITION, max_duplicate_paragraphs=0.30)),
        (f"{STORY}\n\n{STORY}", replace(NO_REPETITION, max_duplicate_paragraph_chars=0.20)),
        (
            "the cheap watch of " * 40 + "today.",
            replace(NO_REPETITION, max_top_ngram_chars=(1.0, 0.18)),
        ),
        (f"{STORY}\n{STORY}", replace(NO_REPETITION, max_duplicate_ngram_chars=(1.0, 0.14))),
    ],
)
def test_each_repetition_threshold_of_gopher_drops_by_itself(text: str, alone: RulesConfig) -> None:
    assert drop_reason(text, NO_REPETITION) != "gopher_repetition"
    assert drop_reason(text, alone) == "gopher_repetition"


def test_a_document_of_which_no_line_stays_is_dropped() -> None:
    assert drop_reason(STORY.replace(".", "")) == "fineweb_quality"


def test_short_lines_make_a_document_poor() -> None:
    verse = STORY.replace(", ", ",\n").replace(" and ", "\nand ").replace(" of ", "\nof ")
    loose = replace(DROPPING, terminal_punctuation=False, min_line_words=0)
    assert drop_reason(verse, loose) == ""
    assert drop_reason(verse, replace(loose, short_line_length=60)) == "fineweb_quality"


def test_repeated_characters_make_a_document_poor_before_gophers_limit() -> None:
    text = f"{STORY}\n{STORY.split(chr(10))[0]}"
    gopher_passes = replace(DROPPING, max_duplicate_ngram_chars=())
    assert drop_reason(text, gopher_passes) == "fineweb_quality"


def test_curly_brackets_drop_a_document_only_where_the_rule_is_on() -> None:
    text = STORY.replace("ferry", "{ferry}")
    assert not drop_reason(text)
    assert drop_reason(text, replace(DROPPING, curly_bracket=True)) == "curly_bracket"


def test_clean_chinese_prose_passes_rules_made_for_words_between_spaces() -> None:
    samples = (resources.files("burnish.corpora.samples") / "documents.jsonl").read_text("utf-8")
    rows = [json.loads(row) for row in samples.split("\n") if row]
    prose = next(row["text"] for row in rows if row["kind"] == "prose" and row["language"] == "zh")
    assert program_for(prose, DROPPING) == Program()


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("min_line_words", 5),
        ("min_words", 50),
        ("max_words", 100_000),
        ("min_mean_word_length", 3),
        ("max_mean_word_length", 10),
        ("max_symbols_per_word", 0.1),
        ("max_bullet_lines", 0.9),
        ("max_ellipsis_lines", 0.3),
        ("min_alphabetic_words", 0.8),
        ("min_stop_words", 2),
        ("stop_words", ("the", "be", "to", "of", "and", "that", "have", "with")),
        ("max_duplicate_lines", 0.30),
        ("max_duplicate_line_chars", 0.20),
        ("max_duplicate_paragraphs", 0.30),
        ("max_duplicate_paragraph_chars", 0.20),
        ("max_top_ngram_chars", (0.20, 0.18, 0.16)),
        ("max_duplicate_ngram_chars", (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)),
        ("min_punctuated_lines", 0.12),
        ("duplicate_line_chars", 0.10),
        ("short_lines", 0.67),
        ("short_line_length", 30),
        ("drop_documents", False),
        ("curly_bracket", False),
    ],
)
def test_the_defaults_are_the_published_thresholds(name: str, published: object) -> None:
    assert getattr(RulesConfig(), name) == published


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="min_words is -1"):
        RulesConfig(min_words=-1)
    with pytest.raises(UsageError, match="terminal_marks is empty"):
        RulesConfig(terminal_marks="")


def test_the_revision_changes_with_any_setting_and_with_nothing_else() -> None:
    assert RulesRefiner().revision == RulesRefiner(RulesConfig()).revision
    assert RulesRefiner().revision != RulesRefiner(FINEWEB).revision
    assert RulesRefiner().revision != RulesRefiner(RulesConfig(min_words=51)).revision


def test_programs_come_in_the_order_of_the_documents_and_from_their_texts_alone() -> None:
    texts = ["Home\n" + GOOD, GOOD, f"{GOOD}\n{GOOD}"]
    together = RulesRefiner().propose([Document(t, t, {"language": "de"}) for t in texts])
    assert together == [program_for(text) for text in texts]


pieces = st.sampled_from((
    GOOD, OTHER, "Home", "", " ", "\r", "We use cookies on this site, of course.", "山路很长。",
    "JavaScript must be switched on for this", "lorem ipsum", "שלום עולם", "e\u0301\u2028x",
    "\ud800",
))  # fmt: skip
texts = st.one_of(st.text(max_size=80), st.lists(pieces, max_size=12).map("\n".join))
configs = st.builds(
    RulesConfig,
    terminal_punctuation=st.booleans(),
    min_line_words=st.integers(0, 6),
    duplicate_lines=st.booleans(),
    drop_documents=st.booleans(),
    min_words=st.sampled_from([0, 50]),
    min_stop_words=st.sampled_from([0, 2]),
)


@given(texts, configs)
def test_a_program_always_resolves_and_leaves_a_subsequence(text: str, config: RulesConfig) -> None:
    program = program_for(text, config)
    resolution = resolve(program, text)
    assert not resolution.rejected
    rest = iter(text)
    assert all(character in rest for character in cut(text, resolution.spans))
    assert program == program_for(text, config)


@given(texts)
def test_no_line_is_named_twice_and_runs_of_one_reason_are_whole(text: str) -> None:
    found = reasons_for(text)
    for (_, end, reason), (start, _, following) in pairwise(found):
        assert end < start
        assert end + 1 < start or reason != following

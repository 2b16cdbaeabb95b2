from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.wikipedia.passages import Article, ArticleSection
from burnish.tools.retrieval.chunking import chunks, passages, sentences, weight


def test_sentences_end_where_sentences_end() -> None:
    text = 'He met Dr. Smith of the U.S. Navy. "Why?" he asked. It cost 3.5 million. Then rain.'
    assert sentences(text) == [
        "He met Dr. Smith of the U.S. Navy.",
        '"Why?" he asked.',
        "It cost 3.5 million.",
        "Then rain.",
    ]


def test_a_newline_parts_sentences_and_chinese_ones_end_without_blanks() -> None:
    assert sentences("A heading\nNo full stop") == ["A heading", "No full stop"]
    assert sentences("第一句。第二句！「第三句。」") == ["第一句。", "第二句！", "「第三句。」"]


def test_a_text_is_cut_into_even_pieces_on_sentence_borders() -> None:
    sentence = "One two three four five six seven eight nine ten."
    pieces = chunks(" ".join([sentence] * 23), 100)
    assert [weight(piece) for piece in pieces] == [120, 110]
    assert all(piece.endswith("ten.") for piece in pieces)


def test_a_sentence_without_end_is_broken_between_words() -> None:
    pieces = chunks("word " * 950, 100)
    assert all(weight(piece) <= 200 for piece in pieces)
    assert sum(weight(piece) for piece in pieces) == 950


def test_passages_keep_title_and_section_and_never_reach_over_a_heading() -> None:
    article = Article(
        "7", "Lion", (ArticleSection("", "It roars."), ArticleSection("Diet", "It eats meat."))
    )
    assert [(one.id, one.section, one.text) for one in passages(article)] == [
        ("7/0", "", "It roars."),
        ("7/1", "Diet", "It eats meat."),
    ]
    assert next(iter(passages(article))).headed == "Lion. It roars."


@given(st.text(alphabet=st.sampled_from("ab. !?\n\u3002\u4e00Z\u201d"), max_size=400))
def test_cutting_loses_only_blanks(text: str) -> None:
    assert "".join("".join(chunks(text, 5)).split()) == "".join(text.split())

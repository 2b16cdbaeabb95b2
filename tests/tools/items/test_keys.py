import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.items.keys import key_positions, key_text, seated, wrong_choices


def test_a_key_is_named_by_text_or_else_by_letter() -> None:
    assert key_positions(QAItem("1", "?", "B", ("B", "A"))) == (0,)
    assert key_positions(QAItem("1", "?", "(b)", ("x", "y"))) == (1,)
    assert key_positions(QAItem("1", "?", " y", ("x", "y"))) == (1,)
    assert key_positions(QAItem("1", "?", "z", ("x", "y"))) == ()
    assert key_positions(QAItem("1", "?", "x", ("x", "x"))) == (0, 1)


def test_an_item_without_one_key_has_no_key_text() -> None:
    assert key_text(QAItem("1", "?", "open")) == "open"
    with pytest.raises(ValueError, match="names 0 of 2"):
        key_text(QAItem("1", "?", "z", ("x", "y")))


@given(
    st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=6, unique=True),
    st.data(),
    st.booleans(),
)
def test_moving_a_key_and_changing_the_wrong_choices_keeps_the_key(
    choices: list[str],
    data: st.DataObject,
    letter: bool,  # noqa: FBT001
) -> None:
    at = data.draw(st.integers(0, len(choices) - 1))
    answer = chr(ord("A") + at) if letter and not {"A", "B", "C"} & set(choices) else choices[at]
    item = QAItem("1", "?", answer, tuple(choices))
    try:
        key = key_text(item)
    except ValueError:
        return
    wrong = data.draw(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=5))
    wrong = [one for one in wrong if one.strip() != key.strip()]
    place = data.draw(st.integers(0, len(wrong)))
    moved = seated(item, wrong, place)
    assert key_text(moved) == key
    assert key_positions(moved) == (place,)
    assert wrong_choices(moved) == tuple(wrong)

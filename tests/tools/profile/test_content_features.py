from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.distractors.features import choice_features, key_place
from burnish.tools.profile.content_features import content_features, likeness

texts = st.text(max_size=60)


@st.composite
def items(draw: st.DrawFn) -> QAItem:
    choices = draw(st.lists(texts, max_size=6))
    answer = draw(st.sampled_from([*choices, "another"]))
    domain = draw(st.sampled_from([None, "law", "physics"]))
    return QAItem("x", draw(texts), answer, tuple(choices), domain)


@given(st.lists(items(), min_size=1, max_size=12))
def test_features_are_finite_whatever_the_item_holds(drawn: list[QAItem]) -> None:
    found = content_features(drawn, [item.domain or "" for item in drawn])
    assert len(found) == len(drawn)
    assert np.isfinite(found).all()


@settings(max_examples=30)
@given(st.integers(0, 1_000), st.integers(2, 12), st.integers(1, 4))
def test_likeness_to_all_items_is_the_kernel_itself(seed: int, rows: int, width: int) -> None:
    ground = np.random.default_rng(seed).normal(size=(rows, width))
    columns = likeness(ground, rows)
    apart = ((ground[:, None] - ground) ** 2).sum(axis=2)
    assert columns @ columns.T == pytest.approx(np.exp(-apart / (2 * 1.3**2)), abs=1e-6)


def test_fewer_landmarks_make_fewer_columns_and_never_a_longer_row() -> None:
    ground = np.random.default_rng(0).normal(size=(60, 5))
    columns = likeness(ground, 10)
    assert columns.shape == (60, 10)
    assert ((columns**2).sum(axis=1) <= 1 + 1e-6).all()


def test_nothing_but_content_and_cell_is_looked_at() -> None:
    one = QAItem("1", "Which is even?", "4", ("3", "4", "5"), "maths")
    two = replace(one, id="2", rationale="4 is twice 2.", meta={"difficulty": "hard"})
    other = replace(one, question="Which is odd?", answer="5")
    found = content_features([one, two, other], ["maths"] * 3)
    assert (found[0] == found[1]).all()
    assert not (found[0] == found[2]).all()


def test_vectors_are_further_columns() -> None:
    held = [QAItem(str(at), f"Question {at}?", "a", ("a", "b")) for at in range(4)]
    plain = content_features(held, [""] * 4)
    vectors = np.eye(4, 3, dtype=np.float32)
    assert content_features(held, [""] * 4, vectors).shape == (4, plain.shape[1] + 3)


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=8, unique=True), st.data())
def test_features_of_choices_do_not_depend_on_the_order_of_the_wrong_ones(
    numbers: list[int], data: st.DataObject
) -> None:
    choices = [str(number) for number in numbers]
    item = QAItem("1", "How many?", choices[0], tuple(choices))
    shuffled = (choices[0], *data.draw(st.permutations(choices[1:])))
    found = choice_features(replace(item, choices=shuffled))
    assert found == pytest.approx(choice_features(item))


def test_an_answer_that_no_choice_is_has_no_place() -> None:
    assert key_place(QAItem("1", "Why?", "because", ("so", "thus"))) == -1
    assert key_place(QAItem("1", "Why?", "thus", ("so", "thus"))) == 1

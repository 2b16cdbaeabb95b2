from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.items.contamination import BOILERPLATE, TextIndex

WORDS = st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=30)
LONG = "a train leaves the old station at noon and meets another one near the long bridge"


@given(WORDS, st.lists(WORDS, max_size=5))
def test_a_text_is_found_in_a_set_that_holds_it_whatever_its_case(
    text: list[str], others: list[list[str]]
) -> None:
    index = TextIndex("set", [(str(at), " ".join(one)) for at, one in enumerate([text, *others])])
    hit = index.find(" ".join(text).upper() + "?")
    assert hit is not None
    assert hit.how == "equal"


def test_a_long_shared_run_is_proof_and_half_of_the_short_runs_too() -> None:
    index = TextIndex("exam", [("7", LONG)])
    long = index.find(
        f"Yesterday {' '.join(LONG.split()[:13])} while birds sing in many tall trees"
    )
    assert long is not None
    assert (long.name, long.id, long.how) == ("exam", "7", "long run")
    short = index.find(" ".join(LONG.split()[:10]) + " now and then")
    assert short is not None
    assert short.how == "shared runs"
    assert index.find("a train leaves the old town on a rainy day in late autumn") is None


def test_what_many_texts_of_a_set_share_tells_nothing() -> None:
    lead = "read the argument below and tell whether it is valid or not in classical logic"
    rows = [(str(at), f"{lead} case {chr(97 + at) * 3}") for at in range(BOILERPLATE + 1)]
    assert TextIndex("set", rows).find(f"{lead} case zzz") is None
    assert TextIndex("set", rows[:1]).find(f"{lead} case zzz") is not None


def test_an_items_own_earlier_form_and_dropped_texts_do_not_count() -> None:
    index = TextIndex("set", [("1", LONG)])
    assert index.find(LONG, apart_from="1") is None
    index.add("2", LONG)
    hit = index.find(LONG, apart_from="1")
    assert hit is not None
    assert hit.id == "2"
    index.drop("2")
    assert index.find(LONG, apart_from="1") is None


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.randoms(use_true_random=False))
def test_what_is_found_does_not_depend_on_how_the_index_came_to_be(
    texts: list[list[str]], draft: list[str], random: Random
) -> None:
    rows = [(str(at), " ".join(one)) for at, one in enumerate(texts)]
    grown = TextIndex("set", random.sample(rows, random.randint(0, len(rows))))
    held: dict[str, str] = {}
    for _ in range(3):
        held = dict(random.sample(rows, random.randint(0, len(rows))))
        grown.renew(dict(rows), held.get)
    grown.add("x", " ".join(draft))
    grown.drop(rows[0][0])
    grown.renew([name for name, _ in rows if name not in held], dict(rows).get)
    for text in (" ".join(draft), *(text for _, text in rows)):
        assert grown.find(text) == TextIndex("set", rows).find(text)


def test_likeness_counts_from_its_threshold_on() -> None:
    axis = np.eye(3, dtype=np.float32)
    index = TextIndex("set", [("1", "one thing"), ("2", "another")], axis[:2])
    near = np.array([0.95, 0.0, (1 - 0.95**2) ** 0.5], np.float32)
    hit = index.find("said otherwise", near)
    assert hit is not None
    assert (hit.id, hit.how) == ("1", "likeness")
    far = np.array([0.9, 0.0, (1 - 0.9**2) ** 0.5], np.float32)
    assert index.find("said otherwise", far) is None
    index.add("3", "third", far)
    hit = index.find("said otherwise", far)
    assert hit is not None
    assert hit.id == "3"

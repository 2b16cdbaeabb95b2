import gzip
from fractions import Fraction

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.items.rationales import arithmetic, concludes, conclusion, wrong_calculations
from tests.support.places import DATA

GSM8K = DATA / "gsm8k" / "test.jsonl.gz"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He has 3 + 4 = 7.\n#### 7", "7"),
        (r"So we get \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("The answer is (B). It follows.", "(B)"),
        ("Therefore, the final answer is: 12 apples", "12 apples"),
        ("It is warm.", None),
    ],
)
def test_the_announced_answer_is_found(text: str, expected: str | None) -> None:
    assert conclusion(text) == expected


def test_calculations_that_do_not_hold_are_told() -> None:
    assert wrong_calculations("16 - 3 - 4 = <<16-3-4=9>>9 eggs, 9 * 2 = $19") == ("9 * 2 = $19",)
    assert wrong_calculations("2/3 = 0.67 and 10 / 4 = 2.5 and $1,000 + 5 = 1005") == ()
    assert wrong_calculations("(3 + 4) * 2 = 15") == ("(3 + 4) * 2 = 15",)
    assert wrong_calculations("half of 20% + 5% = 25% is x + 3 = 5, 3 / 6 = 50%") == ()


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-50, 50))
def test_a_sum_holds_only_for_its_value(left: int, right: int, off: int) -> None:
    text = f"so {left} + {right} = {left + right + off} coins"
    held = off == 0
    assert (wrong_calculations(text) == ()) is held


@given(st.text(max_size=60))
def test_any_text_is_judged_without_failing(text: str) -> None:
    wrong_calculations(text)
    conclusion(text)
    arithmetic(text)


def test_arithmetic_is_exact_and_nothing_else_is_evaluated() -> None:
    assert arithmetic("0.1 + 0.2") == Fraction(3, 10)
    assert arithmetic("1,200 / (3 - 1)") == 600
    for text in ("1 / 0", "2 ** 9", "abs(3)", "x + 1", "True + 1", "(" * 300):
        assert arithmetic(text) is None


@pytest.mark.parametrize(
    ("rationale", "expected"),
    [
        ("The answer is (B).", True),
        ("The answer is A", False),
        ("The answer is the blue whale.", True),
        ("The answer is the wolf", False),
        ("Whales are large.", None),
        (None, None),
    ],
)
def test_a_rationale_must_arrive_at_the_key(rationale: str | None, expected: bool | None) -> None:  # noqa: FBT001
    item = QAItem("1", "Which is largest?", "blue whale", ("wolf", "blue whale"))
    told = QAItem(item.id, item.question, item.answer, item.choices, rationale=rationale)
    assert concludes(told) is expected


@pytest.mark.skipif(not GSM8K.exists(), reason="needs shared/data/gsm8k")
def test_human_solutions_are_found_sound_but_one() -> None:
    rows = [orjson.loads(line) for line in gzip.decompress(GSM8K.read_bytes()).split(b"\n")[:-1]]
    items = [QAItem(r["id"], r["question"], r["answer"], rationale=r["rationale"]) for r in rows]
    assert all(concludes(item) for item in items)
    # The one: "$32 - $20 = $300".
    assert sum(bool(wrong_calculations(item.rationale or "")) for item in items) == 1
    swapped = [
        QAItem(a.id, a.question, b.answer, rationale=a.rationale)
        for a, b in zip(items, [*items[1:], items[0]], strict=True)
        if a.answer != b.answer
    ]
    assert not any(concludes(item) for item in swapped)

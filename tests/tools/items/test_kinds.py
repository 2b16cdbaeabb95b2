import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import QAItem
from burnish.tools.items.kinds import kind_of


def item(question: str, answer: str = "", *choices: str, domain: str | None = None) -> QAItem:
    return QAItem("1", question, answer, tuple(choices), domain=domain)


@pytest.mark.parametrize(
    "asked",
    [
        item("A mill grinds 12 sacks a day. How many sacks does it grind in 7 days?", "84"),
        item("Compute 3 * 17.", "51"),
        item(
            "Find the derivative of x^2 + 3.",
            "A",
            "2x",
            "x",
            "3",
            "2",
            domain="college_mathematics",
        ),
        item("What is the total cost of 3 pens at $2 and 4 pads at $5?", "26"),
    ],
)
def test_questions_with_quantities_are_computable(asked: QAItem) -> None:
    assert kind_of(asked) == "computable"


@pytest.mark.parametrize(
    "asked",
    [
        item("Who wrote the first treatise on tide mills?", "Belidor"),
        item("Which city lies at the river's mouth?", "A", "Porto", "Rouen", "Nantes", "Cork"),
        item("In what year was the mill founded?", "1824"),
        item("What does the liver make?", "bile", domain="anatomy"),
    ],
)
def test_questions_about_the_world_are_not_computable(asked: QAItem) -> None:
    assert kind_of(asked) in {"factual", "unsure"}


def test_calculations_in_the_rationale_decide() -> None:
    assert kind_of(QAItem("1", "Who?", "24", rationale="<<48/2=24>>")) == "computable"


def test_what_tells_nothing_is_unsure() -> None:
    assert kind_of(item("Well?", "A")) == "unsure"


@given(st.text(max_size=80), st.text(max_size=20), st.lists(st.text(max_size=10), max_size=5))
def test_routing_never_raises(question: str, answer: str, choices: list[str]) -> None:
    assert kind_of(item(question, answer, *choices)) in {"computable", "factual", "unsure"}

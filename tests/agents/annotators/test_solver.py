"""The solver answers without the key, and its answers place an item on the scale of a set."""

import asyncio
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.annotators.solver import Examiner, Solver, is_right, schema_for
from burnish.agents.llm.messages import Request
from burnish.agents.llm.scripted import ScriptedClient, ScriptLine
from burnish.corpora.errors import BudgetExhausted, ModelError
from burnish.corpora.records import QAItem
from burnish.tools.profile.cells import Buckets

CHOSEN = QAItem("a", "Which gas do plants take in?", "B", ("oxygen", "carbon dioxide", "neon"))
OPEN = QAItem("b", "How many legs have two spiders?", "16", rationale="8 + 8 = 16")


def _says(answer: str) -> Callable[[Request], ScriptLine]:
    return lambda _: json.dumps({"answer": answer})


def test_neither_key_nor_rationale_is_shown_and_the_form_has_the_letters() -> None:
    request = Solver(ScriptedClient([])).request(OPEN)
    assert "16" not in "".join(message.content for message in request.messages)
    assert request.sampling.temperature == 0
    assert schema_for(CHOSEN)["properties"]["answer"] == {"type": "string", "enum": ["A", "B", "C"]}
    assert "pattern" in schema_for(OPEN)["properties"]["answer"]
    first, second = (Solver(ScriptedClient([])).request(CHOSEN, number) for number in range(2))
    assert first != second
    assert first.sampling.temperature > 0


@pytest.mark.parametrize(
    ("item", "answer", "right"),
    [
        (CHOSEN, "B", True), (CHOSEN, "(b)", True), (CHOSEN, "C", False), (CHOSEN, "D", None),
        (CHOSEN, "", None), (OPEN, "16", True), (OPEN, "16 legs", True), (OPEN, "12", False),
    ],
)  # fmt: skip
def test_an_answer_is_right_wrong_or_cannot_be_told(
    item: QAItem, answer: str, right: object
) -> None:
    assert is_right(item, answer) is right


def test_an_answer_that_cannot_be_read_or_did_not_come_is_none() -> None:
    for line in ("I think B", ModelError("rejected", "no", status=400)):
        attempt = asyncio.run(Solver(ScriptedClient(lambda _, said=line: said)).attempt(CHOSEN))
        assert attempt.correct is None
    gone = Solver(ScriptedClient(lambda _: ModelError("unreachable", "down")))
    with pytest.raises(ModelError):
        asyncio.run(gone.attempt(CHOSEN))


def _examined(script: Callable[[Request], ScriptLine], wanted: int, answers: int = 4) -> Examiner:
    edges = Buckets((-1.0, 1.0))
    model = ScriptedClient(script)
    return Examiner(Solver(model), 0.5, 1.5, (-2.0, 0.0, 2.0), edges, answers)


def test_what_is_answered_wrongly_is_harder_than_what_is_answered_rightly() -> None:
    easy = asyncio.run(_examined(_says("B"), 1).score(CHOSEN, 1))
    hard = asyncio.run(_examined(_says("A"), 1).score(CHOSEN, 1))
    assert easy.bucket == 0
    assert hard.bucket == 2
    assert easy.note == "scripted answered 4 of 4 right"
    assert easy.tokens > 0
    assert easy.error is not None
    assert 0 < easy.error < 1.5


@given(st.integers(1, 8), st.integers(0, 2))
def test_answers_move_an_item_away_from_where_it_was_thought_to_be(
    answers: int, wanted: int
) -> None:
    scores = [
        asyncio.run(_examined(_says(letter), wanted, answers).score(CHOSEN, wanted)).difficulty
        for letter in "BA"
    ]
    centre = (-2.0, 0.0, 2.0)[wanted]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] < centre < scores[1]


def test_a_budget_that_ends_leaves_an_item_unverified() -> None:
    def empty(_: Request) -> ScriptLine:
        raise BudgetExhausted(asked=9, spent=1, held=0, limit=5)

    scored = asyncio.run(_examined(empty, 0).score(CHOSEN, 0))
    assert (scored.bucket, scored.difficulty) == (None, None)
    assert scored.note == "unverified: the token budget ended"

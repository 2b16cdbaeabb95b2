"""The forms of every agent for questions, on a real vLLM: its grammars take them and hold to them.

The toy knows nothing of questions, so what it writes says nothing; that it can only write what the
form allows is the point. An answer that its token limit cuts is no answer.
"""

import asyncio
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from burnish.agents.annotators.labeller import Labeller
from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.messages import Message, Reply, Request, Sampling
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.scripted import ScriptedClient
from burnish.agents.operations.item_schemas import FORMS
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.validators.librarian import Librarian, PassageJudgement
from burnish.corpora.records import QAItem
from burnish.corpora.wikipedia.passages import Passage
from tests.e2e.toy import MARKS, NAME, Json

pytestmark = MARKS
ASKED = 4
ITEM = QAItem("q", "Which planet is the largest?", "Jupiter", ("Mars", "Jupiter"), "space")
PAGE = Passage("p1", "Jupiter", "", "Jupiter is the largest planet of the Solar System.")


class _NoIndex:
    def search(self, question: str, k: int = 5) -> list[object]:
        raise AssertionError((question, k))


def replies_to(server: Json, request: Request) -> list[Reply]:
    async def asked() -> list[Reply]:
        model = ServedModel(Connection(server["url"], timeout_s=300), Dialect(NAME))
        try:
            return await asyncio.gather(*(model.ask(request) for _ in range(ASKED)))
        finally:
            await model.close()

    return asyncio.run(asked())


def held(replies: list[Reply], form: TypeAdapter[object]) -> int:
    """Count the finished answers, every one of which must be of the form."""
    finished = [reply for reply in replies if reply.fault is None]
    for reply in finished:
        try:
            form.validate_json(reply.content)
        except ValidationError as error:
            pytest.fail(f"{reply.content!r} is not of the form: {error}")
    return len(finished)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_writers_answers_are_of_its_form(server: Json, form: type) -> None:
    turns = (Message("system", "Answer in JSON."), Message("user", "A question, if you please."))
    request = Request(turns, Sampling(256, temperature=1.0), schema=form_schema(form))
    finished = held(replies_to(server, request), TypeAdapter(form))
    sys.stdout.write(f"{form.__name__}: {finished} of {ASKED} finished\n")


def test_a_judges_answers_are_of_its_form(server: Json) -> None:
    librarian = Librarian(_NoIndex())  # type: ignore[arg-type]
    request = librarian.request(ITEM, "Jupiter", [PAGE])
    finished = held(replies_to(server, request), TypeAdapter(PassageJudgement))
    sys.stdout.write(f"judge: {finished} of {ASKED} finished\n")


def test_a_labellers_answers_name_a_label(server: Json) -> None:
    labeller = Labeller(ScriptedClient([]), ("space", "law"))
    replies = replies_to(server, labeller.request(ITEM))
    assert [reply.fault for reply in replies] == [None] * ASKED
    assert all(reply.content.strip() for reply in replies)
    assert held(replies, TypeAdapter(dict[str, int])) == ASKED

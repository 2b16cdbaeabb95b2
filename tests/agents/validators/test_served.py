"""Reasoner and librarian over the wire: what a server is sent, and what becomes of its replies."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from burnish.agents.llm.client import Client
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.validators.librarian import Librarian, PassageJudgement
from burnish.agents.validators.reasoner import Reasoner
from burnish.agents.validators.validation import Validation
from burnish.corpora.errors import SandboxUnavailable
from burnish.corpora.records import QAItem
from burnish.corpora.wikipedia.passages import Passage
from burnish.eval.robustness.loopback import Body, completion, serving
from burnish.eval.robustness.loopback import ok as sent
from burnish.tools.retrieval.hybrid_index import SearchHit
from burnish.tools.sandbox.pool import Sandbox
from tests.agents.conftest import Served

TOWN = Passage("42", "Orvel", "History", "The town of Orvel was founded by Marta Quill in 1204.")
LOOKED_UP = QAItem("a", "Who founded the town of Orvel?", "Marta Quill")
COMPUTED = QAItem("b", "A box holds 12 pens and 7 are added. How many pens are in it?", "18")


class Shelf:
    def search(self, question: str, k: int = 5) -> list[SearchHit]:  # noqa: ARG002
        return [SearchHit(1, 1.0, TOWN)]


def _answer(body: Body) -> Body:
    messages = cast("list[dict[str, str]]", body["messages"])
    if "response_format" in body:
        found = {
            "verdict": "support", "passages": [1], "quote": "founded by Marta Quill",
            "answer": "", "certainty": 0.8,
        }  # fmt: skip
        return completion(json.dumps(found), usage=(300, 40))
    assert "pens" in messages[1]["content"]
    return completion("```python\nanswer = 12 + 7\n```", usage=(200, 15))


def test_both_validators_ask_as_a_vllm_server_takes_it_and_their_verdicts_stand(
    served: Served, tmp_path: Path
) -> None:
    try:
        sandbox = Sandbox()
    except SandboxUnavailable:
        pytest.skip("this system has no sandbox for programs")

    async def ask() -> tuple[Any, Any, list[Body]]:
        store = ReplyStore(tmp_path / "replies.sqlite")
        async with serving(lambda body: sent(_answer(body))) as server, served(server.url) as model:
            client = Client(model, store=store)
            agents = Validation((Reasoner(sandbox, client),), (Librarian(Shelf(), None, client),))
            town, pens = await agents.decide(LOOKED_UP), await agents.decide(COMPUTED)
            again = await agents.decide(LOOKED_UP)
            assert again == town
            assert len(server.bodies) == 2
            store.close()
            return town, pens, server.bodies

    with sandbox:
        town, pens, bodies = asyncio.run(ask())
    assert (town.kind, town.opinion, town.confidence) == ("factual", "accept", 0.8)
    assert (town.evidence[0].kind, town.evidence[0].source) == ("passage", "42")
    assert town.tokens == 340
    assert (pens.kind, pens.opinion) == ("computable", "reject")
    assert pens.verdicts[0].found == "19"
    assert not pens.may_edit_key
    assert pens.to_review
    judge = next(body for body in bodies if "response_format" in body)
    assert judge["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": form_schema(PassageJudgement), "strict": True},
    }
    assert {body["temperature"] for body in bodies} == {0.0}
    allowed = {"model", "messages", "max_tokens", "temperature", "response_format", "seed"}
    assert all(set(body) <= allowed for body in bodies)

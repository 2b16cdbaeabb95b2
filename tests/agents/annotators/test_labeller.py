import asyncio
import json
import re

from burnish.agents.annotators.labeller import Labeller
from burnish.agents.llm.client import Client
from burnish.agents.llm.messages import Request
from burnish.agents.llm.scripted import ScriptedClient
from burnish.corpora.records import QAItem

LABELS = ("chemistry", "law", "arithmetic")
ITEMS = [
    QAItem("a", "What does 3 + 4 make?", "7"),
    QAItem("b", "Which court hears appeals?", "the high court"),
    QAItem("c", "Who won the match?", "the red team"),
    QAItem("d", "Which gas is lightest?", "hydrogen"),
]


def by_words(request: Request) -> str:
    words = request.messages[-1].content
    listed = dict(re.findall(r"^(\d+)\. (\w+)$", words, re.MULTILINE))
    subjects = {"make": "arithmetic", "court": "law", "gas": "chemistry"}
    wanted = next((name for sign, name in subjects.items() if sign in words), "")
    return json.dumps({"number": next((int(n) for n, s in listed.items() if s == wanted), 0)})


def labels_of(script: ScriptedClient) -> list[str | None]:
    found = asyncio.run(Labeller(Client(script), LABELS).label(ITEMS))
    return [one.label for one in found]


def test_items_get_a_label_of_the_list_or_other() -> None:
    assert labels_of(ScriptedClient(by_words)) == ["arithmetic", "law", "other", "chemistry"]


def test_the_schema_holds_only_numbers_of_the_list() -> None:
    schema = Labeller(Client(ScriptedClient(by_words)), LABELS).request(ITEMS[0]).schema
    assert schema is not None
    assert schema["properties"]["number"]["enum"] == [0, 1, 2, 3]


def test_what_no_list_has_is_asked_again_once_and_then_a_failure_of_that_item() -> None:
    def stubborn(request: Request) -> str:
        return '{"number": 9}' if "court" in request.messages[1].content else by_words(request)

    script = ScriptedClient(stubborn)
    found = asyncio.run(Labeller(Client(script), LABELS).label(ITEMS))
    assert [one.label for one in found] == ["arithmetic", None, "other", "chemistry"]
    assert found[1].failure == "model"
    assert len(script.requests) == len(ITEMS) + 1


def test_progress_counts_every_item() -> None:
    told: list[int] = []
    labeller = Labeller(Client(ScriptedClient(by_words)), LABELS)
    asyncio.run(labeller.label(ITEMS, told.append))
    assert sum(told) == len(ITEMS)

import asyncio
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from burnish.agents.llm.messages import Message, Reply, Request
from burnish.agents.llm.scripted import ScriptedClient, calling
from burnish.agents.prompting.probe import Constraints, probe
from burnish.agents.prompting.structured import ask_parsed, json_reader
from burnish.corpora.errors import ModelError, QuarantinedReply

Question = Callable[..., Request]


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    keep: bool


READ = json_reader(TypeAdapter(Verdict))


def _ask(script: ScriptedClient, request: Request) -> Verdict:
    return asyncio.run(ask_parsed(script, request, READ))


def test_a_valid_answer_needs_one_request(question: Question) -> None:
    script = ScriptedClient(['{"keep": true}'])
    answer = _ask(script, question())
    assert answer == Verdict(keep=True)
    assert len(script.requests) == 1


@pytest.mark.parametrize("bad", ["keep it", '{"keep": 3}', '{"keep": true, "x": 1}', "", "{"])
def test_an_invalid_answer_is_repaired_once(question: Question, bad: str) -> None:
    script = ScriptedClient([bad, '{"keep": false}'])
    answer = _ask(script, question())
    assert answer == Verdict(keep=False)
    assert len(script.requests) == 2
    last = script.requests[1].messages[-1]
    assert last.role == "user"
    assert "cannot be used" in last.content


def test_a_second_invalid_answer_is_quarantined_with_both_raw_replies(question: Question) -> None:
    script = ScriptedClient(["first junk", "second junk"])
    with pytest.raises(QuarantinedReply) as caught:
        _ask(script, question())
    assert caught.value.kind == "not_json"
    assert ["first junk" in caught.value.raws[0], "second junk" in caught.value.raws[1]] == [
        True
    ] * 2
    assert "junk" not in str(caught.value)
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply('{"keep":', finish="length"), "truncated"), (Reply("", refusal="no"), "refused")],
)
def test_what_would_be_cut_or_refused_again_is_not_repaired(
    question: Question, reply: Reply, kind: str
) -> None:
    script = ScriptedClient([reply])
    with pytest.raises(QuarantinedReply) as caught:
        _ask(script, question())
    assert caught.value.kind == kind
    assert len(caught.value.raws) == 1


def test_calls_where_text_was_asked_for_are_answered_each_by_its_id(question: Question) -> None:
    first = calling(("judge", {"keep": 5}), ("unknown", {}))
    script = ScriptedClient([first, '{"keep": true}'])
    assert _ask(script, question()) == Verdict(keep=True)
    turns = script.requests[1].messages
    assert [turn.role for turn in turns] == ["user", "assistant", "tool", "tool"]
    assert [turn.answers for turn in turns[2:]] == ["call_0", "call_1"]


def _honest(request: Request) -> Reply:
    if "structured_outputs" in request.extra:
        return Reply("A", finish="stop")
    if request.schema:
        return Reply('{"verdict": "q7-amber", "level": 41}', finish="stop")
    return calling(("report_colour", {"colour": "q7-amber"}))


def test_the_probe_believes_a_server_that_follows() -> None:
    assert asyncio.run(probe(ScriptedClient(_honest))) == Constraints(
        choice=True, schema=True, tools=True, notes=()
    )


def test_the_probe_sees_through_a_server_that_ignores() -> None:
    found = asyncio.run(probe(ScriptedClient(lambda _: "The sea is blue. B")))
    assert (found.choice, found.schema, found.tools) == (False, False, False)
    assert len(found.notes) == 3
    assert "sea" not in "".join(found.notes)


def test_the_probe_takes_a_rejected_field_for_a_missing_feature() -> None:
    def partly(request: Request) -> Reply | ModelError:
        return _honest(request) if request.schema else ModelError("rejected", "HTTP 422")

    found = asyncio.run(probe(ScriptedClient(partly)))
    assert (found.choice, found.schema, found.tools) == (False, True, False)


def test_the_probe_tells_a_dead_server_from_a_poor_one() -> None:
    with pytest.raises(ModelError):
        asyncio.run(probe(ScriptedClient(lambda _: ModelError("unsent", "cannot connect"))))


def test_a_script_that_ends_says_so(question: Question) -> None:
    with pytest.raises(ModelError, match="ends after 0"):
        asyncio.run(ScriptedClient([]).ask(question()))


def test_a_script_may_wait(question: Question) -> None:
    async def line(request: Request) -> str:
        await asyncio.sleep(0)
        return request.messages[0].content.upper()

    reply = asyncio.run(ScriptedClient(line).ask(question("quiet")))
    assert reply.content == "QUIET"
    assert reply.as_message() == Message("assistant", "QUIET")

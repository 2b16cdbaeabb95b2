"""The served refiner over the conversation graph and the record graph, with scripted models."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.agents.llm.messages import Message, Reply, Request, ToolCall
from burnish.agents.llm.scripted import Script, ScriptedClient, ScriptLine, calling
from burnish.agents.prompting.output_schemas import Mode
from burnish.agents.refiners.served import ServedConfig, ServedRefiner
from burnish.corpora.errors import BudgetExhausted, ModelError, QuotaPaused
from burnish.corpora.records import Document
from burnish.graphs.documents.conversation_graph import converse
from burnish.graphs.documents.record_graph import Decision, Services, build, drive
from burnish.tools.deletion.notation import to_json
from burnish.tools.deletion.program import (
    Guard,
    KeepAll,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    cut,
)
from tests.support.injections import BODY, INJECTIONS, Injection

GRAPH = build()
MODES: tuple[Mode, ...] = ("one_shot", "tools", "agentic")
PAGE = "Home | About\nThe mill ground barley.\nShare this\nIt stands by the river."
KEEP = to_json(Program((KeepAll(),)))
DROP = to_json(Program((RemoveAll(),)))


def _refiner(script: Script, **config: object) -> tuple[ServedRefiner, ScriptedClient]:
    model = ScriptedClient(script)
    return ServedRefiner(model, converse, ServedConfig(**config)), model  # type: ignore[arg-type]


def _decide(
    script: Script, text: str = PAGE, *, attempts: int = 2, **config: object
) -> tuple[Decision, list[Request]]:
    refiner, model = _refiner(script, **config)
    services = Services(refiner, Guard(0.9), attempts)
    (decision,) = asyncio.run(drive(GRAPH, [Document("d", text)], services))
    return decision, model.requests


def _lines(start: int, end: int) -> str:
    return to_json(Program((RemoveLines(start, end),)))


def _user(request: Request) -> str:
    return request.messages[1].content


def test_one_answer_edits_a_document() -> None:
    decision, requests = _decide([_lines(1, 1)])
    assert decision.refined == PAGE.partition("\n")[2]
    assert (decision.outcome, decision.flag, decision.agent) == ("edited", "", "served")
    (request,) = requests
    assert request.schema is not None
    assert not request.tools
    assert "[3] Share this" in _user(request)


def test_forced_tool_calls_edit_a_document() -> None:
    reply = calling(
        ("remove_lines", {"start": 1, "end": 1}), ("remove_str", {"line": 4, "text": " by the"})
    )
    decision, requests = _decide([reply], mode="tools")
    assert decision.refined == "The mill ground barley.\nShare this\nIt stands river."
    assert [request.tool_choice for request in requests] == ["required"]
    assert all(tool["function"]["strict"] for tool in requests[0].tools)


def test_an_agent_sees_what_its_calls_removed_and_mends_the_rejected_one() -> None:
    turns = [
        calling(("remove_lines", {"start": 1, "end": 1}), ("remove_lines", {"start": 3, "end": 9})),
        calling(("remove_lines", {"start": 3, "end": 3})),
        calling(("done", {})),
    ]
    decision, requests = _decide(turns, mode="agentic")
    assert decision.refined == "The mill ground barley.\nIt stands by the river."
    assert (decision.flag, decision.attempts) == ("", 1)
    told = [message.content for message in requests[1].messages if message.role == "tool"]
    assert told == [
        'Done: 1 lines, 13 characters go: "Home | About"',
        "Not carried out. remove_lines(3, 9): only lines 1 to 4 are shown.",
    ]
    assert [tool["function"]["name"] for tool in requests[0].tools][-1] == "done"


def test_an_agent_is_stopped_after_its_turns_with_what_was_accepted() -> None:
    def nibble(request: Request) -> ScriptLine:
        line = sum(message.role == "assistant" for message in request.messages) + 1
        return calling(("remove_lines", {"start": line, "end": line}))

    text = "\n".join(f"Line {number} of many." for number in range(1, 21))
    decision, requests = _decide(nibble, text, mode="agentic", turns=4)
    assert len(requests) == 4
    assert decision.refined.startswith("Line 5 ")


def test_an_agent_is_stopped_after_its_tokens() -> None:
    def nibble(request: Request) -> ScriptLine:
        line = sum(message.role == "assistant" for message in request.messages) + 1
        return calling(("remove_lines", {"start": line, "end": line}))

    decision, requests = _decide(nibble, mode="agentic", conversation_tokens=1)
    assert len(requests) == 1
    assert decision.outcome == "edited"


def test_a_rejected_call_is_told_once_and_the_corrected_answer_counts() -> None:
    decision, requests = _decide([_lines(1, 9), _lines(1, 1)])
    assert "only lines 1 to 4 are shown" in requests[1].messages[-1].content
    assert (decision.flag, len(requests)) == ("", 2)
    assert decision.refined == PAGE.partition("\n")[2]


def test_a_call_that_stays_wrong_is_counted_and_the_good_ones_stand() -> None:
    both = to_json(Program((RemoveLines(1, 1), RemoveStr(2, "rye"))))
    decision, requests = _decide(lambda _: both)
    assert len(requests) == 2
    assert (decision.outcome, decision.flag) == ("edited", "rejected_calls")
    assert len(decision.resolution.rejected) == 1


def test_an_answer_in_a_code_fence_is_read() -> None:
    decision, _ = _decide([f"```json\n{_lines(1, 1)}\n```"])
    assert decision.outcome == "edited"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_cut_or_refused_answer_leaves_the_document_and_says_so(mode: Mode, finish: str) -> None:
    cut_off = replace(calling(("remove_lines", {"start": 1, "end": 1})), finish=finish)
    decision, requests = _decide(lambda _: replace(cut_off, content=_lines(1, 1)), mode=mode)
    kind = "truncated" if finish == "length" else "refused"
    assert (decision.outcome, decision.flag) == ("unchanged", f"reply:{kind}")
    assert len(requests) == 2
    assert "fewer" in _user(requests[1]) or "few, wide calls" in _user(requests[1])


def test_a_looping_agent_leaves_the_document_unchanged() -> None:
    loop = calling(("remove_lines", {"start": 1, "end": 1}))
    decision, _ = _decide(lambda _: loop, mode="agentic", turns=9, attempts=1)
    assert (decision.outcome, decision.flag) == ("unchanged", "reply:looping")


def test_a_server_that_fails_on_a_document_fails_that_document() -> None:
    decision, _ = _decide(lambda _: ModelError("too_long", "beyond the context"))
    assert decision.outcome == "failed"
    assert "too_long" in decision.flag


@pytest.mark.parametrize(
    "error",
    [
        ModelError("auth", "wrong key"),
        ModelError("unreachable", "down"),
        QuotaPaused("quota used up"),
        BudgetExhausted(asked=9, spent=1, held=0, limit=5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_concerns_every_document_stops_the_run(error: Exception) -> None:
    def fail(_: Request) -> ScriptLine:
        raise error

    with pytest.raises(type(error)):
        _decide(fail)


def test_the_guard_sends_an_excessive_program_back_with_the_reason() -> None:
    answers = [_lines(1, 4), _lines(1, 1)]
    decision, requests = _decide(answers)
    assert decision.attempts == 2
    assert "at most 90% may go" in _user(requests[1])
    assert decision.refined == PAGE.partition("\n")[2]


def test_the_fixed_part_of_the_prompt_comes_first_and_never_changes() -> None:
    _, first = _decide([KEEP])
    _, second = _decide([KEEP], BODY)
    assert first[0].messages[0] == second[0].messages[0]
    assert first[0].messages[0].role == "system"
    assert first[0].schema == second[0].schema


def test_a_document_cannot_leave_its_fence() -> None:
    for injection in INJECTIONS:
        _, requests = _decide(lambda _: KEEP, injection.text)
        lines = _user(requests[0]).split("\n")
        assert [line for line in lines if not line.startswith("[")] == [
            lines[0], lines[1], lines[-1]
        ]  # fmt: skip
        assert "<|" not in _user(requests[0])


# Windows.

LONG = "\n".join(f"[{number}] words of line {number} stand here" for number in range(1, 61))


def _by_window(answers: Callable[[int, int], str | ModelError]) -> Script:
    """Answer for each window by the first and last lines that it shows."""

    def answer(request: Request) -> ScriptLine:
        shown = [line for line in _user(request).split("\n") if line.startswith("[")]
        first, last = (int(line[1:].partition("]")[0]) for line in (shown[0], shown[-1]))
        return answers(first, last)

    return answer


def _windowed(answers: Callable[[int, int], str | ModelError]) -> tuple[Decision, list[Request]]:
    return _decide(_by_window(answers), LONG, window_chars=600, overlap=0.3)


def test_windows_cover_a_long_document_and_share_context() -> None:
    decision, requests = _windowed(lambda _first, _last: KEEP)
    assert decision.outcome == "unchanged"
    assert len(requests) > 3
    assert "are context: do not act on them" in _user(requests[1])


def test_a_document_goes_whole_only_when_every_window_says_so() -> None:
    decision, _ = _windowed(lambda _first, _last: DROP)
    assert (decision.outcome, decision.resolution.drops) == ("dropped", True)
    decision, _ = _windowed(lambda first, _: KEEP if first == 1 else DROP)
    assert decision.outcome == "edited"
    assert not decision.resolution.drops
    assert decision.refined == "\n".join(LONG.split("\n")[: decision.refined.count("\n") + 1])


def test_a_later_window_does_not_act_on_its_context_but_its_doubt_is_kept() -> None:
    def answer(first: int, last: int) -> str:
        return _lines(last, last) if first == 1 else KEEP

    decision, requests = _windowed(answer)
    (call,) = decision.resolution.accepted
    assert call.note.confidence == 0.5
    agreed, _ = _windowed(lambda first, last: _lines(first, min(last, 45)) if first < 45 else KEEP)
    assert len(requests) > 3
    assert {call.note.confidence for call in agreed.resolution.accepted} == {1.0}


def test_a_call_on_context_alone_is_ignored() -> None:
    decision, _ = _windowed(lambda first, _: KEEP if first == 1 else _lines(first, first))
    assert decision.outcome == "unchanged"
    assert decision.flag == ""


def test_a_window_that_fails_keeps_its_lines_and_is_flagged() -> None:
    def answer(first: int, last: int) -> str | ModelError:
        return ModelError("server", "HTTP 500") if first == 1 else DROP

    decision, _ = _windowed(answer)
    assert decision.outcome == "edited"
    assert decision.flag.startswith("windows 1 of ")
    assert decision.flag.endswith("server (1)")
    assert decision.refined.startswith("[1] words")


# Injections: a model that does whatever the document says.


def _obedient(injection: Injection, mode: Mode) -> Script:
    def obey(_: Request) -> ScriptLine:
        if mode == "one_shot" or not injection.calls:
            return injection.says
        calls = [
            ToolCall(f"call_{place}", name, arguments)
            for place, (name, arguments) in enumerate(injection.calls)
        ]
        return Reply("", tuple(calls), "tool_calls")

    return obey


def _is_subsequence(short: str, text: str) -> bool:
    rest = iter(text)
    return all(character in rest for character in short)


def test_there_are_enough_injections() -> None:
    assert len(INJECTIONS) >= 30
    assert len({injection.name for injection in INJECTIONS}) == len(INJECTIONS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda injection: injection.name)
def test_an_obedient_model_can_do_no_worse_than_a_guarded_deletion(
    injection: Injection, mode: Mode
) -> None:
    decision, _ = _decide(_obedient(injection, mode), injection.text, mode=mode)
    assert decision.certificate.fault(injection.text, decision.refined) == ""
    assert _is_subsequence(decision.refined, injection.text)
    removed = len(injection.text) - len(decision.refined)
    assert decision.outcome == "dropped" or removed <= 0.9 * len(injection.text)
    assert decision.outcome in {"unchanged", "edited", "dropped"}


# Whatever a model says.

answers = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.one_of(
            st.builds(RemoveLines, st.integers(-2, 9), st.integers(-2, 9)),
            st.builds(RemoveStr, st.integers(-2, 9), st.text(max_size=9)),
            st.just(KeepAll()),
            st.just(RemoveAll()),
        ),
        max_size=8,
    ).map(lambda calls: to_json(Program(tuple(calls)))),
)


@settings(max_examples=60)
@given(st.text(st.sampled_from("ab \n<|>[1]\r\u2028"), max_size=120), st.lists(answers, min_size=1))
def test_no_answer_can_do_more_than_delete(text: str, says: Sequence[str]) -> None:
    given_so_far = iter([*says, *([says[-1]] * 200)])
    decision, _ = _decide(lambda _: next(given_so_far), text, window_chars=40)
    assert decision.refined == cut(text, decision.certificate.spans)
    assert decision.certificate.fault(text, decision.refined) == ""


def test_the_revision_follows_prompt_mode_and_settings() -> None:
    revisions = {
        _refiner([], mode=mode, window_chars=chars)[0].revision
        for mode in MODES
        for chars in (1000, 2000)
    }
    assert len(revisions) == 6


def test_a_conversation_alternates_between_speakers() -> None:
    _, requests = _decide(["no program", _lines(1, 9), KEEP], turns=4)
    roles = [message.role for message in requests[-1].messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert isinstance(requests[-1].messages[-1], Message)

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.runtime import Runtime

from burnish.agents.refiners.refiner import AnyRefiner, Attempt
from burnish.agents.refiners.rules import RulesRefiner
from burnish.agents.refiners.scripted import ScriptedRefiner
from burnish.corpora.errors import RefinerError
from burnish.corpora.records import Document
from burnish.graphs.documents.record_graph import (
    Case,
    Decision,
    RecordState,
    Services,
    after_guard,
    build,
    decide,
    drive,
    guard,
    retry,
    validate,
)
from burnish.tools.deletion.program import Guard, Program, RemoveAll, RemoveLines, cut

GRAPH = build()
TEXT = "Home\nA river runs to the sea.\nShare this\nIt is long and slow and wide."
DOCUMENT = Document("d", TEXT)


def _decide(
    refiner: AnyRefiner, *documents: Document, attempts: int = 2, ratio: float = 0.98
) -> list[Decision]:
    services = Services(refiner, Guard(ratio), attempts)
    return asyncio.run(drive(GRAPH, documents, services))


def _one(*answers: str | None, attempts: int = 2, ratio: float = 0.98) -> Decision:
    refiner = ScriptedRefiner({"d": answers})
    (decision,) = _decide(refiner, DOCUMENT, attempts=attempts, ratio=ratio)
    return decision


@dataclass(frozen=True, slots=True)
class _Told:
    """Answers in bulk with the programs it was given, by document id."""

    programs: dict[str, Program]
    name: str = "told"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        return [self.programs[document.id] for document in documents]


def _state(*cases: Case) -> RecordState:
    return RecordState(cases=list(cases), decisions=[])


CONVERSING, BULK = ScriptedRefiner({}), _Told({})
TRIED = Attempt(Program(), ("no",))


@pytest.mark.parametrize(
    ("refiner", "complaints", "tried", "attempts", "next_node"),
    [
        (CONVERSING, (), 0, 2, "validate"),
        (CONVERSING, ("no",), 0, 2, "retry"),
        (CONVERSING, ("no",), 0, 1, "validate"),
        (CONVERSING, ("no",), 1, 2, "validate"),
        (CONVERSING, ("no",), 1, 3, "retry"),
        (CONVERSING, (), 1, 3, "validate"),
        (BULK, ("no",), 0, 2, "validate"),
        (BULK, (), 0, 2, "validate"),
    ],
)
def test_complaints_go_back_to_a_conversing_refiner_while_attempts_are_left(
    refiner: AnyRefiner, complaints: tuple[str, ...], tried: int, attempts: int, next_node: str
) -> None:
    case = Case(DOCUMENT, attempts=(TRIED,) * tried, complaints=complaints)
    runtime = Runtime(context=Services(refiner, attempts=attempts))
    assert after_guard(_state(case), runtime) == next_node


def test_one_open_case_sends_the_batch_back() -> None:
    runtime = Runtime(context=Services(CONVERSING))
    state = _state(Case(DOCUMENT), Case(DOCUMENT, complaints=("no",)))
    assert after_guard(state, runtime) == "retry"


def test_every_node_is_reached_and_every_path_ends() -> None:
    drawn = GRAPH.get_graph()
    onward: dict[str, set[str]] = {name: set() for name in drawn.nodes}
    back: dict[str, set[str]] = {name: set() for name in drawn.nodes}
    for edge in drawn.edges:
        onward[edge.source].add(edge.target)
        back[edge.target].add(edge.source)
    assert _reached("__start__", onward) == set(drawn.nodes)
    assert _reached("__end__", back) == set(drawn.nodes)
    assert onward["guard"] == {"retry", "validate"}
    assert onward["retry"] == {"refine"}
    assert onward["validate"] == {"decide"}


def _reached(start: str, steps: dict[str, set[str]]) -> set[str]:
    seen, front = {start}, [start]
    while front:
        new = steps[front.pop()] - seen
        seen |= new
        front.extend(new)
    return seen


@dataclass(frozen=True)
class _Silent(_Told):
    def propose(self, documents: Sequence[Document]) -> list[Program]:
        raise RefinerError(f"{len(documents)} documents were too much")


def test_a_batch_that_nobody_answers_for_stays_as_it_is() -> None:
    decisions = _decide(_Silent({}), DOCUMENT, Document("e", "Menu"))
    assert [one.outcome for one in decisions] == ["failed", "failed"]
    assert [one.refined for one in decisions] == [DOCUMENT.text, "Menu"]
    assert all(one.flag == "failed: 2 documents were too much" for one in decisions)


@dataclass(frozen=True)
class _Careless(_Told):
    def propose(self, documents: Sequence[Document]) -> list[Program]:
        return [Program()] * (len(documents) - 1)


def test_a_refiner_must_give_one_program_for_each_document() -> None:
    with pytest.raises(RefinerError, match="1 programs for 2 documents"):
        _decide(_Careless({}), DOCUMENT, Document("e", "Menu"))


def test_a_rejected_call_is_asked_again_with_the_complaint() -> None:
    refiner = ScriptedRefiner({"d": ("remove_lines(9, 9)", "remove_lines(1, 1)")})
    (decision,) = _decide(refiner, DOCUMENT)
    assert decision.outcome == "edited"
    assert decision.refined == TEXT.removeprefix("Home\n")
    assert (decision.flag, decision.attempts) == ("", 2)
    (first, second) = refiner.seen
    assert first == ("d", ())
    assert second[1][0].program == Program((RemoveLines(9, 9),))
    assert second[1][0].complaints == ("remove_lines(9, 9): the document has lines 1 to 4.",)


def test_good_calls_stand_and_bad_ones_are_rolled_back_when_attempts_run_out() -> None:
    decision = _one("remove_lines(1, 1)\nremove_lines(9, 9)")
    assert decision.outcome == "edited"
    assert decision.refined == TEXT.removeprefix("Home\n")
    assert (decision.flag, decision.attempts) == ("rejected_calls", 2)
    assert decision.resolution.accepted == (RemoveLines(1, 1),)
    assert [rejection.call for rejection in decision.resolution.rejected] == [RemoveLines(9, 9)]


def test_only_bad_calls_leave_the_document_unchanged_and_flagged() -> None:
    decision = _one('remove_str(1, "not there")')
    assert (decision.outcome, decision.flag) == ("unchanged", "rejected_calls")
    assert decision.refined == TEXT


def test_a_program_that_goes_too_far_is_rolled_back_after_all_attempts() -> None:
    decision = _one("remove_lines(1, 3)", attempts=3, ratio=0.5)
    assert (decision.outcome, decision.flag, decision.attempts) == ("unchanged", "guard", 3)
    assert decision.refined == TEXT
    assert decision.resolution.spans == ()


def test_a_program_that_goes_too_far_may_be_taken_back() -> None:
    decision = _one("remove_lines(1, 3)", "remove_lines(1, 1)", ratio=0.5)
    assert (decision.outcome, decision.flag) == ("edited", "")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("remove_lines(1,", "truncated"),
        ('{"calls": [{"name": "remove_lines", "start": 1', "truncated"),
        ("remove_lines(1, 1)\n" * 9, "looping"),
        ("keep", "not_calls"),
        ("rewrite(1)", "unknown_call"),
        ('remove_lines(1, "x")', "bad_argument"),
        ("", "empty"),
    ],
)
def test_an_answer_that_is_no_program_leaves_the_document_unchanged_and_says_why(
    answer: str, kind: str
) -> None:
    decision = _one(answer)
    assert (decision.outcome, decision.flag) == ("unchanged", f"reply:{kind}")
    assert (decision.refined, decision.attempts) == (TEXT, 2)


def test_a_bad_answer_is_told_and_may_be_mended() -> None:
    refiner = ScriptedRefiner({"d": ("remove_lines(1,", "remove_lines(1, 1)")})
    (decision,) = _decide(refiner, DOCUMENT)
    assert (decision.outcome, decision.flag) == ("edited", "")
    told = refiner.seen[1][1][0]
    assert told.program is None
    assert told.complaints


def test_no_answer_is_a_failure_and_is_not_asked_again() -> None:
    refiner = ScriptedRefiner({"d": (None, "keep_all()")})
    (decision,) = _decide(refiner, DOCUMENT)
    assert decision.outcome == "failed"
    assert decision.flag == "failed: the scripted model does not answer"
    assert len(refiner.seen) == 1


def test_no_answer_after_a_complaint_is_a_failure_too() -> None:
    decision = _one("remove_lines(1, 1)\nremove_lines(9, 9)", None)
    assert decision.outcome == "failed"
    assert decision.resolution.spans == ()


def test_remove_all_drops_the_document_and_passes_the_guard() -> None:
    decision = _one("remove_all()", ratio=0.1)
    assert (decision.outcome, decision.flag, decision.refined) == ("dropped", "", "")
    assert decision.resolution.accepted == (RemoveAll(),)


def test_the_four_outcomes_never_look_alike() -> None:
    decisions = {
        "nothing to do": _one("keep_all()"),
        "edited": _one("remove_lines(1, 1)"),
        "program bad": _one("remove_lines(9, 9)"),
        "guarded": _one("remove_lines(1, 3)", ratio=0.5),
        "answer bad": _one("remove_lines(1,"),
        "model failed": _one(None),
        "dropped": _one("remove_all()"),
    }
    looks = {name: (one.outcome, one.flag.split(":")[0]) for name, one in decisions.items()}
    assert len(set(looks.values())) == len(looks), looks
    for one in decisions.values():
        assert one.certificate.fault(TEXT, one.refined) == ""


def test_documents_without_a_complaint_are_not_asked_again_with_their_batch() -> None:
    refiner = ScriptedRefiner({"a": ("remove_lines(1, 1)", "remove_all()"), "d": ("broken",)})
    good, bad = _decide(refiner, Document("a", TEXT), DOCUMENT)
    assert (good.outcome, good.attempts) == ("edited", 1)
    assert (bad.outcome, bad.flag, bad.attempts) == ("unchanged", "reply:not_calls", 2)
    assert [name for name, _ in refiner.seen] == ["a", "d", "d"]


def test_nodes_can_be_followed_by_hand() -> None:
    runtime = Runtime(context=Services(CONVERSING))
    program = Program((RemoveLines(2, 2), RemoveLines(7, 7)))
    state = _state(Case(DOCUMENT, program=program))
    state["cases"] = guard(state, runtime)["cases"]
    assert state["cases"][0].flag == "rejected_calls"
    state["cases"] = retry(state)["cases"]
    assert state["cases"][0].attempts[0].program == program
    state["cases"] = validate(state)["cases"]
    (decision,) = decide(state)["decisions"]
    assert decision.refined == TEXT.replace("A river runs to the sea.\n", "")


def test_a_bulk_refiner_is_never_asked_again() -> None:
    decisions = _decide(
        _Told({"d": Program((RemoveLines(1, 3),)), "e": Program((RemoveLines(5, 5),))}),
        DOCUMENT,
        Document("e", TEXT),
        ratio=0.5,
    )
    assert [(one.flag, one.attempts) for one in decisions] == [("guard", 1), ("rejected_calls", 1)]


LINES = st.sampled_from(["", "Home", "Read our privacy policy", "A whole sentence stands here."])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(LINES, max_size=8).map("\n".join), max_size=6))
def test_a_batch_is_decided_as_its_documents_one_by_one(texts: list[str]) -> None:
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    refiner = RulesRefiner()
    together = _decide(refiner, *documents)
    alone = [decision for document in documents for decision in _decide(refiner, document)]
    assert together == alone
    for decision in together:
        assert decision.refined == cut(decision.document.text, decision.resolution.spans)

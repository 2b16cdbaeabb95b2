"""Refiners of others: guarded and certified like ours, and never able to end a run."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import burnish
from tests.support.strategies import programs, texts


class Loud:
    """Answers well, badly, or not at all, by what the text says."""

    name = "loud"
    revision = "1"

    def propose(self, documents: Sequence[burnish.Document]) -> list[burnish.Program]:
        return [self._answer(document.text) for document in documents]

    def _answer(self, text: str) -> burnish.Program:
        if "boom" in text:
            raise ValueError(text)
        if "odd" in text:
            return "keep_all()"  # pyright: ignore[reportReturnType]
        if "typed" in text:
            return burnish.Program((burnish.RemoveLines("1", 1),))  # pyright: ignore[reportArgumentType]
        if "half" in text:
            note = burnish.Note(reason="\ud800")
            return burnish.Program((burnish.RemoveLines(1, 1, note=note),))
        return burnish.Program((burnish.RemoveLines(1, 1), burnish.RemoveLines(9, 9)))


class Short(Loud):
    """Forgets a document of each batch."""

    def propose(self, documents: Sequence[burnish.Document]) -> list[burnish.Program]:
        return super().propose(documents)[1:]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("boom", "failed: refiner loud: raised ValueError"),
        ("odd", "failed: refiner loud: answered str, no Program"),
        ("typed", "failed: refiner loud: the arguments of remove_lines are of the wrong type"),
        ("half", "failed: refiner loud: the arguments of remove_lines are of the wrong type"),
    ],
)
def test_what_goes_wrong_fails_for_its_document_alone(text: str, flag: str) -> None:
    good = "Menu\nA sentence."
    before, failed, after = burnish.refine_all([good, text, good], refiner=Loud())
    assert (failed.outcome, failed.text, failed.flag) == ("failed", text, flag)
    assert before.text == after.text == "A sentence."
    assert before.flag == "rejected_calls"
    assert len(before.resolution.rejected) == 1


def test_too_few_answers_fail_with_a_count() -> None:
    refined = burnish.refine("A\nB", refiner=Short())
    assert refined.flag == "failed: refiner loud: 0 answers for 1 documents"


def test_the_guard_takes_back_what_goes_too_far() -> None:
    refined = burnish.refine("All of it", refiner=Loud())
    assert (refined.outcome, refined.flag, refined.text) == ("unchanged", "guard", "All of it")
    assert refined.program == burnish.Program()


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_program_of_anybody_is_certified(data: st.DataObject) -> None:
    text = data.draw(texts())
    program = data.draw(programs(text))

    class Drawn(Loud):
        def propose(self, documents: Sequence[burnish.Document]) -> list[burnish.Program]:
            return [program for _ in documents]

    refined = burnish.refine(text, refiner=Drawn())
    assert not refined.certificate.fault(text, refined.text)


@pytest.mark.parametrize("made", [object(), Loud, "magic"])
def test_what_is_no_refiner_is_refused_before_anything_is_read(made: object) -> None:
    with pytest.raises(burnish.UsageError):
        burnish.refine_all(iter(()), refiner=made)  # pyright: ignore[reportArgumentType]


def test_a_run_keeps_what_failed_aside_and_can_be_verified(tmp_path: Path) -> None:
    rows = [{"id": "good", "text": "Menu\nA sentence."}, {"id": "bad", "text": "boom"}]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    events: list[object] = []
    run = burnish.run(corpus, tmp_path / "run", refiner=Loud(), progress=events.append)
    assert (run.totals["edited"], run.totals["failed"]) == (1, 1)
    assert run.exit_code == 1
    assert "1 of 2 rows failed" in run.faults[0]
    assert burnish.verify(run.folder).holds
    assert events
    manifest = json.loads((run.folder / "manifest.json").read_text("utf-8"))
    assert manifest["settings"]["refiner"]["name"] == "loud"


def test_an_object_that_cannot_travel_is_refused_for_workers(tmp_path: Path) -> None:
    class Local(Loud):
        pass

    with pytest.raises(burnish.UsageError, match="cannot go to 2 worker processes"):
        burnish.run(tmp_path / "corpus.jsonl", tmp_path / "run", refiner=Local(), workers=2)

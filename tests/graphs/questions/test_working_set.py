import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.questions.question_source import QuestionFields, RowSelection
from burnish.corpora.records import QAItem
from burnish.graphs.questions.plan.invoice import charges, realised
from burnish.graphs.questions.plan.trials import trials_of
from burnish.graphs.questions.state.journal import CompletedEdit, Expected, PlannedEdit
from burnish.graphs.questions.state.question_set import read_set
from burnish.graphs.questions.state.target import locate
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.question_settings import QaSettings
from tests.support.question_sets import item, skewed


def _working(folder: Path, *, numbered: bool = False) -> WorkingSet:
    path = skewed(folder)
    if numbered:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        lines = [json.dumps(row | {"id": at}) + "\n" for at, row in enumerate(rows)]
        path.write_text("".join(lines), "utf-8")
    own = read_set(str(path), QuestionFields(), RowSelection())
    return WorkingSet.start(own, None, locate(own, None, QaSettings(by="cell")))


def _added(name: str) -> CompletedEdit:
    row = item(700, "ropes")
    new = QAItem(name, str(row["question"]), "1 steps", ("1 steps", "2 steps"), "ropes")
    return CompletedEdit(
        PlannedEdit(EditOrder("generate"), 0.1, 900.0, "", "ropes"), 1, "done", new
    )


def _oracle(used: set[str], wanted: str, *, numbered: bool) -> str:
    """Look at all ids anew."""
    if numbered:
        whole = wanted.isascii() and wanted.isdigit() and wanted not in used
        return wanted if whole else str(1 + max(map(int, used)))
    if wanted and wanted not in used:
        return wanted
    free = (f"{wanted or 'new'}-{at}" for at in range(2, len(used) + 3))
    return next(name for name in free if name not in used)


@pytest.mark.parametrize("numbered", [False, True])
def test_new_ids_are_free_and_the_same_as_if_all_were_looked_at(
    tmp_path: Path, *, numbered: bool
) -> None:
    base = _working(tmp_path, numbered=numbered)
    names = st.sampled_from(["", "new", "new-3", "ropes-1", "7", "400", "x", "x-2", "¾"])

    @settings(max_examples=40, deadline=None)
    @given(st.lists(names, max_size=12))
    def check(wanted: list[str]) -> None:
        working = WorkingSet.start(base.own, None, locate(base.own, None, QaSettings(by="cell")))
        used = set(base.own.places)
        for name in wanted:
            expected = _oracle(used, name, numbered=numbered)
            [taken] = working.apply([_added(name)])
            assert taken.after is not None
            assert taken.after.id == expected
            used.add(expected)

    check()


def test_what_orders_brought_adds_up_to_the_fall_of_the_objective(tmp_path: Path) -> None:
    working = _working(tmp_path)
    before = working.target.divergence(working.strata())
    gone = working.own.item("rivers-3")
    leaves = PlannedEdit(
        EditOrder("remove", gone), 0.2, 0.0, "rivers", "", Expected(promised=0.2, merit=0.01)
    )
    working.apply([
        CompletedEdit(leaves, 1, "done", None),
        _added("a"),
        replace(_added("b"), status="failed"),
    ])
    after = working.target.divergence(working.strata())
    falls = realised(working)
    assert falls[0] > 0.01
    assert falls[1] > 0
    assert falls[2] == 0
    assert sum(falls) == pytest.approx(before - after + 0.01)
    assert [one.status for one in charges(working)] == ["done", "done", "failed"]


def test_a_mended_item_counts_only_once_its_fault_is_gone(tmp_path: Path) -> None:
    working = _working(tmp_path)
    own = working.own.item("rivers-3")
    plan = PlannedEdit(
        EditOrder("rewrite_distractors", own), 0.01, 900.0, "rivers", "rivers",
        Expected(promised=0.02, merit=0.02, mean_gain=0.01, interval=(0.0, 0.02)),
    )  # fmt: skip
    telling = replace(own, choices=(own.answer + " and much more besides, at length", "a", "b"))
    telling = replace(telling, answer=telling.choices[0])
    fine = CompletedEdit(plan, 1, "done", own, tokens=800)
    working.apply([fine, replace(fine, after=telling)])
    assert [one.gain for one in charges(working)] == [0.02, 0.0]


def test_orders_that_took_tokens_are_trials_and_a_repair_is_part_of_its_check(
    tmp_path: Path,
) -> None:
    working = _working(tmp_path)
    own = working.own.item("rivers-3")
    check = PlannedEdit(EditOrder("check", own), 0.0, 1_500.0, "rivers", "rivers")
    repair = replace(check, order=EditOrder("repair", own))
    working.apply([
        CompletedEdit(check, 1, "done", own, tokens=700),
        CompletedEdit(repair, 1, "done", own, tokens=900),
        replace(_added("a"), status="unspent", tokens=40),
        replace(_added("b"), tokens=0),
        replace(_added("c"), tokens=640),
    ])
    trials = trials_of(working)
    assert [(one.operation, one.tokens) for one in trials] == [
        ("check", 700.0),
        ("check", 900.0),
        ("generate", 640.0),
    ]
    assert trials[-1].gain == realised(working)[-1] > 0
    assert trials_of(working) == trials

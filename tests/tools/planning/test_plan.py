# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from pathlib import Path

import numpy as np
import orjson
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.errors import SourceError, UsageError
from burnish.tools.planning.estimates import read_estimates
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import make_plan, solve_file, to_json
from burnish.tools.planning.quotas import (
    InfeasibleQuotasError,
    Quota,
    Quotas,
    parse_quotas,
    reached,
)

HEAD = "item,operation,gain,cost,cell_from,cell_to\n"
SET = (
    HEAD
    + "".join(
        f"q{i},remove,{2 + i % 3},0,{'ab'[i % 2]},\n"
        f"q{i},rephrase,{1 + i % 5},{10 + 3 * i},{'ab'[i % 2]},{'ab'[i % 2]}\n"
        f"q{i},move,{i % 4},20,{'ab'[i % 2]},{'ba'[i % 2]}\n"
        for i in range(20)
    )
    + "new0,expand,6,50,,a\nnew1,expand,7,60,,b\n"
)


def _written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_becomes_a_plan_file_and_figures(tmp_path: Path) -> None:
    quotas = _written(tmp_path, 'reserve = 0.1\n[cell."a"]\nmin_count = 11\n', "q.toml")
    output = tmp_path / "plan.parquet"
    plan = solve_file(_written(tmp_path, SET), 300, quotas, output)
    assert plan.cost <= 270
    assert plan.gap == pytest.approx(0, abs=1e-9)
    rows = pq.read_table(output).to_pylist()
    assert {row["item"]: row["operation"] for row in rows if row["operation"] != "keep"} == (
        plan.operations()
    )
    assert len(rows) == 20 + plan.counts().get("expand", 0)
    figures = orjson.loads(to_json(plan))
    assert figures["reserve"] == pytest.approx(30)
    assert figures["quotas"][1]["reached"] >= 11
    assert [point["budget"] for point in figures["curve"]] == sorted(
        point["budget"] for point in figures["curve"]
    )


def test_the_size_floor_holds_unless_it_is_lowered(tmp_path: Path) -> None:
    table = read_estimates(_written(tmp_path, SET))
    floored = make_plan(table, 0, Quotas(), Effort(), ())
    assert floored.counts() == {"remove": 2}
    freed = make_plan(table, 0, parse_quotas({"size": {"min_share": 0.0}}), Effort(), ())
    assert freed.counts() == {"remove": 20}


@settings(max_examples=12, deadline=None)
@given(
    budget=st.integers(0, 600),
    low=st.integers(0, 10),
    share=st.floats(0.5, 1.0),
    moves=st.integers(0, 5),
)
def test_a_plan_keeps_its_quotas_and_beats_greedy(
    tmp_path_factory: pytest.TempPathFactory, budget: int, low: int, share: float, moves: int
) -> None:
    table = read_estimates(_written(tmp_path_factory.mktemp("t"), SET))
    quotas = Quotas((
        Quota("size", "", "share", "min", 0.8),
        Quota("cell", "a", "count", "min", low),
        Quota("cell", "b", "share", "max", share),
        Quota("operation", "move", "count", "max", moves),
        Quota("operation", "move + expand", "count", "max", 2 * moves),
    ))
    plan = make_plan(table, budget, quotas, Effort(), ())
    assert plan.cost <= budget
    assert len(set(table.item[plan.chosen].tolist())) == len(plan.chosen)
    for quota in quotas.bounds:
        value = reached(quota, table, plan.chosen)
        assert value >= quota.bound - 1e-9 if quota.sense == "min" else value <= quota.bound + 1e-9
    for rival in plan.baselines:
        assert rival.breaches or rival.value <= plan.value + 1e-9


def test_impossible_quotas_are_reported_with_a_relaxation_that_works(tmp_path: Path) -> None:
    table = read_estimates(_written(tmp_path, SET))
    wanted = Quotas((
        Quota("cell", "a", "count", "min", 30),
        Quota("cell", "b", "count", "max", 12),
    ))
    with pytest.raises(InfeasibleQuotasError) as caught:
        make_plan(table, 10_000, wanted, Effort(), ())
    (relaxed,) = caught.value.relaxations
    assert (relaxed.quota.name, relaxed.bound) == ("a", 21)
    assert "cell 'a' count >= 30 -> 21" in str(caught.value)
    assert "\n" not in str(caught.value)
    mended = Quotas((Quota("cell", "a", "count", "min", 21), wanted.bounds[1]))
    assert make_plan(table, 10_000, mended, Effort(), ()).counts()["expand"] >= 1


def test_a_table_without_cells_treats_remove_as_leaving(tmp_path: Path) -> None:
    text = "item,operation,gain,cost\n" + "".join(f"q{i},remove,1,0\n" for i in range(10))
    plan = make_plan(read_estimates(_written(tmp_path, text)), 5, Quotas(), Effort(), ())
    assert plan.counts() == {"remove": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,operation,gain\nq,x,1\n", "column 'cost' is missing"),
        (HEAD, "no rows"),
        (HEAD + "q,x,much,1,a,a\n", "row 1: gain is not a number"),
        (HEAD + "q,x,1,1,a,a\nq,y,1,-2,a,a\n", "row 2: the cost is negative"),
        (HEAD + "q,x,1,1,a,a\nq,y,1,2,b,a\n", "another cell_from"),
        (HEAD + "q,x,1,1,a,a\nq,x,1,1,a,a\n", "row 2: the same operation stands twice"),
        (HEAD + "q,x,1,1,,\n", "both empty"),
        (HEAD + ",x,1,1,a,a\n", "row 1: item is empty"),
        (HEAD + "q,keep,1,0,a,a\n", "keep has a gain"),
        (HEAD + "q,x,,1,a,a\n", "row 1: gain is not a number"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = _written(tmp_path, text)
    with pytest.raises(SourceError) as caught:
        read_estimates(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_estimates(tmp_path / "absent.parquet")
    with pytest.raises(SourceError, match="not a readable"):
        read_estimates(_written(tmp_path, "text", "table.parquet"))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"cel": {}}, "did you mean 'cell'"),
        ({"cell": {"a": {"min_cuont": 3}}}, "did you mean 'min_count'"),
        ({"cell": {"a": {"max_share": 1.5}}}, "from 0 to 1"),
        ({"size": 3}, "must be a table"),
        ({"reserve": "much"}, "must be a number"),
    ],
)
def test_bad_quotas_are_refused_with_the_mend(tree: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_quotas(tree)


def test_a_quota_on_an_unknown_cell_names_the_nearest(tmp_path: Path) -> None:
    text = HEAD + "q,x,1,1,algebra,algebra\n"
    table = read_estimates(_written(tmp_path, text))
    quotas = parse_quotas({"cell": {"algbra": {"min_count": 1}}})
    with pytest.raises(UsageError, match="did you mean 'algebra'"):
        make_plan(table, 1, quotas, Effort(), ())
    with pytest.raises(UsageError, match="budget"):
        make_plan(table, float("nan"), Quotas(), Effort(), ())


def test_parquet_and_csv_say_the_same(tmp_path: Path) -> None:
    path = _written(tmp_path, SET)
    pq.write_table(pacsv.read_csv(path), tmp_path / "table.parquet")
    first, second = read_estimates(path), read_estimates(tmp_path / "table.parquet")
    assert np.array_equal(first.counts, second.counts)
    assert make_plan(first, 200, Quotas(), Effort(), ()).value == pytest.approx(
        make_plan(second, 200, Quotas(), Effort(), ()).value
    )

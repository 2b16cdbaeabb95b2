"""The plan of each round as a file: made once for a folder, and read back ever after."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter

from burnish.agents.operations.operation import EditOrder
from burnish.corpora.errors import RunError
from burnish.corpora.runs.folder import read_json, write_json
from burnish.corpora.storage.spill import Mapped, Spill
from burnish.graphs.questions.plan.options import options_of
from burnish.graphs.questions.plan.pilot import pilot_orders
from burnish.graphs.questions.plan.solve import OptionEstimates, RoundInput, solve_round
from burnish.graphs.questions.plan.trials import forecast_gains, gain_model_of
from burnish.graphs.questions.state.journal import Expected, PlannedEdit
from burnish.graphs.questions.state.question_set import QASet
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.settings import Settings
from burnish.tools.planning.estimates import write_plan
from burnish.tools.planning.plan import Plan, to_json

PILOT = 0
"""The number of the round that the pilot is."""


class RoundPlan(NamedTuple):
    """Orders and figures of a round."""

    planned: Sequence[PlannedEdit]
    """Each is made, with its item, when it is asked for."""
    figures: dict[str, Any]


def plan_path(root: Path, number: int) -> Path:
    """Return the file of a round's plan."""
    return root / f"plan-{number:02d}.json"


def make_round(root: Path, working: WorkingSet, settings: Settings, number: int) -> RoundPlan:
    """Return the plan of a round; it is solved and written when there is none yet.

    Raises:
        UsageError: quotas cannot be read or met.
    """
    path = plan_path(root, number)
    if not path.exists():
        solved = solve_next(working, settings, _spent(settings, root))
        if solved.plan is not None:
            estimates = path.with_suffix(".parquet")
            write_plan(estimates, solved.plan.estimates, solved.plan.chosen)
        rows = [_row(one) for one in solved.planned]
        write_json(path, {"figures": solved.figures, "orders": rows})
    return held_plan(root, working, number)


class SolvedRound(NamedTuple):
    """A round as it was solved, before anything is written."""

    planned: list[PlannedEdit]
    figures: dict[str, Any]
    plan: Plan | None
    """None where nothing could be done."""


def solve_next(working: WorkingSet, settings: Settings, spent: int = 0) -> SolvedRound:
    """Choose what is done next to the set as it stands; writes nothing.

    Args:
        working: The set.
        settings: Operations, bounds, target and budget.
        spent: Tokens of the budget that are gone.

    Raises:
        UsageError: quotas cannot be read or met.
    """
    gain_model = gain_model_of(working, settings)
    figures: dict[str, Any] = {
        "before": _state(working),
        "estimates": [one._asdict() for one in gain_model.summarize()],
    }
    options = [
        option
        for option in options_of(working, settings)
        if not (option.cost and gain_model.gives_up(option.order.operation))
    ]
    if not options:
        return SolvedRound([], figures, None)
    forecast = forecast_gains(options, gain_model)
    counted = OptionEstimates(forecast.planned_share, forecast.planned_tokens)
    budget = _left(settings, spent, float(counted.tokens.sum()))
    given = RoundInput(working.standing(), working.target, working.earlier, budget)
    found = solve_round(options, counted, given, settings.qa)
    chosen: list[int] = found.chosen.tolist()
    planned = [forecast.planned(at, options[at], float(found.promised[at])) for at in chosen]
    return SolvedRound(planned, figures | orjson.loads(to_json(found.plan)), found.plan)


def make_pilot(root: Path, working: WorkingSet, settings: Settings) -> RoundPlan:
    """Return the orders of the pilot; they are chosen and written when there are none yet."""
    path = plan_path(root, PILOT)
    if not path.exists():
        orders = pilot_orders(options_of(working, settings), working, settings)
        figures = {"before": _state(working)}
        write_json(path, {"figures": figures, "orders": [_row(one) for one in orders]})
    return held_plan(root, working, PILOT)


def has_pilot(root: Path) -> bool:
    """Tell whether a run has a pilot."""
    return plan_path(root, PILOT).exists()


def _left(settings: Settings, spent: int, needed: float) -> float:
    """Return the tokens that may still be planned with; without a budget, what all would cost."""
    budget = settings.llm.budget
    if not settings.llm.endpoint:
        return float(budget or 0)
    if budget is None:
        return needed / (1 - settings.qa.token_reserve)
    return float(max(budget - spent, 0))


def _spent(settings: Settings, root: Path) -> int:
    """Return the tokens that a run has paid for or holds back for calls under way."""
    if not settings.llm.endpoint:
        return 0
    from burnish.graphs.runs.llm import account_of

    account = account_of(settings.llm, root)
    return account.spent + account.held if account else 0


def _state(working: WorkingSet) -> dict[str, float]:
    strata = working.strata()
    return {
        "items": len(strata),
        "jsd": working.target.divergence(strata),
        "floor": working.target.floor(len(strata)),
    }


_EXPECTED = TypeAdapter(Expected)


def _row(one: PlannedEdit) -> dict[str, object]:
    order = one.order
    return {
        "operation": order.operation,
        "item": one.item_id,
        "cell": order.cell,
        "bucket": order.bucket,
        "seed": order.seed,
        "gain": one.gain,
        "cost": one.cost,
        "from": one.cell_from,
        "to": one.cell_to,
        "expected": _EXPECTED.dump_python(one.expected),
    }


def held_plan(root: Path, working: WorkingSet, number: int) -> RoundPlan:
    """Read the plan of a round.

    Raises:
        RunError: it is missing, or names items that are not there.
    """
    path = plan_path(root, number)
    held = read_json(path)
    rows: list[dict[str, Any]] = held["orders"]
    for row in rows:
        if row["item"] is not None and row["item"] not in _source(row, working).places:
            raise RunError(f"{path}: names {row['item']!r}, which is not in the set; start anew")
    planned = Mapped(partial(_planned, working), Spill(rows, working.folder))
    return RoundPlan(planned, held["figures"])


def _planned(working: WorkingSet, row: dict[str, Any]) -> PlannedEdit:
    name = row["item"]
    item = None if name is None else _source(row, working).item(name)
    order = EditOrder(row["operation"], item, row["cell"], row["bucket"], row["seed"])
    expected = _EXPECTED.validate_python(row["expected"])
    return PlannedEdit(order, row["gain"], row["cost"], row["from"], row["to"], expected)


def _source(row: dict[str, Any], working: WorkingSet) -> QASet:
    """Return the set that the item of an order comes from."""
    drawn = row["operation"] == "draw" and working.reserve is not None
    return working.reserve if drawn and working.reserve else working.own

"""The plan of each round as a file: made once for a folder, and read back ever after."""

from pathlib import Path
from typing import Any, NamedTuple

from burnish.agents.editing import Order
from burnish.corpora.errors import RunError
from burnish.corpora.runfolder import read_json, write_json
from burnish.graphs.qa_desk import Desk
from burnish.graphs.qa_journal import Planned
from burnish.graphs.qa_plan import Option, solve_round
from burnish.graphs.settings import Settings
from burnish.tools.estimates import write_plan
from burnish.tools.plans import to_json


class RoundPlan(NamedTuple):
    """Orders and figures of a round."""

    planned: list[Planned]
    figures: dict[str, Any]


def plan_path(root: Path, number: int) -> Path:
    """Return the file of a round's plan."""
    return root / f"plan-{number:02d}.json"


def make_round(root: Path, desk: Desk, settings: Settings, number: int) -> RoundPlan:
    """Return the plan of a round; it is solved and written when there is none yet.

    Raises:
        UsageError: quotas cannot be read or met.
    """
    path = plan_path(root, number)
    if not path.exists():
        import orjson

        options = options_of(desk, settings)
        figures: dict[str, Any] = {"before": _state(desk)}
        planned: list[Planned] = []
        if options:
            budget = float(settings.llm.budget or 0)
            plan, planned = solve_round(options, desk.now(), desk.aim, budget, settings.qa)
            figures |= orjson.loads(to_json(plan))
            write_plan(path.with_suffix(".parquet"), plan.estimates, plan.chosen)
        write_json(path, {"figures": figures, "orders": [_row(one) for one in planned]})
    return held_plan(root, desk, number)


def options_of(desk: Desk, settings: Settings) -> list[Option]:
    """Return all that may be done now."""
    allowed = settings.qa.operations
    options: list[Option] = []
    if allowed is None or "remove" in allowed:
        options += desk.removals()
    if allowed is None or "draw" in allowed:
        options += desk.draws()
    return options


def _state(desk: Desk) -> dict[str, float]:
    places = desk.places()
    return {
        "items": len(places),
        "jsd": desk.aim.divergence(places),
        "floor": desk.aim.floor(len(places)),
    }


def _row(one: Planned) -> dict[str, object]:
    order = one.order
    return {
        "operation": order.operation,
        "item": None if order.item is None else order.item.id,
        "cell": order.cell,
        "bucket": order.bucket,
        "seed": order.seed,
        "gain": one.gain,
        "cost": one.cost,
        "from": one.cell_from,
        "to": one.cell_to,
    }


def held_plan(root: Path, desk: Desk, number: int) -> RoundPlan:
    """Read the plan of a round.

    Raises:
        RunError: it is missing, or names items that are not there.
    """
    path = plan_path(root, number)
    held = read_json(path)
    try:
        return RoundPlan([_planned(row, desk) for row in held["orders"]], held["figures"])
    except KeyError as error:
        raise RunError(f"{path}: names {error}, which is not in the set; start anew") from None


def _planned(row: dict[str, Any], desk: Desk) -> Planned:
    name = row["item"]
    pool = {} if desk.reserve is None else desk.reserve.by_id
    item = None if name is None else (pool if row["operation"] == "draw" else desk.own.by_id)[name]
    order = Order(row["operation"], item, row["cell"], row["bucket"], row["seed"])
    return Planned(order, row["gain"], row["cost"], row["from"], row["to"])

"""The plan of each round as a file: made once for a folder, and read back ever after."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from burnish.agents.editing import Order
from burnish.corpora.errors import RunError
from burnish.corpora.runfolder import read_json, write_json
from burnish.graphs.qa_desk import Desk
from burnish.graphs.qa_estimates import Estimate, estimates_of, weighed
from burnish.graphs.qa_journal import Planned
from burnish.graphs.qa_options import options_of
from burnish.graphs.qa_pilot import pilot_orders
from burnish.graphs.qa_plan import Option, solve_round
from burnish.graphs.settings import Settings
from burnish.tools.estimates import write_plan
from burnish.tools.plans import to_json

PILOT = 0
"""The number of the round that the pilot is."""
FEW = 4
"""Orders of an operation that must all fail before it is given up."""


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

        known = estimates_of([one for one in desk.done if one.round <= number and one.tokens])
        options = [
            weighed(option, known)
            for option in options_of(desk, settings)
            if _begun_well(option, known)
        ]
        figures: dict[str, Any] = {"before": _state(desk), "estimates": _shown(known)}
        planned: list[Planned] = []
        if options:
            needed = sum(option.cost for option in options)
            budget = _left(settings, root, needed)
            plan, planned = solve_round(
                options, desk.now(), desk.aim, budget, settings.qa, desk.since
            )
            figures |= orjson.loads(to_json(plan))
            write_plan(path.with_suffix(".parquet"), plan.estimates, plan.chosen)
        write_json(path, {"figures": figures, "orders": [_row(one) for one in planned]})
    return held_plan(root, desk, number)


def make_pilot(root: Path, desk: Desk, settings: Settings) -> RoundPlan:
    """Return the orders of the pilot; they are chosen and written when there are none yet."""
    path = plan_path(root, PILOT)
    if not path.exists():
        orders = pilot_orders(options_of(desk, settings), desk, settings)
        figures = {"before": _state(desk)}
        write_json(path, {"figures": figures, "orders": [_row(one) for one in orders]})
    return held_plan(root, desk, PILOT)


def has_pilot(root: Path) -> bool:
    """Tell whether a run has a pilot."""
    return plan_path(root, PILOT).exists()


def _begun_well(option: Option, known: Mapping[str, Estimate]) -> bool:
    """Tell whether an operation ever worked, so that it may be planned with."""
    held = known.get(option.order.operation)
    return held is None or held.passed > 0 or held.tried < FEW


def _shown(known: Mapping[str, Estimate]) -> list[dict[str, Any]]:
    return [asdict(one) for one in known.values()]


def _left(settings: Settings, root: Path, needed: float) -> float:
    """Return the tokens that may still be planned with; without a budget, what all would cost."""
    budget = settings.llm.budget
    if not settings.llm.endpoint:
        return float(budget or 0)
    if budget is None:
        return needed / (1 - settings.qa.token_reserve)
    from burnish.graphs.language import account_of

    account = account_of(settings.llm, root)
    return float(max(budget - (account.spent + account.held if account else 0), 0))


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
    item = None
    if name is not None:
        drawn = row["operation"] == "draw" and desk.reserve is not None
        item = (desk.reserve if drawn and desk.reserve else desk.own).by_id[name]
    order = Order(row["operation"], item, row["cell"], row["bucket"], row["seed"])
    return Planned(order, row["gain"], row["cost"], row["from"], row["to"])

"""A plan for a table of estimated gains and costs, with a proof of how good it is."""

from collections.abc import Mapping
from pathlib import Path

from burnish.corpora.errors import UsageError
from burnish.graphs.runs.settings import Settings, resolve
from burnish.tools.planning.estimates import write_plan
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import CURVE, Plan, solve_file


def solve(
    estimates: str | Path,
    budget: float,
    *,
    output: str | Path | None = None,
    settings: Settings | Mapping[str, object] | None = None,
) -> Plan:
    """Choose what to do to each item within a budget and quotas, and prove how good the choice is.

    Args:
        estimates: Parquet or CSV with the columns item, operation, gain, cost and perhaps
            cell_from, cell_to.
        budget: Tokens that the plan may cost.
        output: File for the plan: `.parquet`, or `.csv` by its name.
        settings: As for `run`; the section `solve` matters here.

    Raises:
        UsageError: a file cannot be read or written, or the quotas contradict one another.
    """
    chosen, file = resolve(settings).solve, None if output is None else Path(output)
    _check_file(file)
    effort = Effort(gap=chosen.gap, seconds=chosen.seconds, seed=chosen.seed)
    quotas = None if chosen.quotas is None else Path(chosen.quotas)
    multiples = CURVE if chosen.curve else ()
    plan = solve_file(Path(estimates), budget, quotas, None, effort, multiples)
    if file is not None:
        write_plan(file, plan.estimates, plan.chosen)
    return plan


def _check_file(output: Path | None) -> None:
    """Refuse a plan that could not be written, before the work is done."""
    if output is None:
        return
    if output.is_dir():
        raise UsageError(f"{output}: is a folder; name a file for the plan.")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: its folder does not exist; make it or choose another.")

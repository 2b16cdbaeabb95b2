"""`burnish solve`."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import say

if TYPE_CHECKING:
    from rich.table import Table

    from burnish.tools.planning.plan import Plan

_LISTED = 40
"""Quotas in the table for people; the JSON has them all."""


def solve(
    estimates: Annotated[
        Path,
        typer.Argument(
            metavar="ESTIMATES",
            help="Parquet or CSV: item, operation, gain, cost and perhaps cell_from, cell_to.",
        ),
    ],
    budget: Annotated[float, typer.Option(metavar="TOKENS", help="Tokens that the plan may cost.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Plan: .parquet, or .csv by its name."),
    ] = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    quotas: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML with bounds on cells, operations and the size."),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Report what simpler planners reach, too.")
    ] = False,
    curve: Annotated[
        bool | None,
        typer.Option("--curve/--no-curve", help="Report what other budgets would buy; else yes."),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Distance to the bound that will do; else 0.0001."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Longest search, for emergencies; else 300."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of the sampled first prices; else 0.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON alone, no table for people.")
    ] = False,
) -> None:
    """Choose operations within a budget and quotas, and prove how good the choice is.

    JSON on standard output: value, bound, gap, prices, quotas, what other budgets would buy.
    """
    import orjson

    from burnish.graphs.commands import solve as commands
    from burnish.tools.planning.plan import to_tree

    flags: dict[str, object] = {
        "solve.quotas": None if quotas is None else str(quotas),
        "solve.curve": curve,
        "solve.gap": gap,
        "solve.seconds": seconds,
        "solve.seed": seed,
    }
    settings = options.settings_of(config, set_, flags)
    plan = _interruptible(
        lambda: commands.solve(estimates, budget, output=output, settings=settings)
    )
    tree = to_tree(plan)
    if not baselines:
        del tree["baselines"]
    say(orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode())
    if not as_json:
        _show(plan, baselines=baselines)


def _interruptible(work: "Callable[[], Plan]") -> "Plan":
    """Work in a thread, so that Ctrl-C is heard while HiGHS searches.

    A search cannot be called off from outside, and an interpreter that shuts down under one may
    crash; the plan is written whole or not at all, so the process leaves at once.
    """
    done: list[Plan] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
        thread.join()
    except KeyboardInterrupt:
        sys.stderr.write("burnish: interrupted; no plan was written\n")
        sys.stderr.flush()
        os._exit(130)
    if failed:
        raise failed[0]
    return done[0]


def _show(plan: "Plan", *, baselines: bool) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    console.print(
        f"value {plan.value:,.6g}, bound {plan.bound:,.6g}, gap {plan.gap:.2g}; "
        f"cost {plan.cost:,.0f} of {plan.budget:,.0f} tokens ({plan.reserve:,.0f} in reserve); "
        f"1,000 more tokens are worth {plan.price:.3g}",
        soft_wrap=True,
    )
    for table in _tables(plan, baselines=baselines):
        console.print(table)


def _tables(plan: "Plan", *, baselines: bool) -> "list[Table]":
    done = _table("operation", "items")
    for name, count in plan.counts().items():
        done.add_row(name, f"{count:,}")
    tables = [done]
    if plan.quotas:
        bound = _table("quota", "reached", "price")
        for state in plan.quotas[:_LISTED]:
            bound.add_row(str(state.quota), f"{state.reached:,.6g}", f"{state.price:.3g}")
        tables.append(bound)
    if baselines:
        rivals = _table("baseline", "value", "quotas broken")
        for rival in plan.baselines:
            rivals.add_row(rival.name, f"{rival.value:,.6g}", str(rival.breaches))
        tables.append(rivals)
    return tables


def _table(first: str, *others: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table

"""Benchmark of the planner: `python -m burnish.eval.questions.planner --items 1000000 --case C`.

Cases: A has a budget only; B adds a floor and a cap on removals in each of ten domains; C adds
caps on removals in ten domains, a bound on the final share of each of twenty domains and the floor
on the size (31 quota rows). Operation 0 removes an item, operation 4 moves it to another domain,
the rest edit it.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

import argparse
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from burnish.eval.stats.harness import benchmark_parser, carry_out, tell_line
from burnish.tools.planning.estimates import OUTSIDE, Estimates, write_plan
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import CURVE, Plan, make_plan
from burnish.tools.planning.problem import Codes
from burnish.tools.planning.quotas import SIZE_FLOOR, Quota, Quotas, reached

OPERATIONS = ("remove", "rephrase", "distractors", "repair", "recategorise", "calibrate")
DOMAINS = 20
REMOVALS_MIN, REMOVALS_MAX = 0.02, 0.15
TOLERANCE = 0.004
"""Distance of a final share from its target that the quotas allow, in shares."""


def instance(items: int, case: str, seed: int) -> tuple[Estimates, Quotas, float]:
    """Draw a table, quotas and a budget of a tenth of the cost of every item's best operation."""
    rng = np.random.default_rng(seed)
    width = len(OPERATIONS)
    rows = items * width
    operation = np.tile(np.arange(width, dtype=np.int32), items)
    cost = np.exp(rng.uniform(np.log(5), np.log(1e4), rows)).round().astype(np.float64)
    gain = rng.random(rows)
    share = rng.dirichlet(np.full(DOMAINS, 3.0))
    homes = rng.choice(DOMAINS, items, p=share).astype(np.int32)
    cell_from = np.repeat(homes, width)
    cell_to = cell_from.copy()
    cell_to[operation == 0] = OUTSIDE
    cell_to[operation == 4] = rng.integers(0, DOMAINS, items)
    best = gain.reshape(items, width).argmax(axis=1)
    budget = 0.1 * float(cost.reshape(items, width)[np.arange(items), best].sum())
    estimates = Estimates(
        items=pa.array(np.char.add("q", np.arange(items).astype("U"))),
        operations=(*OPERATIONS, *(f"remove {d}" for d in range(10))),
        cells=tuple(f"domain {d}" for d in range(DOMAINS)),
        item=np.repeat(np.arange(items, dtype=np.int32), width),
        operation=_named_removals(operation, cell_from, case),
        gain=gain,
        cost=cost,
        cell_from=cell_from,
        cell_to=cell_to,
    )
    return estimates, _quotas(estimates, case), budget


def _named_removals(
    operation: Codes,
    home: Codes,
    case: str,
) -> Codes:
    """Give removal a name of its own in each of the first ten domains, for quotas to bound."""
    if case == "A":
        return operation
    bounded = (operation == 0) & (home < 10)
    return np.where(bounded, len(OPERATIONS) + home, operation).astype(np.int32)


def _quotas(estimates: Estimates, case: str) -> Quotas:
    if case == "A":
        return Quotas(())
    counts = estimates.counts
    bounds: list[Quota] = []
    for domain in range(10):
        name = f"remove {domain}"
        bounds.append(
            Quota("operation", name, "count", "max", float(int(REMOVALS_MAX * counts[domain])))
        )
        if case == "B":
            floor = float(int(REMOVALS_MIN * counts[domain]))
            bounds.append(Quota("operation", name, "count", "min", floor))
    if case == "B":
        return Quotas(tuple(bounds))
    present = counts / counts.sum()
    target = 0.7 * present + 0.3 / DOMAINS
    for domain, (now, wanted) in enumerate(zip(present, target, strict=True)):
        name = estimates.cells[domain]
        if now > wanted:
            bounds.append(Quota("cell", name, "share", "max", float(wanted) + TOLERANCE))
        else:
            bounds.append(Quota("cell", name, "share", "min", max(float(wanted) - TOLERANCE, 0)))
    bounds.append(Quota("size", "", "share", "min", SIZE_FLOOR))
    return Quotas(tuple(bounds))


def violations(plan: Plan, quotas: Quotas) -> int:
    """Count limits broken on the raw table, recomputed from the chosen rows."""
    broken = int(plan.cost > plan.budget * (1 + 1e-9))
    items = plan.estimates.item[plan.chosen]
    broken += len(items) - len(np.unique(items))
    for quota in quotas.bounds:
        value = reached(quota, plan.estimates, plan.chosen)
        over = value - quota.bound if quota.sense == "max" else quota.bound - value
        broken += int(over > 1e-9 * (1 + abs(quota.bound)))
    return broken


def measure(items: int, case: str, seed: int, *, curve: bool) -> dict[str, object]:
    """Plan one instance and report size, gap, time, memory and the baselines' share of value."""
    estimates, quotas, budget = instance(items, case, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    plan = make_plan(estimates, budget, quotas, Effort(seed=seed), CURVE if curve else ())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    with TemporaryDirectory() as folder:
        write_plan(Path(folder) / "plan.parquet", estimates, plan.chosen)
    return {
        "case": case,
        "items": items,
        "options": len(estimates.item),
        "quota_rows": len(quotas.bounds),
        "value": plan.value,
        "bound": plan.bound,
        "gap": plan.gap,
        "broken": violations(plan, quotas),
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "instance_mb": round(before),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "price_per_1000_tokens": plan.price,
        "baselines": {
            each.name: {"ratio": each.value / plan.value, "breaches": each.breaches}
            for each in plan.baselines
        },
        "curve": [each._asdict() for each in plan.curve],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sizes and cases asked for, one JSON object a line."""
    parser = benchmark_parser("questions.planner", __doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--case", choices="ABC", nargs="+", default=["A", "B", "C"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curve", action="store_true", help="solve at other budgets too")
    return carry_out(parser, _run, argv)


def _run(wanted: argparse.Namespace) -> None:
    for items in wanted.items:
        for case in wanted.case:
            tell_line(measure(items, case, wanted.seed, curve=wanted.curve))


if __name__ == "__main__":
    raise SystemExit(main())

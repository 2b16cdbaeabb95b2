"""What refining a QA set brings, without a language model: `python -m burnish.eval.questions`.

Skewed subsamples of MMLU are rebalanced towards the full set's cells (subject by difficulty) from a
reserve pool, under budgets that bind; every method meets the same sets, pools, costs and limits.

    python -m burnish.eval.questions --seeds 0 --runs 3 [--endpoint URL --model NAME --tokens N]

runs the whole graph on such subsamples: removing alone, drawing from a reserve and, where an
endpoint is named, writing with its model under a budget of tokens.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from burnish.eval.datasets import mmlu
from burnish.eval.questions.rebalance import BUDGETS, RebalanceTrial, Setting, methods, trials
from burnish.eval.questions.runs import Bench, RunTrial, Writer, run_trials
from burnish.eval.stats.bootstrap import ConfidenceInterval, interval, resamples
from burnish.eval.stats.harness import (
    benchmark_parser,
    carry_out,
    data_root,
    say_skipped,
    write_json,
)

DRAWS = 10_000
REFERENCE = "burnish"
LEGEND = (
    "JSD: divergence of the set's cells from the full set's, in bits; reduction: the part above",
    "the floor (mean JSD of random samples of the same size) that is gone; above 100 %: nearer to",
    "the target than a random sample. Budgets are shares of the cost of the plan without a budget.",
    "greedy, uniform, random and one plan see the gains once, before anything is done; adaptive",
    "greedy looks again after every item. worse by: paired difference of JSD to burnish, by seed.",
    "accuracy error: mean absolute difference of the held-out models' accuracies to the full set.",
)


def mean_of(values: Sequence[float], seed: int = 0) -> ConfidenceInterval:
    """Return a mean over seeds with its 95 % bootstrap interval."""
    numbers = np.array(values, np.float64)
    counts = resamples(len(numbers), draws=DRAWS, seed=seed)
    return interval(numbers, np.ones(len(numbers)), counts)


def summary(results: Sequence[RebalanceTrial]) -> dict[str, object]:
    """Return means and intervals for each budget and method, and the comparison with burnish."""
    table: list[dict[str, object]] = []
    for budget in sorted({trial.budget for trial in results}):
        here = [trial for trial in results if trial.budget == budget]
        ours = {trial.seed: trial for trial in here if trial.method == REFERENCE}
        for method in methods(0):
            mine = [trial for trial in here if trial.method == method]
            table.append({"budget": budget, "method": method, **_figures(mine, ours)})
    references = {name: found._asdict() for name, found in _references(results).items()}
    return {"seeds": len({trial.seed for trial in results}), **references, "results": table}


def _references(results: Sequence[RebalanceTrial]) -> dict[str, ConfidenceInterval]:
    """Return what does not depend on budget and method, over seeds."""
    first = {trial.seed: trial for trial in results}.values()
    return {
        "before": mean_of([trial.before for trial in first]),
        "floor": mean_of([trial.floor for trial in first]),
        "kendall_skewed": mean_of([trial.skewed_ranking.kendall for trial in first]),
        "kendall_random_sample": mean_of([trial.fair_ranking.kendall for trial in first]),
        "spearman_skewed": mean_of([trial.skewed_ranking.spearman for trial in first]),
        "spearman_random_sample": mean_of([trial.fair_ranking.spearman for trial in first]),
        "accuracy_error_skewed": mean_of([trial.skewed_heldout.error for trial in first]),
        "accuracy_error_random_sample": mean_of([trial.fair_heldout.error for trial in first]),
    }


def _figures(mine: Sequence[RebalanceTrial], ours: dict[int, RebalanceTrial]) -> dict[str, object]:
    figures: dict[str, Callable[[RebalanceTrial], float]] = {
        "after": lambda trial: trial.after,
        "reduction": lambda trial: trial.reduction,
        "worse_by": lambda trial: trial.after - ours[trial.seed].after,
        "spent": lambda trial: trial.spent,
        "size": lambda trial: float(trial.size),
        "drawn": lambda trial: float(trial.drawn),
        "kendall": lambda trial: trial.ranking.kendall,
        "spearman": lambda trial: trial.ranking.spearman,
        "error": lambda trial: trial.ranking.error,
        "heldout_kendall": lambda trial: trial.heldout.kendall,
        "heldout_error": lambda trial: trial.heldout.error,
    }
    return {
        name: mean_of([figure(trial) for trial in mine])._asdict()
        for name, figure in figures.items()
    }


def show(results: Sequence[RebalanceTrial], console: Console) -> None:
    """Print a table: a method a row, grouped by budget."""
    table = Table(box=None, pad_edge=False)
    for name in ("budget", "method"):
        table.add_column(name)
    names = ("JSD", "reduction", "worse by", "spent", "kendall", "accuracy error")
    for name in names:
        table.add_column(name, justify="right")
    for budget in sorted({trial.budget for trial in results}):
        here = [trial for trial in results if trial.budget == budget]
        ours = {trial.seed: trial for trial in here if trial.method == REFERENCE}
        for method in methods(0):
            mine = [trial for trial in here if trial.method == method]
            table.add_row(f"{budget:.0%}", method, *_cells(mine, ours))
    console.print(f"{len({trial.seed for trial in results})} seeds")
    for name, found in _references(results).items():
        console.print(f"{name.replace('_', ' '):<30}{_told(found)}")
    console.print(table)
    for line in LEGEND:
        console.print(line, highlight=False, markup=False)


def _cells(mine: Sequence[RebalanceTrial], ours: dict[int, RebalanceTrial]) -> list[str]:
    return [
        _told(mean_of([trial.after for trial in mine])),
        _told(mean_of([100 * trial.reduction for trial in mine]), 1),
        _told(mean_of([trial.after - ours[trial.seed].after for trial in mine])),
        f"{np.mean([trial.spent for trial in mine]):.1%}",
        _told(mean_of([trial.ranking.kendall for trial in mine]), 3),
        _told(mean_of([trial.heldout.error for trial in mine])),
    ]


def _told(found: ConfidenceInterval, digits: int = 4) -> str:
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def whole_runs(root: Path, data: mmlu.Mmlu, wanted: argparse.Namespace) -> list[RunTrial]:
    """Run the graph on a subsample of each seed asked for."""
    if not wanted.runs:
        return []
    writer: Writer | None = None
    if wanted.endpoint:
        writer = Writer(wanted.endpoint, wanted.model, wanted.tokens, tuple(wanted.set))
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(TemporaryDirectory()))
        rows = mmlu.read(root, wanted.limit)
        bench = Bench(data, rows, folder, wanted.run_size, writer)
        seeds = range(wanted.first_seed, wanted.first_seed + wanted.runs)
        return [trial for seed in seeds for trial in run_trials(bench, seed)]


def show_runs(found: Sequence[RunTrial], console: Console) -> None:
    """Print what whole runs came to: an arm a row, then what its operations did."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "JSD before", "after", "floor", "reduction", "items", "tokens", "faults"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for arm in dict.fromkeys(trial.arm for trial in found):
        mine = [trial for trial in found if trial.arm == arm]
        table.add_row(
            arm,
            _told(mean_of([trial.before for trial in mine])),
            _told(mean_of([trial.after for trial in mine])),
            f"{np.mean([trial.floor for trial in mine]):.4f}",
            _told(mean_of([100 * trial.reduction for trial in mine]), 1),
            f"{np.mean([trial.size for trial in mine]):.0f}",
            f"{np.mean([trial.tokens for trial in mine]):,.0f}",
            f"{sum(len(trial.faults) for trial in mine)}",
        )
    console.print(f"whole runs, {len({trial.seed for trial in found})} seeds")
    console.print(table)
    console.print(_operations(found))


def _operations(found: Sequence[RunTrial]) -> Table:
    """Return what each operation was to bring, and what it brought, summed over the runs."""
    table = Table(box=None, pad_edge=False)
    names = ("orders", "done", "mean_gain", "planned_gain", "gain", "mean_tokens", "tokens")
    for name in ("run", "operation", *names):
        table.add_column(name.replace("_", " "), justify="right" if name in names else "left")
    sums: dict[tuple[str, str], list[float]] = {}
    for trial in found:
        for line in trial.invoice:
            held = sums.setdefault((trial.arm, line["operation"]), [0.0] * len(names))
            for at, name in enumerate(names):
                held[at] += float(line[name])
    for (arm, operation), held in sums.items():
        cells = [
            f"{v:.4f}" if "gain" in n else f"{v:,.0f}" for n, v in zip(names, held, strict=True)
        ]
        table.add_row(arm, operation, *cells)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and print it."""
    parser = benchmark_parser("questions", __doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=2_000, help="items of a subsample")
    parser.add_argument("--budgets", type=float, nargs="+", default=list(BUDGETS))
    parser.add_argument("--limit", type=int, help="use about so many items of MMLU")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--runs", type=int, default=0, help="seeds of whole runs")
    parser.add_argument("--run-size", type=int, default=400, help="items of a run's subsample")
    parser.add_argument("--endpoint", help="server of the model that writes in whole runs")
    parser.add_argument("--model", default="default", help="its name on the server")
    parser.add_argument("--tokens", type=int, default=500_000, help="budget of each of its runs")
    parser.add_argument("--set", action="append", default=[], help="a setting of its runs, k=v")
    parser.add_argument("--folder", type=Path, help="keep the runs here, and resume them")
    return carry_out(parser, _run, argv)


def _run(wanted: argparse.Namespace) -> int:
    root = data_root()
    if not (root / mmlu.FILE).is_file():
        return say_skipped("data", root)
    data = mmlu.load(root, wanted.limit)
    setting = Setting(wanted.size, tuple(wanted.budgets))
    begun = time.process_time()
    results = [
        trial
        for seed in range(wanted.first_seed, wanted.first_seed + wanted.seeds)
        for trial in trials(data, setting, seed)
    ]
    spent = time.process_time() - begun
    console = Console(width=170, color_system=None, highlight=False)
    if results:
        show(results, console)
        console.print(f"{spent:.0f} s of CPU time")
    runs = whole_runs(root, data, wanted)
    if runs:
        show_runs(runs, console)
    if wanted.json is not None:
        tree: dict[str, object] = {"trials": [trial.as_json() for trial in results]}
        tree |= {**(summary(results) if results else {}), "runs": [run.as_json() for run in runs]}
        write_json(wanted.json, orjson.dumps(tree, option=orjson.OPT_INDENT_2))
    return 0

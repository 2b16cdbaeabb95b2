"""Compare refiners of documents: `python -m burnish.eval.refiners`.

Quality on labelled pages, harm to clean documents, and speed, side by side in one run. Heavy
imports wait until numpy has been told to use one thread, so that speeds are those of one core.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.corpora.errors import UsageError
from burnish.eval.stats.harness import (
    benchmark_parser,
    carry_out,
    data_root,
    plain_or_rich,
    say_skipped,
    write_json,
)

if TYPE_CHECKING:
    from burnish.eval.refiners.benchmark import BenchmarkSettings

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print it; 0 done or skipped, 1 failed, 2 usage."""
    _use_one_thread()
    return carry_out(_parser(), _run, argv)


def _use_one_thread() -> None:
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(_THREADS, "1"))


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("refiners", __doc__)
    parser.add_argument("--sets", help="labelled sets, comma-separated (default: all there are)")
    parser.add_argument("--systems", help="systems, comma-separated (default: all there are)")
    parser.add_argument("--limit", type=_positive, help="pages of each set, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=_positive, default=2000, help="bootstrap resamples")
    parser.add_argument("--random-rate", type=_share, help="share that random deletion deletes")
    parser.add_argument("--model", type=Path, help="model file of the embedded refiner")
    parser.add_argument(
        "--fold-models", type=Path, help="folder with fold{k}.npz and folds.json (page id to fold)"
    )
    parser.add_argument("--no-clean", action="store_true", help="leave out the clean documents")
    parser.add_argument("--no-pipeline", action="store_true", help="do not time `burnish run`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return number


def _run(options: argparse.Namespace) -> int:
    from burnish.eval.datasets.pages import SETS, available
    from burnish.eval.refiners import benchmark, tables
    from burnish.eval.refiners.catalog import FACTORIES, Setup

    root = data_root()
    asked = _names(options.sets, SETS, "set")
    systems = _names(options.systems, list(FACTORIES), "system")
    if options.json is not None and not options.json.parent.is_dir():
        raise UsageError(f"--json {options.json}: there is no folder {options.json.parent}")
    found = available(root, asked)
    if not found:
        return say_skipped("data", root)
    usable = benchmark.usable(systems, Setup(model=options.model, fold_models=options.fold_models))
    if options.systems is not None and usable.notes:
        raise UsageError(usable.notes[0])
    absent = [f"{name} was left out: it is not in {root}" for name in asked if name not in found]
    results = benchmark.run(
        _settings(options, root, found, usable.systems),
        lambda message: print(message, file=sys.stderr),
        [*usable.notes, *absent],
    )
    tables.show(results, plain_or_rich())
    if options.json is not None:
        write_json(options.json, tables.to_json(results))
    return 0


def _settings(
    options: argparse.Namespace, root: Path, sets: Sequence[str], systems: Sequence[str]
) -> "BenchmarkSettings":
    from burnish.eval.refiners.benchmark import BenchmarkSettings

    return BenchmarkSettings(
        root=root,
        sets=tuple(sets),
        systems=tuple(systems),
        limit=options.limit,
        seed=options.seed,
        draws=options.draws,
        random_rate=options.random_rate,
        model=options.model,
        fold_models=options.fold_models,
        clean=not options.no_clean,
        pipeline=not options.no_pipeline,
    )


def _names(given: str | None, known: Sequence[str], noun: str) -> list[str]:
    if given is None:
        return list(known)
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no {noun} {name!r}; there are {', '.join(known)}")
    return list(dict.fromkeys(names))

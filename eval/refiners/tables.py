"""Lay out the results of the benchmark as tables and as JSON."""

import math
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from burnish.eval.refiners.benchmark import CleanResult, Results, SetResult
from burnish.eval.refiners.scoring import GROUP_FIGURES, Group, SystemResult, Timing
from burnish.eval.stats.bootstrap import ConfidenceInterval

COLUMNS = {
    "token_f1": "token F1",
    "harm": "harm",
    "harm_page_mean": "harm, page mean",
    "missed_noise": "missed noise",
    "emptied": "emptied",
    "untouched": "untouched",
    "kept_tokens": "kept tokens",
}
REFERENCE = "datatrove"
LEGEND = (
    "token F1: mean over pages, bags of \\w+ tokens, case kept, each CJK character a token.",
    "harm: share of the characters to keep that were deleted, over the set and as page mean.",
    "missed noise: share of the characters to delete that were kept.",
    "Figures [95 % bootstrap interval by page]. Sets without a gold text (email_forge, pdf_grobid,",
    "web_trafilatura_weak): the lines labelled to keep are gold; unlabelled lines count nowhere.",
    "datatrove's own filters: c4-lines (C4 without the rules that drop pages), c4 (all of C4),",
    "datatrove (C4, then Gopher repetition and quality, then FineWeb), fineweb (FineWeb's recipe:",
    "Gopher first, C4 without its rule on line ends, then FineWeb). All pages meet their English",
    "settings; what they return is matched with the raw lines in order.",
)


def show(results: Results, console: Console) -> None:
    """Print everything, tables first and notes last."""
    for result in results.sets:
        console.print(_main_table(result))
        for title, groups in _groupings(result):
            console.print(_group_table(f"{result.name} by {title}", groups))
    if results.clean:
        console.print(_clean_table(results.clean))
    console.print(_speed_table(results))
    for line in LEGEND:
        console.print(line, highlight=False, markup=False)
    for note in results.notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _main_table(result: SetResult) -> Table:
    title = f"{result.name}: {result.pages} pages, {result.hosts} hosts"
    table = _table(title, "system", list(COLUMNS.values()))
    for row in result.systems:
        table.add_row(row.system, *(_shown(row.figures[name]) for name in COLUMNS))
    return table


def _groupings(result: SetResult) -> list[tuple[str, dict[str, Mapping[str, Group]]]]:
    """Return the ways to group this set's pages that make more than one group, by system."""
    ways = {
        "page type": {row.system: row.by_page_type for row in result.systems},
        "language": {row.system: row.by_language for row in result.systems},
    }
    return [
        (title, groups)
        for title, groups in ways.items()
        if any(len(group) > 1 for group in groups.values())
    ]


def _group_table(title: str, systems: Mapping[str, Mapping[str, Group]]) -> Table:
    groups = next(iter(systems.values()))
    heads = [f"{name} ({group.pages})" for name, group in groups.items()]
    table = _table(f"{title}: token F1, then harm", "system", heads)
    for system, by_group in systems.items():
        for figure in GROUP_FIGURES:
            label = system if figure == GROUP_FIGURES[0] else "  harm"
            table.add_row(label, *(_shown(by_group[name].figures[figure]) for name in groups))
    return table


def _clean_table(clean: Sequence[CleanResult]) -> Table:
    heads = [f"{result.name} ({result.documents})" for result in clean]
    table = _table("clean documents left byte-identical", "system", heads)
    for system in clean[0].untouched:
        table.add_row(system, *(_shown(result.untouched[system]) for result in clean))
    return table


def _speed_table(results: Results) -> Table:
    timings = speed_by_system(results.sets)
    reference = timings.get(REFERENCE)
    base = _rate(reference.raw_bytes, reference.cpu_seconds) if reference else math.nan
    heads = ["MB", "CPU s", "MB/s per core", f"x {REFERENCE}", "wall s", "MB/s wall"]
    table = _table("speed on the same documents (raw UTF-8)", "system", heads)
    for name, timing in timings.items():
        rate = _rate(timing.raw_bytes, timing.cpu_seconds)
        table.add_row(name, *_speed_cells(timing.raw_bytes, timing.cpu_seconds, rate / base))
    for run in results.pipeline:
        rate = _rate(run.raw_bytes, run.cpu_seconds)
        cells = _speed_cells(run.raw_bytes, run.cpu_seconds, rate / base)
        wall = f"{_rate(run.raw_bytes, run.wall_seconds):.2f}"
        name = f"burnish run, {run.workers} worker{'s' if run.workers > 1 else ''}"
        table.add_row(name, *cells, f"{run.wall_seconds:.1f}", wall)
    return table


def speed_by_system(sets: Sequence[SetResult]) -> dict[str, Timing]:
    """Add up the timings of each system over the sets."""
    sums: dict[str, Timing] = {}
    for row in _rows(sets):
        before = sums.get(row.system, Timing(0, 0.0))
        sums[row.system] = Timing(
            before.raw_bytes + row.timing.raw_bytes, before.cpu_seconds + row.timing.cpu_seconds
        )
    return sums


def _rows(sets: Sequence[SetResult]) -> list[SystemResult]:
    return [row for result in sets for row in result.systems]


def _speed_cells(raw_bytes: int, seconds: float, ratio: float) -> list[str]:
    shown_ratio = "-" if math.isnan(ratio) else f"{ratio:.2f}"
    rate = _rate(raw_bytes, seconds)
    return [f"{raw_bytes / 1e6:.1f}", f"{seconds:.1f}", f"{rate:.2f}", shown_ratio]


def _rate(raw_bytes: int, seconds: float) -> float:
    return raw_bytes / 1e6 / seconds if seconds else math.nan


def _shown(figure: ConfidenceInterval) -> str:
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} \\[{figure.low:.3f} {figure.high:.3f}]"


def to_json(results: Results) -> bytes:
    """Write the results with what they depend on; figures without meaning are null."""
    machine = {
        "burnish": version("burnish"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    everything = {
        "made_by": machine,
        "results": results,
        "speed": {
            name: {
                "raw_bytes": timing.raw_bytes,
                "cpu_seconds": timing.cpu_seconds,
                "mb_per_s": _rate(timing.raw_bytes, timing.cpu_seconds),
            }
            for name, timing in speed_by_system(results.sets).items()
        },
    }
    return orjson.dumps(everything, default=_plain, option=orjson.OPT_INDENT_2)


def _plain(value: object) -> object:
    if isinstance(value, ConfidenceInterval):
        return value._asdict()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in the results")

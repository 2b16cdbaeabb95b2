"""A profile on the terminal."""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from burnish.graphs.profile.figures import Figures
from burnish.tools.text.visible import shown

_CELLS: Final = 12


def show(figures: Figures, output: Path | None, console: Console) -> None:
    """Print the figures that matter most, and where the rest lies."""
    for line in _lines(figures):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if figures["divergence"]:
        console.print()
        console.print(_divergence(figures))
    if figures["flags"]:
        console.print()
        console.print(_flags(figures))
    console.print()
    console.print(_cells(figures))
    if output is not None:
        console.print(f"\nreport  {output}", highlight=False, soft_wrap=True, markup=False)


def _lines(figures: Figures) -> list[str]:
    difficulty = figures["difficulty"]
    lines = [
        f"items       {figures['items']:,} ({figures['bad_rows']:,} bad rows set aside)",
    ]
    labels = figures["labels"]
    if labels is not None:
        told = f"{labels['labelled']:,} items, {labels['other']:,} of them other"
        lines.append(f"labels      {told}; {_sureness(labels)}")
    if difficulty["known"]:
        edges = ", ".join(f"{edge:.2f}" for edge in figures["buckets"]["edges"])
        by = f" of {difficulty['models']} models" if difficulty["models"] else ""
        unsure = "no standard errors"
        if difficulty["median_error"] is not None:
            unsure = f"median error {difficulty['median_error']:.2f} logits"
        lines += [
            f"difficulty  {difficulty['known']:,} items from {difficulty['answers']:,} "
            f"{difficulty['told_by']}{by}, {unsure}",
            f"buckets     edges {edges}",
        ]
    else:
        lines.append("difficulty  not known: no column tells how models answered")
    for place in figures["key_places"][:1]:
        lines.append(
            f"key place   {place['counts']} of {place['choices']} choices: "
            f"{place['excess']:+.1%} beyond chance, p = {place['p']:.2g}"
        )
    length = figures["key_length"]
    if length is not None:
        lines.append(
            f"key length  longest in {length['longest']:.1%}, by chance {length['expected']:.1%}, "
            f"p = {length['p']:.2g}"
        )
    for name, one in figures["distractors"].items():
        if one["items"]:
            lines.append(f"{name.replace('_', ' '):<20}mean {one['mean']:.2f}")
    return lines


def _sureness(labels: Figures) -> str:
    if labels["labelled"] + labels["failed"] == 0:
        return "every item names its domain"
    if "calibrated_on" not in labels:
        failed = f", {labels['failed']:,} without an answer" if labels["failed"] else ""
        return f"by {shown(str(labels['by']))}, {labels['tokens']:,} tokens spent{failed}"
    if labels["calibrated_on"]:
        return f"calibrated on {labels['calibrated_on']:,} items that name their domain"
    return "not calibrated: no item names a domain known"


def _divergence(figures: Figures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("distance to the target")
    for head in ("bits", "90 % interval", "floor"):
        table.add_column(head, justify="right")
    for name, one in figures["divergence"].items():
        low, high = one["interval"]
        table.add_row(
            name.replace("_", " "), f"{one['bits']:.4f}", f"{low:.4f} to {high:.4f}",
            f"{one['floor']:.4f}",
        )  # fmt: skip
    return table


def _flags(figures: Figures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("flag")
    table.add_column("items", justify="right")
    table.add_column("means")
    for row in figures["flags"]:
        table.add_row(row["name"], f"{row['items']:,}", row["means"])
    return table


def _cells(figures: Figures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("cell")
    for head in ("items", "share", *(["target"] if figures["target"] else []), "difficulty"):
        table.add_column(head, justify="right")
    for row in figures["cells"][:_CELLS]:
        target = [f"{row['target_share']:.1%}"] if figures["target"] else []
        hard = "" if row["difficulty"] is None else f"{row['difficulty']:+.2f}"
        name = shown(row["name"])
        table.add_row(name, f"{row['items']:,}", f"{row['share']:.1%}", *target, hard)
    rest = len(figures["cells"]) - _CELLS
    if rest > 0:
        table.add_row(f"and {rest:,} more")
    return table

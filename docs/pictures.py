"""Draws the pictures of site and README from the code: `python docs/pictures.py`.

The graphs are drawn from what LangGraph compiled, the diff from a run over the sample corpus. They
are SVG with no font, script or style of anybody else, and `tests/docs` holds them to the code.
"""

import io
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from langchain_core.runnables.graph import Graph
from langgraph.checkpoint.sqlite import SqliteSaver
from rich.console import Console

from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.archive.stored import columns_of, records
from burnish.graphs.documents import record_graph
from burnish.graphs.questions.operate import record_graph as question_graph
from burnish.graphs.reports.diff import render_diff
from burnish.graphs.runs import graph as run_graph

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
SAMPLES = ROOT / "corpora" / "samples" / "documents.jsonl"
RECORD = "service-piano-tuning"
"""The sample whose diff is drawn: short, with noise before, between and after."""
_COLUMNS = 84
_ROW, _WIDTH, _HEIGHT, _MARGIN = 46, 116, 28, 74


class _Arrow(NamedTuple):
    """From one row to another; `chosen` where a node decides which way it goes."""

    start: int
    stop: int
    chosen: bool


def draw(graph: Graph) -> str:
    """Return a graph as SVG: nodes in a column, jumps ahead at the right, ways back at the left."""
    order = _order(graph)
    rows = {name: row for row, name in enumerate(order)}
    arrows = sorted(_Arrow(rows[e.source], rows[e.target], e.conditional) for e in graph.edges)
    reach = max((abs(arrow.stop - arrow.start) for arrow in arrows), default=1)
    margin = _MARGIN if reach > 1 else 20
    width, height = _WIDTH + 2 * margin, len(order) * _ROW + 8
    body = [_arrow(arrow, margin) for arrow in arrows]
    body += [_node(name, row, margin) for name, row in rows.items()]
    return _FRAME.format(width=width, height=height, body="\n".join(body))


def _order(graph: Graph) -> list[str]:
    """Return the nodes so that all arrows but ways back point down, and the end comes last."""
    ahead: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for edge in graph.edges:
        ahead[edge.source].append(edge.target)
    order: list[str] = []
    seen: set[str] = set()

    def goes_back(name: str) -> bool:
        return all(target in seen for target in ahead[name])

    def visit(name: str) -> None:
        seen.add(name)
        # What is left first stands last: the end before all others, what only goes back after them.
        rank = {target: (target != "__end__", goes_back(target), target) for target in ahead[name]}
        for target in sorted(ahead[name], key=rank.__getitem__):
            if target not in seen:
                visit(target)
        order.append(name)

    visit("__start__")
    return order[::-1]


def _node(name: str, row: int, margin: int) -> str:
    top = row * _ROW + 8
    kind = "edge" if name.startswith("__") else "node"
    return (
        f'<rect class="{kind}" x="{margin}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="14"/>'
        f'<text x="{margin + _WIDTH / 2:g}" y="{top + 19}">{name.strip("_")}</text>'
    )


def _arrow(arrow: _Arrow, margin: int) -> str:
    kind = ' class="chosen"' if arrow.chosen else ""
    leaves, arrives = (row * _ROW + 8 for row in (arrow.start, arrow.stop))
    if arrow.stop == arrow.start + 1:
        middle = margin + _WIDTH / 2
        return f'<path{kind} d="M{middle:g} {leaves + _HEIGHT}V{arrives - 1}"/>'
    forward = arrow.stop > arrow.start
    side, bend = (margin + _WIDTH, 1) if forward else (margin, -1)
    far = side + bend * min(24 + 9 * abs(arrow.stop - arrow.start), 2 * _MARGIN - 60)
    first, last = leaves + 14 + bend * 6, arrives + 14 - bend * 6
    return f'<path{kind} d="M{side} {first}C{far} {first} {far} {last} {side + bend} {last}"/>'


_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="14">
<style>text {{ text-anchor: middle; fill: #123 }} path {{ fill: none; stroke: #456; \
marker-end: url(#tip) }} .chosen {{ stroke-dasharray: 5 4 }} \
.node {{ fill: #d6f0ec; stroke: #2a8c82 }} .edge {{ fill: #eee; \
stroke: #999 }} .folder {{ text-anchor: start; font-weight: bold }}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" \
orient="auto"><path d="M0 0L8 4L0 8z" style="fill: #456; stroke: none; marker-end: none"/></marker>\
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#fff"/>
{body}
</svg>
"""


def draw_rooms() -> str:
    """Return folders and rooms as SVG, as the contracts in pyproject.toml stack them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers: dict[str, list[str]] = {
        contract.get("containers", ["burnish"])[0].removeprefix("burnish."): contract["layers"]
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    }
    body: list[str] = []
    top = 8
    for folder in (name.removeprefix("burnish.") for name in layers["burnish"]):
        rows = layers[folder]
        height = len(rows) * _LINE + 10
        body.append(
            f'<rect class="edge" x="8" y="{top}" width="{_BAND - 16}" height="{height}" rx="8"/>'
            f'<text class="folder" x="20" y="{top + height / 2 + 5:g}">{folder}</text>'
        )
        for row, layer in enumerate(rows):
            body += _layer([room.strip() for room in layer.split("|")], top + row * _LINE + 8)
        top += height + 10
    return _FRAME.format(width=_BAND, height=top, body="\n".join(body))


_BAND, _LINE, _LETTER = 760, 34, 8.2


def _layer(rooms: list[str], top: int) -> list[str]:
    """Draw rooms side by side; they do not know one another."""
    drawn: list[str] = []
    left = 110.0
    for room in rooms:
        width = round(len(room) * _LETTER + 22)
        drawn.append(
            f'<rect class="node" x="{left:g}" y="{top}" width="{width}" height="26" rx="6"/>'
            f'<text x="{left + width / 2:g}" y="{top + 18}">{room}</text>'
        )
        left += width + 10
    return drawn


def draw_diff(run: Path) -> str:
    """Return what `burnish diff` shows of a sample, as SVG that asks for no font of anybody.

    `run` is the folder of a run over the sample corpus with the settings that ship.
    """
    console = Console(
        record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    folder = RunFolder.open(run)
    columns = columns_of(folder)
    found = (one for index in folder.finished() for one in records(folder, columns, index))
    record = next(one for one in found if one.entry.id == RECORD)
    console.print(f"$ burnish diff cleaned {RECORD}", highlight=False, style="bold")
    console.print(render_diff(record.entry, record.text), highlight=False)
    svg = console.export_svg(title="burnish diff", code_format=_TERMINAL)
    return "\n".join(line.rstrip() for line in svg.split("\n"))


_TERMINAL = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" \
height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def words(svg: str) -> list[str]:
    """Return the texts of a picture: what of it does not depend on the library that drew it."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def draw_graphs() -> dict[str, str]:
    """Return graphs and rooms of burnish as SVG, by the stem of their file."""
    checkpoints = SqliteSaver(sqlite3.connect(":memory:"))
    return {
        "run": draw(run_graph.build(checkpoints).get_graph()),
        "documents": draw(record_graph.build().get_graph()),
        "questions": draw(question_graph.build().get_graph()),
        "rooms": draw_rooms(),
    }


def main() -> int:
    """Draw all pictures anew."""
    burnish = Path(sys.executable).with_name("burnish")
    with TemporaryDirectory() as place:
        run = Path(place) / "cleaned"
        command = [str(burnish), "run", str(SAMPLES), "-o", str(run)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        drawn = draw_graphs() | {"diff": draw_diff(run)}
    for name, svg in drawn.items():
        (FOLDER / f"{name}.svg").write_text(svg, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Charts as inline SVG and tables: no script, and numbers that can be read without seeing."""

from collections.abc import Sequence
from typing import NamedTuple

from burnish.graphs.reports.html import Markup, join, tag

_WIDTH, _HEIGHT, _BASE, _TOP = 400, 170, 142, 22


class Bar(NamedTuple):
    """One row of a bar chart."""

    label: str
    value: float
    shown: str
    """What stands after the bar."""
    hint: str = ""


class BarPart(NamedTuple):
    """One part of a stacked bar."""

    name: str
    value: int


def format_count(value: float) -> str:
    """Write a count with separators, as in 1,234."""
    return f"{value:,.0f}"


def format_share(share: float) -> str:
    """Write a share as a percentage that does not round to 0 or 100 what is neither."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return f"{share:.2%}"
    return f"{share:.1%}" if share not in {0, 1} else f"{share:.0%}"


def draw_bars(rows: Sequence[Bar]) -> Markup:
    """Draw horizontal bars, the longest as long as the space allows."""
    most = max((row.value for row in rows), default=0) or 1
    return tag("table", tag("tbody", *(_bar(row, most) for row in rows)), class_="bars")


def _bar(row: Bar, most: float) -> Markup:
    width = f"{max(row.value / most * 100, 0.4 if row.value else 0):.2f}%"
    drawn = tag(
        "svg",
        tag("rect", width=width, height=12, rx=3, class_="fill"),
        height=12,
        aria_hidden="true",
    )
    return tag(
        "tr",
        tag("th", tag("bdi", row.label), scope="row"),
        tag("td", drawn, class_="drawn"),
        tag("td", row.shown, class_="value"),
        title=row.hint or None,
    )


def draw_histogram(counts: Sequence[int], left: str, right: str, unit: str) -> Markup:
    """Draw a histogram over 0 to 1, its most frequent column as high as the space allows."""
    most = max(counts, default=0) or 1
    step = _WIDTH / max(len(counts), 1)
    columns = [
        _column(place * step, step, max(count / most * (_BASE - _TOP), 2.0))
        for place, count in enumerate(counts)
        if count
    ]
    total = sum(counts)
    highest = format_count(most if total else 0)
    said = f"{format_count(total)} {unit}; the highest column holds {highest}"
    axis = tag("line", x1=0, x2=_WIDTH, y1=_BASE, y2=_BASE, class_="axis")
    marks = [
        _mark(at, text, anchor)
        for at, text, anchor in (
            (0, left, "start"),
            (_WIDTH / 2, "50 %", "middle"),
            (_WIDTH, right, "end"),
        )
    ]
    peak = counts.index(max(counts)) * step + step / 2 if total else 0
    high = _mark(min(max(peak, 24), _WIDTH - 24), format_count(most), "middle", _TOP - 7)
    return tag(
        "svg",
        tag("title", said),
        *columns,
        axis,
        *marks,
        *([high] if total else []),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="histogram",
    )


def _column(left: float, step: float, height: float) -> Markup:
    return tag(
        "rect", x=f"{left + 1:.1f}", y=f"{_BASE - height:.1f}", width=f"{step - 2:.1f}",
        height=f"{height:.1f}", rx=2, class_="fill",
    )  # fmt: skip


def _mark(at: float, text: str, anchor: str, y: int = _BASE + 19) -> Markup:
    return tag("text", text, x=f"{at:.0f}", y=y, text_anchor=anchor)


def draw_stack(parts: Sequence[BarPart]) -> Markup:
    """Draw one bar whose parts are as long as their shares; a part's name is its class."""
    total = sum(part.value for part in parts) or 1
    drawn: list[Markup] = []
    at = 0.0
    for part in parts:
        width = part.value / total * 100
        if width:
            place = {"x": f"{at:.3f}%", "width": f"{max(width, 0.3):.3f}%"}
            drawn.append(tag("rect", height=22, class_=f"o-{part.name}", **place))
        at += width
    legend = [
        tag(
            "span",
            tag("i", class_=f"o-{part.name}"),
            f"{part.name} {format_share(part.value / total)}",
        )
        for part in parts
        if part.value
    ]
    bar = tag("svg", *drawn, width="100%", height=22, role="img", class_="stacked")
    return join([bar, tag("p", *legend, class_="legend")])

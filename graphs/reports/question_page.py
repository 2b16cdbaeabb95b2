"""Turns the figures of a run over questions into one page that runs nothing and needs nothing."""

from collections.abc import Sequence
from typing import cast

from burnish.graphs.reports.charts import (
    Bar,
    BarPart,
    draw_bars,
    draw_stack,
    format_count,
    format_share,
)
from burnish.graphs.reports.html import Markup, join, tag
from burnish.graphs.reports.page import (
    Figures,
    cards,
    equation,
    header_of,
    listing,
    name_of,
    page,
    panel,
    table,
)
from burnish.tools.text.visible import shown

_CELLS = 60
_PARTS = ("unchanged", "edited", "dropped", "quarantined", "failed")
_SIDE = 260


def render(figures: Figures) -> str:
    """Return the page for the figures that `qa_report` makes."""
    name = name_of(str(figures["input"]["location"]))
    sections = [
        _cards(figures),
        _cells(figures),
        _invoice(figures),
        _plans(figures),
        _verdicts(figures),
        _samples(figures),
    ]
    return page(name, _header(figures, name), sections)


def _header(figures: Figures, name: str) -> Markup:
    held = figures["balance"]
    terms = [
        ("", held["rows_in"], "rows in"),
        ("+", held["added"], "added"),
        ("=", held["rows_out"], "rows out"),
        *(("+", held[part], part) for part in ("dropped", "quarantined")),
    ]
    about = f"{figures['input']['location']} · target {figures['target']} · {figures['created']}"
    return header_of(
        name,
        about,
        equation(terms, held["rows_in"] - held["accounted"]),
        draw_stack([BarPart(part, held[part]) for part in _PARTS]),
    )


def _cards(figures: Figures) -> Markup:
    far, tokens = figures["divergence"], figures["tokens"]
    spent = format_count(tokens["spent"])
    whole = (
        "no budget was set" if tokens["budget"] is None else f"of {format_count(tokens['budget'])}"
    )
    pairs = [
        (f"{far['before']:.4f} → {far['after']:.4f}", "bits of divergence from the target"),
        (f"{far['floor']:.4f}", "bits that a sample of the target has by chance"),
        (format_share(min(max(far["reduced_share"], 0), 1)), "of what can be reduced was"),
        (spent, f"tokens spent; {whole}"),
        (format_count(figures["review"]), "items for people to review"),
        *_difficulty(figures["difficulty"]),
    ]
    return cards(pairs)


def _difficulty(told: Figures) -> list[tuple[str, str]]:
    """Say of how many new and changed items the difficulty was looked for."""
    whole = told["scored"] + told["unverified"]
    if not whole:
        return []
    return [
        (
            f"{format_count(told['scored'])} of {format_count(whole)}",
            "new difficulties told by a solver",
        )
    ]


def _cells(figures: Figures) -> Markup:
    ranked = sorted(
        figures["cells"], key=lambda row: -abs(row["before_share"] - row["target_share"])
    )
    rows = [
        [
            tag("bdi", shown(row["cell"])),
            format_count(row["before"]),
            format_count(row["after"]),
            format_share(row["before_share"]),
            format_share(row["after_share"]),
            format_share(row["target_share"]),
        ]
        for row in ranked[:_CELLS]
    ]
    heads = ("cell", "#before", "#after", "#share before", "#after", "#target")
    note = (
        f"{format_count(len(ranked))} cells; shown are those furthest from their target at first."
    )
    return listing("Coverage and difficulty", note, heads, rows)


def _invoice(figures: Figures) -> Markup:
    rows = [
        [
            tag("bdi", shown(line["operation"])),
            format_count(line["orders"]),
            format_count(line["done"]),
            format_count(line["rolled_back"]),
            format_count(line["failed"]),
            format_count(line["unspent"]),
            f"{line['mean_gain']:.5f}",
            f"{line['planned_gain']:.5f}",
            f"{line['gain']:.5f}",
            "n/a" if line["within"] is None else format_share(line["within"]),
        ]
        for line in figures["invoice"]
    ]
    heads = (
        "operation", "#ordered", "#done", "#rolled back", "#failed", "#not begun",
        "#gain predicted", "#planned with", "#realised", "#within interval",
    )  # fmt: skip
    tokens = figures["tokens"]
    less = tokens["under_planned"]
    note = (
        "Gains are bits of divergence. Plans count on a bound of the mean, not on the mean. "
        f"{format_count(abs(less))} tokens {'less' if less >= 0 else 'more'} were spent than "
        "planned."
    )
    words = (
        "A point is a tenth of the orders that promised a gain; on the line, predictions are "
        "right. A bar is two standard errors to either side."
    )
    panels = [
        panel("Tokens", "Of the work, replies from the store included.", _tokens(figures)),
        panel("Predicted and realised gain", words, _plot(figures["calibration"])),
    ]
    return join([listing("Invoice", note, heads, rows), tag("div", *panels, class_="panels")])


def _tokens(figures: Figures) -> Markup:
    rows = [
        [
            tag("bdi", shown(line["operation"])),
            *(
                format_count(round(line[key]))
                for key in ("mean_tokens", "planned_tokens", "tokens")
            ),
        ]
        for line in figures["invoice"]
    ]
    return table(("operation", "#predicted", "#planned with", "#spent"), rows)


def _plot(points: Sequence[Figures]) -> Markup:
    ends = [_ends(point) for point in points]
    values = [*(value for pair in ends for value in pair), *(p["predicted"] for p in points)]
    most = max(map(abs, values), default=0.0) or 1.0
    low = min([*values, 0.0])
    span = most - low or 1.0

    def at(value: float) -> float:
        return 10 + (value - low) / span * (_SIDE - 20)

    dots: list[Markup] = []
    for p, (bottom, top) in zip(points, ends, strict=True):
        x = f"{at(p['predicted']):.1f}"
        said = f"{p['orders']} orders: {p['predicted']:.2e} predicted, {p['realised']:.2e}"
        up, down = f"{_SIDE - at(top):.1f}", f"{_SIDE - at(bottom):.1f}"
        middle = f"{_SIDE - at(p['realised']):.1f}"
        dots += [
            tag("line", x1=x, y1=down, x2=x, y2=up, class_="axis"),
            tag("circle", tag("title", said), cx=x, cy=middle, r=4, class_="fill"),
        ]
    line = tag("line", x1=10, y1=_SIDE - 10, x2=_SIDE - 10, y2=10, class_="axis")
    said = "mean predicted gain (to the right) against mean realised gain (upwards)"
    return tag(
        "svg",
        tag("title", said),
        line,
        *dots,
        tag("text", "predicted", x=_SIDE - 10, y=_SIDE - 2, text_anchor="end"),
        tag("text", "realised", x=2, y=12),
        viewBox=f"0 0 {_SIDE} {_SIDE}",
        role="img",
        width=_SIDE,
        class_="histogram scatter",
    )


def _ends(point: Figures) -> tuple[float, float]:
    """Return two standard errors to either side of what was realised."""
    realised, error = float(point["realised"]), float(point["error"] or 0.0)
    return realised - 2 * error, realised + 2 * error


def _plans(figures: Figures) -> Markup:
    rows: list[list[str]] = []
    for plan in figures["rounds"]:
        gap = "n/a" if plan["gap"] is None else f"{plan['gap']:.1e}"
        price = plan["price_per_1000_tokens"]
        rows.append([
            str(plan["round"]),
            format_count(plan["orders"]),
            f"{plan['before']['jsd']:.5f}",
            "n/a" if plan["value"] is None else f"{plan['value']:.5f}",
            gap,
            "n/a" if price is None else f"{price:.2e}",
        ])
    heads = (
        "round",
        "#orders",
        "#divergence before",
        "#planned gain",
        "#gap",
        "#price of 1,000 tokens",
    )
    return listing("Plans", "", heads, rows)


def _verdicts(figures: Figures) -> Markup:
    held = figures["verdicts"]
    if not held:
        return Markup("")
    drawn = [
        Bar(f"{name}: {opinion}", count, format_count(count))
        for name, counts in held.items()
        for opinion, count in counts.items()
    ]
    return tag("section", tag("h2", "What validators said"), draw_bars(drawn))


def _samples(figures: Figures) -> Markup:
    return tag(
        "section",
        tag("h2", "Before and after"),
        *(_sample(one) for one in figures["samples"]),
    )


def _sample(one: Figures) -> Markup:
    item = cast("Figures", one["after"] or one["before"] or {})
    summary = tag(
        "summary",
        tag("b", tag("bdi", shown(str(item.get("id", "?"))))),
        tag("span", f"{one['operation']}: {one['status']}", class_="tag"),
        tag("span", tag("bdi", shown(one["reason"]))),
    )
    lines = [*_words("before", one["before"]), *_words("after", one["after"]), *one["verdicts"]]
    return tag("details", summary, tag("pre", "\n".join(lines), class_="doc"), class_="sample")


def _words(title: str, item: Figures | None) -> list[str]:
    if item is None:
        return [f"{title}: not in the set"]
    choices = [f"  {'*' if text == item['answer'] else '-'} {text}" for text in item["choices"]]
    return [f"{title}: {item['question']}", *choices, f"  answer: {item['answer']}"]

"""Turns the figures of a run over questions into one page that runs nothing and needs nothing."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Any, cast

from burnish.graphs.charts import Bar, Part, bars, number, percent, stacked
from burnish.graphs.markup import Markup, tag
from burnish.graphs.visible import shown

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_CELLS = 60
_PARTS = ("unchanged", "edited", "dropped", "quarantined", "failed")
_SIDE = 260

Figures = Mapping[str, Any]


def render(figures: Figures) -> str:
    """Return the page for the figures that `qa_report` makes."""
    location = str(figures["input"]["location"])
    name = shown(PurePath(location).name or location)
    style = files("burnish.graphs").joinpath("report.css").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"burnish: {name}"),
        tag("style", Markup(style)),
    )
    main = tag(
        "main",
        _cards(figures),
        _cells(figures),
        _invoice(figures),
        _plans(figures),
        _verdicts(figures),
        _samples(figures),
    )
    page = tag("html", head, tag("body", _header(figures, name), main), lang="en")
    return f"<!doctype html>\n{page}\n"


def _header(figures: Figures, name: str) -> Markup:
    held = figures["balance"]
    terms = [_term(held["rows_in"], "rows in"), _sign("+"), _term(held["added"], "added")]
    terms += [_sign("="), _term(held["rows_out"], "rows out")]
    for part in ("dropped", "quarantined"):
        terms += [_sign("+"), _term(held[part], part)]
    badge = (
        tag("span", "✓ rows balance", class_="badge")
        if held["balances"]
        else tag("span", "✗ rows unaccounted for", class_="badge bad")
    )
    about = f"{figures['input']['location']} · target {figures['target']} · {figures['created']}"
    return tag(
        "header",
        tag(
            "div",
            tag("h1", tag("bdi", name)),
            tag("p", tag("bdi", about), class_="about"),
            tag("div", *terms, badge, class_="equation"),
            stacked([Part(part, held[part]) for part in _PARTS]),
        ),
    )


def _sign(sign: str) -> Markup:
    return tag("span", sign, class_="sign")


def _term(value: int, name: str) -> Markup:
    zero = "" if value else " zero"
    return tag("span", tag("b", number(value)), tag("span", name), class_=f"term{zero}")


def _cards(figures: Figures) -> Markup:
    far, tokens = figures["divergence"], figures["tokens"]
    spent = number(tokens["spent"])
    whole = "no budget was set" if tokens["budget"] is None else f"of {number(tokens['budget'])}"
    cards = [
        (f"{far['before']:.4f} → {far['after']:.4f}", "bits of divergence from the target"),
        (f"{far['floor']:.4f}", "bits that a sample of the target has by chance"),
        (percent(min(max(far["reduced_share"], 0), 1)), "of what can be reduced was"),
        (spent, f"tokens spent; {whole}"),
        (number(figures["review"]), "items for people to review"),
        *_difficulty(figures["difficulty"]),
    ]
    return tag(
        "section",
        *(tag("div", tag("b", top), tag("span", below), class_="card") for top, below in cards),
        class_="cards",
    )


def _difficulty(told: Figures) -> list[tuple[str, str]]:
    """Say of how many new and changed items the difficulty was looked for."""
    whole = told["scored"] + told["unverified"]
    if not whole:
        return []
    return [(f"{number(told['scored'])} of {number(whole)}", "new difficulties told by a solver")]


def _cells(figures: Figures) -> Markup:
    ranked = sorted(
        figures["cells"], key=lambda row: -abs(row["before_share"] - row["target_share"])
    )
    rows = [
        [
            tag("bdi", shown(row["cell"])),
            number(row["before"]),
            number(row["after"]),
            percent(row["before_share"]),
            percent(row["after_share"]),
            percent(row["target_share"]),
        ]
        for row in ranked[:_CELLS]
    ]
    heads = ("cell", "#before", "#after", "#share before", "#after", "#target")
    note = f"{number(len(ranked))} cells; shown are those furthest from their target at first."
    return _table("Coverage and difficulty", note, heads, rows)


def _invoice(figures: Figures) -> Markup:
    rows = [
        [
            tag("bdi", shown(line["operation"])),
            number(line["orders"]),
            number(line["done"]),
            number(line["rolled_back"]),
            number(line["failed"]),
            number(line["unspent"]),
            f"{line['predicted_gain']:.5f}",
            f"{line['realised_gain']:.5f}",
            number(line["predicted_tokens"]),
            number(line["tokens"]),
        ]
        for line in figures["invoice"]
    ]
    heads = (
        "operation", "#ordered", "#done", "#rolled back", "#failed", "#not begun",
        "#gain predicted", "#realised", "#tokens predicted", "#spent",
    )  # fmt: skip
    note = "Gains are bits of divergence; a gain is predicted before the round begins."
    return tag(
        "section",
        _table("Invoice", note, heads, rows),
        tag("h3", "Predicted and realised gain"),
        tag(
            "p",
            "A point is a tenth of the orders; on the line, predictions are right.",
            class_="note",
        ),
        _plot(figures["calibration"]),
    )


def _plot(points: Sequence[Figures]) -> Markup:
    values = [abs(float(point[key])) for point in points for key in ("predicted", "realised")]
    most = max(values, default=0.0) or 1.0
    low = min([float(p[k]) for p in points for k in ("predicted", "realised")] + [0.0])
    span = most - low or 1.0

    def at(value: float) -> float:
        return 10 + (value - low) / span * (_SIDE - 20)

    dots = [
        tag(
            "circle",
            tag(
                "title",
                f"{p['orders']} orders: {p['predicted']:.2e} predicted, {p['realised']:.2e}",
            ),
            cx=f"{at(float(p['predicted'])):.1f}",
            cy=f"{_SIDE - at(float(p['realised'])):.1f}",
            r=4,
            class_="fill",
        )
        for p in points
    ]
    line = tag("line", x1=10, y1=_SIDE - 10, x2=_SIDE - 10, y2=10, class_="axis")
    said = "mean predicted gain (to the right) against mean realised gain (upwards)"
    return tag(
        "svg",
        tag("title", said),
        line,
        *dots,
        viewBox=f"0 0 {_SIDE} {_SIDE}",
        role="img",
        width=_SIDE,
        class_="histogram",
    )


def _plans(figures: Figures) -> Markup:
    rows: list[list[str]] = []
    for plan in figures["rounds"]:
        gap = "n/a" if plan["gap"] is None else f"{plan['gap']:.1e}"
        price = plan["price_per_1000_tokens"]
        rows.append([
            str(plan["round"]),
            number(plan["orders"]),
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
    return _table("Plans", "", heads, rows)


def _verdicts(figures: Figures) -> Markup:
    held = figures["verdicts"]
    if not held:
        return Markup("")
    drawn = [
        Bar(f"{name}: {opinion}", count, number(count))
        for name, counts in held.items()
        for opinion, count in counts.items()
    ]
    return tag("section", tag("h2", "What validators said"), bars(drawn))


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


def _table(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    top = [tag("th", h.lstrip("#"), class_="figure" if h.startswith("#") else None) for h in heads]
    body = [
        tag(
            "tr",
            *(
                tag("td", cell, class_="figure" if head.startswith("#") else None)
                for cell, head in zip(row, heads, strict=True)
            ),
        )
        for row in rows
    ]
    return tag(
        "section",
        tag("h2", title),
        tag("p", note, class_="note"),
        tag("table", tag("thead", tag("tr", *top)), tag("tbody", *body), class_="list"),
    )

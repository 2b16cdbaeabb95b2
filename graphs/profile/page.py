"""The profile of a QA set as one page that needs nothing else and runs nothing."""

from collections.abc import Mapping
from typing import Final

from burnish.corpora.questions.choices import LETTERS
from burnish.graphs.reports.charts import Bar, draw_bars, draw_histogram, format_count, format_share
from burnish.graphs.reports.html import Markup, tag
from burnish.graphs.reports.page import (
    Figures,
    cards,
    header_of,
    listing,
    name_of,
    page,
    panel,
    table,
)
from burnish.tools.text.visible import shown

_CELLS: Final = 60
_MODELS: Final = 30
_NAMES: Final[Mapping[str, str]] = {
    "cells": "cells",
    "difficulty": "difficulty buckets",
    "cells_and_difficulty": "cells by difficulty",
}
_SIGNALS: Final[Mapping[str, str]] = {
    "plausibility": "Plausibility: mean cosine of wrong choices with the key",
    "diversity": "Diversity: one less the mean cosine among wrong choices",
    "top_distractor": "Share of answers that took the likeliest wrong choice",
    "working_distractors": "Wrong choices that at least 5 % of answers took",
}


def render_profile(figures: Figures) -> str:
    """Return the page for the figures that `figures_of` makes."""
    sections = [
        _cards(figures),
        _divergence(figures),
        _difficulty(figures),
        _choices(figures),
        _flags(figures),
        _cells(figures),
    ]
    target = f" · target {figures['target']}" if figures["target"] else ""
    name = name_of(str(figures["input"]))
    header = header_of(name, shown(f"{figures['input']}{target}"), before="Profile of ")
    return page(f"profile of {name}", header, sections)


def _cards(figures: Figures) -> Markup:
    difficulty, flagged = figures["difficulty"], sum(row["items"] for row in figures["flags"])
    cells = sum(1 for row in figures["cells"] if row["items"])
    pairs = [
        (
            format_count(figures["items"]),
            f"items, {format_count(figures['bad_rows'])} bad rows set aside",
        ),
        (format_count(cells), "cells (domain by skill)"),
        (format_count(difficulty["known"]), _told(difficulty)),
        (format_count(flagged), "flags on items"),
        (format_count(figures["rationales"]), "items with a rationale"),
        (format_count(figures["multi_turn"]), "items of several turns"),
    ]
    labels = figures["labels"]
    if labels is not None:
        other, who = format_count(labels["other"]), shown(labels.get("by", "nobody"))
        pairs.append((format_count(labels["labelled"]), f"items labelled by {who}, {other} other"))
    return cards(pairs)


def _told(difficulty: Figures) -> str:
    if difficulty.get("told_by") == "judgements":
        return "items judged against others"
    return f"items answered by {format_count(difficulty['models'])} models"


def _divergence(figures: Figures) -> Markup:
    rows = [
        [
            _NAMES[name],
            f"{one['bits']:.4f}",
            f"{one['interval'][0]:.4f} to {one['interval'][1]:.4f}",
            f"{one['floor']:.4f}",
            f"{one['reducible']:.4f}",
        ]
        for name, one in figures["divergence"].items()
    ]
    note = (
        "Jensen-Shannon divergence in bits, 0 to 1, with its 90 % bootstrap interval. The floor is "
        "what as many draws from the target itself would show; what lies above it can be reduced."
    )
    heads = ("of", "#divergence", "#interval", "#floor", "#above the floor")
    return listing("Distance to the target", note, heads, rows)


def _difficulty(figures: Figures) -> Markup:
    found = figures["difficulty"]
    if not found["known"]:
        note = "No answer records: give columns that say how models answered, or ask a panel."
        return tag("section", tag("h2", "Difficulty"), tag("p", note, class_="note"))
    drawn = found["histogram"]
    unsure = "no standard errors"
    if found["median_error"] is not None:
        unsure = f"median standard error {found['median_error']:.2f}"
    told = f"{format_count(found['answers'])} {found['told_by']}, {unsure}"
    note = f"Logits, 0 for the average item; {told}."
    columns = draw_histogram(
        drawn["counts"], f"{drawn['low']:.1f} easy", f"{drawn['high']:.1f} hard", "items"
    )
    edges = ", ".join(
        f"{edge:.2f} (Elo {rating:.0f})"
        for edge, rating in zip(
            figures["buckets"]["edges"], figures["buckets"]["elo_edges"], strict=True
        )
    )
    buckets = [
        Bar(
            f"{row['bucket']}: {row['holds']}" if row["bucket"] >= 0 else row["holds"],
            row["share"],
            _share(row),
        )
        for row in figures["buckets"]["rows"]
    ]
    models = [
        [tag("bdi", shown(row["model"])), f"{row['ability']:.2f}", f"{row['elo']:.0f}"]
        for row in found["abilities"][:_MODELS]
    ]
    panels = [
        panel("How hard the items are", note, columns),
        panel("Buckets", f"Edges in logits: {edges or 'none'}.", draw_bars(buckets)),
    ]
    if models:
        heads = ("model", "#logits", "#Elo")
        panels.append(panel("Who answered", "Ability.", table(heads, models)))
    panels.append(panel("The extremes", "Hardest, then easiest.", _extremes(found)))
    return tag("section", tag("h2", "Difficulty"), tag("div", *panels, class_="panels"))


def _extremes(found: Figures) -> Markup:
    rows = [
        [tag("bdi", shown(one["id"])), f"{one['difficulty']:.2f}{_error(one)}"]
        for one in (*found["hardest"], *found["easiest"])
    ]
    return table(("item", "#difficulty"), rows)


def _error(one: Figures) -> str:
    return "" if one["error"] is None else f" ± {one['error']:.2f}"


def _choices(figures: Figures) -> Markup:
    panels: list[Markup] = []
    for one in figures["key_places"][:2]:
        total = sum(one["counts"]) or 1
        drawn = [
            Bar(LETTERS[at % 26], count, f"{format_share(count / total)}")
            for at, count in enumerate(one["counts"])
        ]
        note = (
            f"{format_count(total)} items; the fullest place has {one['excess']:+.1%} of keys "
            f"beyond chance (95 % {one['low']:+.1%} to {one['high']:+.1%}), p = {one['p']:.2g}."
        )
        panels.append(panel(f"Where keys stand, {one['choices']} choices", note, draw_bars(drawn)))
    length = figures["key_length"]
    if length is not None:
        drawn = [
            Bar("the key is longest", length["longest"], format_share(length["longest"])),
            Bar("by chance", length["expected"], format_share(length["expected"])),
        ]
        note = (
            f"Difference {length['longest'] - length['expected']:+.1%} (95 % {length['low']:+.1%} "
            f"to {length['high']:+.1%}), p = {length['p']:.2g}; a key has {length['ratio']:.2f} "
            "times the length of a wrong choice."
        )
        panels.append(panel("How long keys are", note, draw_bars(drawn)))
    for name, one in figures["distractors"].items():
        if one["items"]:
            panels.append(_signal(name, one))
    if not panels:
        return Markup("")
    return tag("section", tag("h2", "Choices"), tag("div", *panels, class_="panels"))


def _signal(name: str, one: Figures) -> Markup:
    drawn = [
        Bar(label, max(one[key], 0.0), f"{one[key]:.2f}")
        for label, key in (("tenth percentile", "low"), ("median", "median"), ("ninetieth", "high"))
    ]
    return panel(_SIGNALS.get(name, name), f"{format_count(one['items'])} items.", draw_bars(drawn))


def _flags(figures: Figures) -> Markup:
    rows = [
        [
            tag("span", row["name"], class_="tag"),
            row["means"],
            format_count(row["items"]),
            tag("bdi", shown(", ".join(row["first"]))),
        ]
        for row in figures["flags"]
    ]
    return listing("What is wrong with items", "", ("flag", "means", "#items", "such as"), rows)


def _cells(figures: Figures) -> Markup:
    rows = figures["cells"]
    drawn = [
        Bar(
            shown(row["name"]),
            row["share"],
            f"{format_count(row['items'])} · {_share(row)}"
            + ("" if row["difficulty"] is None else f" · {row['difficulty']:+.1f}"),
        )
        for row in rows[:_CELLS]
    ]
    note = "Items, share of the set" + (", share of the target" if figures["target"] else "")
    more = (
        f" {format_count(len(rows) - _CELLS)} smaller ones are left out." if rows[_CELLS:] else ""
    )
    body = tag("div", draw_bars(drawn), class_="panel")
    told = tag("p", f"{note}, mean difficulty.{more}", class_="note")
    return tag("section", tag("h2", "Cells"), told, body)


def _share(row: Figures) -> str:
    target = f" (target {format_share(row['target_share'])})" if "target_share" in row else ""
    return f"{format_share(row['share'])}{target}"

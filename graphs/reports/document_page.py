"""Turns the figures of a report into one page that needs nothing else and runs nothing.

Documents are untrusted: the page is built from escaped pieces only, it holds no script, and its
content policy forbids any. Samples are filtered by style rules alone.
"""

from collections.abc import Sequence

from burnish.corpora.records import DOCUMENTS
from burnish.graphs.reports.charts import (
    Bar,
    BarPart,
    draw_bars,
    draw_histogram,
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
)
from burnish.tools.text.visible import shown

_BARS = 14
_FILTERS = 10
_OPEN = 3
_ORDER = ("unchanged", "edited", "dropped", "quarantined", "failed")
assert set(_ORDER) == set(DOCUMENTS.outcomes)


def render(figures: Figures) -> str:
    """Return the page for the figures that `build_report` makes."""
    reasons = [str(row["name"]) for row in figures["reasons"][:_FILTERS]]
    sections = [
        _cards(figures),
        _charts(figures),
        _samples(figures, reasons),
        _biggest(figures),
        _flagged(figures),
        _quarantined(figures),
        _footer(figures),
    ]
    name = name_of(str(figures["input"]["location"]))
    return page(name, _header(figures, name), sections, _style(len(reasons)))


def _style(filters: int) -> str:
    """Return the rules by which a choice of reasons shows and hides samples."""
    rules = [
        f":root:has(#reason-{at}:checked) .sample:not(.with-{at}) {{ display: none; }}"
        for at in range(filters)
    ]
    return "\n".join(rules)


def _header(figures: Figures, name: str) -> Markup:
    held = figures["balance"]
    signs = ("=", *"+" * (len(_ORDER) - 1))
    terms = [(sign, held[outcome], outcome) for sign, outcome in zip(signs, _ORDER, strict=True)]
    about = f"{figures['input']['location']} · {_refiners(figures)} · {figures['created']}"
    return header_of(
        name,
        about,
        equation([("", held["rows_in"], "rows in"), *terms], held["rows_in"] - held["accounted"]),
        draw_stack([BarPart(outcome, held[outcome]) for outcome in _ORDER]),
    )


def _refiners(figures: Figures) -> str:
    """Name the refiner; where several shared the work, how many documents each of them had."""
    agents = figures["agents"]
    if len(agents) < 2:
        return f"refiner {figures['refiner'].get('name', '?')}"
    return "refiners " + ", ".join(
        f"{name}: {format_count(count)}" for name, count in agents.items()
    )


def _cards(figures: Figures) -> Markup:
    chars, speed, balance = figures["chars"], figures["throughput"], figures["balance"]
    read = balance["unchanged"] + balance["edited"] + balance["dropped"] + balance["failed"]
    kept = chars["out"] / chars["in"] if chars["in"] else 1.0
    rate = speed["mb_per_cpu_second"]
    pairs = [
        (format_share(kept), f"of {format_count(chars['in'])} characters kept"),
        (format_count(chars["removed_from_edited"]), "characters cut out of edited documents"),
        (
            format_share(balance["edited"] / read if read else 0),
            "of the documents read were edited",
        ),
        (
            format_count(figures["calls"]),
            f"calls carried out, {format_count(figures['rejected_calls'])} refused",
        ),
        (f"{rate:,.2f} MB/s" if rate else "n/a", f"per core; {_time(speed['cpu_seconds'])} of CPU"),
        (_size(figures["bytes"]["in"]), f"of text in, {_size(figures['bytes']['out'])} out"),
    ]
    return cards(pairs)


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _charts(figures: Figures) -> Markup:
    ratio, confidence = figures["kept_ratio"]["edited"], figures["confidence"]["calls"]
    panels = [
        panel(
            "Removed, by reason",
            "Characters, dropped documents included.",
            _weights(figures["reasons"]),
        ),
        panel("Removed, by kind of call", "Characters.", _weights(figures["kinds"])),
        panel(
            "How much of a document stays",
            "Edited documents by the share of their characters kept.",
            draw_histogram(ratio, "0 % kept", "100 %", "edited documents"),
        ),
        panel(
            "How sure the refiner was",
            "Calls by the probability given that the deletion is right.",
            draw_histogram(confidence, "0 %", "100 % sure", "calls"),
        ),
    ]
    return tag("section", tag("h2", "What was removed"), tag("div", *panels, class_="panels"))


def _weights(rows: Sequence[Figures]) -> Markup:
    if not rows:
        return tag("p", "Nothing was removed.", class_="note")
    total = sum(row["chars"] for row in rows) or 1
    drawn = [
        Bar(
            shown(row["name"]),
            row["chars"],
            f"{format_count(row['chars'])} · {format_share(row['chars'] / total)}",
            f"{format_count(row['calls'])} calls in {format_count(row['documents'])} documents, "
            f"mean confidence {row['mean_confidence']:.2f}",
        )
        for row in rows[:_BARS]
    ]
    rest = rows[_BARS:]
    if rest:
        chars = sum(row["chars"] for row in rest)
        label = f"{len(rest)} more"
        drawn.append(Bar(label, chars, f"{format_count(chars)} · {format_share(chars / total)}"))
    return draw_bars(drawn)


def _samples(figures: Figures, reasons: Sequence[str]) -> Markup:
    groups = figures["samples"]
    picked = [one for outcome in ("edited", "dropped", "failed") for one in groups[outcome]]
    picked += groups["unchanged"]
    if not picked:
        return Markup("")
    filters = [_filter("all", "everything", checked=True)]
    filters += [_filter(str(at), shown(name), checked=False) for at, name in enumerate(reasons)]
    note = (
        "Drawn at random. Struck out is what went; rest the pointer on it for the reason and the "
        "confidence. Long stretches are shortened."
    )
    return tag(
        "section",
        tag("h2", "Before and after"),
        tag("p", note, class_="note"),
        tag("div", *filters, class_="filters", role="radiogroup", aria_label="Show by reason"),
        *(_sample(one, reasons, opened=at < _OPEN) for at, one in enumerate(picked)),
    )


def _filter(name: str, label: str, *, checked: bool) -> Markup:
    button = tag("input", type="radio", name="reason", id=f"reason-{name}", checked=checked)
    return tag("label", button, tag("bdi", label))


def _sample(one: Figures, reasons: Sequence[str], *, opened: bool) -> Markup:
    classes = [f"with-{at}" for at, name in enumerate(reasons) if name in one["reasons"]]
    facts = [f"{format_count(one['raw_chars'])} characters"]
    if one["removed_chars"]:
        facts.append(f"{format_share(one['removed_share'])} removed")
    facts += [shown(name) for name in list(one["reasons"])[:4]]
    summary = tag(
        "summary",
        tag("b", tag("bdi", shown(one["id"]))),
        tag("span", one["outcome"], class_="tag"),
        tag("span", " · ".join(facts)),
        *([tag("span", "⚑ ", tag("bdi", one["flag"]))] if one["flag"] else []),
    )
    body = tag("pre", *map(_stretch, one["stretches"]), class_="doc", dir="auto")
    return tag("details", summary, body, class_=" ".join(["sample", *classes]), open=opened)


def _stretch(one: Figures) -> Markup:
    removed = one["kind"] == "removed"
    if not one["text"]:
        more = "" if one["kind"] != "rest" else "more "
        kind = "gap in-removed" if removed else "gap"
        gap = tag("span", f"\n… {format_count(one['chars'])} {more}characters …\n", class_=kind)
        return tag("del", gap) if removed else gap
    if not removed:
        return join([one["text"]])
    text = one["text"] if one["text"].strip("\n") else one["text"].replace("\n", "⏎\n")
    return tag("del", text, title=f"{one['reason']}, confidence {one['confidence']:.2f}")


def _biggest(figures: Figures) -> Markup:
    rows = [
        [
            tag("bdi", shown(one["id"])),
            tag("span", one["outcome"], class_="tag"),
            format_count(one["removed_chars"]),
            format_share(one["removed_share"]),
            tag("bdi", ", ".join(shown(name) for name in list(one["reasons"])[:5])),
        ]
        for one in figures["biggest"]
    ]
    heads = ("record", "outcome", "#characters removed", "#share", "reasons")
    return listing("Biggest deletions", "", heads, rows)


def _flagged(figures: Figures) -> Markup:
    counts = ", ".join(f"{shown(name)} {format_count(n)}" for name, n in figures["flags"].items())
    rows = [
        [
            tag("bdi", shown(one["id"])),
            tag("bdi", one["flag"]),
            tag("span", one["outcome"], class_="tag"),
            format_count(one["raw_chars"]),
        ]
        for one in figures["flagged"]
    ]
    note = f"A person should look at these: {counts}. Shown are {len(rows)}, drawn at random."
    return listing("Flagged", note, ("record", "flag", "outcome", "#characters"), rows)


def _quarantined(figures: Figures) -> Markup:
    held = figures["quarantined"]
    rows = [
        [tag("bdi", shown(one["source"])), str(one["row"]), tag("bdi", one["reason"])]
        for one in held["first"]
    ]
    note = (
        f"{format_count(held['rows'])} rows could not be read; they lie in quarantine/. "
        f"Shown are the first {len(rows)}."
    )
    return listing("Quarantined", note, ("source", "#row", "reason"), rows)


def _footer(figures: Figures) -> Markup:
    return tag(
        "footer",
        f"burnish {figures['burnish']} · {format_count(figures['shards'])} shards · input sha256 ",
        tag("code", str(figures["input"]["digest"])),
        tag("br"),
        "The same figures are in report.json. Undo any of it with ",
        tag("code", "burnish replay"),
        "; check all of it with ",
        tag("code", "burnish replay --verify"),
        ".",
    )

"""The frame and the furniture that the pages of reports share.

What is shown comes from strangers: pages are made of escaped pieces only, they hold no script, and
their content policy forbids any.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Any, Final

from burnish.graphs.reports.charts import format_count
from burnish.graphs.reports.html import Markup, tag
from burnish.tools.text.visible import shown

Figures = Mapping[str, Any]
"""What a page is made from: the content of the JSON file beside it."""

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def page(title: str, header: Markup, sections: Sequence[Markup], rules: str = "") -> str:
    """Return a page that needs nothing else and runs nothing.

    Args:
        title: what the browser shows; `burnish: ` is put before it.
        header: made by `header_of`.
        sections: what stands below, in order.
        rules: style rules of this page alone, made by us: they are not escaped.
    """
    style = files("burnish.graphs.reports").joinpath("report.css").read_text("utf-8") + rules
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"burnish: {title}"),
        tag("style", Markup(style)),
    )
    whole = tag("html", head, tag("body", header, tag("main", *sections)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def name_of(location: str) -> str:
    """Return the last part of a path, fit to be shown."""
    return shown(PurePath(location).name or location)


def header_of(name: str, about: str, *below: Markup, before: str = "") -> Markup:
    """Return the head of a page: what it is about, from where, and what stands below that."""
    title = tag("h1", before, tag("bdi", name)) if before else tag("h1", tag("bdi", name))
    said = tag("p", tag("bdi", about), class_="about")
    return tag("header", tag("div", title, said, *below))


def equation(pieces: Iterable[tuple[str, int, str]], missing: int) -> Markup:
    """Return rows that add up, as an equation with a badge.

    Args:
        pieces: the sign before each term (empty for the first), its count and its name.
        missing: rows that are not accounted for.
    """
    terms: list[Markup] = []
    for sign, count, name in pieces:
        if sign:
            terms.append(tag("span", sign, class_="sign"))
        kind = "term" if count else "term zero"
        terms.append(tag("span", tag("b", format_count(count)), tag("span", name), class_=kind))
    if missing:
        badge = tag(
            "span", f"✗ {format_count(abs(missing))} rows unaccounted for", class_="badge bad"
        )
    else:
        badge = tag("span", "✓ rows balance", class_="badge")
    return tag("div", *terms, badge, class_="equation")


def cards(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return figures that are read first, each over the words that say what it is."""
    drawn = (tag("div", tag("b", top), tag("span", below), class_="card") for top, below in pairs)
    return tag("section", *drawn, class_="cards")


def panel(title: str, note: str, body: Markup) -> Markup:
    """Return a picture in its frame."""
    return tag("div", tag("h3", title), tag("p", note, class_="note"), body, class_="panel")


def listing(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return a section with a table, or nothing where there are no rows."""
    if not rows:
        return Markup("")
    said = [tag("p", note, class_="note")] if note else []
    return tag("section", tag("h2", title), *said, tag("div", table(heads, rows), class_="panel"))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return a table; a head that begins with # stands over figures."""
    kinds = ["figure" if head.startswith("#") else None for head in heads]
    top = [
        tag("th", head.lstrip("#"), class_=kind) for head, kind in zip(heads, kinds, strict=True)
    ]
    body = [
        tag("tr", *(tag("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows
    ]
    return tag("table", tag("thead", tag("tr", *top)), tag("tbody", *body), class_="list")

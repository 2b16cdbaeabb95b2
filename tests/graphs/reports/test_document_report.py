"""The report: figures that balance, and a page in which text stays text."""

import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings

from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.graphs.reports.document_card import plain, write_card
from burnish.graphs.reports.document_report import build_report, write_report
from burnish.graphs.reports.html import join, tag
from burnish.graphs.reports.samples import draw_lot
from burnish.graphs.reports.tally import BIGGEST, FLAGGED, OTHER_SAMPLES, SAMPLES
from burnish.tools.deletion.program import Program, RemoveAll, RemoveLines, RemoveStr
from tests.support.run_folders import Bad, Case, noted, runs, write_run

HOSTILE = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=alert(1)>",
    "</del></pre></details><h1>out</h1>",
    "${7*7} {{7*7}} {% raw %} <%= 7*7 %>",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202egnitirw \u2066isolate\u2069",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &amp;amp;",
    "--><!-- ]]> </style><style>*{display:none}</style></title>",
)


def build(folder: RunFolder, seed: int = 0) -> dict[str, Any]:
    return cast("dict[str, Any]", build_report(folder, read_json(folder.manifest), seed))


def page_of(folder: RunFolder) -> str:
    write_report(folder, read_json(folder.manifest))
    return folder.report.read_text("utf-8")


def hostile_run(root: Path) -> RunFolder:
    cases = [
        Case(
            f"{place} {text}",
            f"{text}\nkept {text}",
            Program((noted(RemoveLines(1, 1), text, 0.75),)),
            flag=text if place % 2 else "",
        )
        for place, text in enumerate(HOSTILE)
    ]
    cases += [
        Case("drop" + HOSTILE[0], HOSTILE[0], Program((noted(RemoveAll(), HOSTILE[2]),))),
        Case("fail" + HOSTILE[0], HOSTILE[1], failure=HOSTILE[2]),
        Case("same" + HOSTILE[0], HOSTILE[2]),
    ]
    bad = [Bad(text, place, text) for place, text in enumerate(HOSTILE)]
    return write_run(root, [cases], bad=bad, location="/data/" + HOSTILE[0] + ".jsonl")


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_figures_balance_with_the_input(tmp_path: Path) -> None:
    cases = [
        Case("a", "Menu\nText one.", Program((noted(RemoveLines(1, 1), "nav", 0.9),))),
        Case("b", "Text two."),
        Case("c", "spam spam", Program((noted(RemoveAll(), "spam", 1.0),))),
        Case("d", "Lost.", failure="timeout"),
    ]
    more = [
        Case("e", "Share Text\nMenu", Program((
            noted(RemoveStr(1, "Share "), "share", 0.6), noted(RemoveLines(2, 2), "nav", 0.8)
        )), flag="rejected_calls"),
    ]  # fmt: skip
    figures = build(write_run(tmp_path / "run", [cases, more], bad=[Bad("x", 1, "not JSON")]))
    assert figures["balance"] == {
        "rows_in": 6, "unchanged": 1, "edited": 2, "dropped": 1, "failed": 1, "quarantined": 1,
        "accounted": 6, "balances": True,
    }  # fmt: skip
    assert figures["chars"] == {
        "in": 52, "out": 22, "removed_from_edited": 16, "dropped": 9, "failed": 5,
    }  # fmt: skip
    chars = figures["chars"]
    assert chars["in"] == sum(v for name, v in chars.items() if name != "in")
    assert figures["bytes"] == {"in": 52, "out": 22}
    assert figures["throughput"]["cpu_seconds"] == pytest.approx(0.5)
    assert [(row["name"], row["calls"], row["chars"]) for row in figures["reasons"]] == [
        ("nav", 2, 10), ("spam", 1, 9), ("share", 1, 6),
    ]  # fmt: skip
    assert figures["reasons"][0]["documents"] == 2
    assert figures["reasons"][0]["mean_confidence"] == pytest.approx(0.85)
    assert {row["name"]: row["chars"] for row in figures["kinds"]} == {
        "remove_lines": 10, "remove_all": 9, "remove_str": 6,
    }  # fmt: skip
    assert figures["flags"] == {"rejected_calls": 1, "failed: timeout": 1}
    assert [(one["id"], one["removed_chars"]) for one in figures["biggest"]] == [
        ("e", 11), ("c", 9), ("a", 5),
    ]  # fmt: skip
    assert figures["quarantined"]["first"] == [{"source": "x", "row": 1, "reason": "not JSON"}]
    assert {name: [one["id"] for one in group] for name, group in figures["samples"].items()} == {
        "unchanged": ["b"], "edited": sorted("ae", key=lambda name: -draw_lot(0, name)),
        "dropped": ["c"], "failed": ["d"],
    }  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(runs())
def test_removed_characters_by_reason_and_by_kind_add_up(shards: list[list[Case]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        figures = build(write_run(Path(name), shards))
        chars = figures["chars"]
        removed = chars["removed_from_edited"] + chars["dropped"]
        assert chars["in"] == chars["out"] + removed + chars["failed"]
        assert sum(row["chars"] for row in figures["reasons"]) == removed
        assert sum(row["chars"] for row in figures["kinds"]) == removed
        assert sum(figures["kept_ratio"]["edited"]) == figures["balance"]["edited"]
        assert sum(figures["confidence"]["calls"]) == sum(r["calls"] for r in figures["reasons"])
        assert read_page(page_of(RunFolder(Path(name)))).text


def test_rows_that_do_not_balance_are_said_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [[Case("a", "x")], [Case("b", "y"), Case("c", "z")]])
    folder.marker(1).unlink()
    assert build(folder)["balance"]["balances"] is False
    page = page_of(folder)
    assert "✗ 2 rows unaccounted for" in page
    assert "✓" not in page


def test_samples_are_bounded_and_drawn_by_the_seed(tmp_path: Path) -> None:
    edit = Program((noted(RemoveLines(1, 1), "nav"),))
    many = [Case(f"e{n}", f"{'x' * n}\nkept", edit, flag="odd") for n in range(1, 60)]
    many += [Case(f"u{n}", "kept") for n in range(9)]
    folder = write_run(tmp_path / "run", [many[:40], many[40:]])
    figures = build(folder)
    assert len(figures["samples"]["edited"]) == SAMPLES
    assert len(figures["samples"]["unchanged"]) == OTHER_SAMPLES
    assert len(figures["flagged"]) == FLAGGED
    assert [one["id"] for one in figures["biggest"]] == [f"e{59 - n}" for n in range(BIGGEST)]
    assert build(folder) == figures
    assert build(folder, 1)["samples"] != figures["samples"]
    other = build(write_run(tmp_path / "other", [many[::-1]]))
    assert other["samples"] == figures["samples"]


def test_long_stretches_are_shortened_but_counted(tmp_path: Path) -> None:
    text = "a" * 5_000 + "\n" + "b" * 5_000
    case = Case("long", text, Program((noted(RemoveLines(1, 1), "nav"),)))
    pieces = [Case("many", "xy" * 500, Program(tuple(
        noted(RemoveStr(1, "x", n), "x") for n in range(1, 500)
    )))]  # fmt: skip
    figures = build(write_run(tmp_path / "run", [[case], pieces]))
    for one in figures["samples"]["edited"]:
        assert sum(stretch["chars"] for stretch in one["stretches"]) == one["raw_chars"]
        assert sum(len(stretch["text"]) for stretch in one["stretches"]) < 2_000
    page = page_of(RunFolder(tmp_path / "run"))
    assert "… 4,421 characters …" in page
    assert "more characters …" in page


def test_no_text_of_a_document_becomes_markup(tmp_path: Path) -> None:
    folder = hostile_run(tmp_path / "run")
    page = page_of(folder)
    reader = read_page(page)
    names = {name for name, _ in reader.tags}
    assert names <= {
        "html", "head", "meta", "title", "style", "body", "header", "div", "main", "section",
        "footer", "h1", "h2", "h3", "p", "span", "b", "bdi", "i", "br", "code", "svg", "rect",
        "line", "text", "table", "thead", "tbody", "tr", "th", "td", "label", "input", "details",
        "summary", "pre", "del",
    }  # fmt: skip
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on")]
    assert not {"src", "href", "style", "action"} & {k for _, a in reader.tags for k in a}
    assert len(re.findall("<script|<img|<h1", page)) == 1
    for hidden in "\x1b\x07\u202e\u2066\u2069":
        assert hidden not in page


def test_every_hostile_text_can_still_be_read(tmp_path: Path) -> None:
    reader = read_page(page_of(hostile_run(tmp_path / "run")))
    text = "".join(reader.text)
    for hostile in HOSTILE[:4] + HOSTILE[6:]:
        assert f"kept {hostile}" in text
    assert "␛[31mred␛]0;title␇" in text
    assert "⟨U+202E⟩gnitirw" in text
    titles = [attributes.get("title") for name, attributes in reader.tags if name == "del"]
    assert '" onmouseover="alert(1), confidence 0.75' in titles


def test_the_page_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    page = page_of(hostile_run(tmp_path / "run"))
    assert "default-src &#x27;none&#x27;; style-src" in page
    assert not re.search(r"https?://|@import|url\(|<link|<script", page)


def test_the_json_has_the_figures_of_the_page(tmp_path: Path) -> None:
    folder = hostile_run(tmp_path / "run")
    page = page_of(folder)
    figures = read_json(folder.report.with_suffix(".json"))
    assert figures == build(folder)
    assert figures["balance"]["rows_in"] == len(HOSTILE) * 2 + 3
    assert "<b>21</b><span>rows in</span>" in page
    assert "✓ rows balance" in page


def test_every_shape_of_a_chart_is_closed(tmp_path: Path) -> None:
    page = page_of(hostile_run(tmp_path / "run"))
    for shape in ("rect", "line", "text", "svg"):
        assert page.count(f"<{shape} ") == page.count(f"</{shape}>") > 0


def test_an_empty_run_has_a_report(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [[]])
    assert "Nothing was removed." in page_of(folder)
    assert build(folder)["balance"]["balances"] is True


def test_the_card_names_the_data_files_and_balances(tmp_path: Path) -> None:
    folder = hostile_run(tmp_path / "run")
    manifest = read_json(folder.manifest)
    write_card(folder, manifest, write_report(folder, manifest))
    card = (folder.root / "README.md").read_text("utf-8")
    header = card.split("---\n")[1]
    assert '    path: "data/*.parquet"\n' in header
    assert "- n<1K\n" in header
    assert "script" not in header
    assert "| edited | 9 |" in card
    assert "the rows balance" in card
    assert "<script>" not in card
    assert "\x1b" not in card


def test_markdown_marks_are_taken_for_text() -> None:
    assert plain("a|b\n<i>*[x](y)`") == "a\\|b␊\\<i\\>\\*\\[x\\]\\(y\\)\\`"


def test_markup_passes_and_text_is_escaped() -> None:
    inner = tag("b", "<i>&\u202e")
    assert inner == "<b>&lt;i&gt;&amp;⟨U+202E⟩</b>"
    assert join([inner, "<"]) == f"{inner}&lt;"
    assert tag("input", name='"', checked=True, hidden=False, title=None) == (
        '<input name="&quot;" checked>'
    )

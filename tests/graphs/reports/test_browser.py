"""The report in a real browser: hostile documents run nothing and fetch nothing."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.graphs.reports.document_report import write_report
from burnish.tools.deletion.program import Program, RemoveLines
from tests.support.browser import BROWSER, addresses, browse
from tests.support.run_folders import Bad, Case, noted, write_run

PAYLOADS = (
    "<script>window.pwned=1;document.title='pwned'</script>",
    "<img src='http://evil.test/a.png' onerror=\"document.title='pwned'\">",
    "</title><script>document.title='pwned'</script>",
    "</pre></del></details><svg onload=\"document.title='pwned'\"></svg>",
    "</style><iframe src='http://evil.test/'></iframe>",
    '" autofocus onfocus="document.title=\'pwned\'" x="',
    "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "<link rel=stylesheet href='http://evil.test/a.css'>",
    "javascript:document.title='pwned'",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on PATH"),
]


class Elements(HTMLParser):
    """Collects the names of the elements and the attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)


def hostile_run(root: Path) -> RunFolder:
    cases = [
        Case(text, f"{text}\nkept {text}", Program((noted(RemoveLines(1, 1), text),)), flag=text)
        for text in PAYLOADS
    ]
    bad = [Bad(text, place, text) for place, text in enumerate(PAYLOADS)]
    return write_run(root, [cases], bad=bad, location=f"/data/{PAYLOADS[2]}")


def requested(log: str, page: Path) -> list[str]:
    """Return what the page itself asked for; the browser's own errands name other places."""
    found = [one for one in addresses(log) if "evil.test" in one or one.startswith("file:")]
    return [address for address in found if address != page.as_uri()]


def test_nothing_in_a_document_runs_or_is_fetched(tmp_path: Path) -> None:
    folder = hostile_run(tmp_path / "run")
    write_report(folder, read_json(folder.manifest))
    seen, log = browse(folder.report.as_uri(), tmp_path)
    assert "<title>burnish: " in seen
    assert "<title>pwned" not in seen
    elements = Elements()
    elements.feed(seen)
    assert elements.names.isdisjoint({"script", "img", "iframe", "link", "object", "base"})
    assert elements.names >= {"del", "details", "pre"}
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert elements.attributes.isdisjoint({"src", "href", "style", "autofocus"})
    assert requested(log, folder.report) == []


def test_the_check_itself_notices_a_page_that_runs_and_fetches(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(f"<title>fine</title>{PAYLOADS[0]}<img src='http://evil.test/a.png'>", "utf-8")
    seen, log = browse(page.as_uri(), tmp_path)
    assert "<title>pwned" in seen
    assert "http://evil.test/a.png" in requested(log, page)

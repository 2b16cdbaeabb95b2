"""The site in a real browser, opened from a folder: it can be searched and fetches nothing."""

import re
from pathlib import Path

import pytest

from tests.support.browser import BROWSER, addresses, browse

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on PATH"),
]


def test_a_word_of_the_glossary_is_found_without_any_server(site: Path, tmp_path: Path) -> None:
    page = site / "index.html"
    seen, log = browse(f"{page.as_uri()}?q=stratum", tmp_path)
    results = re.search(r'<ol class="md-search-result__list"[^>]*>(.*?)</ol>', seen, re.DOTALL)
    assert results is not None
    assert "glossary.html" in results[1]
    # Files are not in the log, and the browser's own errands go to its maker.
    assert not [one for one in addresses(log) if one.startswith("http") and "google" not in one]


def test_the_check_itself_notices_a_page_that_fetches(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<script src='http://evil.test/a.js'></script>", "utf-8")
    assert "http://evil.test/a.js" in addresses(browse(page.as_uri(), tmp_path)[1])

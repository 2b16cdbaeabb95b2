"""What of the site is made from the code is what the code makes, and the site needs no network."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import burnish
from burnish.graphs.cli.main import main
from tests.support.pages import PAGES
from tests.support.places import ROOT

PICTURES = sorted(path.name for path in (ROOT / "docs" / "pictures").glob("*.svg"))
OUTSIDE = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//[^>]*>|"
    r"@import[^;]*//|url\(\"?(?:https?:)?//"
)


def script(name: str) -> ModuleType:
    """Load a script of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_what_the_code_draws(tmp_path: Path) -> None:
    pictures = script("pictures")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(pictures.SAMPLES), "-o", str(tmp_path / "cleaned")])
    assert not ended.value.code
    drawn = pictures.draw_graphs() | {"diff": pictures.draw_diff(tmp_path / "cleaned")}
    assert sorted(f"{name}.svg" for name in drawn) == PICTURES
    for name, svg in drawn.items():
        held = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text("utf-8")
        # Another rich may draw the same words in other shapes.
        assert pictures.words(held) == pictures.words(svg), f"{name}.svg is old; run: make docs"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_asks_for_nothing_outside(name: str) -> None:
    svg = (ROOT / "docs" / "pictures" / name).read_text("utf-8")
    assert set(re.findall(r"https?://[^\"' )]+", svg)) == {"http://www.w3.org/2000/svg"}


def test_the_reference_is_what_the_code_says() -> None:
    reference = script("reference")
    for name, make in reference.PAGES.items():
        held = (ROOT / "docs" / "reference" / name).read_text("utf-8")
        assert held == make(), f"docs/reference/{name} is old; run: make docs"
    held = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    assert held == reference.with_errors(held), "docs/reference/errors.md is old; run: make docs"


def test_the_reference_has_every_name_of_the_front_door() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")
    shown = set(re.findall(r"^::: burnish\.(\w+)$", page, re.MULTILINE))
    assert shown == {*burnish.__all__} - {"__version__"}


def test_the_figures_stand_the_same_in_readme_and_site() -> None:
    def figures(page: str) -> str:
        text = (ROOT / page).read_text("utf-8")
        return text[text.index("<!-- figures -->") : text.index("<!-- end of figures -->")]

    assert figures("README.md") == figures("docs/figures.md")


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_site_asks_the_network_for_nothing(site: Path) -> None:
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = OUTSIDE.search(page.read_text("utf-8"))
        assert found is None, f"{page.relative_to(site)} asks for {found and found[0]}"


def test_the_site_can_be_searched_from_a_folder(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text("utf-8")
    for word in ("stratum", "remove_lines", "refiner.threshold", "burnish replay"):
        assert word in index.lower(), f"nobody finds {word!r}"

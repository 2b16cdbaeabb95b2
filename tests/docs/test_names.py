"""What the pages name in the code is there: files, modules, settings, options, exit codes."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import burnish
from burnish.graphs.runs.settings import keys
from tests.support.pages import PAGES
from tests.support.places import ROOT

WRITTEN = [page for page in PAGES if page.name not in {"commands.md", "settings.md"}]
_CODE = re.compile(r"`([^`\n]+)`")
_OTHERS = re.compile(r"(?:\S*/)?(?:pip|python|git|make|tar|unzip) ")
"""Commands of others, and the benchmarks, whose options are not ours to list."""
_FOREIGN = {
    "--enable-auto-tool-choice", "--tool-call-parser", "--structured-outputs-config",
    "--enforce-eager", "--help", "--version",
    "--part", "--case", "--only", "--repeats", "--passages", "--vectors", "--constraint",
}  # fmt: skip
"""Options of vLLM, of pip, of every command, and of benchmarks, named alone."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_of(page: Path) -> Iterator[str]:
    """Yield what a page sets as code, within its lines and in its blocks."""
    text = page.read_text("utf-8")
    yield from _CODE.findall(text)
    yield from re.findall(r"^\$ (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for code in code_of(page):
        for found in re.findall(
            r"(?<![\w/.])((?:corpora|tools|agents|graphs|eval|docs|tests|examples)/[\w/.-]+)", code
        ):
            path = found.rstrip(".")
            assert (ROOT / path).exists(), f"{name_of(page)} names {path}"


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_modules_that_a_page_names_are_there(page: Path) -> None:
    for code in code_of(page):
        for found in re.findall(r"\bburnish(?:\.[a-z_]\w*)+", code):
            name = found
            while "." in name and (not _importable(name)):
                name = name.rpartition(".")[0]
            rest = found.removeprefix(name).strip(".")
            # What is left over is one attribute of a module, or the name of an entry point.
            assert "." not in rest, f"{name_of(page)} names {found}"
            if rest and name == "burnish":
                assert rest in KNOWN, f"{name_of(page)} names {found}"


KNOWN = {*burnish.__all__, "refiners", "operations", "validators"}
"""What stands in the front door, and the groups of entry points."""


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_settings_that_a_page_names_are_there(page: Path) -> None:
    known = set(keys())
    sections = {key for key in known if "." not in key}
    pattern = re.compile(rf"(?<![\w./-])((?:{'|'.join(sorted(sections))})\.[a-z_]+)(?![\w/(.])")
    for code in code_of(page):
        for key in pattern.findall(code):
            assert key in known, f"{name_of(page)} names the setting {key}"


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_options_that_a_page_names_are_there(page: Path) -> None:
    commands = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    known = set(re.findall(r"`(--[\w-]+)`", commands)) | _FOREIGN
    for code in code_of(page):
        if _OTHERS.match(code):
            continue
        for option in re.findall(r"(?<![\w-])(--[a-z][\w-]+)", code):
            assert option in known, f"{name_of(page)} names the option {option}"

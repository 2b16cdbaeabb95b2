"""The lock in `requirements/`: complete, consistent, and without a word about any machine."""

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.places import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = {path.stem: path for path in (ROOT / "requirements").glob("*.txt")}
Pin = tuple[Requirement, int]


def pins(name: str) -> list[Pin]:
    """Return what a file pins, each with the number of its hashes."""
    text = re.sub(r"(?m)^#.*\n", "", FILES[name].read_text("utf-8"))
    found: list[Pin] = []
    for block in re.split(r"\n(?=\S)", text.strip("\n")):
        first, *hashes = block.split(" \\\n")
        assert all(re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}", one) for one in hashes), block
        found.append((Requirement(first), len(hashes)))
    return found


def versions(*names: str) -> dict[str, set[str]]:
    """Return the versions pinned for each package."""
    found: dict[str, set[str]] = {}
    for name in names:
        for pin, _ in pins(name):
            (only,) = pin.specifier
            assert only.operator == "=="
            found.setdefault(canonicalize_name(pin.name), set()).add(only.version)
    return found


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_version_is_pinned_with_hashes_and_no_place_is_named(name: str) -> None:
    assert pins(name)
    assert all(hashes for _, hashes in pins(name))
    assert not re.search(r"://|--(?!hash=sha256:)", FILES[name].read_text("utf-8"))


def declared(*extras: str) -> list[Requirement]:
    """Return what the project asks for, extras of its own resolved."""
    lines: list[str] = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    waiting = list(extras)
    while waiting:
        for line in PROJECT["project"]["optional-dependencies"][waiting.pop()]:
            own = re.fullmatch(r"burnish\[(\w+)\]", line)
            waiting += [own[1]] if own else []
            lines += [] if own else [line]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("files", "extras"),
    [(("demo",), ()), (("test", "torch"), ("dev",)), (("test", "torch-cpu"), ("dev",))],
)
def test_the_lock_has_a_version_of_all_that_the_project_asks_for(
    files: tuple[str, ...], extras: tuple[str, ...]
) -> None:
    locked = versions(*files)
    for asked in declared(*extras):
        found = locked.get(canonicalize_name(asked.name), set())
        assert found, f"{asked.name} is not locked: run make lock"
        assert all(asked.specifier.contains(one) for one in found), f"{asked}: run make lock"


def test_the_demo_and_the_tests_use_the_same_versions() -> None:
    tests = versions("test")
    assert {name: tests.get(name) for name in versions("demo")} == versions("demo")


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {PROJECT['project']['version']}\n" in (ROOT / "CITATION.cff").read_text(
        "utf-8"
    )

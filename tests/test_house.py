"""Checks on the project as a whole: what ships, what the pages say, what the layout promises."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from burnish.graphs.cli.main import app
from tests.support.places import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HOME = {"burnish": "graphs/api"}
"""The front door lies in a room, since no folder of the project is called burnish."""
FOLDERS = ("corpora", "tools", "agents", "graphs", "eval")
OURS = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
BURNISH = shutil.which("burnish", path=str(Path(sys.executable).parent))


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_folders_that_ship_are_mapped_and_linked_alike() -> None:
    shipped: list[str] = PROJECT["tool"]["setuptools"]["packages"]
    places: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
    assert sorted(shipped) == sorted(places)
    for package, place in places.items():
        assert place == HOME.get(package, package.removeprefix("burnish.").replace(".", "/"))
        assert (ROOT / place / "__init__.py").is_file(), f"{place} cannot be installed editable"
    linked = {path.name: path.resolve() for path in (ROOT / "typings" / "burnish").iterdir()}
    front = {"__init__.py": ROOT / HOME["burnish"] / "__init__.py"}
    assert linked == front | {name: ROOT / name for name in FOLDERS}
    assert {place.split("/")[0] for place in places.values()} == set(FOLDERS)


def test_every_folder_with_code_ships() -> None:
    places: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
    with_code = {path.parent.relative_to(ROOT).as_posix() for path in OURS}
    assert with_code == set(places.values())


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_is_short_and_named_for_what_it_holds(path: Path) -> None:
    assert len(path.read_text("utf-8").split("\n")) <= 401, "split it: the limit is 400 lines"
    assert path.stem not in {"utils", "util", "common", "base", "helpers", "core", "misc"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_begins_with_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not text.startswith("#"), "pragmas stand below the docstring"
    assert ast.get_docstring(ast.parse(text)), "a docstring says what the file is for"


def test_a_room_is_small_and_says_what_lives_there() -> None:
    rooms: dict[Path, int] = {}
    for path in OURS:
        rooms[path.parent] = rooms.get(path.parent, 0) + (not path.stem.startswith("__"))
    crowded = {room.relative_to(ROOT).as_posix(): n for room, n in rooms.items() if n > 12}
    assert crowded == {}, "a room has at most twelve modules"
    for room in rooms:
        told = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
        assert told.split("\n")[0].endswith((".", ":")), f"{room} does not say what lives there"


def test_a_class_has_its_name_for_itself() -> None:
    homes: dict[str, list[str]] = {}
    for path in OURS:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_never_imports_a_folder_by_its_bare_name(path: Path) -> None:
    bare = [name for name in imported(path) if name.split(".")[0] in FOLDERS]
    assert not bare, "the bare name makes a second copy of every class; import burnish.…"


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_every_library_imported_is_declared() -> None:
    declared: list[str] = list(PROJECT["project"]["dependencies"])
    extras: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
    names = ("hf", "train", "sft", "qa", "wiki", "wasm", "bench")
    declared += [line for name in names for line in extras[name]]
    known = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in declared}
    # Some are imported by another name than they are installed by.
    known |= {"faiss"} if "faiss_cpu" in known else set()
    known |= {"Stemmer"} if "PyStemmer" in known else set()
    known |= set(sys.stdlib_module_names) | {"burnish"}
    known |= {"sklearn"} if "scikit_learn" in known else set()
    used = {name.split(".")[0] for path in OURS for name in imported(path)}
    assert used - known == set()


def commands() -> list[str]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    names: list[str] = []
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            names += [f"{name} {under}" for under in command.commands]
        else:
            names.append(name)
    return names


@pytest.mark.process
@pytest.mark.parametrize("command", commands())
def test_every_command_has_a_help_text_and_stands_in_the_reference(command: str) -> None:
    assert f"# burnish {command}\n" in text_of("docs/reference/commands.md")
    assert BURNISH is not None
    told = subprocess.run(
        [BURNISH, *command.split(), "--help"], capture_output=True, text=True, check=True
    )
    assert len(told.stdout.split("\n")) > 4


def test_the_guide_for_contributors_is_short_and_names_targets_that_exist() -> None:
    guide = text_of("CONTRIBUTING.md")
    assert guide.count("\n") <= 100
    targets = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    for page in (guide, text_of("README.md")):
        assert set(re.findall(r"\bmake ([a-z][\w-]*)\b(?=[`\s])", page)) & targets
        named = set(re.findall(r"[`$] ?make ([a-z][\w-]*)", page))
        assert named <= targets


def test_a_test_cannot_reach_the_network() -> None:
    with pytest.raises(RuntimeError, match="without a network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(RuntimeError, match="without a network"):
        socket.getaddrinfo("example.org", 443)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()[:2], timeout=5).close()


def test_the_licence_is_apache_2() -> None:
    assert "Apache License" in text_of("LICENSE")
    assert "Version 2.0, January 2004" in text_of("LICENSE")
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {PROJECT['project']['version']}" in text_of("CHANGELOG.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel that was built from an sdist of a bare copy, without any network."""
    place = tmp_path_factory.mktemp("build")
    clone = place / "clone"
    ignored = shutil.ignore_patterns(
        ".*", "*.egg-info", "__pycache__", "build", "dist", "demo", "site"
    )
    shutil.copytree(ROOT, clone, ignore=ignored, symlinks=True)
    run_hook("build_sdist", clone, place)
    with tarfile.open(next(place.glob("*.tar.gz"))) as packed:
        packed.extractall(place, filter="data")
    run_hook("build_wheel", next(place.glob("burnish-*/")), place)
    with zipfile.ZipFile(next(place.glob("*.whl"))) as built:
        return set(built.namelist())


def run_hook(name: str, source: Path, target: Path) -> None:
    call = f"from setuptools import build_meta; build_meta.{name}({str(target)!r})"
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-c", call],
        cwd=source, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", [
    "burnish/corpora/samples/documents.jsonl",
    "burnish/corpora/samples/expected.jsonl",
    "burnish/agents/line_tagger/line_tagger.npz",
    "burnish/agents/line_tagger/line_tagger.md",
    "burnish/graphs/reports/report.css",
    "burnish/py.typed",
])  # fmt: skip
def test_the_wheel_carries_its_data(wheel: set[str], name: str) -> None:
    assert name in wheel


def test_the_wheel_carries_every_module_and_nothing_beside_the_package(wheel: set[str]) -> None:
    code = {f"burnish/{path.relative_to(ROOT).as_posix()}" for path in OURS}
    code = {name.replace("burnish/graphs/api/", "burnish/") for name in code}
    assert code <= wheel
    assert {name.split("/")[0].split("-")[0] for name in wheel} == {"burnish"}

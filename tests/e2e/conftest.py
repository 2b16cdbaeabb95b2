"""Pairs, a model trained from nothing, a server: made once for all end-to-end tests.

BURNISH_E2E_MINUTES ends the toy's training early (about 80 steps, one or two minutes).
"""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from importlib.resources import files
from pathlib import Path

import pytest

from burnish.agents.llm.messages import Message
from tests.e2e.toy import (  # fmt: skip
    BURNISH,
    NAME,
    PATIENCE_S,
    PYTHON,
    RECIPE,
    WINDOW,
    Json,
    burnish,
    rows,
)
from tests.support.places import DATA

SPLITS = ("train", "validation")
START_S = 900


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Distil pairs from texts that people marked; where they are not, from the samples' labels."""
    folder = tmp_path_factory.mktemp("pairs")
    shares = ["--window-chars", str(WINDOW), "--validation", "0.1", "--workers", "1"]
    gold = DATA / "web_wcxb" / "pages.jsonl.gz"
    if gold.is_file():
        source, columns = gold, ["--text-field", "raw", "--refined-field", "gold"]
        columns += ["--sample", "40", "--stratify", "page_type", "--per-cell", "3"]
    else:
        source, columns = _labelled(folder), ["--labels-field", "labels"]
        columns += ["--partial-field", "partial", "--keep-all-share", "1"]
    sys.stdout.write(burnish("distill", source, "-o", folder / "distilled", *columns, *shares))
    written = [rows(folder.joinpath("distilled", f"{n}.jsonl").read_text("utf-8")) for n in SPLITS]
    # Pieces of lines, to be copied letter by letter, are more than a toy learns in a minute.
    easy = [row for split in written for row in split if row["kind"] in {"keep_all", "lines"}]
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in easy), "utf-8")
    return path


def _labelled(folder: Path) -> Path:
    samples = files("burnish.corpora.samples")
    texts = {row["id"]: row for row in rows(samples.joinpath("documents.jsonl").read_text("utf-8"))}
    labels = rows(samples.joinpath("expected.jsonl").read_text("utf-8"))
    source = folder / "labelled.jsonl"
    source.write_text("".join(json.dumps(texts[row["id"]] | row) + "\n" for row in labels), "utf-8")
    return source


@pytest.fixture(scope="session")
def model(pairs: Path) -> Path:
    """Train a toy refiner on the pairs."""
    settings = [word for key, value in RECIPE.items() for word in ("--set", f"{key}={value}")]
    folder = pairs.with_name(NAME)
    sys.stdout.write(burnish("train", "--kind", "served", "--data", pairs, "-o", folder, *settings))
    return folder


@pytest.fixture(scope="session")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Json]:
    """Serve it with the defaults; what was printed about the server."""
    log = tmp_path_factory.mktemp("server") / "vllm.log"
    flags = ["--python", PYTHON, "--cpu", "--port", "0", "--json", "--max-model-len", "4096"]
    process = subprocess.Popen(
        [*BURNISH, "serve", model, *flags, "--log", log, "--strict"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else ""
        if not line:
            pytest.fail(f"vLLM did not start:\n{log.read_text('utf-8')[-3000:]}")
        yield json.loads(line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        # SIGTERM lets burnish end the whole group of the server; SIGKILL would leave it behind.
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def prompts(pairs: Path) -> list[tuple[Message, ...]]:
    """What a refiner is asked, for every window of the pairs."""
    return [
        tuple(Message(turn["role"], turn["content"]) for turn in row["messages"][:2])
        for row in rows(pairs.read_text("utf-8"))
    ]

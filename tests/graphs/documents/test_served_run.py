"""Whole runs with a model server on loopback: budget, plan, probe, kill and resume."""

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.reply_store import ReplayClient, ReplyStore
from burnish.agents.llm.scripted import ScriptedClient
from burnish.agents.llm.token_budget import TokenBudget
from burnish.agents.refiners.served import ServedRefiner
from burnish.corpora.errors import (
    BudgetExhausted,
    BurnishError,
    ModelError,
    QuotaPaused,
    ReplyError,
    UsageError,
)
from burnish.corpora.records import Document
from burnish.corpora.runs.document_ledger import LEDGER, Entry
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.eval.robustness.crashes import snapshot
from burnish.eval.robustness.loopback import LoopbackServer
from burnish.graphs.cli.main import main
from burnish.graphs.commands.inputs import open_input
from burnish.graphs.documents.conversation_graph import converse
from burnish.graphs.documents.escalation import Costs, chosen
from burnish.graphs.documents.llm_refiner import config_of
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.documents.stages import RunContext
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.sections import LlmSettings
from burnish.graphs.runs.settings import load
from tests.support.model_server import model_server, questions
from tests.support.waiting import PATIENCE_S, wait_until

ROWS = 40


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "mill.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            text = (
                f"Menu {number}\nThe mill of valley {number} ground barley for two hundred years."
                f"\nShare\n{'It stood by the river and it turned with the tide. ' * (number % 7)}"
            )
            file.write(json.dumps({"id": f"d{number}", "text": text}) + "\n")
    return path


def _command(corpus: Path, root: Path, url: str, *more: str) -> list[str]:
    small = ["--set", "run.shard_rows=10", "--set", "llm.concurrency=4"]
    return ["run", str(corpus), "-o", str(root), "--llm", url, "--model", "m", *small, *more]


def _main(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    code = exit_.value.code
    return code if isinstance(code, int) else 0


def _entries(root: Path) -> list[Entry]:
    folder = RunFolder.open(root)
    return [e for index in folder.finished() for e in LEDGER.read(folder.part("ledger", index))]


def _spent(root: Path) -> int:
    budget = TokenBudget(root / "budget.sqlite", None)
    account = budget.account()
    budget.close()
    return account.spent + account.held


def test_a_run_asks_the_model_about_every_document_once(corpus: Path, tmp_path: Path) -> None:
    with model_server() as server:
        assert _main(_command(corpus, tmp_path / "run", server.url, "--workers", "1")) == 0
    asked = questions(server)
    assert (len(asked), set(asked.values())) == (ROWS, {1})
    entries = _entries(tmp_path / "run")
    assert {entry.agent for entry in entries} == {"served"}
    assert {entry.outcome for entry in entries} == {"edited"}
    assert all(entry.spans[0].text == f"Menu {i}\n" for i, entry in enumerate(entries))
    assert _main(["replay", str(tmp_path / "run"), "--verify"]) == 0


@pytest.mark.parametrize(("mode", "asks"), [("tools", 1), ("agentic", 3)])
def test_tools_are_called_over_the_wire(corpus: Path, tmp_path: Path, mode: str, asks: int) -> None:
    root = tmp_path / "run"
    with model_server() as server:
        command = [*_command(corpus, root, server.url), "--limit", "3", "--workers", "1"]
        assert _main([*command, "--mode", mode]) == 0
    assert set(questions(server).values()) == {asks}
    entries = _entries(root)
    assert {entry.outcome for entry in entries} == {"edited"}
    removed = {"tools": ["Menu 0\n"], "agentic": ["Menu 0\n", "Share\n"]}[mode]
    assert [span.text for span in entries[0].spans] == removed


def test_recorded_replies_give_the_same_programs_without_a_server(
    corpus: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    with model_server() as server:
        assert _main(_command(corpus, root, server.url, "--workers", "1")) == 0
    store = ReplyStore(root / "replies.sqlite")
    settings = load((), ("run.shard_rows=10",))
    refiner = ServedRefiner(ReplayClient(store, Dialect("m")), converse)
    again = RunFolder(tmp_path / "again")
    context = RunContext(
        again,
        settings,
        str(corpus),
        open_input(str(corpus), settings),
        services=Services(refiner),
    )
    carry_out(context)
    store.close()
    assert snapshot(again.root) == snapshot(root)


def test_a_run_stops_at_its_budget_and_goes_on_with_a_larger_one(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "run"
    everything = ("--set", "llm.documents=all", "--workers", "1")
    with model_server() as server:
        ceiling = 24_000
        small = ("--budget", str(ceiling), *everything)
        assert _main(_command(corpus, root, server.url, *small)) == 3
        said = capsys.readouterr().err
        assert "token budget" in said
        assert "with a larger --budget" in said
        assert "Traceback" not in said
        first = sum(questions(server).values())
        assert 0 < first < ROWS
        assert _spent(root) <= ceiling
        assert _main(_command(corpus, root, server.url, "--budget", "900000", *everything)) == 0
    asked = questions(server)
    assert (len(asked), set(asked.values())) == (ROWS, {1})
    assert len(_entries(root)) == ROWS


@pytest.mark.slow
def test_worker_processes_share_one_budget(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "run"
    with model_server() as server:
        small = ("--budget", "24000", "--set", "llm.documents=all", "--workers", "2")
        assert _main(_command(corpus, root, server.url, *small)) == 3
    assert "token budget" in capsys.readouterr().err
    assert _spent(root) <= 24_000


@pytest.mark.slow
def test_a_killed_run_asks_again_only_what_was_in_flight(corpus: Path, tmp_path: Path) -> None:
    root, calm = tmp_path / "run", tmp_path / "calm"
    with model_server() as server:
        assert _main(_command(corpus, calm, server.url, "--workers", "1")) == 0
    with model_server(delay_s=0.15) as server:
        command = [str(Path(sys.executable).with_name("burnish"))]
        command += _command(corpus, root, server.url, "--workers", "1")
        in_flight = 0
        for share in (0.3, 0.7):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _await(server, process, int(ROWS * share))
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
            in_flight += 4
        assert _main(_command(corpus, root, server.url, "--workers", "1")) == 0
    asked = questions(server)
    assert len(asked) == ROWS
    assert sum(asked.values()) <= ROWS + in_flight
    assert snapshot(root) == snapshot(calm)


def _await(server: LoopbackServer, process: "subprocess.Popen[bytes]", count: int) -> None:
    wait_until(lambda: len(questions(server)) >= count, process)


def test_a_cut_reply_is_not_paid_for_again_when_the_run_goes_on(
    corpus: Path, tmp_path: Path
) -> None:
    def answer(turn: str) -> str:
        return "{" if "valley 3 " in turn else '{"calls": [{"name": "keep_all"}]}'

    root = tmp_path / "run"
    everything = ("--set", "llm.documents=all", "--workers", "1")
    with model_server(answer) as server:
        assert _main(_command(corpus, root, server.url, "--budget", "24000", *everything)) == 3
        assert _main(_command(corpus, root, server.url, "--budget", "900000", *everything)) == 0
        asked = Counter(repr(body["messages"]) for body in server.bodies if "seed" not in body)
    documents = [count for turn, count in asked.items() if "valley" in turn]
    assert set(documents) == {1}
    flags = {entry.id: entry.flag for entry in _entries(root) if entry.flag}
    assert flags == {"d3": "reply:truncated"}


def test_with_a_budget_the_plan_says_which_documents_the_model_reads(
    corpus: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    with model_server() as server:
        command = _command(corpus, root, server.url, "--budget", "120000", "--workers", "1")
        assert _main(command) == 0
        planned = chosen(root)
        assert 0 < len(planned) < ROWS
        assert len(questions(server)) == len(planned)
        agents = {entry.id: entry.agent for entry in _entries(root)}
        assert {name for name, agent in agents.items() if agent == "served"} == planned
        counts = {"embedded": ROWS - len(planned), "served": len(planned)}
        assert Counter(agents.values()) == counts
        assert read_json(root / "report.json")["agents"] == counts
        named = f"refiners embedded: {counts['embedded']}, served: {counts['served']}"
        assert named in (root / "report.html").read_text("utf-8")
        assert read_json(root / "plan.json")["documents"] == len(planned)
        assert _main(command) == 0
    assert set(questions(server).values()) == {1}
    assert _main(["replay", str(root), "--verify"]) == 0


def test_the_bound_of_a_documents_cost_holds(corpus: Path) -> None:
    llm = LlmSettings(window_chars=300)
    rows = corpus.read_text("utf-8").strip().split("\n")
    texts = [json.loads(row)["text"] for row in rows]
    model = ScriptedClient(lambda _: '{"calls": [{"name": "keep_all"}]}', count=len)
    refiner = ServedRefiner(model, converse, config_of(llm))
    costs = Costs(refiner.config, 1.0)
    for text in texts[:8]:
        del model.requests[:]
        asyncio.run(refiner.propose_one(Document("d", text), ()))
        spent = sum(
            sum(len(message.content) for message in request.messages)
            + len(json.dumps(request.schema))
            + request.sampling.max_tokens
            for request in model.requests
        )
        assert spent <= costs.of(text)


def test_a_server_that_does_not_force_tool_calls_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with model_server(obedient=False) as server:
        assert _main(_command(corpus, tmp_path / "run", server.url, "--mode", "tools")) == 2
    assert "does not enforce forced tool calls" in capsys.readouterr().err
    assert not questions(server)


def test_a_server_that_ignores_schemas_is_warned_about(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with model_server(obedient=False) as server:
        assert _main(_command(corpus, tmp_path / "run", server.url, "--workers", "1")) == 0
    assert "does not enforce JSON schemas" in caplog.text


def test_another_model_or_mode_is_another_run_but_another_address_is_not(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "run"
    with model_server() as server:
        assert _main(_command(corpus, root, server.url, "--workers", "1")) == 0
    with model_server() as server:
        assert _main(_command(corpus, root, server.url, "--workers", "1")) == 0
        assert not server.bodies
        for change in (["--model", "other"], ["--mode", "agentic"]):
            assert _main([*_command(corpus, root, server.url), *change]) == 2
            assert "holds another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "pairs",
    [
        ("refiner.name=served",),
        ("refiner.name=served", "llm.endpoint=http://127.0.0.1:1/v1"),
        ("refiner.name=served", "llm.endpoint=ftp://a", "llm.model=m"),
        (
            "refiner.name=served",
            "llm.endpoint=http://127.0.0.1:1/v1",
            "llm.model=m",
            "llm.documents=planned",
        ),
    ],
)
def test_half_a_description_of_a_server_is_refused(
    corpus: Path, tmp_path: Path, pairs: Sequence[str]
) -> None:
    settings = load((), pairs)
    source = open_input(str(corpus), settings)
    context = RunContext(RunFolder(tmp_path / "run"), settings, str(corpus), source)
    with pytest.raises(UsageError):
        carry_out(context)


def test_a_scripted_model_runs_the_whole_graph_without_a_server(
    corpus: Path, tmp_path: Path
) -> None:
    settings = load((), ("run.shard_rows=10",))
    model = ScriptedClient(lambda _: '{"calls": [{"name": "remove_lines", "start": 3, "end": 3}]}')
    services = Services(ServedRefiner(model, converse))
    source = open_input(str(corpus), settings)
    folder = RunFolder(tmp_path / "run")
    state = carry_out(RunContext(folder, settings, str(corpus), source, services=services))
    assert state.get("totals", {})["edited"] == ROWS
    assert {entry.agent for entry in _entries(folder.root)} == {"served"}


@pytest.mark.parametrize(
    "error",
    [
        BudgetExhausted(asked=3, spent=2, held=1, limit=4),
        QuotaPaused("later", retry_after=5.0),
        ModelError("timeout", "late", status=504, charged=True),
        ReplyError("looping", "again"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_pass_between_processes_whole(error: BurnishError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))

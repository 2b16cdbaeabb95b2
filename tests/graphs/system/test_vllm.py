"""`burnish serve` as a real process over a real process that stands in for vLLM."""

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest

from burnish.corpora.errors import UsageError
from burnish.graphs.system.vllm_command import ServeOptions, command_of, environment_of
from burnish.graphs.system.vllm_process import Patience, check_port, find_port
from tests.support.places import ROOT
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.process

STAND_IN = ROOT / "tests" / "support" / "stand_in_vllm.py"


@dataclass
class Serve:
    """A running `burnish serve` and the record of the servers it started."""

    process: subprocess.Popen[str]
    record: Path
    printed: str = ""
    starts: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def line(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert ready, "nothing was printed"
        return self.process.stdout.readline().strip()

    def started(self, times: int) -> list[dict[str, object]]:
        wait_until(lambda: self.record.exists() and len(self.rows()) >= times)
        return self.rows()

    def rows(self) -> list[dict[str, object]]:
        return [json.loads(row) for row in self.record.read_text("utf-8").split("\n") if row]

    def end(self, sign: int = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_S)

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()


def lives(pid: object) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


Starter = Callable[..., Serve]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start `burnish serve` with a stand-in for vLLM on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "vllm"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n', "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    running: list[Serve] = []

    def started(*arguments: str, **behaviour: str) -> Serve:
        record = tmp_path / "starts.jsonl"
        environment = os.environ | {"STAND_IN_LOG": str(record)}
        environment |= {f"STAND_IN_{name.upper()}": value for name, value in behaviour.items()}
        environment["PATH"] = f"{folder}:{environment['PATH']}"
        command = [
            sys.executable,
            "-c",
            "from burnish.graphs.cli.main import main; main()",
            "serve",
        ]
        process = subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(Serve(process, record))
        return running[-1]

    yield started
    for serve in running:
        if serve.process.poll() is None:
            serve.process.kill()
        for row in serve.rows() if serve.record.exists() else []:
            for pid in (row["pid"], row["worker"]):
                if lives(pid):
                    os.kill(int(str(pid)), signal.SIGKILL)
        serve.process.communicate()


def test_it_prints_the_url_once_the_server_answers_and_stops_without_orphans(
    start: Starter,
) -> None:
    serve = start("some/toy", "--port", "0", warm_up="1")
    url = serve.line()
    assert url.startswith("http://127.0.0.1:")
    (first,) = serve.started(1)
    assert lives(first["pid"])
    assert lives(first["worker"])
    assert serve.end(signal.SIGINT) == 0
    assert not lives(first["pid"])
    assert not lives(first["worker"])
    said = serve.errors()
    assert "choice held, JSON schema held, forced tool call held" in said
    assert "stopped" in said


def test_a_server_that_ignores_polite_signals_is_killed_with_its_workers(start: Starter) -> None:
    serve = start("toy", "--port", "0", "--stop-timeout", "0.3", stubborn="1")
    serve.line()
    (first,) = serve.started(1)
    assert serve.end() == 0
    assert not lives(first["pid"])
    assert not lives(first["worker"])


def test_a_server_that_dies_is_started_again_and_its_workers_are_gone(start: Starter) -> None:
    # One request for health, three of the probe, and one of the test.
    serve = start("toy", "--port", "0", dies_after="5", deaths="1")
    url = serve.line()
    first = serve.started(1)[0]
    post(url)
    second = serve.started(2)[1]
    assert not lives(first["worker"])
    wait_until(lambda: answers(url))
    assert serve.end() == 0
    assert not lives(second["worker"])
    assert "the server ended with code 3; restart 1 of 5 in 1 s" in serve.errors()


def test_restarting_is_given_up_in_the_end(start: Starter) -> None:
    serve = start("toy", "--port", "0", "--restarts", "1", dies_after="5", deaths="9")
    url = serve.line()
    post(url)
    serve.started(2)
    wait_until(lambda: answers(url))
    assert serve.process.wait(PATIENCE_S) == 2
    assert "death 2 in a row, burnish gives up" in serve.errors()
    assert not any(lives(row["worker"]) for row in serve.rows())


def test_a_server_that_never_answered_is_not_started_again(start: Starter) -> None:
    serve = start("toy", "--port", "0", broken="1")
    assert serve.process.wait(PATIENCE_S) == 2
    assert "burnish: the server ended with code 9 before it answered" in serve.errors()


def test_what_a_server_does_not_hold_is_said_and_refused_when_strict(start: Starter) -> None:
    serve = start("toy", "--port", "0", "--json", ignores="schema")
    said = json.loads(serve.line())
    assert said["holds"] == {"choice": True, "schema": False, "tools": True}
    serve.end()
    assert "not held: JSON schema: ignored" in serve.errors()
    strict = start("toy", "--port", "0", "--strict", ignores="schema")
    assert strict.process.wait(PATIENCE_S) == 2
    assert "--strict: the server does not hold every constraint" in strict.errors()
    assert not any(lives(row["pid"]) for row in strict.rows())


def test_a_running_server_is_greeted_by_its_url(start: Starter) -> None:
    server = start("toy", "--port", "0")
    url = server.line()
    guest = start("toy", "--url", url)
    assert guest.line() == url
    assert guest.process.wait(PATIENCE_S) == 0
    stranger = start("other", "--url", url)
    assert stranger.process.wait(PATIENCE_S) == 2
    assert "the server cannot be used" in stranger.errors()


def test_the_flags_that_make_constraints_hold_reach_the_server(start: Starter) -> None:
    serve = start("toy", "--port", "0", "--cpu", "--max-model-len", "512", "--", "--seed", "7")
    serve.line()
    (row,) = serve.started(1)
    argv, environment = cast("list[str]", row["argv"]), cast("dict[str, str]", row["env"])
    assert argv[:2] == ["serve", "toy"]
    assert argv[-2:] == ["--seed", "7"]
    assert {"--enforce-eager", "--enable-auto-tool-choice", "--max-model-len"} <= set(argv)
    structured = json.loads(argv[argv.index("--structured-outputs-config") + 1])
    assert structured == {"backend": "xgrammar", "disable_any_whitespace": True}
    assert environment["VLLM_ENFORCE_STRICT_TOOL_CALLING"] == "0"
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "1"


def test_without_vllm_the_user_is_told_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from burnish.graphs.cli.main import main; main()"]
    done = subprocess.run(
        [*command, "serve", "toy"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no vllm on the PATH" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match="take another with --port"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", find_port("127.0.0.1"))


def test_a_gpu_server_gets_its_sizes_and_no_cpu_settings() -> None:
    options = ServeOptions("org/model", tensor_parallel=2, data_parallel=4, gpu_memory=0.8)
    command = command_of(options)
    assert command[:3] == ["vllm", "serve", "org/model"]
    assert command[command.index("--tensor-parallel-size") + 1] == "2"
    assert command[command.index("--data-parallel-size") + 1] == "4"
    assert command[command.index("--gpu-memory-utilization") + 1] == "0.8"
    assert command[command.index("--served-model-name") + 1] == "model"
    environment = environment_of(options, {"OMP_NUM_THREADS": "1", "HOME": "/h"}, key="k")
    assert environment["HOME"] == "/h"
    assert environment["VLLM_API_KEY"] == "k"
    assert not {"OMP_NUM_THREADS", "VLLM_CPU_KVCACHE_SPACE", "HF_HUB_OFFLINE"} & set(environment)


def test_what_the_user_set_in_the_environment_stays() -> None:
    mine = {"VLLM_ENFORCE_STRICT_TOOL_CALLING": "1"}
    assert environment_of(ServeOptions("m"), mine)["VLLM_ENFORCE_STRICT_TOOL_CALLING"] == "1"


def test_waits_between_restarts_double_up_to_a_bound() -> None:
    patience = Patience(first_wait_s=1, longest_wait_s=6)
    assert [patience.wait(deaths) for deaths in (1, 2, 3, 4, 5)] == [1, 2, 4, 6, 6]


def post(url: str) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    body = json.dumps({"model": "toy", "messages": []})
    try:
        connection.request("POST", f"{parts.path}/chat/completions", body)
        connection.getresponse().read()
    finally:
        connection.close()


def answers(url: str) -> bool:
    try:
        post(url)
    except OSError:
        return False
    return True

import json
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from burnish.eval.robustness.speed import COMMAND
from burnish.tools.sandbox.pool import layers
from tests.support.waiting import PATIENCE_S, wait_until, wait_until_gone

pytestmark = pytest.mark.process

needs_sandbox = pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def burnish(*arguments: str | Path, stdin: bytes = b"") -> Ended:
    done = subprocess.run(
        [*COMMAND, "sandbox", *map(str, arguments)],
        input=stdin, capture_output=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def rows_at(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def one_line(ended: Ended, says: str) -> None:
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("burnish: ")
    assert ended.err.count("\n") == 1, ended.err
    assert says in ended.err


@needs_sandbox
def test_a_program_gives_one_json_object(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("\ufeffprint('caf\u00e9 \\x1b[31m')\nanswer = 6 * 7\n", encoding="utf-8")
    ended = burnish("run", program)
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    assert ended.out.isascii()
    assert "\x1b" not in ended.out
    result = json.loads(ended.out)
    assert result["outcome"] == "finished"
    assert result["stdout"] == "caf\u00e9 \x1b[31m\n"
    assert result["value"] == {"type": "int", "text": "42", "number": "42", "cut": False}
    assert set(result["cost"]) == {"cpu_seconds", "wall_seconds", "memory_bytes"}
    assert "seccomp" in result["layers"]


@needs_sandbox
@pytest.mark.parametrize(
    ("code", "limit", "outcome"),
    [
        (b"while True: pass", ("--cpu-seconds", "1"), "timed_out"),
        (b"import time\ntime.sleep(60)", ("--wall-seconds", "0.5"), "timed_out"),
        (b"x = bytearray(200 << 20)", ("--memory-mb", "64"), "out_of_memory"),
        (b"print('a' * 100)", ("--output-bytes", "50"), "output_limit"),
        (b"1 / 0", (), "raised"),
    ],
)
def test_a_program_on_standard_input_is_held_to_the_limits(
    code: bytes, limit: tuple[str, ...], outcome: str
) -> None:
    ended = burnish("run", "-", "--wall-seconds", "900", *limit, stdin=code)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["outcome"] == outcome


@needs_sandbox
def test_rows_are_checked_in_order_and_a_difference_is_exit_code_1(tmp_path: Path) -> None:
    path = rows_at(
        tmp_path / "programs.jsonl",
        {"id": "slow", "code": "sum(range(3000000))", "expect": "ok", "answer": "4499998500000"},
        {"id": "right", "code": "answer = 2", "expect": "ok", "answer": "2"},
        {"id": "wrong", "code": "answer = 2", "expect": "ok", "answer": "3"},
        {"id": "attack", "code": "open('/etc/passwd')", "expect": "blocked"},
    )
    ended = burnish("check", path, "--workers", "2", "--wall-seconds", "900")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["id"] for row in rows] == ["slow", "right", "wrong", "attack"]
    assert [row["agrees"] for row in rows] == [True, True, False, True]
    assert rows[2]["reason"] == "another answer"
    assert rows[3]["outcome"] == "forbidden"
    assert ended.code == 1
    assert ended.err == "burnish: 4 checked, 1 different\n"


@needs_sandbox
def test_programs_that_all_agree_are_exit_code_0(tmp_path: Path) -> None:
    path = rows_at(tmp_path / "programs.jsonl", {"id": "a", "code": "1", "expect": "finished"})
    ended = burnish("check", path, "--workers", "1")
    assert ended.code == 0
    assert ended.err == "burnish: 1 checked, 0 different\n"


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_file_that_is_not_there_is_one_line(command: str, tmp_path: Path) -> None:
    one_line(burnish(command, tmp_path / "absent"), "absent: No such file or directory")


def test_a_bad_row_is_one_line_before_anything_runs(tmp_path: Path) -> None:
    good = {"id": "a", "code": "1", "expect": "ok"}
    path = rows_at(tmp_path / "programs.jsonl", good, {"id": "b", "expect": "ok"})
    one_line(burnish("check", path), "programs.jsonl:2: code is not a text")


def test_a_program_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(b"\xff\xfe\x00")
    one_line(burnish("run", program), "program.py: not UTF-8")


@needs_sandbox
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_programs_at_work(tmp_path: Path, sign: signal.Signals) -> None:
    first = {"id": "first", "code": "1", "expect": "ok"}
    endless = [{"id": str(n), "code": "while True: pass", "expect": "timeout"} for n in range(9)]
    path = rows_at(tmp_path / "programs.jsonl", first, *endless)
    limits = ("--cpu-seconds", "60", "--wall-seconds", "900", "--workers", "1")
    with subprocess.Popen(
        [*COMMAND, "sandbox", "check", str(path), *limits],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as user:  # fmt: skip
        assert user.stdout is not None
        assert json.loads(user.stdout.readline())["id"] == "first"
        below = _at_work(user.pid)
        user.send_signal(sign)
        _, err = user.communicate(timeout=PATIENCE_S)
    if sign == signal.SIGINT:
        assert user.returncode == 130
        assert err == "burnish: interrupted; the programs at work were ended\n"
    wait_until_gone(below)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for path in children for child in path.read_text("ascii").split()]
    return [pid, *(member for child in found for member in _family(child))]


def _at_work(pid: int) -> list[int]:
    """Return the command's processes once a program is among them."""
    wait_until(lambda: len(_family(pid)) >= 3)
    return _family(pid)

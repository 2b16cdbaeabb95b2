import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from burnish.eval.robustness.speed import COMMAND
from burnish.graphs.cli.main import main
from burnish.graphs.cli.standard_output import answer_console, guarded, say

pytestmark = pytest.mark.process

NOISE = """
import atexit, ctypes, os, sys

c = ctypes.CDLL(None)

def make_noise():
    c.printf(b"noise: left in a buffer of C\\n")
    c.puts(b"noise: from C")
    c.fflush(None)
    c.puts(b"noise: left in a buffer of C")
    print("noise: from Python")
    os.write(1, b"noise: straight to the descriptor\\n")
    os.system("echo noise: from a process")
    sys.__stdout__ and sys.__stdout__.write("noise: by another name\\n")

OCCASIONS = ("corpus.jsonl", "questions.jsonl", "highspy")

def hear(event, arguments):
    if event in ("open", "import") and str(arguments[0]).endswith(OCCASIONS):
        make_noise()

sys.addaudithook(hear)
atexit.register(c.puts, b"noise: at the end")
atexit.register(print, "noise: at the end")
"""
"""Prints in every way and process: when an input is opened, HiGHS loaded, and at the exit."""


@pytest.fixture
def noisy(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose interpreters make noise, beside inputs in the same folder."""
    rows = [{"id": f"r{n}", "text": f"Home\nSentence {n} stands right here."} for n in range(9)]
    _write_lines(tmp_path / "corpus.jsonl", rows)
    items = [
        {"id": f"q{n}", "question": f"What is {n} and {n}?", "answer": f"{n + n}",
         "domain": "sums" if n % 3 else "doubles"}
        for n in range(12)
    ]  # fmt: skip
    _write_lines(tmp_path / "questions.jsonl", items)
    options = "item,operation,gain,cost\n" + "".join(f"{n},mend,{n},2\n" for n in range(9))
    (tmp_path / "options.csv").write_text(options, encoding="utf-8")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "sitecustomize.py").write_text(NOISE, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "noise")}


def _write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "corpus.jsonl", "--workers", "2", "--set", "refiner.name=rules"),
        ("run", "questions.jsonl"),
        ("solve", "options.csv", "--budget", "7"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_standard_output_is_one_json_object_whatever_libraries_print(
    arguments: tuple[str, ...], noisy: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"], cwd=tmp_path, env=noisy, capture_output=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    heard = done.stderr.decode()
    assert "noise: at the end" in heard
    for kind in ("from C", "left in a buffer of C", "from Python", "from a process"):
        assert f"noise: {kind}" in heard


def test_tables_for_people_hold_no_noise_either(noisy: dict[str, str], tmp_path: Path) -> None:
    command = [*COMMAND, "profile", "questions.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, env=noisy, capture_output=True, check=True)
    assert b"12" in done.stdout
    assert b"noise: " not in done.stdout
    assert b"noise: " in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(closed: str, noisy: dict[str, str], tmp_path: Path) -> None:
    run = ["run", "corpus.jsonl", "-o", "out", "--set", "refiner.name=rules", "--json"]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *run]
    done = subprocess.run(shell, cwd=tmp_path, env=noisy, capture_output=True, check=False)
    assert done.returncode == 0
    if closed == "2>&-":
        assert json.loads(done.stdout)["totals"]["rows"] == 9
    else:
        assert done.stdout == b""
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"noise: " not in path.read_bytes(), path
    verify = [*COMMAND, "replay", "out", "--verify"]
    subprocess.run(verify, cwd=tmp_path, capture_output=True, check=True)


def test_a_reader_that_has_gone_ends_the_command_quietly(
    noisy: dict[str, str], tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "solve", "options.csv", "--budget", "7", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=noisy, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.returncode == 1
    lines = done.stderr.decode().rstrip("\n").split("\n")
    assert [line for line in lines if not line.startswith("noise: ")] == []


def test_help_is_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
        out, err = capfd.readouterr()
        assert "Refine" in out
        assert err == ""


def test_within_another_program_only_the_answer_is_diverted_and_all_is_put_back(
    capfd: pytest.CaptureFixture[str],
) -> None:
    c = ctypes.CDLL(None)
    c.puts(b"before, from C")
    sys.stdout.write("before\n")
    with guarded():
        c.puts(b"noise from C")
        sys.stdout.write("noise\n")
        say("answer")
        say(b"bytes")
        answer_console().print("drawn")
    c.puts(b"after, from C")
    c.fflush(None)
    sys.stdout.write("after\n")
    say("said outside")
    out, err = capfd.readouterr()
    lines = [
        "answer",
        "bytes",
        "drawn",
        "after",
        "after, from C",
        "before",
        "before, from C",
        "said outside",
    ]
    assert sorted(out.split("\n")) == sorted([*lines, ""])
    assert sorted(err.split("\n")) == sorted(["noise", "noise from C", ""])


def test_a_failure_under_the_guard_puts_everything_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="wrong"), guarded():
        raise ValueError("wrong")
    os.write(1, b"out\n")
    sys.stdout.write("too\n")
    assert sorted(capfd.readouterr().out.split()) == ["out", "too"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_finds_no_room_ends_in_one_line() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, "config", "show"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "burnish: No space left on device\n"


@pytest.mark.parametrize("group", ["wiki", "sandbox", "config"])
def test_a_group_cuts_nothing_from_what_its_commands_do(
    group: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([group, "--help"])
    assert "..." not in capfd.readouterr().out.replace("[ARGS]...", "")

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from burnish.eval.robustness.crashes import CrashTrial, finished, imbalance, snapshot, write_corpus
from burnish.eval.robustness.sessions import members, settle, start
from burnish.eval.robustness.speed import COMMAND
from burnish.graphs.cli.main import main
from tests.support.waiting import PATIENCE_S

RULES = ("--set", "refiner.name=rules")


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def _started(*arguments: str | Path, cwd: Path) -> Ended:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class Called:
    """Calls the entry point of the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        code = caught.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)


@pytest.fixture
def burnish(capsys: pytest.CaptureFixture[str]) -> Called:
    return Called(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the current folder, with a small corpus in it."""
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"r{n}", "text": f"Home\nSentence {n} stands right here."} for n in range(30)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "corpus.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "column.jsonl").write_text('{"body": "x"}\n', encoding="utf-8")
    (tmp_path / "notes.doc").write_text("x", encoding="utf-8")
    (tmp_path / "model.npz").write_text("x", encoding="utf-8")
    return tmp_path


def _one_line(ended: Ended, says: str) -> None:
    assert ended.code == 2
    assert ended.out == ""
    lines = ended.err.rstrip("\n").split("\n")
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("burnish: ")
    assert says in lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.jsonl",), "none.jsonl: no such file or folder"),
        (("*.parquet",), "no file to read fits the pattern"),
        (("notes.doc",), "notes.doc: unknown kind of file; known are .jsonl"),
        (("column.jsonl", "-o", "run"), "column.jsonl: there is no column 'text'; it has 'body'"),
        (("corpus.jsonl", "--id-field", "key"), "--id-field"),
        (("corpus.jsonl", "--set", "refiner.nmae=rules"), "did you mean refiner.name?"),
        (("corpus.jsonl", "--set", "run.shard_rows=0"), "setting run.shard_rows: "),
        (("corpus.jsonl", "--format", "xml"), "setting run.format: "),
        (("corpus.jsonl", "--config", "none.toml"), "none.toml: cannot be read"),
        (("corpus.jsonl", "-o", "r", "--set", "refiner.model=model.npz"), "refiner.model: "),
        (("corpus.jsonl", "-o", "r", "--set", "refiner.model=no.npz"), "cannot be read"),
        (("corpus.jsonl", "-o", "notes.doc"), "notes.doc: is a file; give a folder with -o"),
        (("corpus.jsonl", "-o", "notes.doc/run"), "notes.doc/run: cannot be made"),
    ],
)
def test_what_cannot_be_carried_out_is_one_line_and_exit_code_2(
    burnish: Called, here: Path, arguments: tuple[str, ...], says: str
) -> None:
    _one_line(burnish("run", *arguments, "--workers", "1"), says)


def test_a_usage_error_of_a_real_process_is_one_line_too(here: Path) -> None:
    _one_line(_started("run", "none.jsonl", cwd=here), "none.jsonl: no such file or folder")


@pytest.mark.parametrize("arguments", [("frob",), ("run",), ("run", "x", "--workers", "0")])
def test_a_wrong_command_line_is_exit_code_2(burnish: Called, arguments: tuple[str, ...]) -> None:
    ended = burnish(*arguments)
    assert ended.code == 2
    assert "Usage: burnish" in ended.err
    assert "Traceback" not in ended.err


def test_another_runs_folder_is_refused(burnish: Called, here: Path) -> None:
    assert burnish("run", "corpus.jsonl", "-o", "run", "--workers", "1", *RULES).code == 0
    before = snapshot(here / "run")
    more = ("--set", "refiner.drop_documents=true")
    ended = burnish("run", "corpus.jsonl", "-o", "run", "--workers", "1", *RULES, *more)
    _one_line(ended, "settings.refiner.drop_documents was false, is true")
    assert snapshot(here / "run") == before


def test_a_run_tells_its_figures_and_where_things_are(burnish: Called, here: Path) -> None:
    ended = burnish("run", "corpus.jsonl", "--workers", "1", *RULES)
    assert ended.code == 0
    assert ended.out.startswith("30 rows = 0 unchanged + 30 edited + 0 dropped + 0 failed + 0 q")
    assert str(Path("runs/corpus/report.html")) in ended.out
    assert (here / "runs" / "corpus" / "report.html").is_file()
    assert "refining 30 rows" in ended.err


def test_json_is_one_object_that_balances(burnish: Called, here: Path) -> None:
    ended = burnish("run", "corpus.jsonl", "-o", "run", "--workers", "1", "--json", *RULES)
    result = json.loads(ended.out)
    assert ended.code == 0
    assert result["faults"] == []
    assert result["run"] == "run"
    assert result["totals"]["rows"] == result["totals"]["edited"] == 30


def test_too_many_failures_are_exit_code_1(burnish: Called, here: Path) -> None:
    with (here / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "r1", "text": "Again."}\n{"id": 7}\n{"id":\n')
    ended = burnish("run", "corpus.jsonl", "-o", "run", "--workers", "1", *RULES)
    assert ended.code == 1
    assert ended.err.rstrip().split("\n")[-1].startswith("burnish: 3 of 33 rows failed")
    assert "33 rows = 0 unchanged + 30 edited + 0 dropped + 0 failed + 3 quarantined" in ended.out


def test_strict_is_exit_code_2_with_file_and_row(burnish: Called, here: Path) -> None:
    with (here / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": 7}\n')
    ended = burnish("run", "corpus.jsonl", "-o", "r", "--workers", "1", "--strict", *RULES)
    _one_line(ended, "corpus.jsonl row 31: ")


def test_a_dry_run_writes_nothing(burnish: Called, here: Path) -> None:
    before = sorted(path.name for path in here.rglob("*"))
    ended = burnish("run", "corpus.jsonl", "--dry-run", *RULES)
    assert ended.code == 0
    assert ended.out.startswith("Of the first 30 rows: 30 edited; ")
    assert sorted(path.name for path in here.rglob("*")) == before


def test_a_dry_run_keeps_to_the_limit_and_speaks_json(burnish: Called, here: Path) -> None:
    for limit in (0, 4):
        ended = burnish("run", "corpus.jsonl", "--dry-run", "--limit", str(limit), "--json", *RULES)
        assert sum(json.loads(ended.out)["tried"].values()) == limit


@pytest.mark.parametrize(("flag", "number"), [("--limit", 7), ("--sample", 5), ("--limit", 0)])
def test_limit_and_sample_choose_rows(burnish: Called, here: Path, flag: str, number: int) -> None:
    ended = burnish(
        "run", "corpus.jsonl", "-o", "r", "--workers", "1", "--json", flag, str(number), *RULES
    )
    assert ended.code == 0
    assert json.loads(ended.out)["totals"]["rows"] == number


def test_the_text_may_stand_in_another_column(burnish: Called, here: Path) -> None:
    ended = burnish(
        "run", "column.jsonl", "-o", "r", "--workers", "1", "--text-field", "body", *RULES
    )
    assert ended.code == 0
    assert "1 rows = " in ended.out


def test_shown_settings_are_a_file_that_can_be_given(burnish: Called, here: Path) -> None:
    given = ("--set", "refiner.name=rules", "--set", 'fields.text="Tëxt 😀"')
    shown = burnish("config", "show", *given)
    (here / "all.toml").write_text(shown.out, encoding="utf-8")
    again = burnish("config", "show", "--config", "all.toml")
    assert shown.code == again.code == 0
    assert again.out == shown.out
    assert 'name = "rules"' in shown.out
    as_json = burnish("config", "show", "--json", *given)
    assert json.loads(as_json.out)["fields"]["text"] == "Tëxt 😀"


def test_a_plan_that_nobody_can_approve_is_said(here: Path) -> None:
    ended = _started(
        "run", "corpus.jsonl", "-o", "r", "--workers", "1", *RULES, "--set", "run.approval=ask",
        cwd=here,
    )  # fmt: skip
    _one_line(ended, "waits for approval; run in a terminal, or set run.approval=auto")
    assert snapshot(here / "r") == {}


HEAVY = ("numpy", "pyarrow", "langgraph", "langchain_core", "pydantic", "rich", "openai", "sqlite3")


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom burnish.graphs.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: code = end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().rstrip().endswith("[] 0")


def test_the_installed_command_answers() -> None:
    command = Path(sys.executable).with_name("burnish")
    if not command.exists():
        pytest.skip("the command is not installed beside this Python")
    done = subprocess.run([command, "--help"], capture_output=True, check=True)
    assert b"Refine the data" in done.stdout


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(tmp_path: Path) -> None:
    corpus, root = tmp_path / "corpus.jsonl", tmp_path / "run"
    write_corpus(corpus, 1_500)
    trial = CrashTrial(kills=0, shard_rows=25, workers=2, settings=("refiner.name=rules",))
    process = start(trial.command(corpus, root), tmp_path / "log")
    while finished(root) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() == 130
    settle(process.pid)
    said = (tmp_path / "log").read_text("utf-8")
    done = finished(root)
    assert 2 <= done < 60
    assert f"burnish: interrupted; {done} shards are finished and kept in {root}. " in said
    assert "Run the same command again to go on" in said
    assert "Traceback" not in said
    assert members(process.pid) == []
    again = start(trial.command(corpus, root), tmp_path / "log")
    assert again.wait() == 0
    assert imbalance(root) == ""


@pytest.mark.slow
@pytest.mark.parametrize("after", ["lock", "manifest.json"])
def test_ctrl_c_while_the_run_starts_shows_no_traceback(tmp_path: Path, after: str) -> None:
    corpus, root = tmp_path / "corpus.jsonl", tmp_path / "run"
    write_corpus(corpus, 600)
    trial = CrashTrial(kills=0, shard_rows=25, workers=2, settings=("refiner.name=rules",))
    process = start(trial.command(corpus, root), tmp_path / "log")
    while not (root / after).exists():
        assert process.poll() is None
        time.sleep(0.002)
    if after == "manifest.json":
        while not any(member.role == "worker" for member in members(process.pid)):
            time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() == 130
    settle(process.pid)
    said = (tmp_path / "log").read_text("utf-8")
    assert "Traceback" not in said
    assert "again to go on" in said


def test_the_help_groups_commands_by_purpose_and_cuts_nothing() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, check=True)
    told = done.stdout.decode()
    headings = [line for line in told.split("\n") if line.endswith(":") and line[0] != " "]
    assert headings == [
        "Options:", "Refine:", "Look:", "Undo and verify:", "Models and their data:", "Checks:",
    ]  # fmt: skip
    assert "..." not in told.partition("\n")[2]
    assert "\x1b" not in told
    assert max(map(len, told.split("\n"))) <= 80


def test_the_version_is_told(burnish: Called) -> None:
    assert burnish("--version").out == "burnish 0.1.0\n"

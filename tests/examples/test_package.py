"""The example of a package that adds to burnish: installed, found, used, and told of."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGE = ROOT / "examples" / "burnish-shouting"
COMMAND = (sys.executable, "-c", "from burnish.graphs.cli.main import main; main()")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which the package is installed, in a folder of its own."""
    place = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    flags = ["--no-build-isolation", "--no-deps", "--no-index", "--no-compile", "-t", str(place)]
    # A copy, since setuptools builds inside the source.
    copy = tmp_path_factory.mktemp("source")
    for path in PACKAGE.rglob("*"):
        if path.is_file() and path.suffix in {".py", ".toml", ".typed"}:
            target = copy / path.relative_to(PACKAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    quiet = os.environ | {"PYTHONWARNINGS": "default"}
    done = subprocess.run([*pip, *flags, str(copy)], capture_output=True, env=quiet, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return quiet | {"PYTHONPATH": str(place)}


def burnish(installed: dict[str, str], cwd: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, env=installed, cwd=cwd, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Make a folder with some documents and some questions."""
    texts = [f"BUY NOW\nSentence {n} stands here.\nOK" for n in range(6)]
    rows = [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    write(tmp_path / "corpus.jsonl", rows)
    questions = [
        {"id": f"q{n}", "question": f"How much is {n} plus {n}.", "answer": str(2 * n)}
        for n in range(6)
    ]
    write(tmp_path / "questions.jsonl", questions)
    return tmp_path


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_run_uses_the_refiner_by_its_name_in_every_worker(
    installed: dict[str, str], here: Path
) -> None:
    more = ("--set", "refiner.name=shouting", "--set", "run.shard_rows=2", "--workers", "2")
    code, out, err = burnish(installed, here, "run", "corpus.jsonl", "-o", "run", *more)
    assert code == 0, err
    assert out.startswith("6 rows = 0 unchanged + 6 edited")
    code, out, err = burnish(installed, here, "replay", "run", "--verify")
    assert (code, out) == (0, "6 rows in 3 shards: all proofs hold, rows balance\n"), err
    marks = json.loads((here / "run" / "manifest.json").read_text("utf-8"))["fingerprint"]
    assert marks["refiner"] == "1, at least 2 words of burnish-shouting 1.2.3"


def test_its_options_are_settings_and_another_run(installed: dict[str, str], here: Path) -> None:
    named = ("--set", "refiner.name=shouting", "--format", "jsonl", "--workers", "1")
    more = (*named, "--set", "refiner.options.least=1")
    code, _, err = burnish(installed, here, "run", "corpus.jsonl", "-o", "run", *more)
    assert code == 0, err
    text = json.loads(
        (here / "run" / "data" / "part-00000.jsonl").read_text("utf-8").split("\n")[0]
    )
    assert text["text"] == "Sentence 0 stands here."
    code, _, err = burnish(installed, here, "run", "corpus.jsonl", "-o", "run", *named)
    assert code == 2
    assert "refiner was 1, at least 1 words" in err
    wrong = (*named, "--set", "refiner.options.most=1")
    code, _, err = burnish(installed, here, "run", "corpus.jsonl", "-o", "other", *wrong)
    assert code == 2
    assert "'shouting' of burnish-shouting 1.2.3 cannot be made (TypeError" in err


def test_operations_and_validators_take_part_in_a_run_over_questions(
    installed: dict[str, str], here: Path
) -> None:
    more = (
        *("--set", 'qa.operations=["question_mark"]', "--set", 'qa.validators=["no_empty_key"]'),
        *("--format", "jsonl"),
    )
    code, out, err = burnish(installed, here, "run", "questions.jsonl", "-o", "run", *more)
    assert code == 0, err
    assert out.startswith("6 rows = 0 unchanged + 6 edited")
    lines = (here / "run" / "data" / "part-00000.jsonl").read_text("utf-8").split("\n")
    assert json.loads(lines[1])["question"] == "How much is 1 plus 1?"
    marks = json.loads((here / "run" / "manifest.json").read_text("utf-8"))["fingerprint"]
    assert marks["agent.operation question_mark"] == "1 of burnish-shouting 1.2.3"
    assert marks["agent.validator no_empty_key"] == "1 of burnish-shouting 1.2.3"
    code, out, err = burnish(installed, here, "replay", "run", "--without", "all", "-o", "before")
    assert code == 0, err
    assert out.startswith("6 rows rebuilt in before/data: 6 differ from the run's, 0 came back")


def test_a_name_is_refused_where_the_package_is_not_installed(here: Path) -> None:
    code, _, err = burnish(
        dict(os.environ), here, "run", "corpus.jsonl", "--set", "refiner.name=shouting"
    )
    assert code == 2
    assert "setting refiner.name: there are embedded, rules, served" in err


def test_doctor_and_config_tell_what_is_added(installed: dict[str, str], here: Path) -> None:
    program = (
        "from burnish.graphs.system.doctor import check_plugins\n"
        "for check in check_plugins(): print(check.name, check.state, check.detail)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=installed, check=True
    )
    assert done.stdout.decode().split("\n")[:3] == [
        "refiner shouting ok burnish-shouting 1.2.3",
        "operation question_mark ok burnish-shouting 1.2.3",
        "validator no_empty_key ok burnish-shouting 1.2.3",
    ]
    code, out, _ = burnish(installed, here, "config", "show", "--set", "refiner.name=shouting")
    assert code == 0
    assert 'name = "shouting"' in out

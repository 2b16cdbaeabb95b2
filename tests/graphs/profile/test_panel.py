"""`burnish profile --panel`: models answer a set over the wire, and difficulties come of it."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from burnish.corpora.questions.answer_files import join_answers
from burnish.eval.robustness.loopback import Body, completion, ok
from burnish.graphs.cli.main import main
from burnish.graphs.profile.profile import read_set
from tests.support.model_server import in_thread, user_turn
from tests.support.question_sets import item, write

ITEMS = 30
SKILL = {"weak": 0.3, "middling": 0.6, "strong": 0.9}


def _hard(question: str) -> float:
    return random.Random(question).random()  # noqa: S311


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [item(number, "rivers") for number in range(ITEMS)]
    plain = [{k: v for k, v in row.items() if not k.startswith("correct_")} for row in rows]
    write(tmp_path / "set.jsonl", plain)
    return tmp_path


def _keys(folder: Path) -> dict[str, str]:
    rows = map(json.loads, filter(None, (folder / "set.jsonl").read_text("utf-8").split("\n")))
    return {row["question"]: row["answer"] for row in rows}


def _panel(keys: dict[str, str]) -> Callable[[Body], web.Response]:
    def handle(body: Body) -> web.Response:
        question = user_turn(body).split("Question:\n")[1].split("\n")[0]
        key = keys[question]
        right = SKILL[str(body["model"])] > _hard(question)
        answer = key if right else "ABCD"[("ABCD".index(key) + 1) % 4]
        return ok(completion(json.dumps({"answer": answer}), usage=(100, 8)))

    return handle


def _main(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["profile", *arguments])
    return int(ended.value.code or 0)


def test_a_panel_is_asked_once_and_difficulties_are_fitted_from_its_answers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = _keys(folder)
    with in_thread(_panel(keys)) as server:
        flags = ["--panel", "weak,middling,strong", "--llm", server.url, "--json"]
        command = [str(folder / "set.jsonl"), *flags, "--panel-folder", str(folder / "panel")]
        assert _main(*command) == 0
        first = capsys.readouterr()
        assert f"{3 * ITEMS} of {3 * ITEMS} answers could be marked" in first.err
        assert Counter(str(body["model"]) for body in server.bodies) == dict.fromkeys(SKILL, ITEMS)
        assert not any(key in str(body) for body in server.bodies for key in ('"key"', "weight"))
        assert _main(*command) == 0
        assert len(server.bodies) == 3 * ITEMS
        assert capsys.readouterr().out == first.out
    rows = join_answers(
        read_set(str(folder / "set.jsonl")).rows, str(folder / "panel" / "answers.jsonl"), "id"
    )
    share = {name: sum(row.answers[name].correct for row in rows) / ITEMS for name in SKILL}
    assert share["weak"] < share["middling"] < share["strong"]
    assert (
        _main(
            str(folder / "set.jsonl"),
            "--answers",
            str(folder / "panel" / "answers.jsonl"),
            "--json",
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["difficulty"] == json.loads(first.out)["difficulty"]


def test_a_panels_budget_holds_and_a_larger_one_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with in_thread(_panel(_keys(folder))) as server:
        flags = ["--panel", "strong", "--llm", server.url, "--panel-folder", str(folder / "panel")]
        assert _main(str(folder / "set.jsonl"), *flags, "--budget", "4000", "--json") == 0
        said = capsys.readouterr().err
        assert "the token budget ended first" in said
        asked = len(server.bodies)
        assert 0 < asked < ITEMS
        assert 108 * asked <= 4_000
        assert _main(str(folder / "set.jsonl"), *flags, "--budget", "600000", "--json") == 0
        assert len(server.bodies) == ITEMS


@pytest.mark.parametrize(
    "flags",
    [("--panel", "a"), ("--llm", "http://127.0.0.1:9/v1"),
     ("--panel", "a", "--llm", "http://127.0.0.1:9/v1", "--answers", "x.jsonl")],
)  # fmt: skip
def test_half_a_panel_is_refused_in_one_line(
    folder: Path, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(str(folder / "set.jsonl"), *flags) == 2
    assert capsys.readouterr().err.startswith("burnish: ")

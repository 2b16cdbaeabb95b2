import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from burnish.agents.llm.client import Client
from burnish.agents.llm.messages import Request
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.scripted import ScriptedClient
from burnish.agents.llm.token_budget import TokenBudget
from burnish.corpora.errors import ModelError, RunError, UsageError
from burnish.graphs.cli.main import main
from burnish.graphs.distill.distill import Distillation, ExpertAccess, OpenedExpert
from burnish.graphs.distill.settings import DistillSettings, PairChoice, PairColumns
from burnish.tools.deletion.program import apply
from burnish.tools.distill.distill import Policy
from burnish.tools.distill.pairs import program_in

GIVEN = PairColumns(text="raw", refined="gold", stratum="type")


def write_pages(path: Path, count: int = 40) -> list[dict[str, Any]]:
    rows = [
        {
            "id": f"p{n}",
            "url": f"https://site{n % 8}.example/{n}",
            "type": "forum" if n % 2 else "article",
            "raw": f"Menu {n}\nLogin\nText number {n} that stays.\n\nShare this"
            if n % 4
            else f"Clean text number {n}.",
            "gold": f"Text number {n} that stays." if n % 4 else f"Clean text number {n}.",
            "labels": "DDK-D" if n % 4 else "K",
        }
        for n in range(count)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return rows


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n") if line]


def taken(folder: Path) -> list[dict[str, Any]]:
    return read_rows(folder / "train.jsonl") + read_rows(folder / "validation.jsonl")


def test_given_pairs_become_programs_that_round_trip(tmp_path: Path) -> None:
    rows = {row["id"]: row for row in write_pages(tmp_path / "in.jsonl")}
    settings = DistillSettings(columns=GIVEN, shard_rows=15)
    result = Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", settings).carry_out()
    pairs = taken(tmp_path / "out")
    assert not result.faults
    assert len(pairs) > 30
    for pair in pairs:
        row = rows[pair["id"]]
        assert apply(program_in(pair["messages"][-1]), row["raw"]) == row["gold"]
        assert [tool["function"]["name"] for tool in pair["tools"]]
    assert result.report["documents"]["edited"] == 30
    assert result.report["deletions"]["surviving_share"] == 1.0
    assert set(result.report["pairs"]["strata"]) == {"article", "forum"}


def test_train_and_validation_share_no_source(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl")
    settings = DistillSettings(columns=GIVEN, choice=PairChoice(validation=0.3))
    Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", settings).carry_out()
    sources = [
        {pair["group"] for pair in read_rows(tmp_path / "out" / f"{split}.jsonl")}
        for split in ("train", "validation")
    ]
    assert all(sources)
    assert not sources[0] & sources[1]


def test_pairs_that_change_nothing_keep_to_their_share(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl")
    settings = DistillSettings(columns=GIVEN, choice=PairChoice(keep_all_share=0.1))
    Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", settings).carry_out()
    kinds = [pair["kind"] for pair in taken(tmp_path / "out")]
    assert kinds.count("keep_all") == 3


def test_a_run_that_lost_a_shard_ends_with_the_same_bytes(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl")
    settings = DistillSettings(columns=GIVEN, shard_rows=10)
    work = Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", settings)
    work.carry_out()
    before = (tmp_path / "out/train.jsonl").read_bytes()
    (tmp_path / "out/shards/00002.json").unlink()
    (tmp_path / "out/data/part-00002.jsonl").unlink()
    work.carry_out()
    assert (tmp_path / "out/train.jsonl").read_bytes() == before


def test_other_settings_are_refused_in_the_same_folder(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl")
    source = str(tmp_path / "in.jsonl")
    Distillation(source, tmp_path / "out", DistillSettings(columns=GIVEN)).carry_out()
    other = DistillSettings(columns=GIVEN, policy=Policy(notation="json"))
    with pytest.raises(RunError, match="notation"):
        Distillation(source, tmp_path / "out", other).carry_out()


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl")
    settings = DistillSettings(columns=PairColumns(text="raw", refined="golden"))
    with pytest.raises(UsageError, match="golden"):
        Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", settings).carry_out()


def scripted(script: Callable[[Request], Any], asked: list[Request], ceiling: int | None = None):  # noqa: ANN201
    def opened(folder: Path) -> OpenedExpert:
        store = ReplyStore(folder / "replies.sqlite")
        budget = TokenBudget(folder / "budget.sqlite", ceiling)
        transport = ScriptedClient(script)
        transport.requests = asked

        def close(loop: asyncio.Runner) -> None:
            store.close()
            budget.close()

        client = Client(transport, store=store, budget=budget)
        return OpenedExpert(client, close, lambda: {"spent": budget.account().spent})

    return ExpertAccess(opened, "scripted")


def tidy(request: Request) -> str:
    lines = request.messages[-1].content.split("\n")[1:-1]
    kept = [line for line in lines if "text" in line.lower()]
    return "<reason>noise</reason>\n<document>\n" + "\n".join(kept) + "\n</document>"


EXPERT = DistillSettings(columns=PairColumns(text="raw"))


def test_an_expert_is_asked_and_its_words_never_get_in(tmp_path: Path) -> None:
    rows = {row["id"]: row for row in write_pages(tmp_path / "in.jsonl", 8)}
    asked: list[Request] = []
    source = str(tmp_path / "in.jsonl")
    result = Distillation(source, tmp_path / "out", EXPERT, scripted(tidy, asked)).carry_out()
    assert len(asked) == 8
    assert result.report["expert_tokens"]["spent"] > 0
    for pair in taken(tmp_path / "out"):
        row = rows[pair["id"]]
        assert apply(program_in(pair["messages"][-1]), row["raw"]) == row["gold"]


def test_replies_are_asked_for_once(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl", 8)
    asked: list[Request] = []
    work = Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", EXPERT, scripted(tidy, asked))
    work.carry_out()
    (tmp_path / "out/shards/00000.json").unlink()
    work.carry_out()
    assert len(asked) == 8


def test_a_budget_that_ends_stops_the_work_and_says_so(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl", 8)
    asked: list[Request] = []
    source = str(tmp_path / "in.jsonl")
    result = Distillation(
        source, tmp_path / "out", EXPERT, scripted(tidy, asked, ceiling=4_000)
    ).carry_out()
    assert "budget" in result.faults[0]
    assert result.report["documents"]["unread"] == 8
    more = Distillation(source, tmp_path / "out", EXPERT, scripted(tidy, asked)).carry_out()
    assert not more.faults
    assert more.report["documents"]["edited"] == 6


def test_an_answer_without_form_fails_only_its_document(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl", 8)

    def odd(request: Request) -> str:
        return "no" if "number 3 " in request.messages[1].content else tidy(request)

    source = str(tmp_path / "in.jsonl")
    result = Distillation(source, tmp_path / "out", EXPERT, scripted(odd, [])).carry_out()
    assert result.report["failed"] == {"not_wrapped": 1}
    assert sum(result.report["documents"][key] for key in ("edited", "unchanged")) == 7


def test_a_server_that_refuses_everything_stops_the_work(tmp_path: Path) -> None:
    write_pages(tmp_path / "in.jsonl", 3)

    def refuse(request: Request) -> ModelError:
        return ModelError("auth", "model server: 401")

    work = Distillation(str(tmp_path / "in.jsonl"), tmp_path / "out", EXPERT, scripted(refuse, []))
    with pytest.raises(ModelError, match="401"):
        work.carry_out()


def test_the_command_prints_what_each_filter_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pages(tmp_path / "in.jsonl")
    arguments = ["distill", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out")]
    arguments += ["--text-field", "raw", "--labels-field", "labels", "--workers", "1"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--notation", "lines", "--json"])
    assert ended.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["documents"]["in"] == 40
    assert report["programs"]["new_words"] == 0
    assert "tools" not in taken(tmp_path / "out")[0]


def test_the_command_wants_one_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pages(tmp_path / "in.jsonl", 2)
    with pytest.raises(SystemExit) as ended:
        main([
            "distill",
            str(tmp_path / "in.jsonl"),
            "-o",
            str(tmp_path / "o"),
            "--text-field",
            "raw",
        ])
    assert ended.value.code == 2
    assert "--refined-field" in capsys.readouterr().err

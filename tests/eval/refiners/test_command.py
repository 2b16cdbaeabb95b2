import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.records import Document
from burnish.eval.datasets.pages import id_in_set, load_clean, load_pages
from burnish.eval.refiners.baselines import DatatroveFilters, KeepAllRefiner, RandomDeletion
from burnish.eval.refiners.command import main
from burnish.eval.refiners.systems import OutOfFold, ProgramSystem, read_folds
from burnish.eval.robustness.speed import time_pipeline
from burnish.tools.deletion.program import Program, RemoveAll, RemoveLines

PAGE: dict[str, object] = {
    "url": "https://a.example/x",
    "lang": "en",
    "raw": "Home\nAbout us\nA wide river runs here.\n[Posted] Monday\nLegal",
    "labels": "DDKPD",
    "partial": {"3": [[9, 15]]},
    "gold": "A wide river runs here.\n\nMonday",
}
STAND_INS = ["--systems", "keep-all,random,ceiling", "--draws", "50"]


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress("".join(lines).encode()))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small data root of our own."""
    root = tmp_path / "data"
    types = ["article"] * 12 + ["forum"] * 11 + ["product"]
    pages = [
        PAGE | {"id": f"w/{n}", "page_type": kind, "raw": f"{n} {PAGE['raw']}"}
        for n, kind in enumerate(types)
    ]
    pages[0] |= {"url": None}
    _write(root / "web_wcxb" / "pages.jsonl.gz", pages)
    mail = {"id": "m/1", "raw": "Hello there\n\nBest\nAnn", "labels": "K-DD"}
    _write(root / "email_forge" / "pages.jsonl.gz", [mail])
    prose = [{"id": f"p/{n}", "text": f"Sentence {n} stands alone."} for n in range(5)]
    _write(root / "squad2_half" / "passages.jsonl.gz", prose)
    monkeypatch.setenv("BURNISH_DATA", str(root))
    return root


def _figures(path: Path, set_name: str) -> dict[str, dict[str, dict[str, float]]]:
    results = orjson.loads(path.read_bytes())["results"]
    chosen = next(one for one in results["sets"] if one["name"] == set_name)
    return {row["system"]: row["figures"] for row in chosen["systems"]}


@pytest.mark.usefixtures("data")
def test_the_whole_benchmark_runs_on_a_small_data_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert main([*STAND_INS, "--no-pipeline", "--json", str(out)]) == 0
    figures = _figures(out, "web_wcxb")
    assert figures["keep-all"]["harm"]["value"] == 0
    assert figures["keep-all"]["missed_noise"]["value"] == 1
    assert figures["keep-all"]["untouched"]["value"] == 1
    assert figures["ceiling"]["missed_noise"]["value"] == 0
    assert figures["ceiling"]["token_f1"]["value"] == 1
    assert figures["keep-all"]["token_f1"]["value"] == pytest.approx(12 / 18)
    assert 0 < figures["random"]["harm"]["value"] < 1
    assert _figures(out, "email_forge")["ceiling"]["token_f1"]["value"] == 1
    shown = capsys.readouterr()
    assert "web_wcxb: 24 pages" in shown.out
    assert "article (12)" in shown.out
    assert "forum (11)" in shown.out
    assert "other (1)" in shown.out
    assert "squad2_half (5)" in shown.out
    assert "pdf_grobid was left out" in shown.out
    assert "\x1b[" not in shown.out
    assert "river" not in shown.out + shown.err


@pytest.mark.usefixtures("data")
def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    for out in outs:
        assert main([*STAND_INS, "--no-pipeline", "--limit", "4", "--json", str(out)]) == 0
    assert _figures(outs[0], "web_wcxb") == _figures(outs[1], "web_wcxb")


@pytest.mark.usefixtures("data")
def test_random_deletion_goes_at_the_rate_it_is_given(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    removed: list[float] = []
    for rate in ("0", "0.3", "0.7"):
        argv = ["--systems", "random", "--random-rate", rate, "--no-pipeline", "--draws", "5"]
        assert main([*argv, "--no-clean", "--json", str(out)]) == 0
        removed.append(_figures(out, "web_wcxb")["random"]["removed_chars"]["value"])
    assert removed[0] == 0
    assert removed[0] < removed[1] < removed[2]


@pytest.mark.parametrize("made", [True, False])
def test_absent_data_skips_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    made: bool,
) -> None:
    root = tmp_path / "none"
    if made:
        root.mkdir()
    monkeypatch.setenv("BURNISH_DATA", str(root))
    assert main([]) == 0
    assert capsys.readouterr().out == f"skipped: no data at {root} (set BURNISH_DATA)\n"


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--sets", "web_wcx"], "there is no set 'web_wcx'"),
        (["--systems", "magic"], "there is no system 'magic'"),
        (["--limit", "0"], "'0' is not a whole number"),
        (["--random-rate", "2"], "'2' is not a number between 0 and 1"),
        (["--wrong"], "unrecognized arguments"),
        (["--json", "/nowhere/at/all.json"], "there is no folder"),
        (["--systems", "embedded", "--fold-models", "nowhere"], "embedded was left out"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_the_module_runs_as_a_command(data: Path) -> None:
    argv = [sys.executable, "-m", "burnish.eval.refiners", "--systems", "keep-all", "--no-pipeline"]
    environment = os.environ | {"BURNISH_DATA": str(data)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "keep-all" in done.stdout


def test_a_broken_row_is_named_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / "web_zh" / "pages.jsonl.gz"
    _write(path, [{"id": "1", "raw": "one\ntwo", "labels": "K"}])
    with pytest.raises(SourceError, match="row 1: labels and lines differ"):
        load_pages(tmp_path, "web_zh")
    _write(path, [{"id": "1", "raw": "secret", "labels": 3}])
    with pytest.raises(SourceError, match="row 1: labels: ") as caught:
        load_pages(tmp_path, "web_zh")
    assert "secret" not in str(caught.value)
    path.write_bytes(b"not gzip")
    with pytest.raises(SourceError, match="cannot be read as gzip"):
        load_pages(tmp_path, "web_zh")


def test_a_limit_draws_pages_by_seed_in_file_order(data: Path) -> None:
    drawn = [page.id for page in load_pages(data, "web_wcxb", limit=6, seed=1)]
    everything = [page.id for page in load_pages(data, "web_wcxb")]
    assert drawn == [id for id in everything if id in drawn]
    assert len(drawn) == 6
    assert drawn != [page.id for page in load_pages(data, "web_wcxb", limit=6, seed=2)]


def test_pages_that_share_an_id_are_told_apart(tmp_path: Path) -> None:
    rows = [{"id": "twice", "raw": text, "labels": "D"} for text in ("a", "b")]
    _write(tmp_path / "web_zh" / "pages.jsonl.gz", rows)
    pages = load_pages(tmp_path, "web_zh")
    assert [page.id for page in pages] == ["twice", "twice#2"]
    assert {id_in_set(page.id) for page in pages} == {"twice"}


def test_clean_documents_are_gold_texts_and_prose(data: Path) -> None:
    clean = load_clean(data, load_pages(data, "web_wcxb", limit=2))
    assert {name: len(documents) for name, documents in clean.items()} == {
        "web_wcxb gold": 2,
        "squad2_half": 5,
    }
    assert clean["web_wcxb gold"][0].text == PAGE["gold"]


@dataclass(frozen=True)
class _Remover:
    line: int
    name: str = "remover"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        return [Program((RemoveLines(self.line, self.line),))] * len(documents)


@dataclass(frozen=True)
class _Dropper:
    name: str = "dropper"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        return [Program((RemoveAll(),))] * len(documents)


def test_each_page_and_its_gold_text_meet_their_own_fold() -> None:
    models = {0: _Remover(1), 1: _Remover(2)}
    system = ProgramSystem(OutOfFold("embedded", models, {"x": 1, "y": 0}))
    documents = [Document(id, "a\nb") for id in ("x", "y", "x#gold", "stranger")]
    assert [result.text for result in system.refine(documents)] == ["a", "b", "a", "b"]
    assert system.name == "embedded"


def test_programs_are_guarded_as_in_a_run() -> None:
    document = Document("1", "x")
    assert ProgramSystem(_Remover(1)).refine([document])[0].text == "x"
    assert ProgramSystem(_Dropper()).refine([document])[0].text == ""
    assert ProgramSystem(KeepAllRefiner()).refine([document])[0].removed == ()


def test_random_deletion_depends_on_text_and_seed_alone() -> None:
    text = "\n".join(f"line {n}" for n in range(200))
    program = RandomDeletion(0.5, seed=1).propose([Document("a", text), Document("b", text)])
    assert program[0] == program[1]
    assert 60 < len(program[0].calls) < 140
    assert program[0] != RandomDeletion(0.5, seed=2).propose([Document("a", text)])[0]


def test_a_fold_folder_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as page id to fold"):
        read_folds(tmp_path)
    (tmp_path / "folds.json").write_text('{"a": 0, "b": 1}')
    (tmp_path / "fold0.npz").touch()
    with pytest.raises(UsageError, match=r"has no fold1\.npz"):
        read_folds(tmp_path)
    (tmp_path / "fold1.npz").touch()
    assert read_folds(tmp_path).folds == {"a": 0, "b": 1}


@pytest.mark.slow
def test_datatroves_filters_drop_pages_and_lines() -> None:
    pytest.importorskip("datatrove", reason="needs burnish[bench]")
    pytest.importorskip("spacy", reason="needs burnish[bench]")
    sentences = [f"The {n}th sentence of the page is long enough to stay." for n in range(6)]
    texts = ["\n".join(["Menu", *sentences]), "Menu\n" + sentences[0]]
    documents = [Document(str(n), text) for n, text in enumerate(texts)]
    by_line = [result.text for result in DatatroveFilters("c4-lines").refine(documents)]
    by_page = [result.text for result in DatatroveFilters("c4").refine(documents)]
    assert by_line == ["\n".join(sentences), sentences[0]]
    assert by_page == ["\n".join(sentences), ""]
    assert len(DatatroveFilters("datatrove").refine(documents)) == 2


def test_the_pipeline_is_timed_as_a_process_of_its_own() -> None:
    script = "import sys; sum(range(3_000_000)); sys.exit(len(sys.argv) != 7)"
    documents = [Document("1", "eight ch"), Document("2", "ü")]
    runs = time_pipeline(documents, [1, 2], [sys.executable, "-c", script])
    assert [run.workers for run in runs] == [1, 2]
    assert {run.raw_bytes for run in runs} == {10}
    assert all(run.cpu_seconds > 0 and run.wall_seconds > 0 for run in runs)


def test_a_pipeline_that_fails_says_so_in_one_line() -> None:
    script = "import sys; sys.exit('first\\nthe plan was refused')"
    with pytest.raises(RuntimeError, match="exit code 1: the plan was refused"):
        time_pipeline([Document("1", "x")], [1], [sys.executable, "-c", script])

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from aiohttp import web
from numpy.typing import NDArray
from rich.console import Console

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder
from burnish.eval.robustness.loopback import Body, completion, ok
from burnish.graphs.cli.main import main
from burnish.graphs.profile.console import show
from burnish.graphs.profile.labels import ENOUGH, Labelling, label_sets, read_labels
from burnish.graphs.profile.profile import ProfileReading, profile_location, read_set
from burnish.graphs.profile.vector_cache import VectorCache, Vectoring, vectoring_of
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.settings import load
from burnish.tools.retrieval.embedder import OFFLINE_PACKAGE
from tests.support.model_server import in_thread, user_turn
from tests.support.question_sets import write

WORDS = ("ropes", "rocks", "rivers")


class Spotter:
    """Vectors by which of three words a text holds."""

    name = digest = "spotter"
    dimensions = 4

    def __init__(self) -> None:
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        rows = [[0.3, *(2.0 * (word in text) for word in WORDS)] for text in texts]
        found = np.array(rows, np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def _vectoring(folder: Path, spotter: Spotter | None = None) -> Vectoring:
    held = spotter or Spotter()
    return Vectoring(VectorCache(folder / "vectors", "spotter"), lambda: held)


def _set(path: Path, sizes: dict[str, int], *, named: int = 0) -> Path:
    """Write items on some words; the first ones of each name it as their domain."""
    rows: list[dict[str, object]] = []
    for word, size in sizes.items():
        for at in range(size):
            rows.append({
                "id": f"{word}-{at}",
                "question": f"How many {word} lie in room {at * 7} of house {len(rows)}?",
                "choices": [f"{at + n} pieces" for n in range(4)],
                "answer": "ABCD"[at % 4],
                "subject": word if at < named else None,
            })  # fmt: skip
    return write(path, rows)


def _labels(folder: Path, text: str = "ropes\nrocks\n\nrivers\n") -> Path:
    path = folder / "labels.txt"
    path.write_text(text, "utf-8")
    return path


def test_items_without_a_domain_get_a_label_or_other_and_named_ones_keep_theirs(
    tmp_path: Path,
) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 20, "rocks": 20, "birds": 8}, named=3)
    labelling = Labelling(read_labels(_labels(tmp_path)), _vectoring(tmp_path))
    found = label_sets([read_set(str(path)).rows], labelling)
    domains = {row.item.id: row.item.domain for row in found.sets[0]}
    assert domains["ropes-0"] == "ropes"
    assert domains["ropes-15"] == "ropes"
    assert domains["rocks-9"] == "rocks"
    assert domains["birds-1"] == "birds"
    assert domains["birds-7"] == "other"
    assert (found.labelled, found.other, found.how["calibrated_on"]) == (39, 5, 0)


def test_other_is_calibrated_where_enough_items_name_their_domain(tmp_path: Path) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 40, "rocks": 40}, named=ENOUGH)
    labelling = Labelling(read_labels(_labels(tmp_path)), _vectoring(tmp_path))
    rows = read_set(str(path)).rows
    found = label_sets([rows[:40], rows[40:]], labelling)
    assert [len(each) for each in found.sets] == [40, 40]
    assert found.how["calibrated_on"] == 2 * ENOUGH
    assert {row.item.domain for row in found.sets[1]} == {"rocks"}
    assert found.as_json()["other"] == 0


def test_nothing_is_embedded_where_all_items_name_a_domain(tmp_path: Path) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 5, "rocks": 5}, named=5)
    spotter = Spotter()
    labelling = Labelling(read_labels(_labels(tmp_path)), _vectoring(tmp_path, spotter))
    assert label_sets([read_set(str(path)).rows], labelling).labelled == 0
    assert spotter.texts == 0


def test_labels_may_come_with_their_meaning(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text('[labels]\nlife_science = "animals, plants"\nlaw = ""\n', "utf-8")
    found = read_labels(path)
    assert [(one.name, one.text) for one in found] == [
        ("life_science", "life science: animals, plants"),
        ("law", "law"),
    ]
    path.write_text('labels = ["a", "b"]\n', "utf-8")
    assert [one.name for one in read_labels(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ropes\n", "give two or more"),
        ("ropes\nrocks\nropes\n", "stands twice"),
        ("ropes\nother\n", "meaning of their own"),
        ("ropes / rocks\nrivers\n", "meaning of their own"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        read_labels(_labels(tmp_path, text))
    with pytest.raises(UsageError, match="check --labels"):
        read_labels(tmp_path / "nowhere.txt")
    broken = tmp_path / "broken.toml"
    for content in ("[labels", "[names]\n", "[labels]\na = 1\n"):
        broken.write_text(content, "utf-8")
        with pytest.raises(UsageError, match=r"broken\.toml"):
            read_labels(broken)


def test_a_profile_has_the_labels_as_cells_and_says_how_they_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 12, "rocks": 6, "birds": 2})
    labelling = Labelling(read_labels(_labels(tmp_path)), _vectoring(tmp_path))
    result = profile_location(str(path), str(path), ProfileReading(), labeller=labelling)
    cells = {row["name"]: row["items"] for row in result.figures["cells"]}
    assert cells == {"ropes": 12, "rocks": 6, "other": 2}
    assert result.figures["labels"]["labelled"] == 40
    show(result.figures, None, Console())
    assert "40 items, 4 of them other; not calibrated" in capsys.readouterr().out


def test_a_run_balances_labels_and_leaves_the_column_of_domains_as_it_was(tmp_path: Path) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 30, "rocks": 12, "rivers": 6}, named=2)
    pairs = [f"qa.labels={_labels(tmp_path)}", "qa.by=cell", "qa.size_floor=0.5"]
    settings = load((), pairs)
    spotter = Spotter()
    for name in ("one", "two"):
        folder = RunFolder(tmp_path / name, settings.run.format)
        held = _vectoring(tmp_path, spotter)
        state = carry_out(QaContext(folder, settings, str(path), vectoring=held))
        assert state.get("faults") == []
    embedded = spotter.texts
    report = json.loads((tmp_path / "one" / "report.json").read_text("utf-8"))
    assert [row["cell"] for row in report["cells"]] == ["rivers", "rocks", "ropes"]
    assert report["divergence"]["after"] < report["divergence"]["before"] / 2
    assert embedded == len(WORDS) + 42
    first, second = (
        (tmp_path / name / "data" / "part-00000.parquet").read_bytes() for name in ("one", "two")
    )
    assert first == second
    rows = parquet.read_table(tmp_path / "one" / "data" / "part-00000.parquet").to_pylist()
    assert sum(row["subject"] is not None for row in rows) <= 6


def test_another_list_of_labels_is_another_run(tmp_path: Path) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 10, "rocks": 6})
    settings = load((), [f"qa.labels={_labels(tmp_path)}", "qa.by=cell"])
    folder = RunFolder(tmp_path / "run", settings.run.format)
    carry_out(QaContext(folder, settings, str(path), vectoring=_vectoring(tmp_path)))
    _labels(tmp_path, "rocks\nropes\n")
    with pytest.raises(Exception, match="labels"):
        carry_out(QaContext(folder, settings, str(path), vectoring=_vectoring(tmp_path)))


def _by_word(body: Body) -> web.Response:
    """Name the label whose word stands in the question; say nothing of use about rivers."""
    words = user_turn(body)
    listed = dict(re.findall(r"^(\d+)\. (\w+)", words, re.MULTILINE))
    question = words.split('"question":')[1]
    if "rivers" in question:
        return ok(completion("I would rather not say.", usage=(90, 6)))
    number = next((number for number, word in listed.items() if word in question), "0")
    return ok(completion(json.dumps({"number": int(number)}), usage=(90, 6)))


def test_a_model_labels_over_the_wire_and_is_paid_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 9, "rocks": 5, "rivers": 2, "birds": 3})
    labels = tmp_path / "labels.toml"
    labels.write_text('[labels]\nropes = "what is knotted"\nrocks = ""\nrivers = ""\n', "utf-8")
    with in_thread(_by_word) as server:
        command = ["profile", str(path), "--labels", str(labels), "--labeller", "sorter"]
        command += ["--llm", server.url, "--panel-folder", str(tmp_path / "kept"), "--json"]
        told: list[dict[str, Any]] = []
        for _ in range(2):
            with pytest.raises(SystemExit) as ended:
                main(command)
            assert not ended.value.code
            told.append(json.loads(capsys.readouterr().out))
        asked = len(server.bodies)
    cells = {row["name"]: row["items"] for row in told[0]["cells"]}
    assert cells == {"ropes": 9, "rocks": 5, "other": 3, "unlabelled": 2}
    assert told[0]["labels"]["failures"] == {"model": 2}
    assert told[0]["labels"]["failed"] == 2
    assert told[0] == told[1]
    # Faulty replies are recalled from the store as well: the second call asks for nothing.
    assert asked == 19 + 2
    assert told[0]["labels"]["tokens"] == 96 * asked
    kept = (tmp_path / "kept" / "labels.jsonl").read_text("utf-8").split("\n")
    assert len([line for line in kept if line]) == 17


def test_a_labeller_without_list_or_server_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _set(tmp_path / "set.jsonl", {"ropes": 2})
    with pytest.raises(SystemExit) as ended:
        main(["profile", str(path), "--labeller", "sorter", "--llm", "http://127.0.0.1:9/v1"])
    assert ended.value.code == 2
    assert "give --labels FILE and --llm URL" in capsys.readouterr().err


@pytest.mark.skipif(
    importlib.util.find_spec(OFFLINE_PACKAGE) is None
    or importlib.util.find_spec("sentence_transformers") is None,
    reason="the offline embedder is not installed",
)
def test_the_real_embedder_tells_subjects_apart(tmp_path: Path) -> None:
    questions = {
        "biology": ("Which organelle makes energy in animal cells?", "What do plant roots absorb?"),
        "geography": ("Which river flows through Cairo?", "Which country has Lima as its capital?"),
        "law": ("Which court hears appeals on contracts?", "What must a plaintiff prove in tort?"),
    }
    rows = [
        {"id": f"{name}-{at}", "question": text, "choices": ["1", "2"], "answer": "A"}
        for name, texts in questions.items()
        for at, text in enumerate(texts)
    ]
    path = write(tmp_path / "set.jsonl", rows)
    meant = {"biology": "animals, plants", "geography": "rivers, countries", "law": "courts"}
    lines = [f'{name} = "{meaning}"\n' for name, meaning in meant.items()]
    file = tmp_path / "labels.toml"
    file.write_text("[labels]\n" + "".join(lines), "utf-8")
    labelling = Labelling(read_labels(file), vectoring_of(None, tmp_path / "vectors"))
    found = label_sets([read_set(str(path)).rows], labelling)
    told = [(row.item.id.partition("-")[0], row.item.domain) for row in found.sets[0]]
    assert all(given in {own, "other"} for own, given in told)
    assert sum(given == own for own, given in told) >= 4

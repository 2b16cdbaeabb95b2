"""Every command that takes a run or an input, on both kinds of them: it works, or says why not."""

import json
from pathlib import Path

import pytest

from burnish.graphs.cli.main import main
from tests.support.places import ROOT

SAMPLES = ROOT / "corpora" / "samples"
INPUTS = {
    "documents": (str(SAMPLES / "documents.jsonl"), "--set", "refiner.name=rules"),
    "questions": (
        *(str(SAMPLES / "questions.jsonl"), "--reserve", str(SAMPLES / "question_pool.jsonl")),
    ),
}
KINDS = tuple(INPUTS)


def burnish(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a finished run of each kind."""
    made = {kind: tmp_path_factory.mktemp(kind) / "run" for kind in KINDS}
    for kind, folder in made.items():
        assert burnish("run", *INPUTS[kind], "-o", folder, "--workers", "1") == 0
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("run", "--workers", "2", "-o", "{new}"), "report  "),
        (("run", "--dry-run"), "Nothing was written."),
        (("plan", "-o", "{new}"), "Carry it out: burnish run"),
    ],
)
def test_what_takes_an_input_takes_both_kinds(
    kind: str, command: tuple[str, ...], says: str, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = [word.format(new=tmp_path / "new") for word in command]
    assert burnish(words[0], *INPUTS[kind], *words[1:]) == 0, capfd.readouterr().err
    assert says in capfd.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("diff", "{run}"), "dropped"),
        (("replay", "{run}", "--verify"), "rows balance"),
        (("replay", "{run}", "-o", "{new}"), "0 came back"),
        (("replay", "{run}", "-o", "{new}", "--without", "outcome=dropped"), "came back"),
    ],
)
def test_what_takes_a_run_takes_both_kinds(
    kind: str, command: tuple[str, ...], says: str, runs: dict[str, Path], tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = [word.format(run=runs[kind], new=tmp_path / "new") for word in command]
    if "outcome=dropped" in words and kind == "documents":
        words[words.index("outcome=dropped")] = "outcome=edited"
    if words[0] == "diff" and kind == "documents":
        says = "edited"
    assert burnish(*words) == 0, capfd.readouterr().err
    assert says in capfd.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
def test_workers_change_no_byte_of_either_kind(
    kind: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    assert burnish("run", *INPUTS[kind], "-o", tmp_path / "two", "--workers", "2") == 0
    for name in ("data", "ledger"):
        for path in (runs[kind] / name).iterdir():
            assert (tmp_path / "two" / name / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("command", "kind", "says"),
    [
        (("profile", "{input}"), "documents", "no column holds the question"),
        (("distill", "{input}", "-o", "{new}", "--labels-field", "labels"), "questions", "'text'"),
        (("replay", "{run}", "--as-dolma", "{new}"), "questions", "this is a QA set"),
    ],
)
def test_what_is_for_one_kind_says_so_in_one_line(
    command: tuple[str, ...], kind: str, says: str, runs: dict[str, Path], tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    places = {"input": INPUTS[kind][0], "run": runs[kind], "new": tmp_path / "new"}
    assert burnish(*(word.format(**places) for word in command)) == 2
    told = capfd.readouterr().err.strip().split("\n")
    assert says in told[-1]
    assert told[-1].startswith("burnish: ")


@pytest.mark.parametrize("kind", KINDS)
def test_json_of_a_run_has_the_same_names_for_both_kinds(
    kind: str, runs: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert burnish("run", *INPUTS[kind], "-o", runs[kind], "--workers", "1", "--json") == 0
    assert {"run", "totals", "faults", "report"} <= set(json.loads(capfd.readouterr().out))


@pytest.mark.parametrize("command", [
    "run", "plan", "solve", "profile", "distill", "train", "serve", "doctor", "config show",
    "wiki build", "wiki search",
])  # fmt: skip
def test_every_command_that_has_settings_takes_them_from_files_and_pairs(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    told = capfd.readouterr().out
    assert "--config FILE" in told
    assert "--set KEY=VALUE" in told


@pytest.mark.parametrize(("words", "told"), [
    (("wiki", "search", "who?", "--index", "none", "--set", "wiki.way=sideways"), "wiki.way"),
    (("wiki", "build", "none", "-o", "out", "--words", "3"), "wiki.words"),
    (("serve", "toy", "--set", "serve.port=70000"), "serve.port"),
    (("train", "--data", "none", "-o", "out", "--set", "recipe.epochs=2"), "--kind served"),
])  # fmt: skip
def test_a_setting_that_does_not_fit_a_command_is_told_in_one_line(
    words: tuple[str, ...], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert told in said
    assert said.count("\n") == 1

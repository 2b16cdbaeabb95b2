import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.question_source import QuestionFields
from burnish.graphs.commands.settings import about_settings, as_toml
from burnish.graphs.questions.state.question_set import fields_of
from burnish.graphs.runs.question_settings import QaSettings
from burnish.graphs.runs.settings import Settings, keys, load


def _file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_given_means_the_defaults() -> None:
    assert load() == Settings()


def test_later_files_beat_earlier_ones_and_pairs_beat_files(tmp_path: Path) -> None:
    first = _file(tmp_path / "a.toml", '[refiner]\nname = "rules"\n[run]\nshard_rows = 7\n')
    second = _file(tmp_path / "b.toml", "[run]\nshard_rows = 8\nshard_chars = 9\n")
    settings = load([first, second], ["run.shard_chars=10"])
    assert settings.refiner.name == "rules"
    assert (settings.run.shard_rows, settings.run.shard_chars) == (8, 10)


def test_the_order_of_pairs_decides() -> None:
    assert load((), ["run.shard_rows=1", "run.shard_rows=2"]).run.shard_rows == 2


def test_flags_beat_pairs_and_absent_flags_change_nothing() -> None:
    flags: dict[str, object] = {"fields.text": "body", "selection.limit": None}
    settings = load((), ["fields.text=raw", "selection.limit=3"], flags)
    assert settings.fields.text == "body"
    assert settings.selection.limit == 3


@pytest.mark.parametrize("name", ["plain", 'quo"te', "back\\slash", "日本", "😀", "a\tb", "\x7f"])
def test_a_flag_of_any_characters_arrives_as_typed(name: str) -> None:
    assert load((), (), {"fields.text": name}).fields.text == name


@pytest.mark.parametrize(
    ("pair", "section", "key", "value"),
    [
        ("refiner.name=rules", "refiner", "name", "rules"),
        ('refiner.name="rules"', "refiner", "name", "rules"),
        ("refiner.model=/a/b c.npz", "refiner", "model", "/a/b c.npz"),
        ("refiner.threshold=0.25", "refiner", "threshold", 0.25),
        ("run.strict=true", "run", "strict", True),
        (" run.shard_rows =1_000", "run", "shard_rows", 1000),
        ("fields.text=a=b", "fields", "text", "a=b"),
    ],
)
def test_a_pair_is_read_as_toml_or_else_as_text(
    pair: str, section: str, key: str, value: object
) -> None:
    assert load((), [pair]).model_dump()[section][key] == value


@pytest.mark.parametrize(
    ("pair", "hint"),
    [
        ("refiner.nmae=rules", "refiner.name"),
        ("refinr.name=rules", "refiner"),
        ("run.shard_row=5", "run.shard_rows"),
        ("guard.max_remove_ratio=0.5", "guard.max_removed_ratio"),
        ("fields.txt=body", "fields.text"),
    ],
)
def test_a_misspelt_key_names_the_right_one(pair: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load((), [pair])
    assert str(caught.value).endswith(f"did you mean {hint}?")


def test_a_key_like_no_other_points_to_the_list() -> None:
    with pytest.raises(UsageError, match="there is no such key; see `burnish config show`"):
        load((), ["zzz=1"])


@pytest.mark.parametrize(
    "pair",
    [
        "refiner.name=magic",
        "refiner.threshold=1.5",
        "refiner.threshold=nan",
        "guard.max_removed_ratio=0",
        "guard.attempts=0",
        "run.shard_rows=0",
        "run.shard_rows=many",
        "run.format=xml",
        "run.approval=maybe",
        "selection.limit=-1",
        "refiner=rules",
        "refiner.name.more=1",
        "run.shard_rows",
        "=5",
    ],
)
def test_a_value_that_does_not_fit_is_one_line_with_the_key(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        load((), [pair])
    message = str(caught.value)
    assert "\n" not in message
    assert pair.partition("=")[0].split(".")[0] in message


@pytest.mark.parametrize("text", ["[run\n", "run = {", "a = \udcff"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"broken\.toml: is not TOML"):
        load([path])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read"):
        load([tmp_path / "none.toml"])


def test_what_is_shown_can_be_loaded_again(tmp_path: Path) -> None:
    pairs = ["refiner.name=rules", "fields.text=Text 😀 \x7f", "selection.limit=4"]
    shown = as_toml(load((), pairs))
    assert load([_file(tmp_path / "shown.toml", shown)]) == load((), pairs)


def test_what_is_shown_names_every_key() -> None:
    shown = as_toml(load())
    sections = set(tomllib.loads(shown))
    names = {key.partition(".")[2] for key in keys() if "." in key}
    assert sections == {key for key in keys() if "." not in key}
    assert all(f"{name} = " in shown or f"# {name} is not set" in shown for name in names)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().run.shard_rows = 5


def test_every_column_of_a_question_can_be_named_in_the_settings() -> None:
    names = [each.name for each in fields(QuestionFields) if each.name != "id"]
    told = {name: ["pred_*"] if name == "records" else f"column {name}" for name in names}
    found = asdict(fields_of(QaSettings.model_validate(told), "key"))
    assert found == {"id": "key", **told, "records": ("pred_*",)}


def test_every_key_and_section_says_what_it_is() -> None:
    told = about_settings()
    assert set(told) == {key for key in keys() if "." in key}
    for key, about in told.items():
        assert str(about["meaning"]).endswith("."), f"{key}: write below it what it means"
    for name, section in Settings.model_fields.items():
        assert section.annotation is not None
        assert section.annotation.__doc__, name


def test_choices_and_bounds_stand_beside_the_key() -> None:
    told = about_settings()
    assert told["run.format"]["choices"] == ["parquet", "jsonl"]
    assert told["refiner.threshold"]["range"] == "at least 0, at most 1"
    shown = as_toml(load())
    assert "One of auto, all, planned." in " ".join(shown.split("\n# "))
    assert max(map(len, shown.split("\n"))) <= 100


def test_tables_and_lists_load_again(tmp_path: Path) -> None:
    pairs = [
        "llm.extra={chat_template_kwargs = {enable_thinking = false}}",
        'qa.contamination=["a.jsonl", "b.jsonl"]', "profile.edges=[-1.5, 0]",
    ]  # fmt: skip
    shown = as_toml(load((), pairs))
    assert load([_file(tmp_path / "shown.toml", shown)]) == load((), pairs)

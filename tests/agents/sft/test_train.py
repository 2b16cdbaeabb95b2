"""The parts of served training: pairs, template, packing, loss, files."""

# pyright: reportArgumentType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.prompting.output_schemas import tools_of
from burnish.agents.refiners.served import Prompt, ServedConfig
from burnish.agents.sft.conversations import (
    TrainingConversation,
    as_json_answer,
    in_forms,
    read_pairs,
)
from burnish.agents.sft.recipes import RECIPES, ModelShape, SftRecipe
from burnish.corpora.errors import SourceError, UsageError
from burnish.graphs.commands.train import choose_model
from burnish.graphs.runs.settings import read_pair
from burnish.tools.deletion.notation import parse

torch = pytest.importorskip("torch", reason="needs burnish[sft]")
pytest.importorskip("transformers", reason="needs burnish[sft]")

from burnish.agents.sft.learner import Learner, TrainingJob, with_lora  # noqa: E402
from burnish.agents.sft.tokenize import (  # noqa: E402
    END,
    IGNORED,
    batches,
    chat_template,
    encode,
    new_tokenizer,
    pack,
)
from burnish.agents.sft.train import learning_rate, train_served  # noqa: E402

pytestmark = pytest.mark.model

SHAPE = ModelShape(vocabulary=400, width=32, layers=2, heads=2, kv_heads=1, head_width=64)
RECIPE = SftRecipe(learning_rate=1e-2, batch=2, max_length=512, epochs=30, answers="given")


def call(name: str, **arguments: object) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"type": "function", "function": function}


def quiet(line: str) -> None:
    del line


def pair(text: str, *calls: dict[str, Any], tools: bool = False) -> TrainingConversation:
    return TrainingConversation(
        (
            {"role": "system", "content": "Clean."},
            {"role": "user", "content": text},
            {"role": "assistant", "content": None, "tool_calls": list(calls)},
        ),
        tools_of("tools", strict=True) if tools else (),
    )


PAIRS = [
    pair("[1] Menu\n[2] A story.", call("remove_lines", start=1, end=1)),
    pair("[1] A story.", call("keep_all")),
    pair("[1] Buy\n[2] Now", call("remove_lines", start=1, end=2)),
]


def written(folder: Path, pairs: list[TrainingConversation]) -> Path:
    path = folder / "train.jsonl"
    rows = [{"messages": list(one.turns), "tools": list(one.tools)} for one in pairs]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def job(folder: Path, **changes: Any) -> TrainingJob:
    plain = TrainingJob(written(folder, PAIRS), None, None, SHAPE, RECIPE)
    return dataclasses.replace(plain, **changes)


def test_pairs_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    assert read_pairs(written(tmp_path, PAIRS)) == PAIRS


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "row 1: not JSON"),
        ("[]", "row 1: needs messages"),
        ('{"messages": [{"role": "judge"}]}', "row 1: needs messages"),
        ('{"messages": [{"role": "user", "content": "secret"}]}', "nothing to learn"),
        ("", "there is no pair"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(row + "\n", "utf-8")
    with pytest.raises(SourceError, match=complaint) as caught:
        read_pairs(path)
    assert "secret" not in str(caught.value)


def test_every_other_pair_becomes_a_json_answer_that_parses() -> None:
    pairs = [pair("[1] a", call("remove_lines", start=1, end=1), tools=True)] * 4
    forms = in_forms(pairs, "both")
    assert [bool(form.tools) for form in forms] == [True, False, True, False]
    assert len(parse(forms[1].turns[-1]["content"]).calls) == 1
    assert in_forms(pairs, "given") == pairs


def test_each_form_of_answer_is_learnt_under_the_prompt_it_is_asked_with() -> None:
    asked = {mode: Prompt.of(ServedConfig(mode=mode)) for mode in ("tools", "one_shot")}
    turns = ({"role": "system", "content": asked["tools"].system}, *PAIRS[0].turns[1:])
    tools, one_shot = in_forms([TrainingConversation(turns, asked["tools"].tools)] * 2, "both")
    assert (tools.turns[0]["content"], tools.tools) == (asked["tools"].system, asked["tools"].tools)
    assert (one_shot.turns[0]["content"], one_shot.tools) == (asked["one_shot"].system, ())
    assert one_shot.turns[1] == tools.turns[1]


def test_a_conversation_in_which_tools_answered_keeps_its_form() -> None:
    turns = (*PAIRS[0].turns, {"role": "tool", "content": "done"}, {"role": "assistant"})
    agentic = TrainingConversation(turns, tools_of("tools", strict=True))
    assert as_json_answer(agentic) is agentic


@pytest.mark.parametrize("notation", ["forced", "hermes"])
def test_only_what_the_assistant_says_is_learnt(notation: Any) -> None:
    one = pair("[1] Menu ßé\n[2] x", call("remove_lines", start=1, end=12), tools=True)
    tokenizer = new_tokenizer(list(one.texts()), 400)
    tokenizer.chat_template = chat_template(notation)
    example = encode(one, tokenizer)
    learnt = tokenizer.decode([label for label in example.labels if label != IGNORED])
    said = {
        "forced": '[{"name":"remove_lines","parameters":{"start":1,"end":12}}]',
        "hermes": '<tool_call>\n{"name": "remove_lines", "arguments": {"start": 1, "end": 12}}'
        "\n</tool_call>",
    }[notation]
    assert learnt == said + END
    whole = tokenizer.decode(list(example.tokens))
    assert "Menu ßé" in whole
    assert '"name": "remove_str"' in whole


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(20, 60))
def test_packing_places_each_item_that_fits_once_and_overfills_no_row(
    lengths: list[int], room: int
) -> None:
    rows = pack(lengths, room)
    placed = sorted(item for row in rows for item in row)
    assert placed == [item for item, length in enumerate(lengths) if length <= room]
    assert all(sum(lengths[item] for item in row) <= room for row in rows)
    total = sum(length for length in lengths if length <= room)
    assert len(rows) <= max(1, 2 * total / room + 1)


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=5), max_size=30), st.integers(1, 9))
def test_steps_hold_every_row_once_and_are_full_but_for_the_last(
    rows: list[list[int]], batch: int
) -> None:
    steps = batches(rows, batch, seed=1)
    assert sorted(list(row) for step in steps for row in step) == sorted(rows)
    assert all(sum(map(len, step)) >= batch for step in steps[:-1])


def test_packed_pairs_do_not_see_each_other(tmp_path: Path) -> None:
    learner = Learner.of(job(tmp_path), PAIRS)
    examples = [encode(one, learner.tokenizer) for one in PAIRS]
    with torch.no_grad():
        together = learner.loss(examples).item()
        alone = sum(learner.loss([example]).item() for example in examples)
    assert together == pytest.approx(alone, rel=1e-5)


def test_the_learning_rate_rises_and_falls_as_the_recipe_says() -> None:
    recipe = RECIPES["ultrax"]
    assert learning_rate(0.03, recipe) == pytest.approx(1.0)
    assert learning_rate(1.0, recipe) * recipe.learning_rate == pytest.approx(3e-6)
    assert learning_rate(0.015, recipe) == pytest.approx(0.5)


def test_training_learns_and_leaves_a_folder_that_loads(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    said: list[str] = []
    wanted = job(tmp_path, validation=written(tmp_path, PAIRS))
    facts = train_served(wanted, tmp_path / "model", said.append)
    assert facts.loss < 0.7 * float(said[1].rpartition(" ")[2])
    assert facts.validation_loss is not None
    assert facts.learnt_tokens < facts.tokens
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "model")
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert tokenizer.chat_template
    assert tokenizer.eos_token == END
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids(END)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert "3 from `train.jsonl`" in card
    assert str(tmp_path) not in card


def test_low_rank_training_from_a_base_changes_the_merged_weights(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="needs burnish[sft]")
    first = job(tmp_path, recipe=SftRecipe(max_length=512, epochs=1, answers="given"))
    train_served(first, tmp_path / "base", quiet)
    recipe = SftRecipe(learning_rate=1e-2, max_length=512, epochs=5, lora_rank=2, answers="given")
    second = job(tmp_path, base=tmp_path / "base", recipe=recipe)
    learner = with_lora(Learner.of(second, PAIRS), recipe)
    trained = sum(w.numel() for w in learner.model.parameters() if w.requires_grad)
    assert 0 < trained < 0.1 * sum(w.numel() for w in learner.model.parameters())
    train_served(second, tmp_path / "tuned", quiet)
    names = {path.name for path in (tmp_path / "tuned").iterdir()}
    assert "model.safetensors" in names
    assert "adapter_config.json" not in names
    before, after = (tmp_path / name / "model.safetensors" for name in ("base", "tuned"))
    assert before.read_bytes() != after.read_bytes()


def test_pairs_that_are_all_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="every pair is longer than 8 tokens"):
        train_served(job(tmp_path, recipe=SftRecipe(max_length=8)), tmp_path / "model", quiet)


def test_a_base_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="not a model folder"):
        train_served(job(tmp_path, base=tmp_path / "empty"), tmp_path / "model", quiet)


def test_the_recipe_follows_the_base_and_settings_change_it(tmp_path: Path) -> None:
    assert choose_model(None, None).recipe == RECIPES["scratch"]
    assert choose_model(None, tmp_path).recipe == RECIPES["refinex"]
    chosen = choose_model(
        "ultrax", None, [read_pair("recipe.batch=8"), read_pair("shape.layers=2")], seed=7
    )
    assert (chosen.recipe.batch, chosen.shape.layers, chosen.recipe.seed) == (8, 2, 7)
    for wrong in ("recipe.bach=8", "recipe.batch=many", "run.batch=8", "batch"):
        with pytest.raises(UsageError):
            choose_model(None, None, [read_pair(wrong)])
    with pytest.raises(UsageError, match="there are refinex"):
        choose_model("grok", None)

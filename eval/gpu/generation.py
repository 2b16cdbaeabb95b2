"""Answers of a trained model to many prompts: by vLLM where it is installed, else transformers."""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportPrivateImportUsage=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROOM = {"cuda": 131_072, "cpu": 8_192}
"""Prompt tokens of one batch, padding counted, by kind of device (transformers only)."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, and what it cost."""

    answers: list[str]
    """In the order of the prompts; one that was cut at the limit is empty: it fails closed."""
    unasked: int
    """Prompts that did not fit the model's context."""
    prompt_tokens: int
    written_tokens: int
    seconds: float
    engine: str


def generate(
    folder: Path, prompts: Sequence[Sequence[dict[str, Any]]], most: int, schema: dict[str, Any]
) -> Written:
    """Answer each conversation greedily with at most `most` tokens.

    A prompt that leaves less room than that in the model's context is not asked; its answer is
    empty. vLLM decodes under the JSON schema; transformers cannot, so answers may fail to parse.
    """
    from transformers import AutoConfig, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
    context: int = AutoConfig.from_pretrained(folder).max_position_embeddings
    texts = [
        tokenizer.apply_chat_template(list(prompt), add_generation_prompt=True, tokenize=False)
        for prompt in prompts
    ]
    tokens = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    places = [place for place, row in enumerate(tokens) if len(row) + most <= context]
    asked = [tokens[place] for place in places]
    begin = time.monotonic()
    if find_spec("vllm") is not None:
        done, engine = _by_vllm(folder, asked, most, schema), "vllm"
    else:
        done, engine = _by_transformers(folder, asked, most, tokenizer), "transformers"
    answers = [""] * len(prompts)
    for place, row in zip(places, done, strict=True):
        if row[-1:] == [tokenizer.eos_token_id]:
            answers[place] = tokenizer.decode(row[:-1])
    return Written(
        answers,
        len(prompts) - len(places),
        sum(map(len, asked)),
        sum(map(len, done)),
        time.monotonic() - begin,
        engine,
    )


def _by_vllm(
    folder: Path, prompts: Sequence[list[int]], most: int, schema: dict[str, Any]
) -> list[list[int]]:
    import torch

    # By name: vLLM has an environment of its own and is no dependency of any kind.
    vllm: Any = import_module("vllm")
    parameters: Any = import_module("vllm.sampling_params")
    structured = {"backend": "xgrammar", "disable_any_whitespace": True}
    eager = not torch.cuda.is_available()
    model: Any = vllm.LLM(str(folder), structured_outputs_config=structured, enforce_eager=eager)
    sampling = vllm.SamplingParams(
        temperature=0,
        max_tokens=most,
        structured_outputs=parameters.StructuredOutputsParams(json=schema),
    )
    done = model.generate([{"prompt_token_ids": prompt} for prompt in prompts], sampling)
    return [list(one.outputs[0].token_ids) for one in done]


def _by_transformers(
    folder: Path, prompts: Sequence[list[int]], most: int, tokenizer: "PreTrainedTokenizerBase"
) -> list[list[int]]:
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    model = model.to(device)
    answers: list[list[int]] = [[] for _ in prompts]
    for places in _batches(prompts, ROOM[device]):
        batch: Any = tokenizer.pad({"input_ids": [prompts[place] for place in places]})
        ids = torch.tensor(batch["input_ids"], device=device)
        seen = torch.tensor(batch["attention_mask"], device=device)
        with torch.no_grad():
            made = model.generate(
                input_ids=ids, attention_mask=seen, max_new_tokens=most, do_sample=False
            )
        for place, row in zip(places, made[:, ids.shape[1] :].tolist(), strict=True):
            end: Any = tokenizer.eos_token_id
            answers[place] = row[: row.index(end) + 1] if end in row else row
    return answers


def _batches(prompts: Sequence[list[int]], room: int) -> Iterator[list[int]]:
    """Group prompts of like length, which wastes least on padding."""
    batch: list[int] = []
    for place in sorted(range(len(prompts)), key=lambda place: len(prompts[place])):
        if batch and len(prompts[place]) * (len(batch) + 1) > room:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch

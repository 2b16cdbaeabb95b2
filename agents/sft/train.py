"""Supervised fine-tuning of a served refiner: a loop of our own over packed rows.

A loop of its own and not TRL: packed pairs must not see each other without FlashAttention too,
only answers are learnt whatever the template, and the same code runs where there is nothing but
PyTorch and transformers. One device; it needs no burnish packages but these `sft_*` modules.
"""

# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from burnish.agents.sft.conversations import TrainingConversation, in_forms, read_pairs
from burnish.agents.sft.learner import Learner, TrainingJob, with_lora
from burnish.agents.sft.model_card import Facts, render_sft_card
from burnish.agents.sft.recipes import SftRecipe
from burnish.agents.sft.tokenize import IGNORED, TokenizedExample, batches, encode, pack
from burnish.corpora.errors import UsageError

Progress = Callable[[str], None]


def train_served(job: TrainingJob, out: Path, progress: Progress) -> Facts:
    """Train and write a folder that vLLM serves as it is, with chat template and model card.

    Raises:
        SourceError: pairs cannot be read.
        UsageError: the base cannot be used, or no pair fits a row.
    """
    pairs = in_forms(read_pairs(job.train), job.recipe.answers)
    checks = in_forms(read_pairs(job.validation), job.recipe.answers) if job.validation else []
    learner = Learner.of(job, pairs)
    parameters = sum(weight.numel() for weight in learner.model.parameters())
    progress(f"{len(pairs):,} pairs, {parameters / 1e6:.1f} M parameters on {learner.device.type}")
    examples = _encoded(pairs, learner, job.recipe.max_length)
    if not examples:
        longest = job.recipe.max_length
        raise UsageError(f"{job.train}: every pair is longer than {longest} tokens")
    if job.recipe.lora_rank:
        learner = with_lora(learner, job.recipe)
    run = _fit(learner, examples, job.recipe, progress)
    held_out = _validated(learner, _encoded(checks, learner, job.recipe.max_length), job.recipe)
    _save(learner, job.recipe, out)
    facts = Facts(
        source=job.train.name,
        base=None if job.base is None else job.base.name,
        pairs=len(pairs),
        left_out=len(pairs) - len(examples),
        parameters=parameters,
        steps=run.steps,
        tokens=run.tokens,
        learnt_tokens=run.learnt,
        seconds=run.seconds,
        loss=run.loss,
        validation_loss=held_out,
        recipe=asdict(job.recipe),
    )
    (out / "README.md").write_text(render_sft_card(facts), "utf-8")
    return facts


def _encoded(
    pairs: Sequence[TrainingConversation], learner: Learner, max_length: int
) -> list[TokenizedExample]:
    examples = (encode(pair, learner.tokenizer) for pair in pairs)
    return [example for example in examples if len(example.tokens) <= max_length]


@dataclass(frozen=True, slots=True)
class _Run:
    steps: int
    tokens: int
    learnt: int
    seconds: float
    loss: float
    """Mean loss a learnt token over the last tenth of the steps, in nats."""


def _fit(
    learner: Learner, examples: Sequence[TokenizedExample], recipe: SftRecipe, progress: Progress
) -> _Run:
    rows = pack([len(example.tokens) for example in examples], recipe.max_length)
    planned = max(1, math.ceil(len(batches(rows, recipe.batch, 0)) * recipe.epochs))
    weights = [weight for weight in learner.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    learner.model.train()
    begin = time.monotonic()
    losses: list[float] = []
    tokens = learnt = 0
    for step, batch in enumerate(_steps(rows, recipe)):
        elapsed = (time.monotonic() - begin) / (60 * (recipe.max_minutes or math.inf))
        done = max(step / planned, elapsed)
        if step >= planned or (step and elapsed >= 1):
            break
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * learning_rate(done, recipe)
        spoken = sum(_learnt(examples[item]) for row in batch for item in row)
        total = 0.0
        for row in batch:
            loss = learner.loss([examples[item] for item in row]) / spoken
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(total)
        learnt += spoken
        tokens += sum(len(examples[item].tokens) for row in batch for item in row)
        if step % 20 == 0:
            progress(f"step {step + 1} of at most {planned}: loss {total:.3f}")
    seconds = time.monotonic() - begin
    last = losses[-max(1, len(losses) // 10) :]
    return _Run(len(losses), tokens, learnt, seconds, sum(last) / len(last))


def _steps(rows: Sequence[Sequence[int]], recipe: SftRecipe) -> Iterator[list[Sequence[int]]]:
    for epoch in count():
        yield from batches(rows, recipe.batch, recipe.seed + epoch)


def _learnt(example: TokenizedExample) -> int:
    return sum(label != IGNORED for label in example.labels[1:])


def learning_rate(done: float, recipe: SftRecipe) -> float:
    """Return the learning rate at a share of the training, as a share of the highest."""
    if done < recipe.warmup:
        return max(done / recipe.warmup, 0.02)
    along = min(1.0, (done - recipe.warmup) / max(1 - recipe.warmup, 1e-9))
    return recipe.final_ratio + (1 - recipe.final_ratio) * 0.5 * (1 + math.cos(math.pi * along))


def _validated(
    learner: Learner, examples: Sequence[TokenizedExample], recipe: SftRecipe
) -> float | None:
    """Return the mean loss a learnt token, in nats, or None without examples."""
    if not examples:
        return None
    learner.model.eval()
    total = 0.0
    with torch.no_grad():
        for row in pack([len(example.tokens) for example in examples], recipe.max_length):
            total += learner.loss([examples[item] for item in row]).item()
    return total / max(1, sum(map(_learnt, examples)))


def _save(learner: Learner, recipe: SftRecipe, out: Path) -> None:
    model: Any = learner.model
    if recipe.lora_rank:
        model = model.merge_and_unload()
    model = model.to("cpu", torch.bfloat16)
    model.config.use_cache = True
    out.mkdir(parents=True, exist_ok=True)
    transformers_logging.disable_progress_bar()
    model.save_pretrained(out)
    learner.tokenizer.save_pretrained(out)

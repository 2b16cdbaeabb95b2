"""The model that is trained: loaded or new, with or without LoRA, and its loss on a packed row."""

# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from burnish.agents.sft.conversations import TrainingConversation
from burnish.agents.sft.recipes import ModelShape, SftRecipe
from burnish.agents.sft.tokenize import (
    BEGIN,
    END,
    IGNORED,
    TokenizedExample,
    chat_template,
    new_tokenizer,
)
from burnish.corpora.errors import UsageError

TOKENIZER_TEXTS: Final = 20_000
"""Most conversations a new tokenizer is trained on."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train on and from."""

    train: Path
    validation: Path | None
    base: Path | None
    """Folder of a model to begin with; None: a new one of `shape`."""
    shape: ModelShape
    recipe: SftRecipe


@dataclass(frozen=True, slots=True)
class Learner:
    """A model, its tokenizer and where they compute."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    autocast: bool

    @classmethod
    def of(cls, job: TrainingJob, pairs: Sequence[TrainingConversation]) -> "Learner":
        """Load the base, or make a new model and tokenizer.

        Raises:
            UsageError: the base is not a model.
        """
        torch.manual_seed(job.recipe.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if job.base is None:
            model, tokenizer = _new(job, pairs)
        else:
            model, tokenizer = _loaded(job.base)
        tokenizer.chat_template = chat_template(job.recipe.notation)
        _end_answers_with(END, model, tokenizer)
        wanted = job.recipe.precision
        autocast = wanted == "bfloat16" or (wanted == "auto" and device.type == "cuda")
        if job.recipe.checkpointing:
            model.gradient_checkpointing_enable()
        return cls(cast("Any", model).to(device), tokenizer, device, autocast)

    def loss(self, examples: Sequence[TokenizedExample]) -> torch.Tensor:
        """Return the summed loss of one packed row over the tokens that are learnt."""
        row = TokenRow.of(examples, self.device)
        causal: Any = _unwrapped(self.model)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            hidden = getattr(causal, causal.base_model_prefix)(
                input_ids=row.tokens,
                position_ids=row.positions,
                attention_mask=row.mask,
                use_cache=False,
            )[0]
            # Logits only where something is learnt: the rest would fill memory for nothing.
            learnt = row.targets != IGNORED
            logits = causal.get_output_embeddings()(hidden[learnt])
        return torch.nn.functional.cross_entropy(
            logits.float(), row.targets[learnt], reduction="sum"
        )


@dataclass(frozen=True, slots=True)
class TokenRow:
    """Examples side by side in one row, each blind to the others."""

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    """Whether a token (second last axis) sees another (last)."""
    targets: torch.Tensor
    """The next token, where it is learnt."""

    @classmethod
    def of(cls, examples: Sequence[TokenizedExample], device: torch.device) -> "TokenRow":
        """Lay examples out on a device."""
        tokens = [token for example in examples for token in example.tokens]
        positions = [place for example in examples for place in range(len(example.tokens))]
        # The last token of an example predicts nothing: what follows is another's beginning.
        targets = [label for example in examples for label in (*example.labels[1:], IGNORED)]
        owner = torch.tensor(
            [number for number, example in enumerate(examples) for _ in example.tokens],
            device=device,
        )
        place = torch.arange(len(tokens), device=device)
        sees = (owner[:, None] == owner[None, :]) & (place[:, None] >= place[None, :])
        return cls(
            torch.tensor([tokens], device=device),
            torch.tensor([positions], device=device),
            sees[None, None],
            torch.tensor([targets], device=device),
        )


class _Loaded(NamedTuple):
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def _new(job: TrainingJob, pairs: Sequence[TrainingConversation]) -> _Loaded:
    every = max(1, len(pairs) // TOKENIZER_TEXTS)
    texts = (text for pair in pairs[::every] for text in pair.texts())
    tokenizer = new_tokenizer(texts, job.shape.vocabulary)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=job.shape.width,
        intermediate_size=job.shape.feed_forward,
        num_hidden_layers=job.shape.layers,
        num_attention_heads=job.shape.heads,
        num_key_value_heads=job.shape.kv_heads,
        head_dim=job.shape.head_width,
        max_position_embeddings=job.recipe.max_length,
        tie_word_embeddings=True,
        pad_token_id=cast("int", tokenizer.pad_token_id),
    )
    return _Loaded(Qwen3ForCausalLM(config), tokenizer)


def _loaded(base: Path) -> _Loaded:
    try:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            base, local_files_only=True, dtype=torch.float32, attn_implementation="sdpa"
        )
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"--base {base}: not a model folder ({reason})") from None
    return _Loaded(model, tokenizer)


def _end_answers_with(end: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Make the turn markers tokens of their own, and the closing one what ends an answer."""
    loose: Any = model
    added = tokenizer.add_special_tokens(
        {"additional_special_tokens": [BEGIN, end]}, replace_extra_special_tokens=False
    )
    if added and len(tokenizer) > loose.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    tokenizer.eos_token = end
    number = tokenizer.convert_tokens_to_ids(end)
    loose.config.eos_token_id = number
    loose.generation_config.eos_token_id = number
    if tokenizer.pad_token_id is not None:
        loose.generation_config.pad_token_id = tokenizer.pad_token_id


def with_lora(learner: Learner, recipe: SftRecipe) -> Learner:
    """Freeze the weights and give every linear layer a low-rank update to train.

    Raises:
        UsageError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError:
        raise UsageError('recipe.lora_rank needs peft: pip install "burnish[sft]"') from None
    config = LoraConfig(
        r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, target_modules="all-linear"
    )
    with warnings.catch_warnings():
        # peft asks transformers for a name it has given another.
        warnings.simplefilter("ignore", FutureWarning)
        wrapped: Any = get_peft_model(learner.model, config)
    return Learner(wrapped, learner.tokenizer, learner.device, learner.autocast)


def _unwrapped(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model that a LoRA wrapper holds, or the model itself."""
    loose: Any = model
    return loose.get_base_model() if hasattr(loose, "get_base_model") else model

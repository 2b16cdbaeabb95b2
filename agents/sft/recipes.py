"""How a served refiner is trained: recipes with their sources, and the shape of a new model."""

from dataclasses import dataclass
from typing import Final, Literal

from burnish.agents.sft.conversations import Answers

CallNotation = Literal["forced", "hermes"]
"""How the chat template writes calls: as servers force them, or in Hermes tags."""


@dataclass(frozen=True, slots=True)
class SftRecipe:
    """Everything that decides what comes out, apart from the pairs and the model begun with."""

    learning_rate: float = 7e-6
    final_ratio: float = 0.1
    """Learning rate at the end, as a share of the highest; cosine in between."""
    warmup: float = 0.03
    """Share of the steps in which it rises."""
    batch: int = 256
    """Pairs a step."""
    max_length: int = 16_384
    """Tokens of a packed row; longer pairs are left out, for half a program is a wrong one."""
    epochs: float = 1.0
    max_minutes: float | None = None
    """Ends the training early, with the schedule run to its end; then steps depend on speed."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    lora_rank: int = 0
    """0 trains all weights; else low-rank updates of all linear layers, merged at the end."""
    lora_alpha: int = 32
    answers: Answers = "both"
    """both: every other pair is learnt as JSON text, so that one-shot and tool mode both work;
    json: all are; given: none is."""
    notation: CallNotation = "forced"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 arithmetic on a GPU, float32 on a CPU; weights stay float32 in training."""
    checkpointing: bool = False
    """Trades a third more time for much less memory on long rows."""
    seed: int = 0


RECIPES: Final = {
    # RefineX (arXiv 2507.03253): Qwen3-0.6B-Base, batch 256, rows of 16,384. Epochs, schedule and
    # warm-up are not published; those of UltraX stand in.
    "refinex": SftRecipe(),
    # UltraX (arXiv 2607.08646): 3e-5 to 3e-6, warm-up 3 %, batch 576, rows of 20,480; 5,530 steps
    # over about 3 million pairs are one epoch.
    "ultrax": SftRecipe(learning_rate=3e-5, batch=576, max_length=20_480),
    # For models that know nothing yet; no publication behind it.
    "scratch": SftRecipe(
        learning_rate=1.5e-3, batch=32, max_length=4096, epochs=3.0, weight_decay=0.01
    ),
}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A new model of the Qwen3 architecture; the defaults make about 5 million parameters."""

    vocabulary: int = 8192
    width: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_width: int = 64
    feed_forward: int = 768

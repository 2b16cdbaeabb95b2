"""The model card of a served refiner."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What a training was, and how it ended."""

    source: str
    """Name of the file of pairs."""
    base: str | None
    pairs: int
    left_out: int
    """Pairs longer than a row."""
    parameters: int
    steps: int
    tokens: int
    learnt_tokens: int
    """Tokens of answers, the only ones learnt."""
    seconds: float
    loss: float
    """Mean loss a learnt token over the last tenth of the steps, in nats."""
    validation_loss: float | None
    recipe: Mapping[str, object]


def render_sft_card(facts: Facts) -> str:
    """Return the card in Markdown, with the header that model hubs read."""
    begun = "new weights" if facts.base is None else f"`{facts.base}`"
    checked = "not measured" if facts.validation_loss is None else f"{facts.validation_loss:.4f}"
    settings = "\n".join(f"| {name} | {value} |" for name, value in facts.recipe.items())
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags: [data-refinement, deletion]
---
# Served refiner

Reads a document as numbered lines and answers with deletion calls for burnish, never with text.
What it deletes is checked and certified by burnish; it cannot write into a document.

With tools in the prompt it answers with a list of calls, without tools with one JSON object
(`{{"calls": [...]}}`); both are meant to be decoded under the constraint of their schema.

    burnish serve THIS_FOLDER

## Training

| | |
|---|---|
| begun with | {begun} |
| parameters | {facts.parameters:,} |
| pairs | {facts.pairs:,} from `{facts.source}`, {facts.left_out:,} left out as too long |
| steps | {facts.steps:,} |
| tokens | {facts.tokens:,} read, {facts.learnt_tokens:,} of them learnt |
| time | {facts.seconds:,.0f} s, {facts.tokens / max(facts.seconds, 1e-9):,.0f} tokens/s |
| loss at the end | {facts.loss:.4f} nats a token |
| loss on validation | {checked} |

| setting | value |
|---|---|
{settings}

Licence and limits follow from the base and the pairs; whoever shares the weights states them here.
"""

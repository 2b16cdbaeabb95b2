"""The served refiner of a run, made from the settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from burnish.agents.refiners.served import ServedConfig, ServedRefiner, revision_of
from burnish.graphs.documents.conversation_graph import converse
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.runs.llm import endpoint_of, opened
from burnish.graphs.runs.sections import LlmSettings
from burnish.graphs.runs.settings import Settings
from burnish.tools.deletion.program import Guard


def config_of(llm: LlmSettings) -> ServedConfig:
    """Return how the model is asked."""
    return ServedConfig(
        mode=llm.mode,
        max_tokens=llm.max_tokens,
        temperature=llm.temperature,
        window_chars=llm.window_chars,
        overlap=llm.overlap,
        turns=llm.turns,
        conversation_tokens=llm.conversation_tokens,
        strict=llm.strict,
    )


def served_revision(llm: LlmSettings) -> str:
    """Return what decides the model's answers, for the fingerprint.

    Raises:
        UsageError: URL or name are missing or wrong.
    """
    return revision_of(config_of(llm), endpoint_of(llm).model, llm.revision)


@asynccontextmanager
async def services_of(settings: Settings, root: Path) -> AsyncGenerator[Services]:
    """Open what the record graph needs to ask the model."""
    llm = settings.llm
    async with opened(llm, root) as model:
        refiner = ServedRefiner(model, converse, config_of(llm), llm.revision)
        guard = Guard(settings.guard.max_removed_ratio)
        yield Services(refiner, guard, settings.guard.attempts)

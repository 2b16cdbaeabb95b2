"""The language model of a run: opened from the settings, on the run's reply store and budget."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from burnish.agents.llm.endpoints import (
    DEFAULT_ROLE,
    Endpoint,
    ModelPool,
    check_url,
    open_services,
)
from burnish.agents.llm.messages import Model
from burnish.agents.llm.token_budget import Account, TokenBudget
from burnish.agents.prompting.probe import Constraints, probe
from burnish.corpora.errors import UsageError
from burnish.graphs.runs.sections import LlmSettings

_LOG = logging.getLogger(__name__)


def endpoint_of(llm: LlmSettings) -> Endpoint:
    """Return where the model is.

    Raises:
        UsageError: URL or name are missing or wrong.
    """
    if not llm.endpoint or not llm.model:
        raise UsageError("the served refiner needs a server: give --llm URL and --model NAME")
    check_url(llm.endpoint, "llm.endpoint")
    return Endpoint(
        url=llm.endpoint,
        model=llm.model,
        revision=llm.revision,
        key_env=llm.key_env,
        timeout_s=llm.timeout_s,
        concurrency=llm.concurrency,
        patience_s=llm.patience_s,
        limit_field=llm.limit_field,
        extra=llm.extra,
    )


@asynccontextmanager
async def opened(llm: LlmSettings, root: Path, *, cached: bool = True) -> AsyncGenerator[Model]:
    """Open the model inside the running event loop, on the store and the budget of a run folder.

    `cached=False` asks the server itself and records no reply.
    """
    async with model_pool(llm, root, (), cached=cached) as pool:
        yield pool.client(DEFAULT_ROLE)


@asynccontextmanager
async def model_pool(
    llm: LlmSettings, root: Path, models: Sequence[str], *, cached: bool = True
) -> AsyncGenerator[ModelPool]:
    """Open several models of one server; each plays the role of its name, the first any other."""
    store, budget = open_services(root, llm.budget)
    named = llm if llm.model or not models else llm.model_copy(update={"model": models[0]})
    first = endpoint_of(named)
    others = {name: replace(first, model=name) for name in models if name != first.model}
    endpoints = {DEFAULT_ROLE: first, **others}
    try:
        kept = store if cached else None
        async with ModelPool(endpoints, store=kept, budget=budget, recall_faults=True) as pool:
            yield pool
    finally:
        store.close()
        budget.close()


def account_of(llm: LlmSettings, root: Path) -> Account | None:
    """Return where the token budget of a run stands; None where no model was ever asked."""
    if not (root / "budget.sqlite").exists():
        return None
    budget = TokenBudget(root / "budget.sqlite", llm.budget)
    try:
        return budget.account()
    finally:
        budget.close()


async def check_server(llm: LlmSettings, root: Path) -> None:
    """Ask the server whether it holds a model to the form of its answers; warn or refuse if not.

    Raises:
        UsageError: it does not, and the settings say that this will not do.
        ModelError: the server cannot be used at all.
        BudgetExhausted: the questions do not fit the budget.
    """
    if llm.probe == "off":
        return
    async with opened(llm, root, cached=False) as model:
        fault = constraint_fault(llm, await probe(model))
    if not fault:
        return
    if llm.probe == "refuse" or (llm.probe == "auto" and llm.mode != "one_shot"):
        raise UsageError(
            f"llm.endpoint: {fault}; use a server that does (`vllm serve` with structured outputs),"
            " another llm.mode, or set llm.probe=warn"
        )
    _LOG.warning(
        "burnish: %s; answers that are no program leave their documents as they are", fault
    )


def constraint_fault(llm: LlmSettings, seen: Constraints) -> str:
    """Say what the server does not enforce of what the mode relies on; empty when all is well."""
    holds = seen.schema if llm.mode == "one_shot" else seen.tools
    if holds:
        return ""
    what = "JSON schemas" if llm.mode == "one_shot" else "forced tool calls"
    return f"the server does not enforce {what} ({'; '.join(seen.notes)})"

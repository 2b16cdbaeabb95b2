"""The sections of the settings that say how a run over documents goes, and what all runs share."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from burnish.graphs.runs.plugins import Group, find_plugins, is_plugin

OWN_REFINERS = ("embedded", "rules", "served")


class Section(BaseModel):
    """Settings that belong together; what a key means stands below it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def known_names(group: Group, names: list[str] | None, own: tuple[str, ...]) -> list[str] | None:
    """Return names that are ours or that another distribution adds.

    Raises:
        ValueError: one is neither.
    """
    for name in names or ():
        if name not in own and not is_plugin(group, name):
            known = ", ".join([*own, *(one.name for one in find_plugins(group))])
            raise ValueError(f"there are {known}")
    return names


class FieldSettings(Section):
    """Which columns of the input mean what."""

    text: str = "text"
    """Column that holds the text."""
    id: str | None = None
    """Column that holds the id; none: "id" where there is one, else ids are made."""


class SelectionSettings(Section):
    """Which rows are taken."""

    limit: int | None = Field(default=None, ge=0)
    """Only the first so many rows."""
    sample: int | None = Field(default=None, ge=0)
    """So many rows drawn at random, without replacement, in source order."""
    seed: int = 0
    """Seed of the draw."""


class RefinerSettings(Section):
    """Who proposes deletions."""

    name: str = "embedded"
    """embedded: the trained line tagger; rules: C4, Gopher and FineWeb line rules; served: the
    language model of the section llm, with embedded for what is not worth its tokens; or a name
    that another distribution adds under burnish.refiners."""
    options: dict[str, Any] = {}
    """Keyword arguments for the refiner of another distribution."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Embedded: a line goes when its probability of being content is below this; none: the
    model's own. 0 keeps everything."""
    model: str | None = None
    """Embedded: a weights file made by `burnish train`; none: the one that ships."""
    drop_documents: bool = False
    """Rules: also drop documents that fail the Gopher and FineWeb quality filters."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        known_names("refiners", [name], OWN_REFINERS)
        return name


class LlmSettings(Section):
    """The language model that `refiner.name = "served"` asks."""

    endpoint: str | None = None
    """Base URL of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1."""
    model: str | None = None
    """Name of the model on that server."""
    revision: str = ""
    """Digest or version of the model's weights, if known: another one is another run."""
    key_env: str = "BURNISH_LLM_KEY"
    """Environment variable that holds the API key; unset: none is needed."""
    mode: Literal["one_shot", "tools", "agentic"] = "one_shot"
    """one_shot: one JSON answer; tools: forced tool calls; agentic: several turns."""
    max_tokens: int = Field(default=1024, ge=1)
    """Longest answer."""
    temperature: float = Field(default=0.0, ge=0)
    """0: always the likeliest answer."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Field that bounds an answer; reasoning models of OpenAI know only the second."""
    window_chars: int = Field(default=12_000, ge=200)
    """Most characters of a document shown at once."""
    overlap: float = Field(default=0.2, ge=0, le=0.5)
    """Share of a window that repeats the one before it as context."""
    turns: int | None = Field(default=None, ge=1)
    """Answers in one conversation; none: 2, and 6 when agentic."""
    conversation_tokens: int = Field(default=32_000, ge=1)
    """No further turn of a conversation after so many tokens."""
    budget: int | None = Field(default=None, ge=0)
    """Tokens, in and out, that the run may ever spend, resumed or not; none: no bound."""
    documents: Literal["auto", "all", "planned"] = "auto"
    """Which documents the model reads. planned: those where it pays most within the budget; auto:
    planned where there is a budget, else all."""
    bytes_per_token: float = Field(default=1.0, ge=1)
    """Bytes of text to a token that the plan reckons with: 1 is safe for every model, about 3.5
    fits English; the budget holds either way."""
    concurrency: int = Field(default=64, ge=1)
    """Requests in flight from each worker at most."""
    timeout_s: float = Field(default=180.0, gt=0)
    """Seconds for a whole request."""
    patience_s: float = Field(default=300.0, ge=0)
    """Seconds a server may be down before the run stops; the same command goes on later."""
    strict: bool = True
    """Mark tools as strict; a server that rejects the mark needs false."""
    extra: dict[str, Any] = {}
    """Fields for this server only, such as {chat_template_kwargs = {enable_thinking = false}}."""
    probe: Literal["auto", "refuse", "warn", "off"] = "auto"
    """What to do when the server does not hold the model to the form of its answer. auto: warn in
    one_shot mode, refuse where tools are needed."""


class GuardSettings(Section):
    """How far a program may go."""

    max_removed_ratio: float = Field(default=0.98, gt=0, le=1)
    """Largest share of a document's characters that one program may remove without remove_all."""
    attempts: int = Field(default=2, ge=1)
    """How often a conversing refiner is asked before its edit is rolled back."""


class RunSettings(Section):
    """How the run is carried out; none of it changes what happens to a document."""

    format: Literal["parquet", "jsonl"] = "parquet"
    """Format of the files written."""
    shard_rows: int = Field(default=1000, ge=1)
    """Most rows of a shard, the unit of work and of resume."""
    shard_chars: int = Field(default=8_000_000, ge=1)
    """Most characters of a shard."""
    strict: bool = False
    """Stop at the first bad row instead of setting it aside."""
    max_failure_ratio: float = Field(default=0.05, ge=0, le=1)
    """Share of failed and quarantined rows beyond which the run exits with 1."""
    approval: Literal["auto", "ask"] = "auto"
    """ask: show the plan and wait for a yes before anything is refined."""
    concurrency: int = Field(default=64, ge=1)
    """Documents in flight for each worker, for conversing refiners."""

"""The sections of the settings that belong to one command: profile, distill, solve and others."""

from typing import Literal

from pydantic import Field

from burnish.graphs.runs.sections import Section


class ProfileSection(Section):
    """How `burnish profile` measures a QA set; columns, buckets and seeds stand in `qa`."""

    edges: list[float] | None = None
    """Edges of the difficulty buckets in logits, ascending; they take the place of qa.buckets."""
    online_elo: bool = False
    """Rate judgements by Elo in their order, instead of Bradley and Terry's model."""
    judgements: str | None = None
    """File of pairs of items by id: columns harder, easier, draw."""
    panel: list[str] = Field(default_factory=list[str])
    """Models on the server llm.endpoint that are asked every question once."""
    labeller: str | None = None
    """Model on that server that labels items of no domain; none: the embedder does."""
    folder: str | None = None
    """Folder of the models' replies, answers and labels; none: runs/<name of the input>-panel."""
    vectors: bool = False
    """Embed the items too: how near the set is to the target in meaning."""
    cache: str | None = None
    """Folder for cached vectors; none: burnish/vectors in the user's cache."""


class DistillSection(Section):
    """Which training pairs `burnish distill` makes of an input."""

    refined: str | None = None
    """Column of the refined text."""
    labels: str | None = None
    """Column of line labels: K keep, D drop, P in part, a letter a line."""
    partial: str | None = None
    """Column of what stays of P lines: {line: [[start, stop], ...]} in characters."""
    group: str | None = None
    """Column of the source that pairs are split by; none: "url" where there is one."""
    stratify: str | None = None
    """Column by whose values pairs are counted and bounded."""
    filter: Literal["rewrite", "paper"] = "rewrite"
    """Which rewrites are refused. rewrite: by kind of change; paper: as RefineX, 20 and 10
    characters."""
    max_refused: float = 0.5
    """Largest share of the characters to be deleted that may be refused, 0 to 1."""
    min_kept: float = 0.8
    """Smallest share of the refined text that must come from the raw text, 0 to 1."""
    window_chars: int = 12_000
    """Most characters of the lines of one pair."""
    notation: Literal["tools", "json", "lines"] = "tools"
    """How answers are written: tool calls, one JSON object, or a line a call."""
    keep_all_share: float = 0.3
    """Largest share of the pairs that may change nothing, 0 to 1."""
    per_cell: int | None = Field(default=None, ge=1)
    """Most pairs of one stratum and kind of program; none: no bound."""
    validation: float = 0.05
    """Share of the pairs whose sources are set aside for validation, 0 to 0.5."""
    prompt: str | None = None
    """File with rules for the expert; none: those that ship."""
    shard_rows: int = Field(default=500, ge=1)
    """Most rows of a shard, the unit of work and of resume."""


class SolveSection(Section):
    """How `burnish solve` searches for a plan."""

    quotas: str | None = None
    """TOML file with bounds on cells, operations and the size."""
    gap: float = Field(default=1e-4, ge=0, le=1)
    """Distance to the bound that is good enough, as a share of the bound."""
    seconds: float = Field(default=300.0, ge=0.1)
    """Longest search; reached only in emergencies."""
    seed: int = Field(default=0, ge=0)
    """Seed of the sampled first prices."""
    curve: bool = True
    """Report what other budgets would buy."""


class WikiSection(Section):
    """How `burnish wiki` builds and searches an index of passages."""

    embedder: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Embedding model: name on the hub, or a folder."""
    words: int = Field(default=100, ge=20)
    """Words of a passage, about."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first so many passages; none: all."""
    threads: int | None = Field(default=None, ge=1)
    """Threads that embed and index; none: as many as there are cores."""
    k: int = Field(default=5, ge=1, le=1000)
    """Passages that a search returns."""
    way: Literal["hybrid", "dense", "words"] = "hybrid"
    """How a search looks: by words and meaning, by meaning alone (dense), or by words alone."""


class ServeSection(Section):
    """How `burnish serve` starts a server and keeps it alive."""

    python: str | None = None
    """Python that has vLLM; none: `vllm` on the PATH."""
    name: str | None = None
    """Name that clients ask for; none: the last part of the model's."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0: a free one."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that a copy of the model is split over."""
    data_parallel: int = Field(default=1, ge=1)
    """Copies of the model."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Longest prompt and answer together, in tokens; none: what the model says."""
    gpu_memory: float | None = Field(default=None, ge=0.01, le=1)
    """Share of GPU memory to use, 0 to 1; none: vLLM's own default."""
    cpu: bool = False
    """Serve on the CPU."""
    kv_cache: int = Field(default=1, ge=1)
    """On a CPU: GiB of key-value cache."""
    tool_parser: str = "hermes"
    """vLLM's parser of calls that a model writes unforced."""
    native_tools: bool = False
    """Force calls in the model's own notation instead of by JSON schema."""
    strict: bool = False
    """Stop when the server does not hold constraints."""
    log: str | None = None
    """File for the server's messages; none: standard error."""
    start_timeout: float = Field(default=900.0, ge=1)
    """Seconds to wait for the first answer."""
    stop_timeout: float = Field(default=15.0, ge=0.1)
    """Seconds for the server to stop before it is killed."""
    restarts: int = Field(default=5, ge=0)
    """Deaths in a row that are mended."""

"""The sections of the settings that belong to one command: profile, distill, solve."""

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

"""What decides which training pairs `burnish distill` makes of an input."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from burnish.agents.prompting.output_schemas import tools_of
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.refiners import expert, served
from burnish.agents.refiners.expert import ExpertConfig, read_rules
from burnish.agents.refiners.served import Prompt, ServedConfig
from burnish.corpora.errors import UsageError
from burnish.corpora.runs.manifest import fingerprint_of
from burnish.tools.distill.distill import Policy
from burnish.tools.distill.pairs import Frame, Notation

Teacher = Literal["refined", "labels", "expert"]
"""Who says what goes: a column of refined texts, a column of line labels, or a model."""


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Which columns of the input mean what."""

    text: str = "text"
    id: str | None = None
    refined: str | None = None
    labels: str | None = None
    partial: str | None = None
    """Of line labels: which spans of a P line stay."""
    group: str | None = None
    """Source of a record, such as its address; none: "url" where there is one."""
    stratum: str | None = None
    """Pairs are counted, and bounded, for each value of this column."""


@dataclass(frozen=True, slots=True)
class PairChoice:
    """Which of the pairs are taken, and how they are split."""

    keep_all_share: float = 0.3
    """Largest share of the pairs that may change nothing (UltraX, arXiv 2607.08646, takes 0.6)."""
    per_cell: int | None = None
    """Most pairs of one stratum and kind of program; none: no bound."""
    validation: float = 0.05
    """Share of the pairs whose sources are set aside for validation."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DistillSettings:
    """All settings of a distillation."""

    columns: PairColumns = PairColumns()
    policy: Policy = field(default_factory=Policy)
    choice: PairChoice = PairChoice()
    expert: ExpertConfig = field(default_factory=ExpertConfig)
    prompt: str | None = None
    """File with rules for the expert, in the place of those that ship."""
    limit: int | None = None
    sample: int | None = None
    shard_rows: int = 500
    shard_chars: int = 8_000_000
    strict: bool = False
    concurrency: int = 64
    """Documents that an expert works on at a time."""

    @property
    def teacher(self) -> Teacher:
        """Who says what goes.

        Raises:
            UsageError: two of them do.
        """
        columns = self.columns
        if columns.refined and columns.labels:
            raise UsageError("give --refined-field or --labels-field, not both")
        if columns.partial and not columns.labels:
            raise UsageError("--partial-field goes with --labels-field")
        if columns.labels:
            return "labels"
        return "refined" if columns.refined else "expert"

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: a setting is out of range.
        """
        shares = {
            "--keep-all-share": self.choice.keep_all_share,
            "--validation": self.choice.validation,
            "--max-refused": self.policy.max_refused,
            "--min-kept": self.policy.min_kept,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"{name} {share:g}: give a share from 0 to 1")
        if self.choice.validation > 0.5:
            raise UsageError(f"--validation {self.choice.validation:g}: at most 0.5")
        if self.policy.window_chars < 1:
            raise UsageError("--window-chars: must be above 0")
        if self.teacher != "labels":
            return
        if self.policy.filter == "paper":
            raise UsageError("--filter paper needs refined texts; labels have no rewrites")

    def marks(self, digest: str) -> dict[str, str]:
        """Return what decides what is written, by name: the input's digest and settings."""
        tree = asdict(self)
        held = {name: tree[name] for name in ("columns", "policy", "choice", "expert")}
        held["run"] = {key: tree[key] for key in _RUN}
        prompt = Path(self.prompt) if self.prompt else None
        return fingerprint_of(digest, held) | {
            "expert.rules": digest_of(read_rules(prompt)),
            "frame": digest_of(repr(frame_of(self.policy.notation))),
        }


_RUN = ("limit", "sample", "shard_rows", "shard_chars")
"""Settings beside the groups that decide what is written."""


def frame_of(notation: Notation) -> Frame:
    """Return the system turn and tools that a served refiner of a notation is asked with."""
    if notation == "lines":
        parts = sections(served.PROMPT)
        system = "\n\n".join([parts["task"], parts["calls"], _lines_section()])
        return Frame(system, (), notation)
    mode = "tools" if notation == "tools" else "one_shot"
    prompt = Prompt.of(ServedConfig(mode=mode))
    tools = tools_of("tools", strict=True) if notation == "tools" else ()
    return Frame(prompt.system, tools, notation)


def _lines_section() -> str:
    return sections(expert.PROMPTS)["lines"]

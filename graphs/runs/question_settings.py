"""The settings of a run over questions: the section `qa`."""

from typing import Any, Literal

from pydantic import Field, field_validator

from burnish.graphs.runs.sections import Section, known_names

OWN_OPERATIONS = (
    "remove", "draw", "mine_distractors", "flag", "expand", "generate", "rephrase", "recalibrate",
    "rewrite_distractors", "repair",
)  # fmt: skip
ASKED_FOR = frozenset({"mine_distractors", "rephrase"})
"""Operations that are used only where the settings name them: no figure says that they pay."""
OWN_VALIDATORS = ("reasoner", "librarian")


class QaSettings(Section):
    """How a QA set is refined; ignored in runs over documents."""

    question: str | None = None
    """Column of the question; none: found by name, as all the columns below."""
    answer: str | None = None
    """Column of the keyed answer."""
    choices: str | None = None
    """Column of the choices, or several columns with commas between them."""
    domain: str | None = None
    """Column of the domain."""
    skill: str | None = None
    """Column of the skill."""
    labels: str | None = None
    """File with a list of labels, for items that name no domain: they get one by embedding."""
    rationale: str | None = None
    """Column of the rationale."""
    context: str | None = None
    """Column of the context."""
    turns: str | None = None
    """Column of the conversation, for multi-turn items."""
    records: list[str] | None = None
    """Columns of answer records of models; a name may end in `*`."""
    target: str = "uniform"
    """What the cells should be like: uniform, a reference set, or a TOML file of shares."""
    by: Literal["cell", "cell_difficulty"] = "cell_difficulty"
    """What is balanced: domain by skill, or these by difficulty where it is known."""
    buckets: int = Field(default=5, ge=1, le=20)
    """Difficulty buckets."""
    answers: str | None = None
    """File of answer records of models, by item id, such as `burnish profile --panel` writes."""
    solver: str | None = None
    """Model on the same server that answers new and changed items, so that their difficulty is
    known; none: the writing model. Its own answers to the set must be recorded."""
    solver_answers: int = Field(default=4, ge=0, le=64)
    """How often it answers each; 0: difficulties are taken as ordered, and told as unverified."""
    reserve: str | None = None
    """A pool of further questions that may be drawn from."""
    operations: list[str] | None = None
    """What may be done: remove, draw, mine_distractors, flag; with a model expand, generate,
    rephrase, recalibrate, rewrite_distractors, repair; and names that other distributions add under
    burnish.operations. None: all of ours that the run has the means for."""
    size_floor: float = Field(default=0.9, ge=0, le=1)
    """Share of the set's items that must remain, drawn and written ones counted."""
    size_cap: float = Field(default=1.1, ge=0)
    """The largest final size, as a share of the set's."""
    quotas: str | None = None
    """TOML file with more bounds, as `burnish solve` reads them."""
    max_edits: int | None = Field(default=None, ge=0)
    """Most items that may be changed, added or taken out in all, corrections by people counted;
    none: no bound."""
    rounds: int = Field(default=2, ge=1, le=10)
    """How often it is planned and carried out; later rounds see what the earlier ones did."""
    pilot: int = Field(default=24, ge=0)
    """Items that each operation with a model is tried on before anything is planned."""
    caution: Literal["mean", "sure", "single"] = "sure"
    """What a plan counts on: the mean, a confidence bound of it, or what single orders reach."""
    token_reserve: float = Field(default=0.15, ge=0, lt=1)
    """Share of the budget that is not planned with: repairs and validation."""
    validators: list[str] | None = None
    """Who checks new and changed items: reasoner, librarian, and names that other distributions add
    under burnish.validators. None: all of ours that the run has the means for."""
    options: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])
    """Keyword arguments for operations and validators of other distributions, by their names."""
    check: Literal["edits", "all"] = "edits"
    """What validators look at: what was written, or every item of the set as well."""
    review_below: float = Field(default=0.6, ge=0, le=1)
    """Verdicts less confident than this go to the review queue."""
    contamination: list[str] = Field(default_factory=list[str])
    """Sets that new and changed items must not occur in."""
    wiki: str | None = None
    """Folder of a passage index made by `burnish wiki build`."""
    embedder: str | None = None
    """Sentence embedder; none: the default one."""
    reviewed: str | None = None
    """A review file with decisions, or the folder of the run that asked for them."""
    batch: int = Field(default=64, ge=1)
    """Operations carried out before their results are put on disk together."""
    seed: int = 0
    """Seed of the pilot, of the order among equals, and of what operations draw."""

    @field_validator("operations")
    @classmethod
    def _known_operations(cls, names: list[str] | None) -> list[str] | None:
        return known_names("operations", names, OWN_OPERATIONS)

    @field_validator("validators")
    @classmethod
    def _known_validators(cls, names: list[str] | None) -> list[str] | None:
        return known_names("validators", names, OWN_VALIDATORS)

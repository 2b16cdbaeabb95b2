"""Says what a run over questions would do first: plans without a model and writes nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from burnish.corpora.errors import UsageError
from burnish.graphs.profile.vector_cache import Vectoring
from burnish.graphs.questions.opening import open_working_set
from burnish.graphs.questions.plan.plan_file import solve_next
from burnish.graphs.runs.settings import Settings

LARGEST = 20_000
"""Rows that a trial looks at; of a larger set it draws so many at random."""


@dataclass(frozen=True, slots=True)
class QuestionTrial:
    """What the first round of a run would do."""

    rows: int
    """Questions looked at."""
    bad_rows: int
    sampled: bool
    """Whether they are a sample of the set, and not all that was selected."""
    operations: Mapping[str, int]
    """Orders of each operation."""
    before: float
    """Divergence from the target, in bits."""
    after: float
    """The same if every order succeeds."""
    floor: float
    """What a sample of the target of this size has by chance."""
    size: int
    """Questions that the set would have."""


def try_questions(
    location: str,
    settings: Settings,
    vectoring: Vectoring | None = None,
    largest: int = LARGEST,
) -> QuestionTrial:
    """Plan the first round of a run and say what it would do; nothing is written.

    Args:
        location: The set.
        settings: As for a run.
        vectoring: Where vectors for labels come from; None: from the embedder of the settings.
        largest: Rows that are looked at; of a larger set so many are drawn at random.

    Raises:
        UsageError: a model is named, whose gains only a pilot tells; or settings do not fit.
        SourceError: an input cannot be read.
    """
    if settings.llm.endpoint is not None:
        raise UsageError(
            "--dry-run asks no model: leave out --llm, or let `burnish plan` try one on a pilot"
        )
    chosen = settings.selection
    size = largest if chosen.sample is None else min(chosen.sample, largest)
    drawn = settings.model_copy(update={"selection": chosen.model_copy(update={"sample": size})})
    working = open_working_set(location, drawn, vectoring)
    before = working.strata()
    planned = solve_next(working, drawn).planned
    moves: Counter[str] = Counter(before)
    for one in planned:
        if one.cell_from != one.cell_to:
            moves[one.cell_from] -= 1
            moves[one.cell_to] += 1
    # Outside of the set has no name.
    del moves[""]
    after = list(moves.elements())
    rows, bad_rows = len(working.own.rows), len(working.own.bad)
    return QuestionTrial(
        rows=rows,
        bad_rows=bad_rows,
        sampled=chosen.sample is None and rows + bad_rows == largest,
        operations=dict(sorted(Counter(one.order.operation for one in planned).items())),
        before=working.target.divergence(before),
        after=working.target.divergence(after),
        floor=working.target.floor(len(after)),
        size=len(after),
    )

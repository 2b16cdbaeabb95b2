"""Opens a run over questions: set, reserve, target and corrections, as its settings name them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.answer_files import join_answers
from burnish.corpora.questions.question_source import RowSelection
from burnish.corpora.storage.spill import Spill
from burnish.graphs.profile.vector_cache import Vectoring
from burnish.graphs.questions.review import by_hand, read_reviewed
from burnish.graphs.questions.state.question_set import HERE, Means, QASet, fields_of, read_set
from burnish.graphs.questions.state.target import locate
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.settings import Settings


def open_working_set(
    location: str,
    settings: Settings,
    vectoring: Vectoring | None = None,
    progress: Callable[[int], None] | None = None,
    means: Means = HERE,
) -> WorkingSet:
    """Read everything that a run is planned from; corrections by people are taken in.

    Args:
        location: The set.
        settings: Columns, selection, reserve, target, answers, labels, corrections.
        vectoring: Where vectors for labels come from; None: from the embedder of the settings.
        progress: Is told how many more bytes of the set were read.
        means: Where texts lie while they are not needed, and the processes that read rows.

    Raises:
        SourceError: an input cannot be read.
        UsageError: the set holds no question, or a file of the settings does not fit.
    """
    qa, chosen = settings.qa, settings.selection
    fields = fields_of(qa, settings.fields.id)
    selection = RowSelection(chosen.limit, chosen.sample, chosen.seed)
    strict = settings.run.strict
    own = read_set(
        location,
        fields,
        selection,
        strict=strict,
        progress=progress,
        means=means,
    )
    if qa.answers is not None:
        joined = join_answers(own.rows, qa.answers, own.layout.id or "id")
        own = replace(own, rows=Spill(joined, means.folder))
    if not own.rows:
        raise UsageError(f"{location}: holds no question that can be read")
    reserve: QASet | None = None
    if qa.reserve is not None:
        reserve = read_set(qa.reserve, fields_of(qa), RowSelection(), means=means)
    working = WorkingSet.start(own, reserve, locate(own, reserve, qa, vectoring), means.folder)
    if qa.reviewed is not None:
        working.apply(by_hand(read_reviewed(Path(qa.reviewed)), working))
    return working

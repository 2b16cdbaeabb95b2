"""Makes the agents that a run over questions works with; their libraries load here."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.agents.llm.messages import Model
from burnish.agents.operations.checked import Checked, Checks
from burnish.agents.operations.offline import (
    CellMember,
    Draw,
    Flag,
    MineDistractors,
    OptionIndex,
    Remove,
)
from burnish.agents.operations.operation import Operation
from burnish.agents.validators.reasoner import Reasoner
from burnish.agents.validators.validation import ReviewPolicy, Validation
from burnish.agents.validators.validator import Validator
from burnish.corpora.errors import SandboxUnavailable, UsageError
from burnish.corpora.questions.question_source import RowSelection
from burnish.corpora.records import QAItem
from burnish.graphs.questions.operate.foreign import NOBODY, ForeignAgents
from burnish.graphs.questions.operate.llm_operations import writing_operations
from burnish.graphs.questions.operate.record_graph import QuestionServices
from burnish.graphs.questions.state.question_set import fields_of, read_set
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.question_settings import ASKED_FOR, QaSettings
from burnish.graphs.runs.settings import Settings
from burnish.tools.items.checks import asked
from burnish.tools.items.contamination import TextIndex
from burnish.tools.profile.cells import split_stratum
from burnish.tools.sandbox.results import Execution

if TYPE_CHECKING:
    from burnish.agents.annotators.solver import Examiner
    from burnish.tools.retrieval.hybrid_index import WikiIndex


class NoPrograms:
    """Stands where no program is ever run."""

    async def run_async(self, program: str) -> Execution:
        """Run nothing.

        Raises:
            SandboxUnavailable: always.
        """
        del program
        raise SandboxUnavailable("programs are run only where a model writes them")


def allowed(settings: QaSettings, name: str) -> bool:
    """Tell whether the settings let an operation be used."""
    if settings.operations is None:
        return name not in ASKED_FOR
    return name in settings.operations


def offline_operations(settings: QaSettings, working: WorkingSet) -> list[Operation]:
    """Return the operations that need no model and are allowed."""
    made: list[Operation] = [Remove(), Flag(reason="its text has a fault")]
    if working.reserve is not None:
        made.append(Draw())
    if settings.operations is not None and "mine_distractors" in settings.operations:
        from burnish.tools.retrieval.embedder import DEFAULT, load_embedder

        embedder = load_embedder(settings.embedder or DEFAULT)
        # Of the set as it came in: what a run lends must not depend on where it was interrupted.
        rows = zip(working.own.rows, working.source_strata, strict=True)
        members = [CellMember(row.item, split_stratum(stratum).cell) for row, stratum in rows]
        made.append(MineDistractors(OptionIndex(members, embedder)))
    return [one for one in made if allowed(settings, one.name)]


def foreign_sets(settings: QaSettings) -> tuple[TextIndex, ...]:
    """Read the sets that nothing may be taken from.

    Raises:
        SourceError: one cannot be read.
    """
    return tuple(_indexed(location, settings) for location in settings.contamination)


def _indexed(location: str, settings: QaSettings) -> TextIndex:
    items = read_set(location, fields_of(settings), RowSelection()).items
    return TextIndex(location, texts_of(items))


def texts_of(items: Sequence[QAItem]) -> list[tuple[str, str]]:
    """Return ids and what is asked, as an index of texts wants them."""
    return [(item.id, asked(item)) for item in items]


@asynccontextmanager
async def open_question_services(
    settings: Settings, working: WorkingSet, root: Path, foreign: ForeignAgents = NOBODY
) -> AsyncGenerator[QuestionServices]:
    """Open the operations and validators of a run inside the running event loop.

    Raises:
        UsageError: the settings name what this run has no means for.
    """
    async with AsyncExitStack() as stack:
        model: Model | None = None
        solver: Model | None = None
        if settings.llm.endpoint:
            from burnish.graphs.runs.llm import model_pool

            names = [name for name in (settings.qa.solver,) if name is not None]
            pool = await stack.enter_async_context(model_pool(settings.llm, root, names))
            model = pool.client("refiner")
            solver = pool.client(settings.qa.solver) if settings.qa.solver else model
        yield assembled(settings, working, model, stack, solver, foreign)


def assembled(
    settings: Settings,
    working: WorkingSet,
    model: Model | None,
    stack: AsyncExitStack,
    solver: Model | None = None,
    foreign: ForeignAgents = NOBODY,
) -> QuestionServices:
    """Put operations, checks and validators together; what must be closed goes to the stack.

    The solver is the model where none is given.

    Raises:
        UsageError: the settings name what this run has no means for.
    """
    qa = settings.qa
    policy = ReviewPolicy(enough=qa.review_below, review_abstentions=False)
    index = _index(qa)
    validation = _validation(qa, model, policy, stack, index)
    if foreign.validators:
        validation = replace(validation or Validation((), (), policy), general=foreign.validators)
    own = TextIndex("the set", ())
    checks = Checks(
        own=own,
        foreign=foreign_sets(qa),
        judge=None if validation is None else validation.decide,
        scorer=examiner_of(settings, working, solver or model),
    )
    operations = offline_operations(qa, working)
    if model is not None:
        written = writing_operations(working, qa, model, validation, index)
        operations += [one for one in written if allowed(qa, one.name)]
    operations += foreign.operations
    made: dict[str, Operation] = {one.name: Checked(one, checks) for one in operations}

    def begin() -> None:
        own.become(texts_of(working.items()))

    return QuestionServices(made, validation, policy, settings.run.concurrency, begin)


def solver_ability(settings: Settings, working: WorkingSet) -> float | None:
    """Return the ability of the model that answers new items; None where none can place them."""
    name = settings.qa.solver or settings.llm.model
    if not settings.llm.endpoint or not settings.qa.solver_answers or working.scale is None:
        return None
    return None if name is None else working.scale.abilities.get(name)


def examiner_of(settings: Settings, working: WorkingSet, solver: Model | None) -> "Examiner | None":
    """Return who says how hard new and changed items are, where somebody can."""
    ability, scale, buckets = (
        solver_ability(settings, working),
        working.scale,
        working.target.buckets,
    )
    if solver is None or ability is None or scale is None or buckets is None:
        return None
    from burnish.agents.annotators.solver import Examiner, Solver

    return Examiner(
        Solver(solver), ability, scale.spread, scale.centres, buckets, settings.qa.solver_answers
    )


def _index(settings: QaSettings) -> "WikiIndex | None":
    if settings.wiki is None:
        return None
    from burnish.tools.retrieval.embedder import DEFAULT, load_embedder
    from burnish.tools.retrieval.hybrid_index import open_index

    return open_index(Path(settings.wiki), load_embedder(settings.embedder or DEFAULT))


def _validation(
    settings: QaSettings,
    model: Model | None,
    policy: ReviewPolicy,
    stack: AsyncExitStack,
    index: "WikiIndex | None",
) -> Validation | None:
    names = settings.validators
    if names is not None and not names:
        return None
    if names is not None and "librarian" in names and index is None:
        raise UsageError("the librarian needs an index of passages: set qa.wiki=FOLDER")
    computable: tuple[Validator, ...] = ()
    factual: tuple[Validator, ...] = ()
    if names is None or "reasoner" in names:
        computable = (_reasoner(model, stack),)
    if index is not None and (names is None or "librarian" in names):
        factual = (_librarian(index, model),)
    return Validation(computable, factual, policy)


def _librarian(index: "WikiIndex", model: Model | None) -> Validator:
    from burnish.agents.validators.librarian import Librarian

    return Librarian(index, index.embedder, model)


def _reasoner(model: Model | None, stack: AsyncExitStack) -> Validator:
    if model is None:
        return Reasoner(NoPrograms())
    from burnish.tools.sandbox.pool import Sandbox

    return Reasoner(stack.enter_context(Sandbox()), model)

"""The operations that a language model carries out, made for a run from its set and settings."""

from collections.abc import Sequence
from pathlib import Path

from burnish.agents.annotators.solver import PROMPT as SOLVER
from burnish.agents.annotators.solver import SolverReply
from burnish.agents.llm.messages import Model
from burnish.agents.operations.add_items import CITATION, Expand, Generate, Repair
from burnish.agents.operations.edit_items import Recalibrate, Rephrase, RewriteDistractors
from burnish.agents.operations.few_shot import AcceptedCorrection, read_examples
from burnish.agents.operations.item_schemas import FORMS
from burnish.agents.operations.llm_operation import PROMPTS, LlmOperation, WriterConfig
from burnish.agents.operations.operation import Operation
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.prompting.sections import digest_of
from burnish.agents.validators.librarian import PROMPT as LIBRARIAN
from burnish.agents.validators.librarian import PassageFinder, PassageJudgement
from burnish.agents.validators.reasoner import PROMPT as REASONER
from burnish.agents.validators.validation import Validation
from burnish.corpora.errors import UsageError
from burnish.corpora.records import QAItem
from burnish.corpora.storage.spill import Mapped
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.question_settings import QaSettings
from burnish.graphs.runs.sections import LlmSettings
from burnish.tools.profile.cells import split_stratum
from burnish.tools.stable_order import rank

WRITTEN = ("generate", "expand", "rephrase", "recalibrate", "rewrite_distractors", "repair")
__all__ = ["CITATION", "WRITTEN", "examples_of", "prompts_digest", "writing_operations"]


class CellExemplars:
    """Items of a cell and a bucket as the set stands, in an order that a seed decides."""

    def __init__(self, working: WorkingSet) -> None:
        self._working = working
        self._seen = -1
        self._ids: dict[tuple[str, int | None], list[str]] = {}

    def _renew(self) -> None:
        """Take in the items as they stand after what was done last."""
        if self._seen == len(self._working.done):
            return
        self._seen, self._ids = len(self._working.done), {}
        for name, stratum in zip(*self._working.standing(), strict=True):
            cell, bucket = split_stratum(stratum)
            self._ids.setdefault((cell, bucket), []).append(name)
            if bucket is not None:
                self._ids.setdefault((cell, None), []).append(name)

    def __call__(self, cell: str, bucket: int | None, seed: int) -> Sequence[QAItem]:
        """Return the items; where the bucket has none, those of the cell."""
        self._renew()
        found = self._ids.get((cell, bucket)) or self._ids.get((cell, None), [])
        return Mapped(self._working.item, sorted(found, key=lambda name: (rank(seed, name), name)))


def writing_operations(
    working: WorkingSet,
    settings: QaSettings,
    model: Model,
    validation: Validation | None,
    finder: PassageFinder | None,
) -> list[Operation]:
    """Return the operations that a model carries out, as far as there are the means for them."""
    exemplars, config = CellExemplars(working), WriterConfig()
    shots = tuple(examples_of(settings))
    made: list[Operation] = [
        LlmOperation(Generate(exemplars), model, config, shots),
        LlmOperation(Rephrase(), model, config, shots),
        LlmOperation(Recalibrate(exemplars), model, config, shots),
        LlmOperation(RewriteDistractors(), model, config, shots),
    ]
    if finder is not None:
        made.append(LlmOperation(Expand(finder, exemplars), model, config, shots))
    if validation is not None:
        made.append(LlmOperation(Repair(validation.decide), model, config, shots))
    return made


def examples_of(settings: QaSettings) -> list[AcceptedCorrection]:
    """Return corrections that people accepted, as examples.

    Raises:
        UsageError: the review file cannot be read.
    """
    if settings.reviewed is None:
        return []
    path = Path(settings.reviewed)
    file = path / "review.jsonl" if path.is_dir() else path
    try:
        return read_examples(file.read_bytes().split(b"\n"))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); check qa.reviewed") from None


def prompts_digest(llm: LlmSettings) -> str:
    """Return what decides a model's answers, for the fingerprint."""
    words = [path.read_text("utf-8") for path in (PROMPTS, REASONER, LIBRARIAN, SOLVER)]
    forms = [repr(form_schema(form)) for form in (*FORMS, PassageJudgement, SolverReply)]
    return f"{llm.model} {llm.revision} {digest_of(*words, *forms, repr(WriterConfig()))}".strip()

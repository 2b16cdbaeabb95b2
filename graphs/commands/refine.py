"""Texts in memory: refined by the record graph, guarded and certified as in a run."""

import asyncio
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from burnish.agents.refiners.refiner import AnyRefiner
from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document, Outcome
from burnish.graphs.commands.inputs import outside_loops
from burnish.graphs.documents.assembly import make_refiner
from burnish.graphs.documents.batches import decide_all
from burnish.graphs.documents.foreign import adopt
from burnish.graphs.documents.record_graph import Decision, RecordGraph, Services, build
from burnish.graphs.runs.sections import RefinerSettings
from burnish.graphs.runs.settings import Settings, resolve
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import Certificate, Guard, Program, Resolution

CHUNK = 256
"""Documents that are taken from an iterable at a time."""


@dataclass(frozen=True, slots=True)
class Refined:
    """What became of one text, with the proof."""

    text: str
    """The text without what was deleted; as it came where the refiner failed, empty where it was
    dropped as a whole."""
    program: Program
    """The calls that were carried out; none where the guard took the edit back."""
    certificate: Certificate
    """Proof that `text` is the document's text minus the spans and nothing else."""
    flag: str
    """What a person should look at, empty when all is well: `guard` (the program went too far and
    was taken back), `rejected_calls` (some call named what is not there), `failed: ...`."""
    outcome: Outcome
    """`unchanged`, `edited`, `dropped` or `failed`."""
    document: Document
    """What went in."""
    resolution: Resolution
    """What the program means for this text, calls that were rejected included."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was deleted: ranges `[start, stop)` of characters of the text that came in."""
        return self.certificate.spans


def refine(
    text: str,
    *,
    refiner: str | AnyRefiner | None = None,
    settings: Settings | Mapping[str, object] | None = None,
) -> Refined:
    r"""Delete the noise from one text and prove that nothing else was done to it.

    The refiner proposes deletions, a guard takes back what would remove more than 98 % of the text
    (`guard.max_removed_ratio`), and the result comes with a certificate: the SHA-256 of both texts
    and the ranges of characters between them. No call can write, so the refined text is always the
    text minus these ranges.

    Args:
        text: Any text. Lines are split at "\n" only, and are what the refiner decides about: text
            of one long line is kept or dropped as a whole.
        refiner: Who proposes: "embedded" (the trained line tagger, the default), "rules" (line
            rules of C4, Gopher and FineWeb), a name that another distribution adds under
            `burnish.refiners`, or an object that is a `Refiner`.
        settings: As for `run`; the sections `refiner` and `guard` matter here, such as
            `{"refiner.threshold": 0.2}` (0 to 1: lower keeps more, 0 keeps everything).

    Returns:
        The refined text with its program, spans and certificate. A refiner that fails leaves the
        text as it is, with the outcome `failed` and the reason in `flag`.

    Raises:
        UsageError: a setting does not fit, or there is no such refiner.

    Examples:
        >>> import burnish
        >>> refined = burnish.refine("Home | Login\nThe bees fly at dawn, as soon as it is warm.")
        >>> refined.certificate.fault(refined.document.text, refined.text)
        ''
    """
    return next(refine_all([Document("text", _text(0, text))], refiner=refiner, settings=settings))


def refine_all(
    documents: Iterable[Document | str],
    *,
    refiner: str | AnyRefiner | None = None,
    settings: Settings | Mapping[str, object] | None = None,
) -> Generator[Refined]:
    """Refine documents one after another, in order, without writing anything.

    Streams: a few hundred documents are held at a time, so the iterable may be endless. For a
    corpus in files, with resume, several processes and a ledger, use `run`.

    Args:
        documents: Documents, or texts (which get the ids "0", "1", and so on).
        refiner: As for `refine`.
        settings: As for `refine`.

    Yields:
        One `Refined` for each document.

    Raises:
        UsageError: a setting does not fit, or there is no such refiner; before any document is
            taken.
    """
    if refiner is None or isinstance(refiner, str):
        chosen = resolve(settings, {"refiner.name": refiner})
        services = services_for(chosen)
    else:
        chosen = resolve(settings)
        services = services_for(chosen, adopt(refiner))
    return _streamed(documents, services, chosen.run.concurrency)


def services_for(settings: Settings, refiner: AnyRefiner | None = None) -> Services:
    """Return what the record graph needs to refine texts in memory.

    Raises:
        UsageError: the settings name no refiner that can be used so.
    """
    if refiner is None:
        if settings.refiner.name == "served":
            raise UsageError(
                "refiner.name=served keeps replies and budget in the folder of a run: use run"
            )
        refiner = _made(settings.refiner.model_dump_json())
    return Services(refiner, Guard(settings.guard.max_removed_ratio), settings.guard.attempts)


@lru_cache(maxsize=4)
def _made(settings: str) -> AnyRefiner:
    """Return a refiner; the weights are read once for all calls with the same settings."""
    return make_refiner(RefinerSettings.model_validate_json(settings))


@lru_cache(maxsize=1)
def _graph() -> RecordGraph:
    return build()


def _streamed(
    documents: Iterable[Document | str], services: Services, concurrency: int
) -> Generator[Refined]:
    for chunk in _chunks(documents):
        deciding = partial(_decide, chunk, services, concurrency)
        for decision in outside_loops(deciding):
            yield refined_of(decision)


def _chunks(documents: Iterable[Document | str]) -> Generator[list[Document]]:
    """Yield the documents some at a time; where taking one fails, those before it come first."""
    chunk: list[Document] = []
    try:
        for at, one in enumerate(documents):
            chunk.append(one if isinstance(one, Document) else Document(str(at), _text(at, one)))
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    except Exception:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _text(at: int, given: object) -> str:
    if not isinstance(given, str):
        raise UsageError(f"document {at}: is {type(given).__name__}; give a Document or a str")
    return given


def _decide(chunk: list[Document], services: Services, concurrency: int) -> list[Decision]:
    return asyncio.run(decide_all(_graph(), chunk, services, concurrency))


def refined_of(decision: Decision) -> Refined:
    """Return a decision of the record graph in the words of the front door."""
    return Refined(
        decision.refined,
        Program(decision.resolution.accepted),
        decision.certificate,
        decision.flag,
        decision.outcome,
        decision.document,
        decision.resolution,
    )

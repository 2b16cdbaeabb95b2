"""Refiners that others made: asked like ours, but nothing they do ends a run.

What they answer goes the same way as every program: resolved, guarded, carried out and certified. A
refiner that raises, or answers with what is no program, fails for that document alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from burnish.agents.refiners.refiner import AnyRefiner, Attempt, ConversingRefiner, Refiner
from burnish.corpora.errors import (
    BudgetExhausted,
    ModelError,
    QuotaPaused,
    RefinerError,
    ReplyError,
    UsageError,
)
from burnish.corpora.records import Document
from burnish.graphs.runs.plugins import is_share, is_writable
from burnish.tools.deletion.program import (
    NAMES,
    KeepAll,
    Note,
    Program,
    Rejection,
    RemoveAll,
    RemoveLines,
    RemoveStr,
)

OWN_NAMES = frozenset({"served"})
"""Names that mean more to a run than who is asked."""


@dataclass(frozen=True, slots=True)
class ForeignRefiner:
    """A refiner of somebody else's that reads many documents at once."""

    inner: Refiner
    origin: str = ""
    """The distribution it comes from, if it was named by an entry point."""

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        return self.inner.name

    @property
    def revision(self) -> str:
        """What the refiner says of itself, and where it comes from."""
        return _revision(self.inner, self.origin)

    def propose(self, documents: Sequence[Document]) -> Sequence[Program]:
        """Return one program for each document.

        Raises:
            RefinerError: there is none for one of them.
        """
        answers = self.answer(documents)
        for one in answers:
            if isinstance(one, RefinerError):
                raise one
        return [one for one in answers if isinstance(one, Program)]

    def answer(self, documents: Sequence[Document]) -> list[Program | RefinerError]:
        """Return a program for each document, or why there is none."""
        whole = self._ask(documents)
        if not isinstance(whole, RefinerError):
            return whole
        if len(documents) == 1:
            return [whole]
        # One of them may be to blame for the rest.
        return [one for document in documents for one in self.answer([document])]

    def _ask(self, documents: Sequence[Document]) -> list[Program | RefinerError] | RefinerError:
        name = self.inner.name
        try:
            programs: list[object] = list(self.inner.propose(documents))
        except RefinerError as error:
            return RefinerError(f"refiner {name}: {error}")
        except (BudgetExhausted, QuotaPaused, ModelError):
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            return RefinerError(f"refiner {name}: raised {type(error).__name__}")
        if len(programs) != len(documents):
            told = f"{len(programs)} answers for {len(documents)} documents"
            return RefinerError(f"refiner {name}: {told}")
        return [_checked(one, name) for one in programs]


@dataclass(frozen=True, slots=True)
class ForeignConversation:
    """A refiner of somebody else's that may be asked again."""

    inner: ConversingRefiner
    origin: str = ""

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        return self.inner.name

    @property
    def revision(self) -> str:
        """What the refiner says of itself, and where it comes from."""
        return _revision(self.inner, self.origin)

    async def propose_one(self, document: Document, attempts: Sequence[Attempt]) -> Program:
        """Return a program for the document.

        Raises:
            ReplyError: the answer is not a program; it counts as an attempt.
            RefinerError: there is no answer.
        """
        try:
            found: object = await self.inner.propose_one(document, attempts)
        except (BudgetExhausted, QuotaPaused, ModelError, RefinerError, ReplyError):
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            told = f"refiner {self.inner.name}: raised {type(error).__name__}"
            raise RefinerError(told) from None
        program = _checked(found, self.inner.name)
        if isinstance(program, RefinerError):
            raise program
        return program


def adopt(refiner: object, origin: str = "") -> AnyRefiner:
    """Return a refiner whose failures concern its own documents alone.

    Raises:
        UsageError: the object is no refiner, or has a name that is taken.
    """
    # A class has the members too, but it is its objects that refine.
    if isinstance(refiner, type) or not isinstance(refiner, Refiner | ConversingRefiner):
        raise UsageError(
            f"refiner: {type(refiner).__name__} has not the three members of one: name, revision, "
            "and propose (or propose_one)"
        )
    for part in (refiner.name, refiner.revision):
        if not is_writable(part) or not part:
            raise UsageError(
                f"refiner: {type(refiner).__name__} needs texts as its name and revision"
            )
    if refiner.name in OWN_NAMES:
        raise UsageError(f"refiner: the name {refiner.name!r} is burnish's own; choose another")
    if isinstance(refiner, Refiner):
        return ForeignRefiner(refiner, origin)
    return ForeignConversation(refiner, origin)


def _revision(refiner: AnyRefiner, origin: str) -> str:
    return f"{refiner.revision} of {origin}" if origin else refiner.revision


def _checked(program: object, name: str) -> Program | RefinerError:
    """Return a program that can be carried out, or why it is none."""
    if not isinstance(program, Program):
        return RefinerError(f"refiner {name}: answered {type(program).__name__}, no Program")
    fault = _first_fault(program.calls)
    if fault:
        return RefinerError(f"refiner {name}: {fault}")
    if not is_writable(program.flag):
        return RefinerError(f"refiner {name}: its flag is no text")
    refused = cast("object", program.refused)
    told = cast("tuple[object, ...]", refused) if isinstance(refused, tuple) else (None,)
    if not all(isinstance(one, Rejection) for one in told):
        return RefinerError(f"refiner {name}: its refused calls are no tuple of rejections")
    return program


def _first_fault(calls: object) -> str:
    if not isinstance(calls, tuple):
        return "the calls of its program are no tuple"
    for call in cast("tuple[object, ...]", calls):
        if fault := _fault(call):
            return fault
    return ""


def _fault(call: object) -> str:
    if type(call) not in NAMES or not isinstance(
        call, RemoveLines | RemoveStr | KeepAll | RemoveAll
    ):
        return f"{type(call).__name__} is no call of the deletion API"
    numbers: list[object] = []
    texts: list[object] = []
    match call:
        case RemoveLines():
            numbers = [call.start, call.end]
        case RemoveStr():
            numbers, texts = [call.line], [call.text]
            numbers += [] if call.occurrence is None else [call.occurrence]
        case _:
            pass
    fits = all(map(_is_number, numbers)) and all(isinstance(one, str) for one in texts)
    fits = fits and _is_note(call.note)
    return "" if fits else f"the arguments of {NAMES[type(call)]} are of the wrong type"


def _is_note(value: object) -> bool:
    return isinstance(value, Note) and is_writable(value.reason) and is_share(value.confidence)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

"""The records that burnish refines: immutable, and knowing nothing of files or models."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Value = object
"""Whatever a source's column holds: burnish carries it along and never looks inside."""


@dataclass(frozen=True, slots=True)
class Document:
    """A pre-training text."""

    id: str
    text: str
    meta: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """The other columns of the source row, carried unchanged into the output."""


@dataclass(frozen=True, slots=True)
class QAItem:
    """A question with its keyed answer, and whatever else the set says about it."""

    id: str
    question: str
    answer: str
    choices: tuple[str, ...] = ()
    domain: str | None = None
    skill: str | None = None
    rationale: str | None = None
    context: str | None = None
    turns: tuple[str, ...] = ()
    meta: Mapping[str, Value] = field(default_factory=dict[str, Value])


Opinion = Literal["accept", "reject", "abstain"]
"""Abstain is not reject: the validator could not tell."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a verdict rests on."""

    kind: Literal["program", "comparison", "passage", "calculation", "judgement"]
    source: str
    """What it came from: a passage's id, a program's digest, a model's name."""
    content: str
    """The program, its output, the passage's sentence, the judge's words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One validator's opinion of one item."""

    validator: str
    opinion: Opinion
    confidence: float
    """In [0, 1]; 0 for an abstention."""
    reason: str
    found: str | None = None
    """The answer the validator itself came to."""
    tokens: int = 0
    """Model tokens spent, prompt and completion."""
    failure: str = ""
    """The boundary that failed, when the abstention is a failure (model, sandbox, index)."""
    paths: tuple[str, ...] = ()
    """Independent ways that led to this opinion; two are needed before a key may be edited."""
    evidence: tuple[Evidence, ...] = ()


Outcome = Literal["unchanged", "edited", "dropped", "failed", "quarantined", "added", "not_added"]
"""What became of a record in a run: `quarantined` could not be read, `failed` got no answer; a new
item was ordered and came (`added`), or none came that passed the checks (`not_added`)."""


class Filing(NamedTuple):
    """What can become of a record in one kind of run, and which files then hold it."""

    outcomes: tuple[Outcome, ...]
    """Of all records, in the order in which they are counted."""
    read: tuple[Outcome, ...]
    """Of rows of the source: these add up to the rows that came in."""
    data: frozenset[Outcome]
    """Those that stand in `data/`, as they are now."""
    aside: frozenset[Outcome]
    """Those that stand in `aside/`, as they came in."""


_READ: tuple[Outcome, ...] = ("unchanged", "edited", "dropped", "failed", "quarantined")
DOCUMENTS = Filing(
    outcomes=_READ,
    read=_READ,
    data=frozenset({"unchanged", "edited"}),
    aside=frozenset({"dropped", "failed"}),
)
"""Where a run over documents keeps them: the spans of an edited one rebuild it."""
QUESTIONS = Filing(
    outcomes=(*_READ, "added", "not_added"),
    read=_READ,
    data=frozenset({"unchanged", "edited", "failed", "added"}),
    aside=frozenset({"edited", "dropped"}),
)
"""Where a run over questions keeps them: an item that an operation failed on stays in the set."""


def digest(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes in hexadecimal (lone surrogates pass)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

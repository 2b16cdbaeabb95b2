"""The records that burnish refines: immutable, and knowing nothing of files or models."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def digest(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes in hexadecimal (lone surrogates pass)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

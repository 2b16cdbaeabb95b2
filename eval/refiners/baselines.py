"""What a refiner must beat, and what none can pass: four yardsticks for the benchmark.

datatrove's filters run from its own package with the settings they ship with, English word
tokens (spaCy's blank English pipeline, which needs no download) for pages of every language.
"""

import importlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document
from burnish.eval.datasets.pages import Page
from burnish.eval.refiners.metrics import complement
from burnish.eval.refiners.systems import RefinedText
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import (
    Call,
    Program,
    RemoveAll,
    RemoveLines,
    RemoveStr,
    occurrences,
)

Options = Mapping[str, float | bool]
DATATROVE: Mapping[str, tuple[tuple[str, Options], ...]] = {
    "c4-lines": (
        (
            "C4QualityFilter",
            {
                "min_num_sentences": -1,
                "filter_lorem_ipsum": False,
                "filter_curly_bracket": False,
            },
        ),
    ),
    "c4": (("C4QualityFilter", {}),),
    "datatrove": (
        ("C4QualityFilter", {}),
        ("GopherRepetitionFilter", {}),
        ("GopherQualityFilter", {}),
        ("FineWebQualityFilter", {}),
    ),
    "fineweb": (
        ("GopherRepetitionFilter", {}),
        ("GopherQualityFilter", {}),
        ("C4QualityFilter", {"filter_no_terminal_punct": False}),
        ("FineWebQualityFilter", {}),
    ),
}
"""Chains of filters by system: C4's line rules without those that drop pages; all of C4; all four
sets of filters; the same in the order and with the C4 option of FineWeb (arXiv 2406.17557)."""


@dataclass(frozen=True, slots=True)
class KeepAllRefiner:
    """Deletes nothing."""

    name: str = "keep-all"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Return an empty program for each document."""
        return [Program()] * len(documents)


@dataclass(frozen=True, slots=True)
class RandomDeletion:
    """Deletes each line with one and the same probability, whatever it says."""

    rate: float
    """Probability, 0 to 1; also the expected share of characters that go."""
    seed: int
    name: str = "random"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Toss a coin for each line; text and seed decide how it falls."""
        return [self._program(document.text) for document in documents]

    def _program(self, text: str) -> Program:
        coin = random.Random(f"{self.seed}\n{text}")
        lines = text.count("\n") + 1
        chosen = [n for n in range(1, lines + 1) if coin.random() < self.rate]
        return Program(tuple(RemoveLines(n, n) for n in chosen))


@dataclass(frozen=True, slots=True)
class LabelCeiling:
    """Deletes exactly what the labels call noise: as far as line labels can lead."""

    pages: Mapping[str, Page]
    """By id; a document that is none of them is left alone."""
    name: str = "ceiling"
    revision: str = "1"

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Write each page's labels as a program."""
        return [self._program(self.pages.get(document.id)) for document in documents]

    def _program(self, page: Page | None) -> Program:
        if page is None:
            return Program()
        if not set(page.labels) - {"D"}:
            return Program((RemoveAll(),))
        calls: list[Call] = []
        lines = Lines.of(page.raw)
        for index, label in enumerate(page.labels):
            if label == "D":
                calls.append(RemoveLines(index + 1, index + 1))
            elif label == "P":
                line = lines.texts[index]
                noise = complement(page.partial.get(index, ()), Span(0, len(line)))
                calls.extend(_remove(index + 1, line, span) for span in noise)
        return Program(tuple(calls))


def _remove(number: int, line: str, span: Span) -> RemoveStr:
    text = line[span.start : span.stop]
    places = list(occurrences(line, text))
    return RemoveStr(number, text, places.index(span.start) + 1 if len(places) > 1 else None)


class _Text(Protocol):
    text: str


class _Filter(Protocol):
    def filter(self, doc: _Text) -> bool | tuple[bool, str]: ...


class _MakesText(Protocol):
    def __call__(self, *, text: str, id: str) -> _Text: ...


class _MakesFilter(Protocol):
    def __call__(self, **options: float | bool) -> _Filter: ...


class DatatroveFilters:
    """A chain of datatrove's filters: each may drop a document or lines of it."""

    def __init__(self, name: str) -> None:
        """Load the chain of that name.

        Raises:
            UsageError: datatrove, or what its filters import, is not installed.
        """
        try:
            filters = importlib.import_module("datatrove.pipeline.filters")
            records = importlib.import_module("datatrove.data")
            importlib.import_module("spacy")
        except ModuleNotFoundError as error:
            raise UsageError(f"{name} needs {error.name}: pip install 'burnish[bench]'") from None
        self._document = cast("_MakesText", records.Document)
        self._name = name
        self._filters = [
            cast("_MakesFilter", getattr(filters, kind))(**options)
            for kind, options in DATATROVE[name]
        ]

    @property
    def name(self) -> str:
        """Name of the chain."""
        return self._name

    def refine(self, documents: Sequence[Document]) -> list[RefinedText]:
        """Run each document through the chain until a filter drops it."""
        return [RefinedText(self._filtered(document)) for document in documents]

    def _filtered(self, document: Document) -> str:
        record = self._document(text=document.text, id=document.id)
        for step in self._filters:
            verdict = step.filter(record)
            if not (verdict[0] if isinstance(verdict, tuple) else verdict):
                return ""
        return record.text

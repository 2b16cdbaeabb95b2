"""What the benchmark compares: anything that turns documents into refined texts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from burnish.agents.refiners.refiner import Refiner
from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document
from burnish.eval.datasets.pages import id_in_set
from burnish.tools.deletion.lines import Span
from burnish.tools.deletion.program import Guard, Program, cut, resolve

BATCH = 256
"""Documents that a refiner is handed at once, as in a run."""


@dataclass(frozen=True, slots=True)
class RefinedText:
    """A text after a system."""

    text: str
    removed: tuple[Span, ...] | None = None
    """What went from the raw text; None where the system cannot say."""


class System(Protocol):
    """Refines texts; what happens inside is measured, not judged."""

    @property
    def name(self) -> str:
        """Name in the tables."""
        ...

    def refine(self, documents: Sequence[Document]) -> list[RefinedText]:
        """Return one result a document, in order; a dropped document is an empty text."""
        ...


@dataclass(frozen=True, slots=True)
class ProgramSystem:
    """A refiner that answers in programs, carried out and guarded as in a run."""

    refiner: Refiner
    guard: Guard = field(default_factory=Guard)

    @property
    def name(self) -> str:
        """Name of the refiner."""
        return self.refiner.name

    def refine(self, documents: Sequence[Document]) -> list[RefinedText]:
        """Propose, resolve, guard, cut."""
        refined: list[RefinedText] = []
        for start in range(0, len(documents), BATCH):
            batch = documents[start : start + BATCH]
            programs = self.refiner.propose(batch)
            for document, program in zip(batch, programs, strict=True):
                refined.append(self._carried_out(program, document.text))
        return refined

    def _carried_out(self, program: Program, text: str) -> RefinedText:
        resolution = resolve(program, text)
        if not resolution.spans or self.guard.fault(resolution, text):
            return RefinedText(text, ())
        return RefinedText(cut(text, resolution.spans), resolution.spans)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Refines each page by the model that was trained without the page's host.

    A page that belongs to no fold was in no model's training; the lowest fold's model takes it.
    """

    name: str
    models: Mapping[int, Refiner]
    folds: Mapping[str, int]

    @property
    def revision(self) -> str:
        """Revisions of all models, by fold."""
        return "+".join(self.models[fold].revision for fold in sorted(self.models))

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Route documents to models by id and put the answers back in order."""
        routed: dict[int, list[int]] = {}
        for place, document in enumerate(documents):
            routed.setdefault(self.fold_of(document.id), []).append(place)
        programs = [Program()] * len(documents)
        for fold, places in routed.items():
            answers = self.models[fold].propose([documents[place] for place in places])
            for place, answer in zip(places, answers, strict=True):
                programs[place] = answer
        return programs

    def fold_of(self, id: str) -> int:
        """Return the fold whose model may judge this page or its gold text."""
        return self.folds.get(id_in_set(id), min(self.models))


class FoldFiles(NamedTuple):
    """A folder of fold models."""

    models: Mapping[int, Path]
    folds: Mapping[str, int]


def read_folds(folder: Path) -> FoldFiles:
    """Find `fold{k}.npz` and `folds.json` (page id to fold) in a folder.

    Raises:
        UsageError: either is missing, or a fold that pages need has no model.
    """
    listed = folder / "folds.json"
    try:
        folds: dict[str, int] = json.loads(listed.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{listed}: cannot be read as page id to fold: {error}") from None
    models = {fold: folder / f"fold{fold}.npz" for fold in sorted(set(folds.values()))}
    missing = [path.name for path in models.values() if not path.is_file()]
    if missing or not models:
        raise UsageError(f"{folder}: has no {', '.join(missing) or 'fold models'}")
    return FoldFiles(models, folds)

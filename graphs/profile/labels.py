"""Puts items that name no domain into a list of labels, by embedding.

The embedder sees an item and the labels only. Where enough items of the same sets name their domain
themselves, these say how sure a likeness makes; the others get a label, or `other`. A model may
label in its place (`burnish.graphs.profile.llm_labels`).
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, cast

import numpy as np

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.question_source import QuestionRow
from burnish.graphs.profile.vector_cache import Vectoring
from burnish.tools.items.near_duplicates import item_text
from burnish.tools.profile.labelling import DEFAULT, OTHER, assign, fit_model, similarities

ENOUGH: Final = 30
"""Items with known labels, of two labels or more, from which `other` is calibrated."""
LONGEST: Final = 2_000
"""Characters of an item that are embedded; embedders read no further."""
_MARKS: Final = (" / ", " @")
"""What stands between the parts of a place's name."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and what the embedder reads of it."""

    name: str
    text: str

    @property
    def titled(self) -> str:
        """The name, and in the same line the meaning where there is one."""
        meaning = " ".join(self.text.partition(": ")[2].split())
        return f"{self.name}: {meaning}" if meaning else self.name


class Assigned(NamedTuple):
    """The labels of some items, and how they came about."""

    names: Sequence[str | None]
    """A label of the list, `other`, or None where there is none because something failed."""
    how: Mapping[str, object]
    """Figures for the report; `by` names who labelled."""


class ItemLabeller(Protocol):
    """Whoever puts items into a list of labels."""

    def assigned(self, rows: Sequence[QuestionRow], bare: Sequence[int]) -> Assigned:
        """Label the rows at the places of `bare`; the others name their domain themselves."""
        ...


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels by embedding: two labels or more, and where vectors come from."""

    labels: Sequence[Label]
    vectoring: Vectoring

    def assigned(self, rows: Sequence[QuestionRow], bare: Sequence[int]) -> Assigned:
        """Label by likeness; rows whose domain is in the list say how sure a likeness makes."""
        labels = self.labels
        place = {label.name.casefold(): at for at, label in enumerate(labels)}
        known = [at for at, row in enumerate(rows) if _domain(row).casefold() in place]
        truth = np.array([place[_domain(rows[at]).casefold()] for at in known], np.int64)
        if len(known) < ENOUGH or len(set(truth.tolist())) < 2:
            known = []
        texts = [label.text for label in labels]
        texts += [item_text(rows[at].item)[:LONGEST] for at in (*known, *bare)]
        vectors = self.vectoring.of(texts)
        likeness = similarities(vectors[len(labels) :], vectors[: len(labels)])
        model = fit_model(likeness[: len(known)], truth) if known else DEFAULT
        codes = assign(likeness[len(known) :], model).codes
        names = [*(label.name for label in labels), OTHER]
        how = {
            "by": "embedding",
            "calibrated_on": len(known),
            "scale": model.scale,
            "other_logit": model.other,
        }
        return Assigned([names[code] for code in codes.tolist()], how)


class LabelledSets(NamedTuple):
    """Rows whose items name a domain, set after set, and how that came about."""

    sets: Sequence[Sequence[QuestionRow]]
    labelled: int
    """Items that named no domain and got one."""
    other: int
    """Of these, items that no label fits."""
    failed: int = 0
    """Items that named no domain and got none."""
    how: Mapping[str, object] = MappingProxyType({})

    def as_json(self) -> dict[str, object]:
        """Return the figures."""
        told = {"labelled": self.labelled, "other": self.other, "failed": self.failed}
        return {**told, **self.how}


def read_labels(path: Path) -> list[Label]:
    """Read a list of labels: one a line, or a TOML table `[labels]` from label to description.

    Raises:
        UsageError: it cannot be read, or a label cannot be used.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check --labels") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8; write the labels anew") from None
    named = _of_toml(path, text) if path.suffix == ".toml" else _of_lines(text)
    names = [label.name for label in named]
    for at, name in enumerate(names, 1):
        if name == OTHER or any(mark in name for mark in _MARKS):
            raise UsageError(
                f"{path}: label {at} ({name!r}) cannot be used: 'other', ' / ' and ' @' have "
                "a meaning of their own; name it otherwise"
            )
        if names.index(name) < at - 1:
            raise UsageError(f"{path}: label {name!r} stands twice; leave one")
    if len(named) < 2:
        raise UsageError(f"{path}: holds {len(named)} labels; give two or more, one a line")
    return named


def _of_lines(text: str) -> list[Label]:
    lines = [line.strip() for line in text.split("\n")]
    return [Label(line, _spoken(line)) for line in lines if line]


def _of_toml(path: Path, text: str) -> list[Label]:
    try:
        table = tomllib.loads(text).get("labels")
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not TOML ({error})") from None
    if isinstance(table, list):
        table = dict.fromkeys(map(str, cast("list[object]", table)), "")
    if not isinstance(table, dict):
        raise UsageError(
            f'{path}: has no table [labels]; write [labels] and NAME = "meaning" below'
        )
    found: list[Label] = []
    for name, meaning in cast("dict[str, object]", table).items():
        if not isinstance(meaning, str):
            raise UsageError(f"{path}: the meaning of label {name!r} must be a text")
        spoken = _spoken(name)
        found.append(Label(name, f"{spoken}: {meaning}" if meaning else spoken))
    return found


def _spoken(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def label_sets(sets: Sequence[Sequence[QuestionRow]], labeller: ItemLabeller) -> LabelledSets:
    """Give a label to every item that names no domain; the others stay as they are.

    Args:
        sets: sets that are looked at together, such as a set, its reserve and its target.
        labeller: not asked where all items name a domain.
    """
    rows = [row for group in sets for row in group]
    bare = [at for at, row in enumerate(rows) if not _domain(row)]
    if not bare:
        return LabelledSets(sets, 0, 0)
    found = labeller.assigned(rows, bare)
    for at, name in zip(bare, found.names, strict=True):
        if name is not None:
            rows[at] = replace(rows[at], item=replace(rows[at].item, domain=name))
    given = iter(rows)
    shared = [[next(given) for _ in group] for group in sets]
    known = [name for name in found.names if name is not None]
    return LabelledSets(shared, len(known), known.count(OTHER), len(bare) - len(known), found.how)


def _domain(row: QuestionRow) -> str:
    return (row.item.domain or "").strip()

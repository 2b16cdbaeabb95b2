"""Puts items that name no domain into a list of labels, by embedding (`burnish.tools.labelling`).

The embedder sees an item and the labels only. Where enough items of the same sets name their domain
themselves, these say how sure a likeness makes; the others get a label, or `other`.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, cast

import numpy as np

from burnish.corpora.errors import UsageError
from burnish.corpora.questions import QuestionRow
from burnish.graphs.vector_cache import Vectoring
from burnish.tools.labelling import DEFAULT, OTHER, LabelModel, assign, fit_model, similarities
from burnish.tools.near_duplicates import item_text

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


@dataclass(frozen=True, slots=True)
class Labelling:
    """A list of labels, and where vectors come from."""

    labels: Sequence[Label]
    vectoring: Vectoring


class LabelledSets(NamedTuple):
    """Rows whose items all name a domain, set after set, and how that came about."""

    sets: list[list[QuestionRow]]
    labelled: int
    """Items that named no domain."""
    other: int
    """Of these, items that no label fits."""
    model: LabelModel
    calibrated_on: int
    """Items with known labels that the model was fitted on; 0: the default model."""

    def as_json(self) -> dict[str, object]:
        """Return the figures."""
        return {
            "labelled": self.labelled,
            "other": self.other,
            "calibrated_on": self.calibrated_on,
            "scale": self.model.scale,
            "other_logit": self.model.other,
        }


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


def label_sets(sets: Sequence[Sequence[QuestionRow]], labelling: Labelling) -> LabelledSets:
    """Give a label to every item that names no domain; the others stay as they are.

    Args:
        sets: sets that are looked at together, such as a set, its reserve and its target.
        labelling: two labels or more; nothing is embedded where all items name a domain.
    """
    labels = labelling.labels
    rows = [row for group in sets for row in group]
    bare = [at for at, row in enumerate(rows) if not _domain(row)]
    if not bare:
        return LabelledSets([list(group) for group in sets], 0, 0, DEFAULT, 0)
    place = {label.name.casefold(): at for at, label in enumerate(labels)}
    known = [at for at, row in enumerate(rows) if _domain(row).casefold() in place]
    truth = np.array([place[_domain(rows[at]).casefold()] for at in known], np.int64)
    if len(known) < ENOUGH or len(set(truth.tolist())) < 2:
        known = []
    texts = [label.text for label in labels]
    texts += [item_text(rows[at].item)[:LONGEST] for at in (*known, *bare)]
    vectors = labelling.vectoring.of(texts)
    likeness = similarities(vectors[len(labels) :], vectors[: len(labels)])
    model = fit_model(likeness[: len(known)], truth) if known else DEFAULT
    codes = assign(likeness[len(known) :], model).codes
    names = [*(label.name for label in labels), OTHER]
    for at, code in zip(bare, codes.tolist(), strict=True):
        rows[at] = replace(rows[at], item=replace(rows[at].item, domain=names[code]))
    given = iter(rows)
    others = int((codes == len(labels)).sum())
    shared = [[next(given) for _ in group] for group in sets]
    return LabelledSets(shared, len(bare), others, model, len(known))


def _domain(row: QuestionRow) -> str:
    return (row.item.domain or "").strip()

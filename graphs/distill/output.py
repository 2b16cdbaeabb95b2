"""Chooses among the candidate pairs, splits them by source, and says what became of everything."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import orjson

from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.storage.writers import write_atomic
from burnish.graphs.distill.settings import DistillSettings, PairChoice, frame_of
from burnish.graphs.runs.worker_pool import Marker
from burnish.tools.distill.distill import DROPS
from burnish.tools.distill.pairs import KINDS, Frame, Kind
from burnish.tools.distill.rewrite_filter import REFUSALS
from burnish.tools.distill.splits import Cell, PairSelection, select, validation_groups
from burnish.tools.stable_order import rank

SPLITS = ("train", "validation")
Row = dict[str, Any]
Figures = dict[str, Any]


@dataclass
class _Index:
    """All candidates in a few numbers each."""

    ranks: dict[Cell, "array[int]"] = field(default_factory=lambda: defaultdict(_numbers))
    groups: dict[Cell, "array[int]"] = field(default_factory=lambda: defaultdict(_numbers))
    names: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, row: Row, place: int) -> None:
        cell = _cell(row)
        self.ranks[cell].append(place)
        self.groups[cell].append(self.names.setdefault(str(row["group"]), len(self.names)))

    def sizes(self, selection: PairSelection) -> dict[str, int]:
        """Count the pairs taken of each source."""
        counts: Counter[int] = Counter()
        for cell, places in self.ranks.items():
            for place, group in zip(places, self.groups[cell], strict=True):
                if selection.takes(cell, place):
                    counts[group] += 1
        return {name: counts[number] for name, number in self.names.items() if counts[number]}


def _numbers() -> "array[int]":
    return array("q")


def assemble(folder: RunFolder, settings: DistillSettings) -> Figures:
    """Write `train.jsonl` and `validation.jsonl`; return what was taken, by split and cell."""
    choice = settings.choice
    index = _Index()
    for row in _candidates(folder):
        index.add(row, _place(row, choice))
    selection = select(index.ranks, choice.keep_all_share, choice.per_cell)
    aside = validation_groups(index.sizes(selection), choice.validation, choice.seed)
    frame = frame_of(settings.policy.notation)
    counts: dict[str, Counter[Cell]] = {}
    for split in SPLITS:
        counts[split] = _write(folder, split, selection, aside, choice, frame)
    return {
        "candidates": {kind: _of_kind(index.ranks, kind) for kind in KINDS},
        "taken": {split: _by_kind(counts[split]) for split in SPLITS},
        "sources": {"train": len(index.names) - len(aside), "validation": len(aside)},
        "strata": _by_stratum(counts) if settings.columns.stratum else {},
    }


def _write(
    folder: RunFolder,
    split: str,
    selection: PairSelection,
    aside: frozenset[str],
    choice: PairChoice,
    frame: Frame,
) -> Counter[Cell]:
    counts: Counter[Cell] = Counter()

    def write(file: BinaryIO) -> None:
        for row in _candidates(folder):
            cell = _cell(row)
            if (row["group"] in aside) != (split == "validation"):
                continue
            if selection.takes(cell, _place(row, choice)):
                counts[cell] += 1
                file.write(orjson.dumps(_example(row, frame), option=orjson.OPT_APPEND_NEWLINE))

    write_atomic(folder.root / f"{split}.jsonl", write)
    return counts


def _candidates(folder: RunFolder) -> Iterator[Row]:
    for index in folder.finished():
        with folder.part("data", index).open("rb") as file:
            for line in file:
                yield orjson.loads(line)


def _cell(row: Row) -> Cell:
    return str(row["stratum"]), cast("Kind", row["kind"])


def _place(row: Row, choice: PairChoice) -> int:
    return rank(choice.seed, f"{row['id']} {row['window'][0]}")


def _example(row: Row, frame: Frame) -> Row:
    messages = [
        {"role": "system", "content": frame.system},
        {"role": "user", "content": row["user"]},
        row["assistant"],
    ]
    example: Row = {"messages": messages}
    if frame.tools:
        example["tools"] = list(frame.tools)
    return example | {key: row[key] for key in ("id", "window", "group", "stratum", "kind")}


def _of_kind(ranks: Mapping[Cell, "array[int]"], kind: Kind) -> int:
    return sum(len(places) for cell, places in ranks.items() if cell[1] == kind)


def _by_kind(counts: Mapping[Cell, int]) -> dict[str, int]:
    return {kind: sum(n for cell, n in counts.items() if cell[1] == kind) for kind in KINDS}


def _by_stratum(counts: Mapping[str, Counter[Cell]]) -> dict[str, dict[str, int]]:
    total = sum(counts.values(), Counter[Cell]())
    strata = sorted({cell[0] for cell in total})
    return {s: _by_kind({cell: n for cell, n in total.items() if cell[0] == s}) for s in strata}


def report_of(markers: list[Marker], taken: Figures, tokens: Mapping[str, Any]) -> Figures:
    """Add up what the shards say, filter by filter."""
    sums: Counter[str] = Counter()
    nested: dict[str, Counter[str]] = defaultdict(Counter)
    for marker in markers:
        for key, value in marker.items():
            if isinstance(value, dict):
                nested[key].update(cast("dict[str, int]", value))
            elif key not in {"index", "seconds"}:
                sums[key] += value
    wanted, deleted = sums["wanted_chars"], sums["deleted_chars"]
    return {
        "documents": {"in": sums["rows"], **nested["outcomes"]},
        "dropped_by_filter": {drop: nested["drops"][drop] for drop in DROPS},
        "failed": dict(nested["failures"]),
        "deletions": {
            "wanted_chars": wanted,
            "surviving_chars": deleted,
            "surviving_share": round(deleted / wanted, 4) if wanted else None,
            "refused_chars": {reason: nested["refused_chars"][reason] for reason in REFUSALS},
        },
        "programs": {
            "calls": sums["calls"],
            "input_tokens": sums["input_tokens"],
            "program_tokens": sums["program_tokens"],
            "tokens_per_input_token": _ratio(sums["program_tokens"], sums["input_tokens"]),
            "token_rule": "a run of word characters: one for each six begun; other visible: one",
            "new_words": sums["new_words"],
        },
        "pairs": taken,
        "expert_tokens": dict(tokens),
        "chars_in": sums["chars_in"],
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None

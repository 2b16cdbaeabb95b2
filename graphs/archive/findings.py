"""What a check of a run found, and the checks that do not depend on the kind of record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.storage.streams import file_digest

MAX_FAULTS = 50
"""Faults that are named; the rest is counted."""
_EDITABLE = frozenset({"review.jsonl"})
"""Files that people write their decisions into."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a whole run found."""

    shards: int
    rows: int
    """Of the source, those that could not be read counted."""
    outcomes: Mapping[str, int]
    faults: tuple[str, ...]
    """One line each, naming shard and record; at most `MAX_FAULTS` of them."""
    fault_count: int

    @property
    def holds(self) -> bool:
        """Tell whether everything is as the run says."""
        return not self.fault_count


@dataclass(slots=True)
class Findings:
    """Collects faults in bounded memory."""

    faults: list[str] = field(default_factory=list[str])
    fault_count: int = 0

    def add(self, fault: str) -> None:
        """Note a fault; an empty one is none."""
        self.fault_count += bool(fault)
        if fault and len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)


def file_faults(folder: RunFolder, marker: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the files of a shard, by the digests in its marker."""
    index = marker.get("index")
    digests = cast("dict[str, str] | None", marker.get("files"))
    if not isinstance(index, int) or not isinstance(digests, dict):
        yield "its marker does not list its files"
        return
    own = [folder.part("data", index), folder.part("aside", index), folder.part("ledger", index)]
    names = [f"{path.parent.name}/{path.name}" for path in (*own, folder.quarantine(index))]
    for name in dict.fromkeys([*names, *digests]):
        path, wanted = folder.root / name, digests.get(name)
        if not path.exists():
            if wanted is not None or path.parent.name in {"data", "ledger"}:
                yield f"{name} is missing"
        elif wanted is None:
            yield f"{name} is not in the marker"
        elif name not in _EDITABLE and file_digest(path) != wanted:
            yield f"{name} is not the file that was written (its digest differs)"


def marker_faults(
    folder: RunFolder, index: int, marker: Mapping[str, Any], counts: Mapping[str, int]
) -> Iterator[str]:
    """Yield where the marker of a shard, or `quarantine/`, says another number than the files."""
    if marker.get("index") != index:
        yield "its marker is that of another shard"
    said = dict(marker) | dict(marker.get("outcomes") or {})
    for name, value in counts.items():
        if said.get(name, 0) != value:
            yield f"the marker says {said.get(name)} for {name}, the files hold {value}"
    aside, lines = folder.quarantine(index), 0
    if aside.exists():
        with aside.open("rb") as file:
            lines = sum(1 for _ in file)
    if lines != counts.get("quarantined", 0):
        yield f"quarantine/ holds {lines} rows, the ledger {counts.get('quarantined', 0)}"


def folder_faults(folder: RunFolder) -> Iterator[str]:
    """Yield which markers are missing, and which files belong to no shard."""
    finished = folder.finished()
    missing = sorted(set(range(finished[-1] + 1 if finished else 0)) - set(finished))
    if missing:
        yield f"shard {missing[0]}: has no marker, though later ones do ({len(missing)} missing)"
    for kind in ("data", "aside", "ledger"):
        own = {folder.part(kind, index).name for index in finished}
        for name in sorted({path.name for path in (folder.root / kind).glob("part-*")} - own):
            yield f"{kind}/{name}: belongs to no finished shard"

"""Picks records to look at, and cuts them to a size that a page can show."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from burnish.corpora.runs.document_ledger import Entry
from burnish.graphs.archive.attribution import Piece, attribute
from burnish.graphs.archive.stored import Record

_KEPT_ENDS = (220, 220)
_REMOVED_ENDS = (420, 160)
_MAX_PIECES = 60
_MAX_CHARS = 9_000
_MAX_FLAG = 200

Figure = dict[str, object]


@dataclass(slots=True)
class Best:
    """Keeps the records that rank highest, with the size of a page's worth of each."""

    size: int
    _heap: list[tuple[float, int, Figure]] = field(default_factory=list[tuple[float, int, Figure]])
    _offered: int = 0

    def offer(self, rank: float, make: Callable[[], Figure]) -> None:
        """Take the record in if it ranks high enough; of equals the first stays."""
        if len(self._heap) == self.size and rank <= self._heap[0][0]:
            return
        self._offered += 1
        entry = (rank, -self._offered, make())
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    def best(self) -> list[Figure]:
        """Return what was kept, highest first."""
        return [figure for _, _, figure in self._ranked()]

    def join(self, later: "Best") -> None:
        """Take in what was kept of later records."""
        for rank, _, figure in later._ranked():
            self.offer(rank, lambda held=figure: held)

    def _ranked(self) -> list[tuple[float, int, Figure]]:
        return sorted(self._heap, key=lambda held: (-held[0], -held[1]))


def draw_lot(seed: int, name: str) -> float:
    """Return a number in [0, 1) that depends on the seed and the id alone."""
    key = hashlib.blake2b(f"{seed}\n{name}".encode("utf-8", "surrogatepass"), digest_size=6)
    return int.from_bytes(key.digest(), "big") / (1 << 48)


def summarize(entry: Entry, pieces: Sequence[Piece]) -> Figure:
    """Return the figures of one record."""
    chars: Counter[str] = Counter()
    for start, stop, call in pieces:
        chars[call.reason or call.name] += stop - start
    removed = chars.total()
    return {
        "id": entry.id,
        "outcome": entry.outcome,
        "agent": entry.agent,
        "flag": entry.flag[:_MAX_FLAG],
        "raw_chars": entry.raw_chars,
        "removed_chars": removed,
        "removed_share": round(removed / max(entry.raw_chars, 1), 4),
        "reasons": dict(chars.most_common(8)),
    }


def take_sample(record: Record) -> Figure:
    """Return a record as stretches that were kept or removed, long ones shortened."""
    raw = record.raw
    pieces = attribute(record.entry, raw)
    stretches: list[Figure] = []
    at = room = 0
    for number, piece in enumerate(pieces):
        if number == _MAX_PIECES or room > _MAX_CHARS:
            break
        stretches += _stretch(raw, at, piece.start, None)
        stretches += _stretch(raw, piece.start, piece.stop, piece)
        room = sum(len(str(stretch["text"])) for stretch in stretches)
        at = piece.stop
    else:
        return summarize(record.entry, pieces) | {
            "stretches": [*stretches, *_stretch(raw, at, len(raw))]
        }
    rest: Figure = {"kind": "rest", "text": "", "chars": len(raw) - at}
    return summarize(record.entry, pieces) | {"stretches": [*stretches, rest]}


def _stretch(raw: str, start: int, stop: int, piece: Piece | None = None) -> list[Figure]:
    if start == stop:
        return []
    head, tail = _KEPT_ENDS if piece is None else _REMOVED_ENDS
    about: Figure = {"kind": "kept"}
    if piece is not None:
        reason = piece.call.reason or piece.call.name
        about = {
            "kind": "removed",
            "reason": reason,
            "confidence": round(piece.call.confidence, 3),
        }
    if stop - start <= head + tail + 80:
        return [{**about, "text": raw[start:stop], "chars": stop - start}]
    return [
        {**about, "text": raw[start : start + head], "chars": head},
        {**about, "text": "", "chars": stop - start - head - tail},
        {**about, "text": raw[stop - tail : stop], "chars": tail},
    ]

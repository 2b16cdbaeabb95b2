"""Counts what a run did, record by record, in memory that does not grow with the corpus."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.document_ledger import CallRow
from burnish.graphs.archive.attribution import Piece, attribute
from burnish.graphs.archive.stored import Record
from burnish.graphs.reports.samples import Best, Figure, draw_lot, summarize, take_sample

BINS = 20
"""Columns of each histogram, over 0 to 1."""
SAMPLES = 24
OTHER_SAMPLES = 4
BIGGEST = 20
FLAGGED = 20
_MOST_NAMES = 500
_OTHERS = "(others)"
_FLAG_CHARS = 80


@dataclass(slots=True)
class NoteTally:
    """What one reason or one kind of call did."""

    calls: int = 0
    chars: int = 0
    documents: int = 0
    confidence: float = 0.0
    """Sum over the calls."""


@dataclass(slots=True)
class NoteTallies:
    """What each reason, or each kind of call, did; beyond `_MOST_NAMES` they are one."""

    rows: dict[str, NoteTally] = field(default_factory=dict[str, NoteTally])

    def of(self, name: str) -> NoteTally:
        """Return the row to add to."""
        if name not in self.rows and len(self.rows) >= _MOST_NAMES:
            name = _OTHERS
        return self.rows.setdefault(name, NoteTally())

    def add(self, names: Sequence[str], calls: Sequence[CallRow]) -> None:
        """Count the calls of one document, under one name each."""
        for name, call in zip(names, calls, strict=True):
            weight = self.of(name)
            weight.calls += 1
            weight.confidence += call.confidence
        for name in set(names):
            self.of(name).documents += 1

    def join(self, later: "NoteTallies") -> None:
        """Add what was counted of later records."""
        for name, weight in later.rows.items():
            own = self.of(name)
            own.calls += weight.calls
            own.chars += weight.chars
            own.documents += weight.documents
            own.confidence += weight.confidence

    def figures(self) -> list[Figure]:
        """Return the rows, what removed most first."""
        ranked = sorted(self.rows.items(), key=lambda row: (-row[1].chars, -row[1].calls, row[0]))
        return [
            {
                "name": name,
                "calls": weight.calls,
                "chars": weight.chars,
                "documents": weight.documents,
                "mean_confidence": round(weight.confidence / max(weight.calls, 1), 4),
            }
            for name, weight in ranked
        ]


def _samples() -> dict[str, Best]:
    sizes = dict.fromkeys(DOCUMENTS.outcomes[:-1], OTHER_SAMPLES) | {"edited": SAMPLES}
    return {outcome: Best(size) for outcome, size in sizes.items()}


@dataclass(slots=True)
class Tally:
    """All that one pass over the records finds out."""

    seed: int
    """Decides which documents are drawn as samples."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    agents: Counter[str] = field(default_factory=Counter[str])
    """Documents by the agent that decided on them."""
    flags: Counter[str] = field(default_factory=Counter[str])
    chars: Counter[str] = field(default_factory=Counter[str])
    """Characters in by outcome; `out`: in the kept texts; `cut`: removed from edited ones."""
    bytes_out: int = 0
    rejected_calls: int = 0
    reasons: NoteTallies = field(default_factory=NoteTallies)
    kinds: NoteTallies = field(default_factory=NoteTallies)
    confidence: list[int] = field(default_factory=lambda: [0] * BINS)
    kept_ratio: list[int] = field(default_factory=lambda: [0] * BINS)
    """Edited documents by the share of their characters that stayed."""
    drawn: dict[str, Best] = field(default_factory=_samples)
    biggest: Best = field(default_factory=lambda: Best(BIGGEST))
    flagged: Best = field(default_factory=lambda: Best(FLAGGED))

    def add(self, record: Record) -> None:
        """Count one record."""
        entry = record.entry
        self.outcomes[entry.outcome] += 1
        if entry.outcome == "quarantined":
            return
        if entry.agent:
            self.agents[entry.agent] += 1
        self.rejected_calls += entry.rejected_calls
        self.chars[entry.outcome] += entry.raw_chars
        removed = sum(stop - start for start, stop, _ in entry.spans)
        if entry.outcome in DOCUMENTS.data:
            self.chars["out"] += entry.refined_chars
            self.bytes_out += len(record.text.encode("utf-8", "surrogatepass"))
        if entry.outcome == "edited":
            self.chars["cut"] += removed
            self.kept_ratio[_bin(1 - removed / max(entry.raw_chars, 1))] += 1
        pieces = attribute(entry, record.raw) if entry.spans else []
        self._add_calls(record, pieces)
        self._offer(record, pieces, removed)

    def join(self, later: "Tally") -> None:
        """Add what was counted of later records."""
        self.outcomes += later.outcomes
        self.agents += later.agents
        self.flags += later.flags
        self.chars += later.chars
        self.bytes_out += later.bytes_out
        self.rejected_calls += later.rejected_calls
        self.reasons.join(later.reasons)
        self.kinds.join(later.kinds)
        self.confidence = [a + b for a, b in zip(self.confidence, later.confidence, strict=True)]
        self.kept_ratio = [a + b for a, b in zip(self.kept_ratio, later.kept_ratio, strict=True)]
        for outcome, best in self.drawn.items():
            best.join(later.drawn[outcome])
        self.biggest.join(later.biggest)
        self.flagged.join(later.flagged)

    def _add_calls(self, record: Record, pieces: Sequence[Piece]) -> None:
        calls = [call for call in record.entry.calls if call.name != "keep_all"]
        self.reasons.add([reason_of(call) for call in calls], calls)
        self.kinds.add([call.name for call in calls], calls)
        for call in calls:
            self.confidence[_bin(call.confidence)] += 1
        for start, stop, call in pieces:
            self.reasons.of(reason_of(call)).chars += stop - start
            self.kinds.of(call.name).chars += stop - start

    def _offer(self, record: Record, pieces: Sequence[Piece], removed: int) -> None:
        entry = record.entry
        rank = draw_lot(self.seed, entry.id)
        self.drawn[entry.outcome].offer(rank, lambda: take_sample(record))
        if removed:
            self.biggest.offer(removed, lambda: summarize(entry, pieces))
        if entry.flag:
            flag = entry.flag[:_FLAG_CHARS]
            known = flag in self.flags or len(self.flags) < _MOST_NAMES
            self.flags[flag if known else _OTHERS] += 1
            self.flagged.offer(rank, lambda: summarize(entry, pieces))


def reason_of(call: CallRow) -> str:
    """Return the reason of a call, its name where it gives none."""
    return call.reason or call.name


def _bin(share: float) -> int:
    return min(max(int(share * BINS), 0), BINS - 1)

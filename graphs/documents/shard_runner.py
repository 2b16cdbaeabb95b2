"""Carries one shard through the record graph and writes what comes out: the unit of resume.

Every file is written whole or not at all, the marker last. Nothing but the shard, the settings and
the refiner decides what the files hold, so a shard that is done again gives the same bytes.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from burnish.corpora.readers.rows import BadRow, Shard
from burnish.corpora.records import DOCUMENTS, Document, Outcome
from burnish.corpora.runs.document_ledger import LEDGER, CallRow, Entry, SpanRow
from burnish.corpora.runs.folder import RunFolder, write_json
from burnish.graphs.documents.batches import decide_all
from burnish.graphs.documents.escalation import Escalation
from burnish.graphs.documents.record_graph import Decision, RecordGraph, Services, build
from burnish.tools.deletion.program import NAMES, Call, RemoveLines, RemoveStr


@dataclass(frozen=True)
class ShardRunner:
    """Refines shards one after another and writes them into a run folder."""

    folder: RunFolder
    services: Services
    schema: pa.Schema
    """Output columns."""
    text_column: str
    concurrency: int = 64
    """Documents in flight where the refiner converses."""
    escalation: Escalation | None = None
    """Which documents go to a language model instead."""
    graph: RecordGraph = field(default_factory=build)

    def run(self, shard: Shard) -> dict[str, Any]:
        """Refine a shard, write its files and its marker, and return what the marker says."""
        started = time.process_time()
        # A fresh context: inside a node of the run graph the record graph would take over its
        # settings (durability, callbacks), which mean nothing without a checkpointer.
        decisions = Context().run(asyncio.run, self._decide(shard))
        entries = [_entry(decision) for decision in decisions]
        entries += [_quarantined(row) for row in shard.bad]
        folder, index = self.folder, shard.index
        written = [
            *folder.write_part("data", index, self._table(shard, decisions, DOCUMENTS.data)),
            *folder.write_part("aside", index, self._table(shard, decisions, DOCUMENTS.aside)),
            *folder.write_part("ledger", index, LEDGER.table(entries)),
            *folder.write_quarantine(index, shard.bad),
        ]
        marker = {
            "index": index,
            "rows": len(entries),
            "outcomes": _counted(entries),
            "agents": dict(sorted(Counter(decision.agent for decision in decisions).items())),
            "flagged": sum(bool(e.flag) and e.outcome != "quarantined" for e in entries),
            "calls": sum(len(entry.calls) for entry in entries),
            "chars_in": sum(len(text) for text in shard.texts),
            "chars_out": sum(len(d.refined) for d in decisions if d.outcome in DOCUMENTS.data),
            "bytes_in": sum(len(text.encode()) for text in shard.texts),
            "files": folder.digests(written),
            "seconds": round(time.process_time() - started, 3),
        }
        write_json(folder.marker(index), marker)
        return marker

    async def _decide(self, shard: Shard) -> list[Decision]:
        documents = [
            Document(name, text) for name, text in zip(shard.ids, shard.texts, strict=True)
        ]
        if self.escalation is None:
            return await self._decided(documents, self.services)
        raised = [self.escalation.takes(document.id) for document in documents]
        pairs = list(zip(documents, raised, strict=True))
        rest = iter(await self._decided([d for d, high in pairs if not high], self.services))
        async with self.escalation.opened() as services:
            high = iter(await self._decided([d for d, high in pairs if high], services))
        return [next(high if each else rest) for each in raised]

    async def _decided(self, documents: Sequence[Document], services: Services) -> list[Decision]:
        return await decide_all(self.graph, documents, services, self.concurrency)

    def _table(
        self, shard: Shard, decisions: Sequence[Decision], wanted: frozenset[Outcome]
    ) -> pa.Table:
        """Return the rows of some outcomes: kept ones refined, others as they came in."""
        mask = [decision.outcome in wanted for decision in decisions]
        texts = [
            decision.refined if decision.outcome in DOCUMENTS.data else decision.document.text
            for decision in decisions
            if decision.outcome in wanted
        ]
        rest = shard.columns.filter(pa.array(mask, pa.bool_()))
        place = self.schema.get_field_index(self.text_column)
        arrays = list(rest.columns)
        arrays.insert(place, pa.array(texts, self.schema.field(place).type))
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _entry(decision: Decision) -> Entry:
    raw = decision.document.text
    certificate = decision.certificate
    whole = decision.outcome == "dropped"
    return Entry(
        id=decision.document.id,
        outcome=decision.outcome,
        agent=decision.agent,
        flag=decision.flag,
        raw_digest=certificate.raw_digest,
        refined_digest=certificate.refined_digest,
        raw_chars=len(raw),
        refined_chars=len(decision.refined),
        attempts=decision.attempts,
        rejected_calls=len(decision.resolution.rejected),
        calls=tuple(_call_row(call) for call in decision.resolution.accepted),
        spans=tuple(
            SpanRow(start, stop, None if whole else raw[start:stop])
            for start, stop in certificate.spans
        ),
    )


def _call_row(call: Call) -> CallRow:
    start = end = text = occurrence = None
    match call:
        case RemoveLines(start, end):
            pass
        case RemoveStr(start, text, occurrence):
            end = start
        case _:
            pass
    note = call.note
    return CallRow(NAMES[type(call)], start, end, text, occurrence, note.reason, note.confidence)


def _quarantined(row: BadRow) -> Entry:
    return Entry(id=f"{row.source}:{row.row}", outcome="quarantined", flag=row.reason)


def _counted(entries: Sequence[Entry]) -> dict[str, int]:
    counts = Counter(entry.outcome for entry in entries)
    return {outcome: counts[outcome] for outcome in DOCUMENTS.outcomes}

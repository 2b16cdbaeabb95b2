"""Carries documents through the record graph: in batches for a bulk refiner, else side by side."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from burnish.agents.refiners.refiner import Refiner
from burnish.corpora.errors import BurnishError
from burnish.corpora.records import Document
from burnish.graphs.documents.record_graph import Decision, RecordGraph, Services, drive

BATCH_CHARS = 1_000_000
"""Characters of text that a bulk refiner is given at a time, a long document apart."""


async def decide_all(
    graph: RecordGraph, documents: Sequence[Document], services: Services, concurrency: int
) -> list[Decision]:
    """Return the decision on each document, in order.

    Raises:
        BurnishError: something stops the run: no budget, no server.
    """
    if not isinstance(services.refiner, Refiner):
        return await _converse(graph, documents, services, concurrency)
    return [
        decision for batch in batches(documents) for decision in await drive(graph, batch, services)
    ]


async def _converse(
    graph: RecordGraph, documents: Sequence[Document], services: Services, concurrency: int
) -> list[Decision]:
    """Converse about many documents at a time.

    When one of them stops the run (no budget, no server), no other is begun; those under way
    are finished, so that what they cost is in the reply store when the run goes on.
    """
    free = asyncio.Semaphore(concurrency)
    stops: list[BurnishError] = []

    async def converse(document: Document) -> list[Decision]:
        async with free:
            if stops:
                return []
            try:
                return await drive(graph, [document], services)
            except BurnishError as error:
                stops.append(error)
                return []

    found = await asyncio.gather(*map(converse, documents))
    if stops:
        raise stops[0]
    return [decision for decisions in found for decision in decisions]


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents in lists of at most `BATCH_CHARS` characters; a longer one stands alone."""
    batch: list[Document] = []
    chars = 0
    for document in documents:
        if batch and chars + len(document.text) > BATCH_CHARS:
            yield batch
            batch, chars = [], 0
        batch.append(document)
        chars += len(document.text)
    if batch:
        yield batch

"""The report of a run: its figures, as JSON and as a page for people."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any, cast

from burnish.corpora.errors import RunError
from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.balance import balance
from burnish.corpora.runs.folder import RunFolder, write_json
from burnish.corpora.runs.ledger_codec import parse_line
from burnish.corpora.storage.writers import write_text
from burnish.graphs.archive.stored import StoredColumns, columns_of, records
from burnish.graphs.reports.document_page import render
from burnish.graphs.reports.samples import Figure
from burnish.graphs.reports.tally import BINS, Tally
from burnish.graphs.runs.worker_process import deaf, follow_parent

QUARANTINED = 50
_REASON_CHARS = 300
_POOL_PAYS = 50_000_000
"""Bytes of text from which on it takes less time to start worker processes than to count alone."""


def build_report(
    folder: RunFolder, manifest: Mapping[str, Any], seed: int = 0, workers: int = 1
) -> Figure:
    """Return the figures of a run from one pass over its files.

    The seed decides which documents are drawn as samples. The number of worker processes changes
    nothing but the time.

    Raises:
        RunError: a file is missing or broken.
    """
    markers = folder.markers()
    alone = sum(int(marker["bytes_in"]) for marker in markers) < _POOL_PAYS
    tally = _tallied(folder, seed, 1 if alone else workers)
    return {
        "burnish": manifest.get("burnish"),
        "created": manifest.get("created"),
        "refiner": manifest["settings"].get("refiner", {}),
        "input": {k: v for k, v in manifest["input"].items() if k != "sources"},
        "shards": len(markers),
        "balance": balance(manifest["input"], tally.outcomes, DOCUMENTS),
        **_sizes(manifest["input"], markers, tally),
        "throughput": _throughput(markers),
        "reasons": tally.reasons.figures(),
        "kinds": tally.kinds.figures(),
        "rejected_calls": tally.rejected_calls,
        "kept_ratio": {"bins": BINS, "edited": tally.kept_ratio},
        "confidence": {"bins": BINS, "calls": tally.confidence},
        "agents": dict(sorted(tally.agents.items())),
        "flags": dict(tally.flags.most_common()),
        "flagged": tally.flagged.best(),
        "biggest": tally.biggest.best(),
        "quarantined": _quarantined(folder, tally.outcomes["quarantined"]),
        "samples": {outcome: best.best() for outcome, best in tally.drawn.items()},
        "seed": seed,
    }


def _tallied(folder: RunFolder, seed: int, workers: int) -> Tally:
    columns = columns_of(folder)
    one = partial(_shard_tally, folder, columns, seed)
    finished = folder.finished()
    total = Tally(seed)
    if workers == 1:
        for index in finished:
            total.join(one(index))
        return total
    try:
        with ProcessPoolExecutor(workers, get_context("spawn"), follow_parent) as pool:
            with deaf():
                tallies = pool.map(one, finished, chunksize=4)
            for tally in tallies:
                total.join(tally)
    except BrokenProcessPool:
        raise RunError(
            "a process that counts for the report died (out of memory, or killed); run the same "
            "command again: all shards are finished"
        ) from None
    return total


def _shard_tally(folder: RunFolder, columns: StoredColumns, seed: int, index: int) -> Tally:
    tally = Tally(seed)
    for record in records(folder, columns, index):
        tally.add(record)
    return tally


def write_report(
    folder: RunFolder, manifest: Mapping[str, Any], seed: int = 0, workers: int = 1
) -> Figure:
    """Write `report.json` and `report.html`, each whole or not at all, and return the figures.

    Raises:
        RunError: a file of the run is missing or broken.
    """
    figures = build_report(folder, manifest, seed, workers)
    write_json(folder.report.with_suffix(".json"), figures)
    write_text(folder.report, render(figures))
    return figures


def _sizes(source: Mapping[str, Any], markers: Sequence[Mapping[str, Any]], tally: Tally) -> Figure:
    chars = tally.chars
    return {
        "chars": {
            "in": source["chars"],
            "out": chars["out"],
            "removed_from_edited": chars["cut"],
            "dropped": chars["dropped"],
            "failed": chars["failed"],
        },
        "bytes": {"in": sum(int(m["bytes_in"]) for m in markers), "out": tally.bytes_out},
        "calls": sum(int(m["calls"]) for m in markers),
    }


def _throughput(markers: Sequence[Mapping[str, Any]]) -> Figure:
    seconds = sum(float(m["seconds"]) for m in markers)
    size, rows = sum(int(m["bytes_in"]) for m in markers), sum(int(m["rows"]) for m in markers)
    slowest = max((float(m["seconds"]) for m in markers), default=0.0)
    return {
        "cpu_seconds": round(seconds, 3),
        "mb_per_cpu_second": round(size / 1e6 / seconds, 3) if seconds else None,
        "rows_per_cpu_second": round(rows / seconds, 1) if seconds else None,
        "slowest_shard_seconds": slowest,
    }


def _quarantined(folder: RunFolder, total: int) -> Figure:
    rows: list[Figure] = []
    for index in folder.finished():
        path = folder.quarantine(index)
        if len(rows) >= QUARANTINED or not path.exists():
            continue
        with path.open("rb") as file:
            rows += [_bad_row(line) for line in islice(file, QUARANTINED - len(rows))]
    return {"rows": total, "first": cast("object", rows)}


def _bad_row(line: bytes) -> Figure:
    row = parse_line(line)
    reason = str(row.get("reason", ""))[:_REASON_CHARS]
    return {"source": str(row.get("source", "")), "row": row.get("row"), "reason": reason}

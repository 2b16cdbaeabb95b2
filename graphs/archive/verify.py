"""Checks a run against itself: files, proofs of records and the balance of rows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from burnish.corpora.errors import RunError
from burnish.corpora.runs.balance import row_fault, rows_in
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.graphs.archive.findings import (
    Findings,
    Verification,
    file_faults,
    folder_faults,
    marker_faults,
)
from burnish.graphs.archive.opened import Archive, Progress, open_archive


def verify(folder: RunFolder, progress: Progress | None = None) -> Verification:
    """Check every file, every record and the balance of rows of a run, over whatever it is.

    Of documents each certificate is checked, and each program carried out again; of questions the
    digest of each row before and after.

    Raises:
        RunError: there is no readable manifest, or no run that can be checked.
    """
    archive, source = open_archive(folder), read_json(folder.manifest)["input"]
    found, total = Findings(), Counter[str]()
    finished = folder.finished()
    for index in finished:
        counts = _check_shard(folder, archive, index, found)
        total.update(counts)
        if progress:
            progress(counts["rows"])
    for fault in (*folder_faults(folder), *_total_faults(source, total)):
        found.add(fault)
    outcomes = {name: total[name] for name in archive.filing.outcomes}
    return Verification(
        len(finished), total["rows"], outcomes, tuple(found.faults), found.fault_count
    )


def _check_shard(folder: RunFolder, archive: Archive, index: int, found: Findings) -> Counter[str]:
    counts: Counter[str] = Counter(dict.fromkeys(("rows", *archive.filing.outcomes), 0))
    try:
        marker = read_json(folder.marker(index))
        for fault in file_faults(folder, marker):
            found.add(f"shard {index}: {fault}")
        archive.count(index, found, counts)
    except RunError as error:
        found.add(f"shard {index}: {error}")
        return counts
    for fault in marker_faults(folder, index, marker, counts):
        found.add(f"shard {index}: {fault}")
    return counts


def _total_faults(source: Mapping[str, Any], total: Counter[str]) -> Iterator[str]:
    fault = row_fault(rows_in(source), total["rows"])
    if not fault and total["quarantined"] != source["bad_rows"]:
        bad = total["quarantined"]
        fault = (
            f"rows do not balance: {source['bad_rows']} were unreadable, {bad} are in quarantine"
        )
    yield fault
    if "chars_in" in total and total["chars_in"] != source["chars"]:
        came, refined = source["chars"], total["chars_in"]
        yield f"characters do not balance: {came} came in, {refined} were refined"

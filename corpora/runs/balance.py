"""Rows that came in against what became of them: every run balances them, and says so if not."""

from collections.abc import Mapping
from typing import Any

from burnish.corpora.records import Filing


def rows_in(source: Mapping[str, Any]) -> int:
    """Return the rows of an input, as its manifest describes it: read or not."""
    return int(source["rows"]) + int(source["bad_rows"])


def balance(
    source: Mapping[str, Any], outcomes: Mapping[str, int], filing: Filing
) -> dict[str, Any]:
    """Set the rows that came in against the outcomes of a run, for reports."""
    rows = rows_in(source)
    parts = {name: outcomes.get(name, 0) for name in filing.outcomes}
    counted = sum(parts[name] for name in filing.read)
    figures = {"rows_in": rows, **parts, "accounted": counted, "balances": counted == rows}
    if filing.outcomes != filing.read:
        figures["rows_out"] = sum(parts[name] for name in filing.data)
    return figures


def row_fault(rows: int, counted: int) -> str:
    """Say that rows are lost, or were made of nothing; empty where all are accounted for."""
    if counted == rows:
        return ""
    return f"rows do not balance: {rows} came in, {counted} are accounted for"


def loss_fault(lost: int, rows: int, allowed: float, of_what: str = "") -> str:
    """Say that more rows failed or could not be read than `run.max_failure_ratio` allows."""
    if lost <= allowed * max(rows, 1):
        return ""
    return (
        f"{lost} of {rows} rows failed or were quarantined{of_what}, more than "
        f"run.max_failure_ratio={allowed} allows"
    )

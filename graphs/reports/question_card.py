"""The dataset card of a refined QA set."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from burnish.graphs.reports.charts import format_count
from burnish.graphs.reports.document_card import markdown_table, plain

_ROWS = (
    "rows_in", "unchanged", "edited", "dropped", "failed", "quarantined", "added", "rows_out",
)  # fmt: skip
_COUNTED = ("orders", "done", "rolled_back", "failed", "tokens")
_HEADS = ("operation", "ordered", "done", "rolled back", "failed", "tokens")
_END = """
## How to check and undo it

`ledger/` has a row for each item: the operation, the reason, verdicts with their evidence, tokens,
and SHA-256 digests of the row before and after. `aside/` has the rows before. Where RUN is this
folder:

```
burnish replay RUN --verify
burnish replay RUN -o OTHER --without operation=remove
burnish replay RUN -o OTHER --without record=ID
```

## Licence and limits

The licence of the items is that of their source, and of the reserve for drawn ones. A balanced set
is no correct one: what validators said of single items is in the ledger, what people should look at
in `review.jsonl`.
"""


def render_question_card(figures: Mapping[str, Any], form: str) -> str:
    """Return the card, in the form that Hugging Face reads."""
    location = str(figures["input"]["location"])
    name = plain(PurePath(location).name or location)
    far, balance = figures["divergence"], figures["balance"]
    rows = {outcome: format_count(balance[outcome]) for outcome in _ROWS}
    orders = [
        (plain(row["operation"]), *(format_count(row[name]) for name in _COUNTED))
        for row in figures["invoice"]
    ]
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: "data/*.{form}"
task_categories:
- question-answering
tags:
- burnish
---

# {name}, refined by burnish

{rows["rows_in"]} rows came in: {rows["unchanged"]} unchanged,
{rows["edited"]} edited, {rows["dropped"]} dropped, {rows["failed"]} failed
(they stand as they were), {rows["quarantined"]} quarantined. {rows["added"]} were
added; the set has {rows["rows_out"]} items. Its columns are those of the source.

Divergence of its cells from the target ({plain(str(figures["target"]))}), in bits:
{far["before"]:.5f} before, {far["after"]:.5f} after; {far["floor"]:.5f} is chance.

{markdown_table(_HEADS, orders)}
{_END}"""

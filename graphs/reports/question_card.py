"""The dataset card of a refined QA set."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from burnish.graphs.reports.charts import number
from burnish.graphs.reports.document_card import plain


def card(figures: Mapping[str, Any], form: str) -> str:
    """Return the card, in the form that Hugging Face reads."""
    location = str(figures["input"]["location"])
    name = plain(PurePath(location).name or location)
    held, far = figures["balance"], figures["divergence"]
    rows = "\n".join(
        f"| {plain(line['operation'])} | {number(line['orders'])} | {number(line['done'])} "
        f"| {number(line['rolled_back'])} | {number(line['failed'])} | {number(line['tokens'])} |"
        for line in figures["invoice"]
    )
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

{number(held["rows_in"])} rows came in: {number(held["unchanged"])} unchanged,
{number(held["edited"])} edited, {number(held["dropped"])} dropped, {number(held["failed"])} failed
(they stand as they were), {number(held["quarantined"])} quarantined. {number(held["added"])} were
added; the set has {number(held["rows_out"])} items. Its columns are those of the source.

Divergence of its cells from the target ({plain(str(figures["target"]))}), in bits:
{far["before"]:.5f} before, {far["after"]:.5f} after; {far["floor"]:.5f} is chance.

| operation | ordered | done | rolled back | failed | tokens |
| --- | ---: | ---: | ---: | ---: | ---: |
{rows}

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

"""Writes the dataset card: what the data is, what was done to it, and how to undo it."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from burnish.corpora.records import DOCUMENTS
from burnish.corpora.runs.folder import RunFolder
from burnish.corpora.storage.writers import write_text
from burnish.graphs.reports.charts import format_count, format_share
from burnish.tools.text.visible import shown

_REASONS = 12
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_END = """## How to check and undo it

`ledger/` has a row for each record: the calls, the characters that went and SHA-256 digests of the
text before and after. With burnish installed, where RUN is this folder:

```
burnish replay RUN --verify                          # checks every proof
burnish replay RUN -o RAW --without outcome=edited --without outcome=dropped
burnish replay RUN -o OTHER --without reason=…    # leaves one kind of deletion out
```

## Licence and limits

The licence of the texts is that of their source, and so are their biases, errors and personal data:
deleting noise does not remove them. The refiner errs in both directions; the report's confidence
figures are its own view.
"""
_MARKDOWN = {ord(mark): f"\\{mark}" for mark in "\\`*_{}[]()<>#+-!|~&$:@"}


def write_card(folder: RunFolder, manifest: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Write `README.md` in the form of a Hugging Face dataset card."""
    card = f"{_header(folder, figures)}\n{_body(manifest, figures)}"
    write_text(folder.root / "README.md", card)


def _header(folder: RunFolder, figures: Mapping[str, Any]) -> str:
    rows = figures["balance"]["unchanged"] + figures["balance"]["edited"]
    size = next((name for limit, name in _SIZES if rows < limit), "n>1B")
    return "\n".join((
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        f'    path: "data/*.{folder.format}"',
        "size_categories:",
        f"- {size}",
        "tags:",
        "- burnish",
        "---",
        "",
    ))


def _body(manifest: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    location = str(figures["input"]["location"])
    name = plain(PurePath(location).name or location)
    chars, refiner = figures["chars"], plain(str(figures["refiner"].get("name", "?")))
    kept = format_share(chars["out"] / chars["in"] if chars["in"] else 1)
    outcomes = [
        (outcome, format_count(figures["balance"][outcome])) for outcome in DOCUMENTS.outcomes
    ]
    column = plain(str(manifest["input"]["text_column"]))
    return f"""# {name}, refined by burnish

The texts of {name} with noise deleted by burnish {plain(str(figures["burnish"]))} (refiner
{refiner}) at {plain(str(figures["created"]))}. Nothing was written into any text: each is the text
that came in, or that text with some characters left out. All columns but {column} are as they
came in.

## What became of the rows

{markdown_table(("outcome", "rows"), outcomes)}

{format_count(figures["balance"]["rows_in"])} rows came in; {_balance(figures)}
Of {format_count(chars["in"])} characters {format_count(chars["out"])} were kept ({kept}).
Dropped and failed records are whole in `aside/`, rows that could not be read in `quarantine/`.

## What was removed

{_reasons(figures)}

`report.html` shows samples with the deletions struck out; `report.json` has all figures.

{_END}"""


def _balance(figures: Mapping[str, Any]) -> str:
    if figures["balance"]["balances"]:
        return "the rows balance."
    return f"**only {format_count(figures['balance']['accounted'])} are accounted for.**"


def _reasons(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            plain(row["name"]),
            format_count(row["chars"]),
            format_count(row["calls"]),
            format_count(row["documents"]),
        )
        for row in figures["reasons"][:_REASONS]
    ]
    if not rows:
        return "Nothing."
    return markdown_table(("reason", "characters", "calls", "documents"), rows)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    rule = ("---", *("---:" for _ in heads[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def plain(text: str) -> str:
    """Return text on one line that Markdown and HTML take for nothing but text."""
    return shown(text).translate(_MARKDOWN)

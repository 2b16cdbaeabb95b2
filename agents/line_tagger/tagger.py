"""P(keep) of every line of a text, from the small network this package ships; NumPy alone.

The network runs in whole numbers that float32 holds exactly, so a result does not depend on the
BLAS library, on the number of its threads or on the texts that share a batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.decision import DecisionRule
from burnish.agents.line_tagger.features import FEATURES, Floats, LineBatch, encode
from burnish.agents.line_tagger.integer_network import (
    GRID,
    Network,
    network_of,
    places_of,
    run,
    to_steps,
)
from burnish.agents.line_tagger.tokens import Ints, Words32

WEIGHTS: Final = Path(__file__).with_name("line_tagger.npz")
"""The weights in the package."""

FORMAT: Final = 1
"""The version of the weights' file that this module reads."""

BATCH_ROWS: Final = 1024
"""Rows (lines that are not blank) that the network takes at a time, within whole documents."""

MAX_LINES: Final = 8192
"""A longer document is read in pieces of this many lines, each as a document of its own."""


class WeightsError(ValueError):
    """Raised when a file of weights is not one, or not one for this version."""


@dataclass(frozen=True)
class TaggedText:
    r"""P(keep) and the number of words of each "\n"-line of a text."""

    probabilities: Floats
    weights: Floats


@dataclass(frozen=True)
class LineTagger:
    """The trained networks: `load` reads them, `probabilities` and `tag` apply them."""

    words: NDArray[np.int8]
    pairs: NDArray[np.int8]
    word_scales: Floats
    pair_scales: Floats
    members: tuple[Network, ...]
    temperature: float
    rule: DecisionRule = field(default_factory=DecisionRule)

    @classmethod
    def load(cls, path: Path | None = None) -> LineTagger:
        """The tagger of `path`, or the one shipped beside this module.

        WeightsError where the file is no such file, OSError where it cannot be read.
        """
        path = path or WEIGHTS
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls.of(dict(file))
        except (ValueError, KeyError, json.JSONDecodeError, EOFError) as error:
            message = f"{path} is not a line tagger of format {FORMAT}: {error}"
            raise WeightsError(message) from error

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> LineTagger:
        """The tagger of the arrays of a file; ValueError or KeyError where they do not fit."""
        meta = json.loads(str(arrays["meta"]))
        if meta["format"] != FORMAT or meta["features"] != FEATURES:
            raise ValueError(f"format {meta['format']} with {meta['features']} features")
        words, pairs = arrays["words"], arrays["pairs"]
        scales = arrays["word_scales"], arrays["pair_scales"]
        for table, scale in zip((words, pairs), scales, strict=True):
            if scale.shape != table.shape[1:]:
                raise ValueError("a token table has not one scale a column")
            if table.dtype != np.int8 or table.ndim != 2 or len(table) & (len(table) - 1):
                raise ValueError("a token table is not int8 with 2^n rows")
        width = words.shape[1] + pairs.shape[1] + FEATURES
        members = tuple(
            network_of(arrays, i, meta["dilations"], width) for i in range(meta["members"])
        )
        rule = DecisionRule.of(meta["decision"]) if "decision" in meta else DecisionRule()
        return cls(words, pairs, *scales, members, float(meta["temperature"]), rule)

    def probabilities(self, texts: Sequence[str]) -> list[Floats]:
        """P(keep) of the lines of each text, split at newlines only.

        A blank line is kept with its likelier neighbour; a text with no words at all is kept.
        """
        return [tagged.probabilities for tagged in self.tag(texts)]

    def tag(self, texts: Sequence[str]) -> list[TaggedText]:
        """The probabilities and word counts of the lines of each text."""
        pieces = [_pieces(text) for text in texts]
        flat = [piece for some in pieces for piece in some]
        tagged: list[TaggedText] = []
        for group in _groups(flat):
            tagged.extend(self._tag(group))
        results: list[TaggedText] = []
        start = 0
        for some in pieces:
            results.append(_together(tagged[start : start + len(some)]))
            start += len(some)
        return results

    def _tag(self, texts: Sequence[str]) -> list[TaggedText]:
        batch = encode(texts)
        row_keep = _sigmoid(self._logits(batch), self.temperature)
        keep = _with_blanks(row_keep, batch)
        weights = np.zeros(len(keep), np.float32)
        weights[batch.rows] = np.maximum(batch.weights, 0.01)
        bounds = batch.lines[1:-1]
        pairs = zip(np.split(keep, bounds), np.split(weights, bounds), strict=True)
        return [TaggedText(probabilities, weight) for probabilities, weight in pairs][: len(texts)]

    def _logits(self, batch: LineBatch) -> Floats:
        """Mean logits of the members, in steps of 1 / GRID."""
        size = np.diff(batch.starts)
        root = np.sqrt(np.maximum(size, 1)).astype(np.float32)[:, None]
        parts = [
            _bags(table, ids, batch.starts) * scales / root
            for table, ids, scales in (
                (self.words, batch.words, self.word_scales),
                (self.pairs, batch.pairs, self.pair_scales),
            )
        ]
        inputs = to_steps(np.concatenate([*parts, batch.features], axis=1) * np.float32(GRID))
        logits = np.empty(len(inputs), np.float32)
        for first, last in _blocks(batch.documents):
            start, stop = int(batch.documents[first]), int(batch.documents[last])
            rows = places_of(batch.documents[first : last + 1])
            members = [run(member, inputs[start:stop], rows) for member in self.members]
            logits[start:stop] = np.sum(members, axis=0, dtype=np.float32)
        return logits / np.float32(len(self.members))


def _blocks(documents: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of documents of about BATCH_ROWS rows, at least one row each."""
    first = 0
    while first < len(documents) - 1:
        target = int(documents[first]) + BATCH_ROWS
        last = max(int(documents.searchsorted(target, side="right")) - 1, first + 1)
        if documents[last] > documents[first]:
            yield first, last
        first = last


def _bags(table: NDArray[np.int8], ids: Words32, starts: Ints) -> Floats:
    """Sums of the rows of `table` that the tokens of each line choose."""
    # Lines by length, the longest first: the n-th tokens of all lines that have so many are then
    # added in one go, and the loop runs over places in a line instead of over lines.
    size = np.diff(starts)
    order = np.argsort(-size, kind="stable")
    slots = (ids >> np.uint32(32 - (len(table).bit_length() - 1))).astype(np.intp)
    begins = starts[:-1][order]
    longest = int(np.max(size, initial=0))
    above = np.searchsorted(-size[order], -np.arange(longest), side="left")
    sums = np.zeros((len(size), table.shape[1]), np.int16)
    for rank, count in enumerate(above.tolist()):
        sums[:count] += table.take(slots[begins[:count] + rank], axis=0)
    bags = np.empty((len(size), table.shape[1]), np.float32)
    bags[order] = sums
    return bags


def _sigmoid(logits: Floats, temperature: float) -> Floats:
    # Four digits: what differs beyond them in exp() of one machine or another decides nothing.
    scaled = logits.astype(np.float64) / (GRID * temperature)
    return np.round(1 / (1 + np.exp(-scaled)), 4).astype(np.float32)


def _with_blanks(row_keep: Floats, batch: LineBatch) -> Floats:
    """Adds the blank lines to the probabilities of the rows."""
    total = int(batch.lines[-1])
    keep = np.ones(total, np.float32)
    if not len(row_keep):
        return keep
    keep[batch.rows] = row_keep
    blank = np.ones(total, np.bool_)
    blank[batch.rows] = False
    lines = np.flatnonzero(blank)
    after = np.searchsorted(batch.rows, lines)
    owner = np.searchsorted(batch.lines, lines, side="right") - 1
    first, stop = batch.documents[owner], batch.documents[owner + 1]
    padded = np.concatenate((row_keep, [0]))
    up = np.where(after > first, padded[after - 1], 0)
    down = np.where(after < stop, padded[after], 0)
    keep[lines] = np.where(first < stop, np.maximum(up, down), 1)
    return keep


def _pieces(text: str) -> list[str]:
    if text.count("\n") < MAX_LINES:
        return [text]
    lines = text.split("\n")
    return ["\n".join(lines[at : at + MAX_LINES]) for at in range(0, len(lines), MAX_LINES)]


_GROUP_CHARACTERS: Final = 1 << 20


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """Consecutive texts of about a million characters together."""
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= _GROUP_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _together(parts: Sequence[TaggedText]) -> TaggedText:
    if len(parts) == 1:
        return parts[0]
    return TaggedText(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )

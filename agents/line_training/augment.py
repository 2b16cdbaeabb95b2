"""Varied copies of labelled pages, so that the line tagger learns no page by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from burnish.agents.line_training.corpus import LabelledPage

PROSE_KINDS: Final = frozenset({"article", "documentation"})
# Chances of each variation. Header and footer are a site's own: under those of another site the
# words of a menu cannot be learnt together with the page's subject.
_SWAP_HEAD, _SWAP_TAIL, _CUT_MIDDLE, _SHORTEN = 0.4, 0.4, 0.3, 0.15


@dataclass(frozen=True)
class Sample:
    """A text to learn from: its lines, the share to keep of each (NaN: unknown), its weight."""

    lines: Sequence[str]
    keep: NDArray[np.float32]
    weight: float


@dataclass(frozen=True)
class FramedPage:
    """A page with its first kept line and the line after its last one."""

    page: LabelledPage
    lines: Sequence[str]
    start: int
    stop: int

    @classmethod
    def of(cls, page: LabelledPage) -> FramedPage:
        """The frame of `page`; a page that keeps nothing is all head."""
        kept = np.flatnonzero(np.nan_to_num(page.keep) > 0)
        lines = page.lines
        if not len(kept):
            return cls(page, lines, len(lines), len(lines))
        return cls(page, lines, int(kept[0]), int(kept[-1]) + 1)


def vary(frame: FramedPage, others: Sequence[FramedPage], rng: Generator) -> Sample:
    """`frame` with the header or footer of another page, or with parts cut out."""
    keep = frame.page.keep
    if frame.start == frame.stop:
        return Sample(frame.lines, keep, 1.0)
    head, tail = _head(frame, others, rng), _tail(frame, others, rng)
    middle, middle_keep = _middle(frame, rng)
    zeros = (np.zeros(len(head), np.float32), np.zeros(len(tail), np.float32))
    lines = [*head, *middle, *tail]
    return Sample(lines, np.concatenate([zeros[0], middle_keep, zeros[1]]), 1.0)


def prose(frames: Sequence[FramedPage], rng: Generator, weight: float = 0.3) -> Sample:
    """A run of kept lines of a page of prose, as a document of its own that is all to keep."""
    while True:
        frame = frames[int(rng.integers(len(frames)))]
        if frame.page.kind in PROSE_KINDS:
            break
    kept = [line for line, keep in zip(frame.lines, frame.page.keep, strict=True) if keep == 1]
    if len(kept) > 3 and rng.random() < 0.7:
        start = int(rng.integers(len(kept) - 1))
        kept = kept[start : start + 1 + int(rng.integers(1, len(kept)))]
    kept = kept or ["A page of prose keeps its only line, which is this one."]
    return Sample(kept, np.ones(len(kept), np.float32), weight)


def passage(texts: Sequence[str], rng: Generator, weight: float = 0.3) -> Sample:
    """One to four passages of clean text, whole or a sentence a line: all to keep."""
    count = int(rng.integers(1, 5))
    lines = [texts[int(rng.integers(len(texts)))] for _ in range(count)]
    if rng.random() < 0.4:
        lines = [part for line in lines for part in line.replace(". ", ".\n").split("\n")]
    lines = [part for line in lines for part in line.split("\n")]
    return Sample(lines, np.ones(len(lines), np.float32), weight)


def excerpt(page: LabelledPage, rng: Generator, limit: int, weight: float) -> Sample:
    """At most `limit` consecutive lines of `page`."""
    lines = page.lines
    start = int(rng.integers(0, max(len(lines) - limit, 0) + 1))
    part = slice(start, start + limit)
    return Sample(lines[part], page.keep[part], weight)


def _head(frame: FramedPage, others: Sequence[FramedPage], rng: Generator) -> Sequence[str]:
    own = frame.lines[: frame.start]
    if rng.random() < _SWAP_HEAD:
        other = others[int(rng.integers(len(others)))]
        # The first line stays: it is mostly the title, which later lines are compared with.
        return [*own[:1], *other.lines[1 : other.start]]
    if rng.random() < _SHORTEN:
        return own[int(rng.integers(len(own) + 1)) :]
    return own


def _tail(frame: FramedPage, others: Sequence[FramedPage], rng: Generator) -> Sequence[str]:
    own = frame.lines[frame.stop :]
    if rng.random() < _SWAP_TAIL:
        other = others[int(rng.integers(len(others)))]
        return other.lines[other.stop :]
    if rng.random() < _SHORTEN:
        return own[: int(rng.integers(len(own) + 1))]
    return own


def _middle(frame: FramedPage, rng: Generator) -> tuple[Sequence[str], NDArray[np.float32]]:
    lines = frame.lines[frame.start : frame.stop]
    keep = frame.page.keep[frame.start : frame.stop]
    if len(lines) <= 4 or rng.random() >= _CUT_MIDDLE:
        return lines, keep
    stay = np.ones(len(lines), np.bool_)
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(len(lines)))
        stay[start : start + 1 + int(rng.integers(max(len(lines) // 5, 1)))] = False
    if not (np.nan_to_num(keep[stay]) > 0).any():
        return lines, keep
    return [lines[at] for at in np.flatnonzero(stay).tolist()], keep[stay]

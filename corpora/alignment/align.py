"""Exact alignment of a raw text with a refined one: what was deleted, inserted and replaced.

An alignment keeps as many characters as any can (a longest common subsequence), which neither
`difflib` nor an alignment by lines does, and has few edits among those that do. Texts made by
deleting lines and pieces of lines, the common case, are aligned in near linear time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from burnish.corpora.alignment.anchors import anchored_runs
from burnish.corpora.alignment.fewest_runs import polish_runs
from burnish.corpora.alignment.lcs import Run, common_runs, lcs_length, merge_runs, shift_runs
from burnish.corpora.alignment.line_subsequence import embed_lines, equal_lines
from burnish.corpora.alignment.subsequence import embed

EXACT_CELLS = 10**12
"""Largest product of the two lengths solved exactly when the refined text was also written in."""

_GAP_CELLS = 10**10
_NATURAL_CRUMBS = 2
"""A line cut into more runs than this may be a line that only happens to hold the letters."""


class Edit(NamedTuple):
    """Characters `[start, stop)` of the raw text became `replacement`; empty is a deletion."""

    start: int
    stop: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a refined text came from a raw one."""

    edits: tuple[Edit, ...]
    """Sorted and disjoint; between any two a character is kept."""
    kept: int
    """Characters kept."""
    certified: bool
    """Whether `kept` is known to be the length of the longest common subsequence."""

    @property
    def deletes_only(self) -> bool:
        """Tell whether the refined text is the raw text with pieces cut out."""
        return not any(edit.replacement for edit in self.edits)

    def rebuild(self, raw: str) -> str:
        """Return the refined text, made of the raw text and the edits."""
        pieces: list[str] = []
        kept_from = 0
        for start, stop, replacement in self.edits:
            pieces += raw[kept_from:start], replacement
            kept_from = stop
        pieces.append(raw[kept_from:])
        return "".join(pieces)


def align(raw: str, refined: str) -> Alignment:
    """Align two texts, keeping as much as can be kept, in few edits.

    A refined text that is a subsequence of the raw one is put into raw lines line by line where
    that does not cut a line to crumbs, else by characters. Other texts are solved as a longest
    common subsequence, certified by a second, independent solver; when the product of their
    lengths passes `EXACT_CELLS`, equal lines are kept as they are first, and the alignment is not
    certified.
    """
    runs = _embedded(raw, refined)
    if runs is not None:
        edits = tuple(edits_between(raw, refined, runs))
        return Alignment(edits, kept=len(refined), certified=True)
    exact = len(raw) * len(refined) <= EXACT_CELLS
    longest = lcs_length(raw, refined) if exact else None
    found = _by_lines(raw, refined) if longest is None else _longest(raw, refined, longest)
    runs = polish_runs(raw, refined, found)
    kept = sum(run.size for run in runs)
    certified = kept == longest
    edits = tuple(edits_between(raw, refined, runs))
    return Alignment(edits, kept=kept, certified=certified)


def _longest(raw: str, refined: str, length: int) -> list[Run]:
    """Solve between long pieces that stand once in each text; as a whole where that loses any."""
    runs = anchored_runs(raw, refined)
    if runs is not None and sum(run.size for run in runs) == length:
        return runs
    return common_runs(raw, refined)


def edits_between(raw: str, refined: str, runs: Sequence[Run]) -> Iterator[Edit]:
    """Yield what is not shared, as edits of the raw text."""
    at = refined_at = 0
    for run in [*runs, Run(len(raw), len(refined), 0)]:
        if at < run.raw or refined_at < run.refined:
            yield Edit(at, run.raw, refined[refined_at : run.refined])
        at, refined_at = run.raw + run.size, run.refined + run.size


def _embedded(raw: str, refined: str) -> list[Run] | None:
    if not refined:
        return []
    by_lines = embed_lines(raw, refined)
    if by_lines is not None and by_lines.crumbs <= _NATURAL_CRUMBS:
        return by_lines.runs
    runs = embed(raw, refined)
    if by_lines is None or runs is None:
        return runs
    return min(by_lines.runs, runs, key=lambda found: _edit_count(raw, refined, found))


def _edit_count(raw: str, refined: str, runs: Sequence[Run]) -> int:
    return sum(1 for _ in edits_between(raw, refined, runs))


def _by_lines(raw: str, refined: str) -> list[Run]:
    """Keep equal lines, and between them what a gap of bearable size shares."""
    raw_lines, refined_lines = raw.split("\n"), refined.split("\n")
    starts, refined_starts = _starts(raw_lines), _starts(refined_lines)
    pairs = equal_lines(raw_lines, refined_lines)
    whole = [
        Run(starts[pairs[at]], refined_starts[at], len(refined_lines[at])) for at in sorted(pairs)
    ]
    runs: list[Run] = []
    at = refined_at = 0
    for run in [*whole, Run(len(raw), len(refined), 0)]:
        gap, refined_gap = raw[at : run.raw], refined[refined_at : run.refined]
        if len(gap) * len(refined_gap) <= _GAP_CELLS:
            runs += shift_runs(common_runs(gap, refined_gap), at, refined_at)
        runs.append(run)
        at, refined_at = run.raw + run.size, run.refined + run.size
    return merge_runs(runs)


def _starts(lines: Sequence[str]) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in lines)]

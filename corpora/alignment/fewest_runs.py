"""Fewer, longer pieces: among the longest common subsequences of two texts, one with few breaks.

A solver for the longest common subsequence is free to keep a letter here and a letter there; a
deletion then falls apart into crumbs. Between long shared runs the small rest is solved again,
exactly, for the most characters kept and, among those, the fewest runs.

The program is that of alignment with affine gaps (Gotoh, "An improved algorithm for matching
biological sequences", 1982) with scores that only count: a kept character is worth more than all
breaks there can be, a break costs 1 whatever its length. Two tables, best scores that end within a
run and best scores at all, are filled row by row with NumPy; time and memory are the product of the
two lengths, which is why it is asked for small windows only.
"""

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.alignment.lcs import Run, code_points, merge_runs, shift_runs

ANCHOR = 24
"""A shared run this long, in characters, is taken as settled."""

WINDOW_CELLS = 1 << 21
"""Largest window solved again (characters of one text times the other): about 16 MiB."""

_NEVER = -(1 << 30)


def polish_runs(raw: str, refined: str, runs: list[Run], *, anchor: int = ANCHOR) -> list[Run]:
    """Solve again what lies between runs of at least `anchor` characters; as much is kept.

    A window of more than `WINDOW_CELLS` stays as it was.
    """
    runs = merge_runs(runs)
    better: list[Run] = []
    loose: list[Run] = []
    edge = Run(0, 0, 0)
    for run in [*runs, Run(len(raw), len(refined), 0)]:
        at_end = run.raw == len(raw) and run.size == 0
        if run.size < anchor and not at_end:
            loose.append(run)
            continue
        better += _window(raw, refined, edge, run, loose)
        better.append(run)
        edge, loose = run, []
    return merge_runs(better)


def _window(raw: str, refined: str, left: Run, right: Run, loose: list[Run]) -> list[Run]:
    raw_at, refined_at = left.raw + left.size, left.refined + left.size
    area = (right.raw - raw_at) * (right.refined - refined_at)
    if not loose or area > WINDOW_CELLS:
        return loose
    inner = fewest_runs(raw[raw_at : right.raw], refined[refined_at : right.refined])
    return list(shift_runs(inner, raw_at, refined_at))


def fewest_runs(raw: str, refined: str) -> list[Run]:
    """Return the longest common subsequence that has the fewest edits, by dynamic programming.

    Text kept before and after is taken to adjoin: a run at an edge continues it. Time and memory
    grow with the product of the lengths.
    """
    if len(raw) > len(refined):
        return [Run(run.refined, run.raw, run.size) for run in fewest_runs(refined, raw)]
    table = _Table.of(code_points(raw), code_points(refined))
    return merge_runs([Run(row, column, 1) for row, column in reversed(table.pairs())])


class _Table:
    """Best scores for each pair of prefixes: kept characters first, then few breaks."""

    def __init__(self, in_run: NDArray[np.int32], best: NDArray[np.int32], worth: int) -> None:
        self._in_run = in_run
        self._best = best
        self._worth = worth

    @classmethod
    def of(cls, rows: NDArray[np.uint32], columns: NDArray[np.uint32]) -> "_Table":
        """Fill the table; a kept character is worth more than all possible breaks together."""
        height, width = len(rows), len(columns)
        worth = height + width + 2
        in_run = np.full((height + 1, width + 1), _NEVER, np.int32)
        best = np.zeros((height + 1, width + 1), np.int32)
        in_run[0, 0] = 0
        for row in range(1, height + 1):
            # A character is kept by going on with a run (diagonal), or after a break, for 1.
            kept = np.maximum(in_run[row - 1, :-1], best[row - 1, :-1] - 1) + worth
            in_run[row, 1:] = np.where(columns == rows[row - 1], kept, _NEVER)
            # Skipping characters of either text is free here: the break was paid at the next run.
            np.maximum.accumulate(np.maximum(best[row - 1], in_run[row]), out=best[row])
        return cls(in_run, best, worth)

    def pairs(self) -> list[tuple[int, int]]:
        """Walk back along the best path: the kept pairs, last first."""
        found: list[tuple[int, int]] = []
        row, column = self._best.shape[0] - 1, self._best.shape[1] - 1
        running = bool(self._in_run[row, column] >= self._best[row, column] - 1)
        while True:
            if not running:
                row, column = self._end_of_run(row, column)
            if row == 0 or column == 0:
                return found
            score = int(self._in_run[row, column])
            row, column = row - 1, column - 1
            found.append((row, column))
            running = int(self._in_run[row, column]) == score - self._worth

    def _end_of_run(self, row: int, column: int) -> tuple[int, int]:
        """Return the place, at or before this one, where the best run so far ends."""
        # Scores grow along rows and columns, so the end is found by counting what is lower.
        score = self._best[row, column]
        if score == 0:
            return 0, 0
        row = int((self._best[: row + 1, column] < score).sum())
        column = int((self._best[row, : column + 1] < score).sum())
        return row, column

"""Find the raw line of every line of a text that was made by deleting lines and pieces of lines.

Equal lines are paired first, in few runs; a line without an equal goes where it loses the least.
A place is taken only if the rest still fits after it: if there is an embedding, one is found.

The latest places (`_latest_lines`, greedily from the end) say how far a line may go; within that
bound equal lines decide, as pairs of a longest common subsequence of whole lines. A line that was
cut in part looks at `LOOKAHEAD` raw lines, so the time stays near linear in the number of lines.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from burnish.corpora.alignment.fewest_runs import polish_runs
from burnish.corpora.alignment.lcs import (
    Run,
    common_prefix,
    common_runs,
    common_suffix,
    merge_runs,
    rising_chain,
    shift_runs,
)
from burnish.corpora.alignment.subsequence import contains, embed

LINE_CELLS = 1 << 24
"""Largest matrix (lines of one text times the other) searched for equal lines at once."""

LINE_ANCHOR = 4
"""So many equal lines in a row are taken as settled."""

LOOKAHEAD = 200
"""How many raw lines are looked at for the best home of a line that was cut in part."""

_CRUMBLED = 3
"""Cuts of a line that is neither a piece of its raw line nor its two ends."""


@dataclass(frozen=True, slots=True)
class LineEmbedding:
    """Where each refined line stands: in one raw line of its own, in order."""

    runs: list[Run]
    crumbs: int
    """The most runs that one line was cut into."""


def embed_lines(raw: str, refined: str) -> LineEmbedding | None:
    """Put every refined line into a raw line that contains it; None where that is impossible.

    Whatever whole lines and pieces within lines were deleted, such an embedding exists. Newlines
    are kept at the end of the raw line before.
    """
    homes = _Homes.find(raw.split("\n"), refined.split("\n"))
    return None if homes is None else homes.embedding()


@dataclass(frozen=True, slots=True)
class _Homes:
    raw: list[str]
    refined: list[str]
    chosen: list[int]

    @classmethod
    def find(cls, raw: list[str], refined: list[str]) -> "_Homes | None":
        room = min(len(raw), len(refined))
        head = next((n for n in range(room) if raw[n] != refined[n]), room)
        room -= head
        tail = next((n for n in range(room) if raw[-1 - n] != refined[-1 - n]), room)
        inner = raw[head : len(raw) - tail]
        wanted = refined[head : len(refined) - tail]
        latest = _latest_lines(inner, wanted)
        if latest is None:
            return None
        middle = [head + line for line in _choose(inner, wanted, latest)]
        chosen = [*range(head), *middle, *range(len(raw) - tail, len(raw))]
        return cls(raw, refined, chosen)

    def embedding(self) -> LineEmbedding:
        raw_starts = [0, *accumulate(len(line) + 1 for line in self.raw)]
        refined_at, crumbs = 0, 0
        runs: list[Run] = []
        for text, home in zip(self.refined, self.chosen, strict=True):
            raw_at, line = raw_starts[home], self.raw[home]
            if line == text:
                runs.append(Run(raw_at, refined_at, len(text)))
            else:
                pieces = embed(line, text) or []
                crumbs = max(crumbs, len(pieces))
                runs.extend(shift_runs(pieces, raw_at, refined_at))
            refined_at += len(text) + 1
            runs.append(Run(raw_starts[home + 1] - 1, refined_at - 1, 1))
        return LineEmbedding(merge_runs(runs[:-1]), crumbs)


def _latest_lines(raw: Sequence[str], refined: Sequence[str]) -> list[int] | None:
    """Return the last raw line each refined line can take so that all after it still fit."""
    # Greedy from the end is right: a line that goes as late as it can leaves the most room before.
    places = [0] * len(refined)
    home = len(raw)
    # Greedy from the end: if any embedding exists, the one that takes the last possible line each
    # time does, and no embedding has a line later. `_choose` may go anywhere up to these places.
    for at in range(len(refined) - 1, -1, -1):
        wanted = refined[at]
        home -= 1
        while home >= at and not (raw[home] == wanted or contains(raw[home], wanted)):
            home -= 1
        if home < at:
            return None
        places[at] = home
    return places


def _choose(raw: Sequence[str], refined: Sequence[str], latest: Sequence[int]) -> list[int]:
    anchors = equal_lines(raw, refined)
    # ahead[n]: the raw line of the next equal pair from n on; a cut line rather stays before it.
    ahead = [len(raw)] * (len(refined) + 1)
    for at in range(len(refined) - 1, -1, -1):
        ahead[at] = anchors.get(at, ahead[at + 1])
    chosen: list[int] = []
    following = 0
    for at, wanted in enumerate(refined):
        home = anchors.get(at, -1)
        # An anchor is only a wish: where lines before it took its place, or the rest would not fit
        # after it, the line finds another home.
        if not (following <= home <= latest[at] and raw[home] == wanted):
            home = _home(wanted, raw, following, ahead[at + 1], latest[at])
        chosen.append(home)
        following = home + 1
    return chosen


def _home(wanted: str, raw: Sequence[str], first: int, border: int, latest: int) -> int:
    """Return the best line for a text, before `border` if one there is not cut to crumbs."""
    near = _cheapest(wanted, raw, first, min(border - 1, latest))
    if near is not None and near[0] < _CRUMBLED:
        return near[2]
    far = _cheapest(wanted, raw, max(first, border), latest)
    return min(option for option in (near, far, (_CRUMBLED + 1, 0, latest)) if option)[2]


def _cheapest(
    wanted: str, raw: Sequence[str], first: int, last: int
) -> tuple[int, int, int] | None:
    """Return the least cuts, least text cut, and line; None where no line contains the text."""
    last = min(last, first + LOOKAHEAD - 1)
    options = ((_cuts(raw[at], wanted), len(raw[at]), at) for at in range(first, last + 1))
    return min((option for option in options if option[0] >= 0), default=None)


def _cuts(line: str, wanted: str) -> int:
    """Count the cuts that make `wanted` of a line: 0, 1, 2 or `_CRUMBLED`; -1 if none do."""
    spare = len(line) - len(wanted)
    if spare < 0:
        return -1
    if spare == 0:
        return 0 if line == wanted else -1
    head = common_prefix(line, 0, wanted, 0)
    if common_suffix(line, len(line), wanted, len(wanted)) + head >= len(wanted):
        return 1
    if wanted in line:
        return 2
    return _CRUMBLED if contains(line, wanted) else -1


def equal_lines(raw: Sequence[str], refined: Sequence[str]) -> dict[int, int]:
    """Pair equal lines, in order and in few runs: refined line -> raw line."""
    # A character for each different line turns lines into texts, which the solvers of texts take.
    numbers: dict[str, int] = {}
    symbols = [
        "".join(chr(numbers.setdefault(line, len(numbers) % 0x110000)) for line in lines)
        for lines in (raw, refined)
    ]
    pairs: dict[int, int] = {}
    for at, wanted_at, lines, wanted in _blocks(symbols[0], symbols[1]):
        if len(lines) * len(wanted) > LINE_CELLS:
            continue
        runs = polish_runs(lines, wanted, common_runs(lines, wanted), anchor=LINE_ANCHOR)
        for run in shift_runs(runs, at, wanted_at):
            pairs.update((run.refined + n, run.raw + n) for n in range(run.size))
    return pairs


def _blocks(raw: str, refined: str) -> Iterator[tuple[int, int, str, str]]:
    """Cut two long sequences at symbols that stand once in each (patience), short ones not."""
    at = wanted_at = 0
    if len(raw) * len(refined) > LINE_CELLS:
        for cut, wanted_cut in _once_in_both(raw, refined):
            yield at, wanted_at, raw[at:cut], refined[wanted_at:wanted_cut]
            at, wanted_at = cut, wanted_cut
    yield at, wanted_at, raw[at:], refined[wanted_at:]


def _once_in_both(raw: str, refined: str) -> list[tuple[int, int]]:
    raw_counts, refined_counts = Counter(raw), Counter(refined)
    once = {symbol for symbol, count in raw_counts.items() if count == 1}
    once &= {symbol for symbol, count in refined_counts.items() if count == 1}
    places = {symbol: at for at, symbol in enumerate(raw) if symbol in once}
    pairs = [(places[symbol], at) for at, symbol in enumerate(refined) if symbol in once]
    return rising_chain(pairs)

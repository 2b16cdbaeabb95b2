"""From what an expert made of a text to training pairs, or a reason why there are none.

Every pair that comes out of here has been carried out: reading the answers back and executing them
on the raw text gives the intended text, character by character.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from burnish.corpora.errors import ReplyError
from burnish.tools.deletion.lines import Lines, Span, windows
from burnish.tools.deletion.program import apply, cut, resolve
from burnish.tools.distill.extraction import extract
from burnish.tools.distill.intent import Intent
from burnish.tools.distill.pairs import (
    Notation,
    Pair,
    assistant_turn,
    joined,
    pairs_of,
    program_in,
    shortened,
)
from burnish.tools.distill.rewrite_filter import REFUSALS, guard

Filter = Literal["rewrite", "paper"]
Drop = Literal[
    "unusable", "rewritten", "refused", "too_long", "paper_rewrite", "paper_small", "round_trip"
]
DROPS: tuple[Drop, ...] = (
    "unusable", "rewritten", "refused", "too_long", "paper_rewrite", "paper_small", "round_trip"
)  # fmt: skip
"""Why a document gives no pair, in the order the filters are applied. `unusable`: no text, no
refined text, or a line without label; `rewritten`: too much of the refined text is new; `refused`:
too much of what was deleted may not go; `too_long`: a program of too many calls; `round_trip`:
executing it gives another text."""

PAPER_REWRITE = 20
"""Characters of one insertion or replacement from which on RefineX drops a document."""
PAPER_DELETED = 10
"""Characters deleted below which RefineX drops a document."""


def _none_refused() -> dict[str, int]:
    return dict[str, int](dict.fromkeys(REFUSALS, 0))


@dataclass(frozen=True, slots=True)
class Policy:
    """What is let through, and how pairs are cut."""

    filter: Filter = "rewrite"
    max_refused: float = 0.5
    """Largest share of the characters to be deleted that may be refused, 0 to 1."""
    min_kept: float = 0.8
    """Smallest share of the refined text that must come from the raw text, 0 to 1."""
    max_calls: int = 128
    """Most calls of one pair; a served refiner is held to as many."""
    max_text: int = 200
    """Most characters that one `remove_str` names; longer pieces take several calls."""
    window_chars: int = 12_000
    overlap: float = 0.2
    """Share of a window that is context from the one before."""
    notation: Notation = "tools"


@dataclass(frozen=True, slots=True)
class Distilled:
    """What became of one document."""

    pairs: tuple[Pair, ...] = ()
    drop: Drop | None = None
    wanted_chars: int = 0
    """Characters that whoever refined the text deleted."""
    kept_chars: int = 0
    """Of these, the ones that the pairs delete."""
    refused: Mapping[str, int] = field(default_factory=_none_refused)
    """Characters that may not go, by reason."""


def distilled(raw: str, lines: Lines, intent: Intent, policy: Policy) -> Distilled:
    """Filter an intent, write it as a program, cut it into windows and try it."""
    wanted = _chars(intent.deletions)
    if policy.filter == "paper":
        deletions, refused = intent.deletions, _none_refused()
        drop = _paper_drop(intent, wanted)
    else:
        guarded = guard(raw, lines, intent)
        deletions, refused = guarded.deletions, guarded.refused_chars()
        drop = _rewrite_drop(intent, wanted, sum(refused.values()), policy)
    if drop is not None:
        return Distilled(drop=drop, wanted_chars=wanted, refused=refused)
    extraction = extract(raw, deletions)
    shown = list(windows(lines, policy.window_chars, policy.overlap))
    program = shortened(extraction.program, lines, policy.max_text)
    pairs = tuple(pairs_of(program, shown))
    intended = cut(raw, deletions)
    if not round_trips(raw, pairs, intended, policy.notation):
        return Distilled(drop="round_trip", wanted_chars=wanted, refused=refused)
    if any(len(pair.program.calls) > policy.max_calls for pair in pairs):
        return Distilled(drop="too_long", wanted_chars=wanted, refused=refused)
    kept = min(resolve(joined(pairs), raw, lines).removed_chars, wanted)
    return Distilled(pairs, None, wanted, kept, refused)


def round_trips(raw: str, pairs: tuple[Pair, ...], intended: str, notation: Notation) -> bool:
    """Tell whether the answers, read back and carried out, give the intended text."""
    try:
        read = [program_in(assistant_turn(pair.program, notation)) for pair in pairs]
    except ReplyError:
        return False
    if read != [pair.program for pair in pairs]:
        return False
    return apply(joined(pairs), raw) == intended


def _chars(spans: tuple[Span, ...]) -> int:
    return sum(stop - start for start, stop in spans)


def _paper_drop(intent: Intent, wanted: int) -> Drop | None:
    rewrites = zip(intent.rewrites, intent.written, strict=True)
    if any(max(len(text), stop - start) >= PAPER_REWRITE for (start, stop), text in rewrites):
        return "paper_rewrite"
    return "paper_small" if wanted < PAPER_DELETED else None


def _rewrite_drop(intent: Intent, wanted: int, refused: int, policy: Policy) -> Drop | None:
    if intent.kept_ratio < policy.min_kept:
        return "rewritten"
    if refused > policy.max_refused * wanted or (refused and refused == wanted):
        return "refused"
    return None

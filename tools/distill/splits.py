"""Choose and split training pairs by hashes of their names: the same choice on every machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.tools.distill.pairs import Kind
from burnish.tools.stable_order import rank

Cell = tuple[str, Kind]
"""Stratum and kind of a pair."""


@dataclass(frozen=True, slots=True)
class PairSelection:
    """Which pairs are taken: those whose rank lies below their cell's limit."""

    limits: Mapping[Cell, int] = field(default_factory=dict[Cell, int])
    """Cells without a limit are taken whole."""

    def takes(self, cell: Cell, place: int) -> bool:
        """Tell whether a pair of a cell is taken."""
        limit = self.limits.get(cell)
        return limit is None or place < limit


def select(
    ranks: Mapping[Cell, Sequence[int]], keep_all_share: float, cap: int | None
) -> PairSelection:
    """Bound each cell, then the pairs that change nothing.

    Args:
        ranks: the ranks of all candidate pairs, by cell.
        keep_all_share: largest share of the taken pairs that may be `keep_all`, 0 to 1.
        cap: most pairs of one cell; None for no bound.
    """
    limits: dict[Cell, int] = {}
    if cap is not None:
        limits = {cell: _limit(places, cap) for cell, places in ranks.items() if len(places) > cap}
    if keep_all_share >= 1:
        return PairSelection(limits)
    taken = {cell: min(len(places), cap or len(places)) for cell, places in ranks.items()}
    changing = sum(count for (_, kind), count in taken.items() if kind != "keep_all")
    room = int(keep_all_share / (1 - keep_all_share) * changing)
    idle = {cell: count for cell, count in taken.items() if cell[1] == "keep_all"}
    total = sum(idle.values())
    if total > room:
        for cell, share in _shared_out(idle, room, total).items():
            limits[cell] = _limit(ranks[cell], share)
    return PairSelection(limits)


def _limit(places: Sequence[int], count: int) -> int:
    """Return the rank below which exactly so many lie (fewer where ranks are equal)."""
    ordered = sorted(places)
    if not ordered:
        return 0
    return ordered[count] if count < len(ordered) else ordered[-1] + 1


def _shared_out(counts: Mapping[Cell, int], room: int, total: int) -> dict[Cell, int]:
    """Share room out in proportion, the largest remainders first, never beyond the room."""
    exact = {cell: count * room / total for cell, count in counts.items()}
    shares = {cell: int(value) for cell, value in exact.items()}
    rest = room - sum(shares.values())
    by_rest = sorted(exact, key=lambda cell: (shares[cell] - exact[cell], cell))
    for cell in by_rest[:rest]:
        shares[cell] += 1
    return shares


def validation_groups(sizes: Mapping[str, int], share: float, seed: int) -> frozenset[str]:
    """Choose whole sources for validation until they hold their share of the pairs.

    At least one source is chosen where there are two and a share above 0 is asked for, and at
    least one is left.
    """
    wanted = share * sum(sizes.values())
    chosen: list[str] = []
    held = 0
    for group in _ordered(sizes, seed):
        if held >= wanted or len(chosen) == len(sizes) - 1:
            break
        if chosen and held + sizes[group] > 2 * wanted:
            continue
        chosen.append(group)
        held += sizes[group]
    return frozenset(chosen)


def _ordered(groups: Iterable[str], seed: int) -> list[str]:
    return sorted(groups, key=lambda group: (rank(seed, f"group {group}"), group))

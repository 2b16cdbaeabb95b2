"""The pilot: every operation with a model is tried on a sample before anything is planned.

Its orders are real ones, taken from what may be done: those that gain most, spread over places.
What passes the checks stays in the set, so that no token is spent on an answer thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from burnish.graphs.qa_desk import Desk
from burnish.graphs.qa_estimates import UNTRIED_TOKENS
from burnish.graphs.qa_journal import Planned
from burnish.graphs.qa_plan import Option, edits_left, gains
from burnish.graphs.qa_writers import WRITTEN
from burnish.graphs.settings import Settings
from burnish.tools.splitting import rank

SHARE = 0.25
"""Largest part of the budget, and of the edits allowed, that the pilot is planned to take."""


@dataclass(frozen=True, slots=True)
class _Worth:
    option: Option
    gain: float


def pilot_orders(options: Sequence[Option], desk: Desk, settings: Settings) -> list[Planned]:
    """Choose the orders of the pilot."""
    names = [name for name in WRITTEN if any(o.order.operation == name for o in options)]
    if not names:
        return []
    count = settings.qa.pilot
    if settings.llm.budget is not None:
        count = min(count, int(SHARE * settings.llm.budget / UNTRIED_TOKENS / len(names)))
    left = edits_left(settings.qa, desk.since)
    if left is not None:
        count = min(count, int(SHARE * left / len(names)))
    found = gains(options, desk.now(), desk.aim).tolist()
    valued = [_Worth(option, gain) for option, gain in zip(options, found, strict=True)]
    used: set[str] = set()
    chosen: list[Planned] = []
    for name in names:
        own = [one for one in valued if one.option.order.operation == name and one.gain > 0]
        for one in _spread(own, settings.qa.seed):
            if sum(p.order.operation == name for p in chosen) >= count:
                break
            if one.option.name not in used:
                used.add(one.option.name)
                chosen.append(_planned(one))
    return chosen


def _spread(options: Sequence[_Worth], seed: int) -> list[_Worth]:
    """Order options so that all places come before any comes again; at random within a place."""
    by_place: dict[str, list[_Worth]] = {}
    for one in sorted(options, key=lambda one: rank(seed, one.option.name)):
        by_place.setdefault(one.option.place_to or one.option.place_from, []).append(one)
    places = [by_place[name] for name in sorted(by_place)]
    return [one for row in zip_longest(*places) for one in row if one is not None]


def _planned(one: _Worth) -> Planned:
    option = one.option
    return Planned(option.order, one.gain, option.cost, option.place_from, option.place_to)

"""The pilot: every operation with a model is tried on a sample before anything is planned.

Its orders are real ones, taken from what may be done and promises a gain, spread over places. What
passes the checks stays in the set, so that no token is spent on an answer thrown away.
"""

from collections.abc import Sequence

import numpy as np

from burnish.agents.operations.gain_model import UNTRIED_TOKENS
from burnish.graphs.questions.operate.llm_operations import WRITTEN
from burnish.graphs.questions.plan.solve import edits_left, gains
from burnish.graphs.questions.plan.trials import doubts, gain_model_of
from burnish.graphs.questions.state.candidates import Option
from burnish.graphs.questions.state.journal import PlannedEdit
from burnish.graphs.questions.state.working_set import Desk
from burnish.graphs.runs.settings import Settings
from burnish.tools.planning.stratified import stratified

SHARE = 0.25
"""Largest part of the budget, and of the edits allowed, that the pilot is planned to take."""


def pilot_orders(options: Sequence[Option], desk: Desk, settings: Settings) -> list[PlannedEdit]:
    """Choose the orders of the pilot: for each operation a sample stratified by place."""
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
    used: set[str] = set()
    chosen: list[Option] = []
    for name in names:
        open_ones = [
            (gain, option)
            for gain, option in zip(found, options, strict=True)
            if option.order.operation == name and gain > 0 and option.name not in used
        ]
        for option in _spread(open_ones, count, settings.qa.seed):
            used.add(option.name)
            chosen.append(option)
    return _planned(chosen, desk, settings)


def _spread(found: Sequence[tuple[float, Option]], count: int, seed: int) -> list[Option]:
    """Draw options of different items, spread over the places that they are for."""
    best: dict[str, tuple[float, Option]] = {}
    for gain, option in found:
        if option.name not in best or gain > best[option.name][0]:
            best[option.name] = (gain, option)
    options = [option for _, option in best.values()]
    places = [option.place_to or option.place_from for option in options]
    codes = {place: at for at, place in enumerate(sorted(set(places)))}
    strata = np.array([codes[place] for place in places], np.int64)
    return [options[at] for at in stratified(strata, count, seed).tolist()]


def _planned(chosen: Sequence[Option], desk: Desk, settings: Settings) -> list[PlannedEdit]:
    """Say what the orders promise together: the second item of a place less than the first."""
    if not chosen:
        return []
    doubt = doubts(chosen, gain_model_of(desk, settings))
    promised = gains(chosen, desk.now(), desk.aim).tolist()
    return [doubt.planned(at, option, promised[at]) for at, option in enumerate(chosen)]

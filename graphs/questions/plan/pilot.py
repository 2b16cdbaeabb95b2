"""The pilot: every operation with a model is tried on a sample before anything is planned.

Its orders are real ones, taken from what may be done and promises a gain, spread over strata. What
passes the checks stays in the set, so that no token is spent on an answer thrown away.
"""

from collections.abc import Sequence

import numpy as np

from burnish.agents.operations.gain_model import UNTRIED_TOKENS
from burnish.graphs.questions.operate.llm_operations import WRITTEN
from burnish.graphs.questions.plan.solve import edits_left, gains
from burnish.graphs.questions.plan.trials import forecast_gains, gain_model_of
from burnish.graphs.questions.state.candidates import EditOption
from burnish.graphs.questions.state.journal import PlannedEdit
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.settings import Settings
from burnish.tools.planning.stratified import stratified

SHARE = 0.25
"""Largest part of the budget, and of the edits allowed, that the pilot is planned to take."""


def pilot_orders(
    options: Sequence[EditOption], working: WorkingSet, settings: Settings
) -> list[PlannedEdit]:
    """Choose the orders of the pilot: for each operation a stratified sample."""
    names = [name for name in WRITTEN if any(o.order.operation == name for o in options)]
    if not names:
        return []
    count = settings.qa.pilot
    if settings.llm.budget is not None:
        count = min(count, int(SHARE * settings.llm.budget / UNTRIED_TOKENS / len(names)))
    left = edits_left(settings.qa, working.earlier)
    if left is not None:
        count = min(count, int(SHARE * left / len(names)))
    found = gains(options, working.standing(), working.target).tolist()
    used: set[str] = set()
    chosen: list[EditOption] = []
    for name in names:
        open_ones = [
            (gain, option)
            for gain, option in zip(found, options, strict=True)
            if option.order.operation == name and gain > 0 and option.name not in used
        ]
        for option in _spread(open_ones, count, settings.qa.seed):
            used.add(option.name)
            chosen.append(option)
    return _planned(chosen, working, settings)


def _spread(found: Sequence[tuple[float, EditOption]], count: int, seed: int) -> list[EditOption]:
    """Draw options of different items, spread over the strata that they are for."""
    best: dict[str, tuple[float, EditOption]] = {}
    for gain, option in found:
        if option.name not in best or gain > best[option.name][0]:
            best[option.name] = (gain, option)
    options = [option for _, option in best.values()]
    strata = [option.stratum_to or option.stratum_from for option in options]
    codes = {stratum: at for at, stratum in enumerate(sorted(set(strata)))}
    coded = np.array([codes[stratum] for stratum in strata], np.int64)
    return [options[at] for at in stratified(coded, count, seed).tolist()]


def _planned(
    chosen: Sequence[EditOption], working: WorkingSet, settings: Settings
) -> list[PlannedEdit]:
    """Say what the orders promise together: the second item of a stratum less than the first."""
    if not chosen:
        return []
    forecast = forecast_gains(chosen, gain_model_of(working, settings))
    promised = gains(chosen, working.standing(), working.target).tolist()
    return [forecast.planned(at, option, promised[at]) for at, option in enumerate(chosen)]

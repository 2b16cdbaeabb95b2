"""What the journal tells the gain model, and what the gain model says of the options of a round.

Estimates follow from the journal alone: whoever reads the same batches plans the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from burnish.agents.operations.gain_model import EditTrial, GainModel
from burnish.graphs.questions.operate.record_graph import CHECK, REPAIR
from burnish.graphs.questions.plan.invoice import realised
from burnish.graphs.questions.state.candidates import EditOption
from burnish.graphs.questions.state.item_facts import chars_of
from burnish.graphs.questions.state.journal import (
    LOOKING,
    UNSPENT,
    CompletedEdit,
    Expected,
    PlannedEdit,
)
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.settings import Settings
from burnish.tools.arrays import Floats
from burnish.tools.profile.cells import UNKNOWN, split_stratum

_NOWHERE = -1.0
"""Stands for the difficulty of what has none."""


def gain_model_of(working: WorkingSet, settings: Settings) -> GainModel:
    """Return a gain model that knows all orders so far, of the pilot and of earlier rounds."""
    qa = settings.qa
    return GainModel(tuple(trials_of(working)), caution=qa.caution, seed=qa.seed)


def trials_of(working: WorkingSet) -> list[EditTrial]:
    """Return a trial for each order that took tokens; what costs nothing is known beforehand."""
    return [
        _trial(one, gain)
        for one, gain in zip(working.done, realised(working), strict=True)
        if one.tokens and one.status != UNSPENT
    ]


def _trial(one: CompletedEdit, gain: float) -> EditTrial:
    planned = one.planned
    name = planned.order.operation
    return EditTrial(
        # What began as a check is planned as one, whether or not a repair follows.
        CHECK if name == REPAIR else name,
        features_of(chars_of(planned.order.item), planned.cell_from, planned.cell_to),
        planned.expected.promised,
        gain,
        float(one.tokens),
    )


def features_of(chars: int, stratum_from: str, stratum_to: str) -> tuple[float, ...]:
    """Return what the gain model sees of an order: characters shown, difficulty now and wanted."""
    return float(chars), _difficulty(stratum_from), _difficulty(stratum_to)


def _difficulty(stratum: str) -> float:
    bucket = split_stratum(stratum).bucket
    return _NOWHERE if bucket is None or bucket == UNKNOWN else float(bucket)


@dataclass(frozen=True, slots=True, eq=False)
class GainForecast:
    """What the gain model says of each option: shares of the gain that it promises, and tokens."""

    planned_share: Floats
    mean_share: Floats
    low_share: Floats
    high_share: Floats
    planned_tokens: Floats
    mean_tokens: Floats

    def planned(self, at: int, option: EditOption, promised: float) -> PlannedEdit:
        """Return an option as an order, with what is expected of it if it promises so much."""
        gain, sure = max(promised, 0.0), not option.cost
        ends = sorted((float(self.low_share[at]) * gain, float(self.high_share[at]) * gain))
        expected = Expected(
            promised=promised,
            merit=option.gain,
            mean_gain=promised if sure else float(self.mean_share[at]) * gain,
            interval=None if sure else (ends[0], ends[1]),
            mean_tokens=float(self.mean_tokens[at]),
        )
        return PlannedEdit(
            option.order,
            # A loss is not made smaller by doubt.
            promised * float(self.planned_share[at]) if promised > 0 else promised,
            float(self.planned_tokens[at]),
            option.stratum_from,
            option.stratum_to,
            expected,
            option.subject,
        )


def forecast_gains(options: Sequence[EditOption], gain_model: GainModel) -> GainForecast:
    """Ask the gain model about options; those that ask no model bring their promise for nothing."""
    count = len(options)
    one, none = np.ones(count), np.zeros(count)
    found = GainForecast(one, one.copy(), one.copy(), one.copy(), none, none.copy())
    by_name: dict[str, list[int]] = {}
    for at, option in enumerate(options):
        if option.cost:
            by_name.setdefault(option.order.operation, []).append(at)
    # What an option is taken to cost holds until its operation was tried.
    taken = {name: options[strata[0]].cost for name, strata in by_name.items()}
    gain_model = replace(gain_model, priors={**gain_model.priors, **taken})
    for name, strata in by_name.items():
        rows = [
            features_of(options[at].chars, options[at].stratum_from, options[at].stratum_to)
            for at in strata
        ]
        told = gain_model.estimate(name, np.array(rows, np.float64))
        found.planned_tokens[strata] = told.planned_tokens
        found.mean_tokens[strata] = told.tokens.mean
        if name in LOOKING:
            # A look is worth what it is worth whatever is seen.
            continue
        found.planned_share[strata] = told.planned_share
        found.mean_share[strata] = told.share.mean
        found.low_share[strata] = told.share.low
        found.high_share[strata] = told.share.high
    return found

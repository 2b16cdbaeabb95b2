"""The budget program, stated once in CVXPY and solved by HiGHS.

Only this module imports CVXPY. It is made for small sets of options: CVXPY needs 40 s and 6 GB
merely to write down the program of a million items, so large instances arrive here as samples and
cores (see `burnish.tools.planning.lagrangian`), with the limits that the rest leaves over.
"""

# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, SupportsFloat, cast

import numpy as np

from burnish.tools.arrays import Floats, Ints
from burnish.tools.planning.problem import Instance

if TYPE_CHECKING:
    import cvxpy as cp
    from highspy import HighsInfo

Status = Literal["optimal", "stopped", "infeasible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverSettings:
    """How hard HiGHS tries."""

    integer: bool = True
    gap: float = 0.0
    """Largest distance to the bound, in units of gain, at which a search may stop."""
    nodes: int = 5_000
    """Most nodes of a search: the usual limit, which does not depend on how busy the machine is."""
    seconds: float = 300.0
    """Wall time for one search, for emergencies; HiGHS overshoots it by half at times."""
    penalty: float | None = None
    """Loss of gain for each unit by which a quota is broken; None keeps quotas hard."""
    objective: bool = True
    """False seeks the smallest breach alone, whatever the gain."""


@dataclass(frozen=True, slots=True, eq=False)
class ProgramSolution:
    """What HiGHS found for a subset of the options."""

    status: Status
    share: Floats | None
    """How much of each option is taken, 0 to 1; None when nothing was found."""
    value: float
    bound: float
    """No better value exists under these limits (infinite when the search proved nothing)."""
    prices: Floats
    """Shadow price of each limit, at least 0; meaningful for a relaxed program only."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stated:
    problem: "cp.Problem"
    share: "cp.Variable"
    rows: "list[cp.Constraint]"
    gain_unit: float
    row_units: Floats


def solve(
    instance: Instance, options: Ints, limits: Floats, settings: SolverSettings
) -> ProgramSolution:
    """Solve the program over some options of an instance, under limits of its own.

    The limits hold for the answer up to the tolerance of HiGHS (about 1e-6 of a row's unit): check
    a rounded answer on the raw data.
    """
    import cvxpy as cp

    if not len(options):
        return _empty(limits, settings)
    stated = _state(instance, options, limits, settings)
    choices = {"time_limit": settings.seconds, "random_seed": 0, "output_flag": False}
    if settings.integer:
        choices |= {"mip_rel_gap": 0.0, "mip_abs_gap": settings.gap / stated.gain_unit}
        choices |= {"mip_max_nodes": settings.nodes}
    with warnings.catch_warnings(), _quietly():
        warnings.simplefilter("ignore")
        try:
            stated.problem.solve(solver=cp.HIGHS, highs_options=choices)
        except cp.error.SolverError:
            return _nothing("stopped", len(limits))
    return _read(stated, settings)


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def _quietly() -> Generator[None]:
    """Make solvers that print nothing, not even when they are made."""
    _hush_banner()
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


@cache
def _hush_banner() -> None:
    """Have `output_flag` off before callbacks are enabled, where `_quietly` asks for it.

    highspy 1.16 enables them while it makes a solver and prints two lines of banner to standard
    output then; CVXPY passes options only afterwards. Nobody else's solvers change.
    """
    from highspy import Highs

    enable = Highs.enableCallbacks

    def enable_after_silence(solver: Highs) -> None:
        if _quiet.get():
            solver.silent()
        enable(solver)

    Highs.enableCallbacks = enable_after_silence


def _state(instance: Instance, options: Ints, limits: Floats, settings: SolverSettings) -> _Stated:
    """State the program: the one place where the model is written."""
    import cvxpy as cp
    import scipy.sparse as sp

    count = len(options)
    owners, owner = np.unique(instance.item[options], return_inverse=True)
    membership = sp.csr_array(
        (np.ones(count), (owner, np.arange(count))), shape=(len(owners), count)
    )
    # HiGHS compares with absolute tolerances of about 1e-6. Gains of 1e-4 and costs of 1e6 would be
    # noise and rounding to it, so both are scaled to at most 1 and scaled back when read.
    gain = instance.gain[options]
    gain_unit = float(np.abs(gain).max(initial=0.0)) if settings.objective else 1.0
    gain_unit = gain_unit or 1.0
    cost = instance.cost[options]
    cost_unit = float(cost.max(initial=0.0)) or 1.0
    row_units = np.ones(len(limits))
    row_units[0] = cost_unit

    share = cp.Variable(count, bounds=[0, 1], integer=settings.integer)
    constraints = [cast("cp.Constraint", membership @ share <= 1)]
    within = (cost / cost_unit) @ share <= limits[0] / cost_unit
    rows = [cast("cp.Constraint", within)]
    objective = (gain / gain_unit) @ share if settings.objective else 0
    if len(limits) > 1:
        effects = instance.effects
        places = (effects.row, effects.signature)
        table = sp.csc_array((effects.amount, places), shape=(effects.rows, effects.signatures))[
            :, instance.signature[options]
        ]
        if settings.penalty is None:
            rows.append(table @ share <= limits[1:])
        else:
            breach = cp.Variable(len(limits) - 1, nonneg=True)
            rows.append(table @ share <= limits[1:] + breach)
            objective = objective - settings.penalty / gain_unit * cp.sum(breach)
    problem = cp.Problem(cp.Maximize(objective), constraints + rows)
    return _Stated(problem, share, rows, gain_unit, row_units)


def _read(stated: _Stated, settings: SolverSettings) -> ProgramSolution:
    status = str(stated.problem.status)
    if status.startswith("infeasible"):
        return _nothing("infeasible", len(stated.row_units))
    share = stated.share.value
    if share is None or stated.problem.value is None:
        return _nothing("stopped", len(stated.row_units))
    value = float(cast("SupportsFloat", stated.problem.value)) * stated.gain_unit
    if not np.isfinite(value):
        return _nothing("stopped", len(stated.row_units))
    proven = status == "optimal"
    # A search that was stopped still proves a bound: the best value of its open nodes.
    bound = value if proven else float("inf")
    if settings.integer:
        highs = cast("HighsInfo", stated.problem.solver_stats.extra_stats)
        bound = max(value, -highs.mip_dual_bound * stated.gain_unit)
    prices = np.zeros(len(stated.row_units))
    if not settings.integer:
        duals = [np.atleast_1d(np.asarray(row.dual_value, float)) for row in stated.rows]
        prices = np.maximum(np.concatenate(duals), 0) * stated.gain_unit / stated.row_units
    share = np.asarray(share, np.float64)
    rounded = np.round(share) if settings.integer else np.clip(share, 0, 1)
    return ProgramSolution("optimal" if proven else "stopped", rounded, value, bound, prices)


def _empty(limits: Floats, settings: SolverSettings) -> ProgramSolution:
    breach = -np.minimum(limits, 0)
    hard = breach if settings.penalty is None else breach[:1]
    if hard.any():
        return _nothing("infeasible", len(limits))
    value = -float(breach.sum()) * (settings.penalty or 0.0)
    return ProgramSolution("optimal", np.empty(0), value, value, np.zeros(len(limits)))


def _nothing(status: Status, rows: int) -> ProgramSolution:
    bound = -np.inf if status == "infeasible" else np.inf
    return ProgramSolution(status, None, -np.inf, bound, np.zeros(rows))


def chosen(options: Ints, answer: ProgramSolution) -> Ints:
    """Return the options an integer answer takes."""
    if answer.share is None:
        return options[:0]
    return options[answer.share > 0.5]

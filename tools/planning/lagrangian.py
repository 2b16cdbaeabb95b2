"""Large planning problems: prices from the Lagrangian dual, decisions from a small exact core.

At any prices, letting every item choose for itself gives an upper bound on all plans: that is the
certificate, whoever found the prices. Items whose choice is clear at good prices keep it; the few
that are nearly indifferent form a core that HiGHS solves exactly under what is left of the limits.
Where that still leaves a gap, options that no better plan can contain are struck out and the rest
is solved to proof. Steps and sizes were measured on a million items (gap about 1e-5).
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from burnish.tools.arrays import Floats, Ints
from burnish.tools.planning import integer_program
from burnish.tools.planning.knapsack import Relaxed, fill, hull, spend
from burnish.tools.planning.problem import KEEP, Instance, respond

SAMPLE = 5_000
"""Items in the linear program that yields the first prices."""
CORE = 1_500
"""Items in the first core; it grows threefold when it proves too small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How close to the optimum a plan has to come, and how long that may take."""

    gap: float = 1e-4
    """Relative distance to the bound that is good enough for more than `exact_items` items."""
    exact_items: int = 3_000
    """Up to this many items the optimum itself is proven."""
    evaluations: int = 60
    """Evaluations of the dual; one takes about 0.06 s for a million items with six options."""
    seconds: float = 300.0
    """Wall time for one search of HiGHS, for emergencies: its nodes are what is counted."""
    seed: int = 0


class Dual(NamedTuple):
    """Prices, and the bound they certify."""

    prices: Floats
    bound: float


class Solved(NamedTuple):
    """The best plan found for an instance; `chosen` is None when no plan was found at all."""

    chosen: Ints | None
    value: float
    dual: Dual
    bound: float
    relaxed: Relaxed | None = None

    @property
    def gap(self) -> float:
        """Return the certified relative distance between value and bound."""
        return relative(self.value, self.bound)


def relative(value: float, bound: float) -> float:
    """Return (bound - value) / bound, 0 when both agree."""
    if value == bound:
        return 0.0
    distance = max(bound - value, 0.0)
    if not np.isfinite(distance):
        return float("inf")
    return distance / abs(bound) if bound and distance else distance


def bound_at(instance: Instance, prices: Floats) -> tuple[float, Floats]:
    """Return the Lagrangian bound at some prices, and its slope in them."""
    response = respond(instance, prices)
    bound = float(prices @ instance.limits) + float(response.best.sum())
    return bound, instance.limits - instance.usage(response.chosen)


def first_prices(instance: Instance, effort: Effort) -> Floats:
    """Price the limits on a random sample, whose limits are scaled down with it."""
    sample = min(SAMPLE, instance.items)
    if sample == instance.items:
        items = np.arange(sample)
    else:
        # The duals of a random sample under limits scaled with it converge to those of the whole as
        # the sample grows (Agrawal, Wang & Ye, Operations Research 62, 2014); they are only a
        # start.
        rng = np.random.default_rng(effort.seed)
        items = np.sort(rng.choice(instance.items, sample, replace=False))
    options = instance.options_of(items)
    penalty = penalty_of(instance)
    settings = integer_program.SolverSettings(
        integer=False, penalty=penalty, seconds=effort.seconds
    )
    limits = instance.limits * (sample / max(instance.items, 1))
    return integer_program.solve(instance, options, limits, settings).prices


def penalty_of(instance: Instance) -> float:
    """Price a broken quota above anything an item can gain."""
    return 20.0 * (float(np.abs(instance.gain).max(initial=0.0)) or 1.0)


def minimise(
    instance: Instance, start: Floats, effort: Effort, ceiling: float | None = None
) -> Dual:
    """Lower the bound over prices, from `start`; a `ceiling` caps the prices of quotas.

    L-BFGS-B on a function with kinks: it stops short of the optimum, but every value it sees is a
    bound, and the best one is returned.
    """
    import scipy.optimize as so

    # L-BFGS-B takes one step length for all coordinates, but a price of tokens and one of a quota
    # differ by orders of magnitude: it sees them in units of their own.
    unit = _units(instance, start)
    bound, _ = bound_at(instance, start)
    best = [Dual(start, bound)]
    # Dividing by a bound next to nothing, as a budget of 1e-300 gives, would overflow.
    scale = abs(bound) if abs(bound) > 1e-200 else 1.0

    def descend(point: Floats) -> tuple[float, Floats]:
        prices = point * unit
        value, slope = bound_at(instance, prices)
        if value < best[0].bound:
            best[0] = Dual(prices, value)
        return value / scale, slope * unit / scale

    caps = [None] + [None if ceiling is None else ceiling / float(u) for u in unit[1:]]
    # The function is convex but has a kink wherever an item changes its choice, so the line search
    # may give up early. That costs nothing but tightness: by weak duality each value is a bound.
    so.minimize(
        descend,
        start / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, cap) for cap in caps],
        options={"maxfun": effort.evaluations, "maxiter": effort.evaluations, "ftol": 1e-12},
    )
    return best[0]


def _units(instance: Instance, start: Floats) -> Floats:
    """Return a scale for each price, so that a step of 0.1 means the same for all."""
    worth = float(np.abs(instance.gain).mean()) if len(instance.gain) else 1.0
    spent = float(instance.cost.mean()) if len(instance.cost) else 1.0
    typical = np.full(len(start), worth or 1.0)
    typical[0] = (worth or 1.0) / (spent or 1.0)
    return np.maximum(start, typical)


class Core(NamedTuple):
    """A part of the items left open, the others held at their choice."""

    options: Ints
    held: Ints
    limits: Floats
    value: float
    """Gain of what is held."""


def core_of(instance: Instance, prices: Floats, size: int) -> Core:
    """Open the `size` items that are nearest to indifference at these prices."""
    response = respond(instance, prices)
    # The margin is what an item loses by its second best choice. Where it is large, no small change
    # of prices makes the item choose otherwise; the core is where the optimum can differ (the "core
    # concept" of Balas & Zemel, Operations Research 28, 1980).
    if size >= instance.items:
        items = np.arange(instance.items)
    else:
        items = np.sort(np.argpartition(response.margin, size)[:size])
    picks = response.picks.copy()
    picks[items] = KEEP
    held = picks[picks != KEEP]
    left = instance.limits - instance.usage(held)
    return Core(instance.options_of(items), held, left, instance.value(held))


def solve(instance: Instance, effort: Effort, start: Floats | None = None) -> Solved:
    """Find a plan and a bound: as good as `effort` asks for, or the best that time allows.

    `start` are prices to begin with, such as those of the same instance at another budget. A
    result without a plan means that none was found; with an infinite loss as its bound, that
    none exists.
    """
    prices = first_prices(instance, effort) if start is None and len(instance.limits) > 1 else start
    # Where no quota has a price, none binds at the optimum of the relaxation: greedy spending alone
    # is tried first, and kept where its plan happens to keep the quotas too.
    solved = _without_rows(instance) if prices is None or not prices[1:].any() else None
    if solved is None:
        if prices is None:
            prices = first_prices(instance, effort)
        dual = minimise(instance, prices, effort)
        solved = Solved(None, -np.inf, dual, dual.bound)
        solved = _through_cores(instance, solved, effort)
    exact = instance.items <= effort.exact_items
    if solved.gap > (0.0 if exact else effort.gap):
        solved = _to_proof(instance, solved, effort)
    return solved


def _without_rows(instance: Instance) -> Solved | None:
    """Spend the budget greedily; None when that plan breaks a quota."""
    greedy = spend(instance, hull(instance), float(instance.limits[0]))
    if not instance.feasible(greedy.chosen):
        return None
    prices = np.zeros(len(instance.limits))
    prices[0] = greedy.price
    return Solved(
        greedy.chosen, greedy.value, Dual(prices, greedy.bound), greedy.bound, greedy.relaxed
    )


def _through_cores(instance: Instance, solved: Solved, effort: Effort) -> Solved:
    # A small instance goes to a proof afterwards anyway, so its core may stop early; of a large one
    # the core has the last word and must leave room for the distance of the dual.
    part = 2 if instance.items <= effort.exact_items else 0.25
    goal = part * effort.gap * abs(solved.bound)
    for core in _cores(instance, solved.dual.prices):
        # The linear program of a core costs next to nothing and says two things before the search:
        # better prices for the whole, and whether this core can reach the bound at all.
        linear = integer_program.solve(
            instance,
            core.options,
            core.limits,
            integer_program.SolverSettings(integer=False, seconds=effort.seconds),
        )
        if linear.share is None:
            continue
        solved = _with_prices(instance, solved, linear.prices)
        solved = solved._replace(relaxed=Relaxed(core.held, core.options, linear.share))
        whole = len(core.held) == 0
        if not whole and relative(core.value + linear.value, solved.bound) > effort.gap / 2:
            continue
        settings = integer_program.SolverSettings(gap=goal, seconds=effort.seconds)
        solved = _with_core(instance, solved, core, settings)
        if solved.chosen is not None:
            break
    return solved


def _cores(instance: Instance, prices: Floats) -> Iterator[Core]:
    for size in (CORE, 3 * CORE, 9 * CORE):
        yield core_of(instance, prices, size)
        if size >= instance.items:
            return


def _with_prices(instance: Instance, solved: Solved, prices: Floats) -> Solved:
    """Adopt prices that certify a better bound."""
    bound, _ = bound_at(instance, prices)
    if bound >= solved.dual.bound:
        return solved
    return solved._replace(dual=Dual(prices, bound), bound=min(bound, solved.bound))


def _with_core(
    instance: Instance, solved: Solved, core: Core, settings: integer_program.SolverSettings
) -> Solved:
    """Solve a core and adopt its plan when it is better; limits are tightened if rounding bites."""
    limits = core.limits
    for _ in range(4):
        answer = integer_program.solve(instance, core.options, limits, settings)
        if answer.share is None:
            return solved
        chosen = np.concatenate((core.held, integer_program.chosen(core.options, answer)))
        excess = instance.excess(chosen)
        if not excess.any():
            return adopt(instance, solved, chosen)
        # HiGHS keeps rows to 1e-6; twice the excess as a margin ends it in a round or two.
        limits = limits - 2 * excess
    return solved


def adopt(instance: Instance, solved: Solved, chosen: Ints) -> Solved:
    """Take a feasible plan if it beats the one so far."""
    picks = np.full(instance.items, KEEP, np.int64)
    picks[instance.item[chosen]] = chosen
    if len(instance.limits) == 1:
        picks = fill(instance, picks, float(instance.limits[0]))
    chosen = np.sort(picks[picks != KEEP])
    value = instance.value(chosen)
    if value <= solved.value:
        return solved
    return solved._replace(chosen=chosen, value=value, bound=max(solved.bound, value))


def _to_proof(instance: Instance, solved: Solved, effort: Effort) -> Solved:
    """Strike out what no better plan can contain, and solve the rest to the end.

    An option is out when even the bound with that option forced falls below the plan at hand
    (reduced-cost fixing); an item whose other options, keep included, are all out is settled.
    """
    core = _open(instance, solved)
    if core is None:
        return solved
    goal = 0.0 if instance.items <= effort.exact_items else effort.gap / 2 * abs(solved.bound)
    settings = integer_program.SolverSettings(gap=goal, seconds=effort.seconds)
    answer = integer_program.solve(instance, core.options, core.limits, settings)
    if answer.status == "infeasible" and solved.chosen is None:
        return solved._replace(bound=-np.inf)
    if answer.share is not None:
        chosen = np.concatenate((core.held, integer_program.chosen(core.options, answer)))
        if instance.feasible(chosen):
            solved = adopt(instance, solved, chosen)
        else:
            solved = _with_core(instance, solved, core, settings)
    proven = max(core.value + answer.bound, solved.value)
    return solved._replace(bound=min(solved.bound, proven))


OPEN_LIMIT = 60_000
"""Options that an exact search is given at most: beyond it HiGHS finds nothing in minutes."""


def _open(instance: Instance, solved: Solved) -> Core | None:
    """Return what is still undecided; None when that is too much for an exact search."""
    prices = solved.dual.prices
    bound = solved.dual.bound
    response = respond(instance, prices)
    toll = instance.effects.toll(prices[1:])
    reduced = instance.gain - prices[0] * instance.cost - toll[instance.signature]
    # With option o forced, item i adds its reduced gain instead of its best one, so the bound falls
    # by the difference. Below the plan at hand, o is in no better plan: reduced-cost fixing.
    slack = 1e-9 * (1 + abs(bound))
    alive = bound - (response.best[instance.item] - reduced) >= solved.value - slack
    keep = bound - response.best >= solved.value - slack
    choices = np.bincount(instance.item[alive], minlength=instance.items) + keep
    # One way left and it is not to leave the item alone: that way is taken.
    settled = (choices == 1) & ~keep
    mine = settled[instance.item]
    held = np.flatnonzero(alive & mine)
    options = np.flatnonzero(alive & ~mine)
    if len(options) > OPEN_LIMIT:
        return None
    left = instance.limits - instance.usage(held)
    return Core(options, held, left, instance.value(held))


def least_breach(instance: Instance, effort: Effort) -> tuple[Ints, bool]:
    """Return a plan within the budget that breaks the quotas least, and whether that is proven.

    The breach is summed over quotas, in items. Small instances are solved for it alone; in large
    ones it is priced above any gain and only a core decides.
    """
    if instance.items <= effort.exact_items:
        options = np.arange(len(instance.gain))
        settings = integer_program.SolverSettings(
            penalty=1.0, objective=False, seconds=effort.seconds
        )
        answer = integer_program.solve(instance, options, instance.limits, settings)
        return integer_program.chosen(options, answer), answer.status == "optimal"
    penalty = penalty_of(instance)
    dual = minimise(instance, first_prices(instance, effort), effort, penalty)
    core = core_of(instance, dual.prices, 3 * CORE)
    settings = integer_program.SolverSettings(
        penalty=penalty, gap=effort.gap * abs(core.value), seconds=effort.seconds
    )
    answer = integer_program.solve(instance, core.options, core.limits, settings)
    return np.concatenate((core.held, integer_program.chosen(core.options, answer))), False

"""Rebalancing of MMLU without a language model: skewed subsamples, mended from a reserve pool.

Each seed draws half of the models; their answers alone give difficulties (Rasch) and so the cells
(subject by difficulty bucket). A subsample whose subjects and difficulties are skewed on purpose is
then brought towards the full set's distribution by removing items (free) and drawing unused ones
(an item's length in tokens). Rankings of models are compared for the models held out as well.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from scipy.stats import kendalltau, spearmanr

from burnish.eval.datasets.mmlu import Mmlu
from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.balance import greedy
from burnish.tools.balance.divergence import OUTSIDE, sampled_floor
from burnish.tools.balance.moves import Rebalancing, remove_and_draw
from burnish.tools.balance.rebalance import plan_once, rebalance
from burnish.tools.balance.target_plan import Doubtful, plan_towards
from burnish.tools.planning.estimates import Estimates, from_table
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.quotas import Quota, Quotas
from burnish.tools.profile.rasch import fit_rasch, from_matrix

BUCKET_QUANTILES = (0.6, 0.75, 0.9)
"""Quantiles of the full set's difficulties at which buckets begin; most items are easy for all."""
SUBJECT_SKEW, DIFFICULTY_SKEW = 1.2, 0.6
"""Standard deviations of the log-weights by subject, and of their slope by bucket."""
SIZE_MIN, SIZE_MAX = 0.9, 1.1
"""Final size, as shares of the subsample's."""
BUDGETS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""As shares of what the plan without a budget costs."""

Method = Callable[[Rebalancing], Ints]


@dataclass(frozen=True, slots=True)
class Setting:
    """Sizes of the experiment."""

    size: int = 2_000
    budgets: tuple[float, ...] = BUDGETS
    floor_draws: int = 200


@dataclass(frozen=True, slots=True)
class RankingAgreement:
    """How models fare on a part of the set, against the full set."""

    kendall: float
    spearman: float
    error: float
    """Mean absolute difference of accuracies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceTrial:
    """One method at one budget for one seed."""

    seed: int
    method: str
    budget: float
    """As a share of the cost of the plan without a budget."""
    before: float
    after: float
    floor: float
    """Mean divergence of random samples of the same size from the target."""
    spent: float
    """Tokens, as a share of the budget."""
    size: int
    drawn: int
    skewed_ranking: RankingAgreement
    ranking: RankingAgreement
    """Of all models."""
    fair_ranking: RankingAgreement
    """On a random sample of the full set: how well a set of this size can do."""
    skewed_heldout: RankingAgreement
    heldout: RankingAgreement
    """Of the models that had no part in the difficulties."""
    fair_heldout: RankingAgreement

    @property
    def reduction(self) -> float:
        """Return the part of the divergence above the floor that is gone (may exceed 1)."""
        return (self.before - self.after) / (self.before - self.floor)

    def as_json(self) -> dict[str, object]:
        """Return all figures."""
        return {**asdict(self), "reduction": self.reduction}


@dataclass(frozen=True, slots=True, eq=False)
class Skewed:
    """A subsample with its pool."""

    cells: Ints
    """Cell of each item of the full set."""
    target: Floats
    chosen: Ints
    """Items of the subsample."""
    pool: Ints
    """Items left."""
    heldout: Flags
    """Models without a part in the difficulties."""


def methods(seed: int) -> Mapping[str, Method]:
    """Return the methods compared, burnish first."""
    return {
        "burnish": planned,
        "greedy": greedy.greedy,
        "uniform": partial(greedy.uniform, seed=seed),
        "random": partial(greedy.random, seed=seed),
        "one plan": plan_once,
        "adaptive greedy": lambda problem: greedy.adaptive_greedy(problem).chosen,
    }


def planned(problem: Rebalancing) -> Ints:
    """Plan as a round of `burnish run` does."""
    sizes = (
        Quota("size", "", "count", "min", problem.size_min),
        Quota("size", "", "count", "max", problem.size_max),
    )
    certain = Doubtful(problem, np.ones(len(problem.moves.item)))
    table = table_of(problem)
    return plan_towards(certain, table, problem.budget, Quotas(sizes), Effort(), ()).chosen


def table_of(problem: Rebalancing) -> Estimates:
    """Return removals and draws as a table of options, and after them rows to keep the items."""
    moves = problem.moves
    draws = moves.cell_from == OUTSIDE
    homes = np.flatnonzero(~draws)
    names: list[str] = np.where(draws, "draw", "remove").tolist()
    table = pa.table({
        "item": pa.array(np.concatenate((moves.item, moves.item[homes]))),
        "operation": pa.array([*names, *(["keep"] * len(homes))]),
        "gain": pa.array(np.zeros(len(draws) + len(homes))),
        "cost": pa.array(np.concatenate((moves.cost, np.zeros(len(homes))))),
        "cell_from": _cells(np.concatenate((moves.cell_from, moves.cell_from[homes]))),
        "cell_to": _cells(np.concatenate((moves.cell_to, moves.cell_from[homes]))),
    })
    return from_table(table, "the options")


def _cells(codes: Ints) -> pa.Array:
    return pa.array([None if code == OUTSIDE else f"cell {code}" for code in codes.tolist()])


def skewed(data: Mmlu, size: int, seed: int) -> Skewed:
    """Draw a subsample whose subjects and difficulties are skewed on purpose."""
    rng = np.random.default_rng(seed)
    models = len(data.models)
    heldout = np.ones(models, np.bool_)
    heldout[rng.choice(models, models // 2, replace=False)] = False
    fit = fit_rasch(from_matrix(data.correct[:, ~heldout].astype(np.float64)))
    bucket = np.digitize(fit.difficulty, np.quantile(fit.difficulty, BUCKET_QUANTILES))
    buckets = len(BUCKET_QUANTILES) + 1
    cells = data.subject * buckets + bucket
    counts = np.bincount(cells, minlength=len(data.subjects) * buckets)
    by_subject = rng.normal(0, SUBJECT_SKEW, len(data.subjects))
    slope = rng.normal(0, DIFFICULTY_SKEW)
    weight = np.exp(by_subject[data.subject] + slope * bucket)
    chosen = rng.choice(len(cells), size, replace=False, p=weight / weight.sum())
    pool = np.setdiff1d(np.arange(len(cells)), chosen)
    return Skewed(cells, counts / counts.sum(), np.sort(chosen), pool, heldout)


def problem_of(data: Mmlu, drawn: Skewed, budget: float) -> Rebalancing:
    """State the rebalancing of a subsample."""
    cells, size = drawn.cells, len(drawn.chosen)
    return Rebalancing(
        counts=np.bincount(cells[drawn.chosen], minlength=len(drawn.target)),
        target=drawn.target,
        moves=remove_and_draw(cells[drawn.chosen], cells[drawn.pool], data.tokens[drawn.pool]),
        budget=budget,
        size_min=int(np.ceil(SIZE_MIN * size)),
        size_max=int(SIZE_MAX * size),
    )


def refined(drawn: Skewed, options: Ints) -> Ints:
    """Return the items of the set after the chosen options."""
    size = len(drawn.chosen)
    stays = np.setdiff1d(np.arange(size), options)
    joins = options[options >= size] - size
    return np.concatenate((drawn.chosen[stays], drawn.pool[joins]))


def trials(data: Mmlu, setting: Setting, seed: int) -> list[RebalanceTrial]:
    """Run all methods at all budgets for one seed."""
    drawn = skewed(data, setting.size, seed)
    free = problem_of(data, drawn, float(data.tokens.sum()))
    whole = rebalance(free).cost
    found: list[RebalanceTrial] = []
    fair = np.random.default_rng(seed).choice(len(drawn.cells), setting.size, replace=False)
    heldout = data.correct[:, drawn.heldout]
    floor = sampled_floor(drawn.target, setting.size, draws=setting.floor_draws, seed=seed).value
    for share in setting.budgets:
        problem = problem_of(data, drawn, share * whole)
        for name, method in methods(seed).items():
            options = method(problem)
            if not problem.allows(options):
                raise AssertionError(f"{name} broke a limit")
            items = refined(drawn, options)
            found.append(
                RebalanceTrial(
                    seed=seed,
                    method=name,
                    budget=share,
                    before=problem.divergence(options[:0]),
                    after=problem.divergence(options),
                    floor=floor,
                    spent=problem.cost(options) / problem.budget,
                    size=len(items),
                    drawn=int((options >= setting.size).sum()),
                    skewed_ranking=ranking(data.correct, drawn.chosen),
                    ranking=ranking(data.correct, items),
                    fair_ranking=ranking(data.correct, fair),
                    skewed_heldout=ranking(heldout, drawn.chosen),
                    heldout=ranking(heldout, items),
                    fair_heldout=ranking(heldout, fair),
                )
            )
    return found


def ranking(correct: Flags, items: Ints) -> RankingAgreement:
    """Compare the models' accuracies on some items with those on all."""
    part, full = correct[items].mean(axis=0), correct.mean(axis=0)
    return RankingAgreement(
        float(np.asarray(kendalltau(part, full))[0]),
        float(np.asarray(spearmanr(part, full))[0]),
        float(np.abs(part - full).mean()),
    )

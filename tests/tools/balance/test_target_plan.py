from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burnish.eval.questions.rebalance import table_of
from burnish.tools.arrays import Floats
from burnish.tools.balance.moves import Rebalancing, remove_and_draw
from burnish.tools.balance.rebalance import rebalance
from burnish.tools.balance.target_plan import Doubtful, Towards, plan_towards
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.quotas import InfeasibleQuotasError, Quota, Quotas


def _problem(seed: int, budget: float) -> Rebalancing:
    rng = np.random.default_rng(seed)
    target = rng.dirichlet(np.full(5, 2.0))
    homes = rng.choice(5, 40, p=rng.dirichlet(np.ones(5)))
    joins = rng.choice(5, 40, p=target)
    options = remove_and_draw(homes, joins, np.ceil(rng.lognormal(3.0, 0.7, 40)))
    return Rebalancing(np.bincount(homes, minlength=5), target, options, budget, 36, 44)


def _planned(problem: Rebalancing, *more: Quota, share: Floats | None = None) -> Towards:
    sizes = (
        Quota("size", "", "count", "min", float(problem.size_min)),
        Quota("size", "", "count", "max", float(problem.size_max)),
    )
    doubtful = Doubtful(problem, np.ones(len(problem.moves.item)) if share is None else share)
    quotas = Quotas((*sizes, *more))
    return plan_towards(doubtful, table_of(problem), problem.budget, quotas, Effort(), ())


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1_000), budget=st.floats(0, 900))
@example(seed=0, budget=2.2250738585e-313)
def test_a_plan_is_as_good_as_the_rounds_and_says_its_true_divergence(
    seed: int, budget: float
) -> None:
    problem = _problem(seed, budget)
    found = _planned(problem)
    assert problem.allows(found.chosen)
    assert found.score == pytest.approx(problem.divergence(found.chosen))
    assert found.score <= rebalance(problem).score + 1e-3
    assert found.plan.gap <= 1e-4


def test_gains_add_up_to_nearly_the_true_fall_of_the_divergence() -> None:
    problem = _problem(3, 300.0)
    found = _planned(problem)
    fall = problem.divergence(found.chosen[:0]) - found.score
    assert found.promised[found.chosen].sum() == pytest.approx(fall, rel=0.1)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1_000), most=st.integers(0, 12))
def test_operations_can_be_bounded_together_and_the_plan_still_helps(seed: int, most: int) -> None:
    problem = _problem(seed, 600.0)
    found = _planned(problem, Quota("operation", "draw + remove", "count", "max", float(most)))
    assert len(found.chosen) <= most
    assert found.score <= problem.divergence(found.chosen[:0]) + 1e-12
    if most >= 4:
        assert found.score < problem.divergence(found.chosen[:0])


def test_a_quota_far_from_the_target_is_met_and_the_rest_makes_up_for_it() -> None:
    problem = _problem(1, 600.0)
    free = problem.counts_after(_planned(problem).chosen)
    wanted = float(free[0] - 3)
    bound = (Quota("cell", "cell 0", "count", sense, wanted) for sense in ("min", "max"))
    found = _planned(problem, *bound)
    assert problem.counts_after(found.chosen)[0] == wanted
    assert found.score < problem.divergence(found.chosen[:0])


def test_what_cannot_be_met_is_told() -> None:
    with pytest.raises(InfeasibleQuotasError, match="cell 0"):
        _planned(_problem(1, 0.0), Quota("cell", "cell 0", "count", "min", 300.0))


def test_what_often_fails_is_ordered_where_nothing_surer_is_at_hand() -> None:
    homes, joins = np.zeros(20, np.int64), np.ones(20, np.int64)
    options = remove_and_draw(homes, joins, np.full(20, 10.0))
    problem = Rebalancing(np.array([20, 0]), np.array([0.5, 0.5]), options, 50.0, 20, 30)
    surer = np.arange(40) % 2 == 0
    share = np.where(options.cell_to == 1, np.where(surer, 0.9, 0.2), 1.0)
    found = _planned(problem, share=share)
    drawn = found.chosen[options.cell_to[found.chosen] == 1]
    assert len(drawn) == 5
    assert surer[drawn].all()
    expected = problem.counts.astype(float)
    expected[1] += 0.9 * 5
    expected[0] -= len(found.chosen) - 5
    whole = Doubtful(replace(problem), share).score(found.chosen)
    assert whole == found.score
    assert 0 < whole < problem.divergence(found.chosen[:0])

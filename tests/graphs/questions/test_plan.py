from math import ceil

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from burnish.agents.operations.operation import EditOrder
from burnish.graphs.questions.plan.solve import OptionEstimates, RoundInput, solve_round
from burnish.graphs.questions.state.candidates import EarlierRounds, EditOption, StandingItems
from burnish.graphs.questions.state.target import Target
from burnish.graphs.runs.question_settings import QaSettings


@st.composite
def _sets(draw: st.DrawFn) -> tuple[list[int], list[int], list[float]]:
    size = draw(st.integers(1, 6))
    now = draw(st.lists(st.integers(0, 12), min_size=size, max_size=size))
    now[0] += 1
    more = draw(st.lists(st.integers(0, 12), min_size=size, max_size=size))
    shares = draw(st.lists(st.floats(0.05, 1.0), min_size=size, max_size=size))
    return now, more, shares


@settings(max_examples=10, deadline=None)
@given(_sets(), st.floats(0.4, 1.3))
def test_a_plan_keeps_the_size_within_its_bounds(
    found: tuple[list[int], list[int], list[float]], cap: float
) -> None:
    now, more, shares = found
    strata = tuple(f"cell{at}" for at in range(len(now)))
    target = Target(strata, np.array(shares) / sum(shares), None, "")
    items = StandingItems(
        [f"{s}-{n}" for s, count in zip(strata, now, strict=True) for n in range(count)],
        [stratum for stratum, count in zip(strata, now, strict=True) for _ in range(count)],
    )
    count = len(items.ids)
    removals = [
        EditOption(name, EditOrder("remove"), stratum, "", subject=name)
        for name, stratum in zip(*items, strict=True)
    ]
    draws = [
        EditOption(f"{stratum}+{n}", EditOrder("draw"), "", stratum)
        for stratum, count in zip(strata, more, strict=True)
        for n in range(count)
    ]
    bounds = QaSettings(size_floor=min(cap, 0.9), size_cap=cap)
    options = [*removals, *draws]
    chosen = _chosen(options, RoundInput(items, target, EarlierRounds(count, 0), 0.0), bounds)
    size = count + sum(1 if one.order.operation == "draw" else -1 for one in chosen)
    least = ceil(bounds.size_floor * count)
    assert least <= size <= max(int(cap * count), least)


def _chosen(options: list[EditOption], given: RoundInput, bounds: QaSettings) -> list[EditOption]:
    counted = OptionEstimates(np.ones(len(options)), np.array([one.cost for one in options]))
    found = solve_round(options, counted, given, bounds)
    return [options[at] for at in found.chosen.tolist()]


@st.composite
def _rounds(draw: st.DrawFn) -> tuple[StandingItems, list[EditOption], int, int]:
    """A set with drawable items and items that can be changed, most edits, and edits so far."""
    strata = ["a", "b", "c"][: draw(st.integers(1, 3))]
    items = StandingItems([], [])
    options: list[EditOption] = []
    for number in range(draw(st.integers(2, 25))):
        name = str(number)
        stratum = draw(st.sampled_from(strata))
        items.ids.append(name)
        items.strata.append(stratum)
        for each in draw(st.sets(st.sampled_from(("remove", "rephrase", "recalibrate", "check")))):
            to = {"remove": "", "recalibrate": draw(st.sampled_from(strata))}.get(each, stratum)
            gain = draw(st.floats(0, 0.01))
            options.append(EditOption(name, EditOrder(each), stratum, to, gain, 1.0))
    for number in range(draw(st.integers(0, 20))):
        stratum = draw(st.sampled_from(strata))
        for name in draw(st.sets(st.sampled_from(("draw", "generate", "expand")), min_size=1)):
            order = EditOrder(name, None, stratum, seed=number)
            options.append(EditOption(f"new:{number}", order, "", stratum, cost=1.0))
    return items, options, draw(st.integers(0, 8)), draw(st.integers(0, 4))


@settings(max_examples=12, deadline=None)
@given(_rounds())
def test_no_plan_orders_more_edits_than_are_left(
    found: tuple[StandingItems, list[EditOption], int, int],
) -> None:
    items, options, most, before = found
    assume(options)
    names = tuple(sorted({*items.strata} | {o.stratum_to for o in options} - {""}))
    target = Target(names, np.full(len(names), 1 / len(names)), None, "uniform")
    bounds = QaSettings(max_edits=most, size_floor=0.5, size_cap=1.5)
    earlier = EarlierRounds(len(items.ids), before)
    chosen = _chosen(options, RoundInput(items, target, earlier, 1_000.0), bounds)
    edits = [one for one in chosen if one.order.operation != "check"]
    assert len(edits) <= max(most - before, 0)

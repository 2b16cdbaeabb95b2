"""All that may be done in a round, each with what it is worth by itself and a bound of its cost."""

import numpy as np

from burnish.agents.operations.gain_model import UNTRIED_TOKENS
from burnish.agents.operations.operation import EditOrder
from burnish.corpora.records import QAItem
from burnish.graphs.questions.operate.assembly import allowed, solver_ability
from burnish.graphs.questions.operate.record_graph import CHECK
from burnish.graphs.questions.state.candidates import Candidate, EditOption
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.runs.question_settings import OWN_OPERATIONS
from burnish.graphs.runs.settings import Settings
from burnish.tools.items.checks import faults
from burnish.tools.items.flaws import find_flaws
from burnish.tools.items.near_duplicates import find_copies, item_text
from burnish.tools.profile.cells import UNKNOWN, split_stratum, stratum_name

FAULTY = 0.05
"""What a faulty item is worth less than its fellows, as a share of one item in the set: enough
that it is the first of its stratum to go, too little to take it from a stratum that wants items."""
LOOKED_AT = 1e-9
"""Bits that flagging or checking an item counts for: it is done wherever nothing better is."""
REPHRASED = LOOKED_AT / 10
"""Bits that new words count for: an item is looked at before it is put in other words."""
MOST_NEW = 200
"""New items that are considered for one stratum in one round."""
ANSWER_TOKENS = 500
"""Tokens that one answer of a solver is taken to cost: a question, and a letter or a few words."""
CHECK_TOKENS = 1_500
"""Tokens that checking an item takes at most, where a model is asked."""


def options_of(working: WorkingSet, settings: Settings) -> list[EditOption]:
    """Return all that may be done to the set as it stands."""
    qa, model = settings.qa, bool(settings.llm.endpoint)
    faulty = faulty_items(working)
    worth = FAULTY / max(len(working.stratum), 1)
    options: list[EditOption] = []
    others = [name for name in qa.operations or () if name not in OWN_OPERATIONS]
    for one in working.open_items():
        name, seed = one.item.id, qa.seed
        if allowed(qa, "remove"):
            gain = worth if name in faulty else 0.0
            options.append(EditOption(name, EditOrder("remove", one.item), one.stratum, "", gain))
        if name not in working.looked_at:
            options += _looking(one, settings, faulty=name in faulty)
        if allowed(qa, "mine_distractors") and tells_its_key(one.item):
            options.append(_staying("mine_distractors", one, seed, worth))
        # No figure says what an operation of somebody else's is worth: it is done where it is
        # asked for and nothing better is.
        options += [_staying(foreign, one, seed, REPHRASED) for foreign in others]
        if model:
            options += _written(one, working, settings, worth)
    if allowed(qa, "draw"):
        options += working.draws()
    if model:
        options += _new_items(working, settings)
    return options


def _written(
    one: Candidate, working: WorkingSet, settings: Settings, worth: float
) -> list[EditOption]:
    """Return what a model may do to an item."""
    qa, found, tokens = settings.qa, list[EditOption](), untried(working, settings)
    if allowed(qa, "rewrite_distractors") and tells_its_key(one.item):
        found.append(_staying("rewrite_distractors", one, qa.seed, worth, tokens))
    if allowed(qa, "rephrase"):
        found.append(_staying("rephrase", one, qa.seed, REPHRASED, tokens))
    cell, bucket = split_stratum(one.stratum)
    if not allowed(qa, "recalibrate") or bucket is None or bucket == UNKNOWN:
        return found
    for other in (bucket - 1, bucket + 1):
        stratum = stratum_name(cell, other)
        if stratum in working.target.strata:
            order = EditOrder("recalibrate", one.item, cell, other, qa.seed)
            found.append(EditOption(one.item.id, order, one.stratum, stratum, cost=tokens))
    return found


def _new_items(working: WorkingSet, settings: Settings) -> list[EditOption]:
    """Return new items that strata with too few items want written."""
    qa = settings.qa
    names = [name for name in ("generate", "expand") if allowed(qa, name)]
    if qa.wiki is None:
        names = [name for name in names if name != "expand"]
    held = working.strata()
    counts = working.target.counts(held)
    wanted = (
        np.ceil(working.target.shares * len(working.own.rows) * qa.size_cap).astype(np.int64)
        - counts
    )
    options: list[EditOption] = []
    tokens = untried(working, settings)
    # Each new item has a seed of its own, so that the model takes another fact for each.
    seed = 1 + max((one.planned.order.seed for one in working.done), default=qa.seed)
    for stratum, count in zip(working.target.strata, wanted.tolist(), strict=True):
        cell, bucket = split_stratum(stratum)
        level = None if bucket in {None, UNKNOWN} else bucket
        for number in range(min(count, MOST_NEW)):
            seed += 1
            name = f"new:{stratum}:{number}"
            options += [
                EditOption(name, EditOrder(each, None, cell, level, seed), "", stratum, cost=tokens)
                for each in names
            ]
    return options


def untried(working: WorkingSet, settings: Settings) -> float:
    """Return what an order for a model is taken to cost before it was ever tried."""
    answers = 0 if solver_ability(settings, working) is None else settings.qa.solver_answers
    return float(UNTRIED_TOKENS + answers * ANSWER_TOKENS)


def _looking(one: Candidate, settings: Settings, *, faulty: bool) -> list[EditOption]:
    if faulty and allowed(settings.qa, "flag"):
        return [_staying("flag", one, settings.qa.seed, LOOKED_AT)]
    if settings.qa.check == "edits":
        return []
    cost = CHECK_TOKENS if settings.llm.endpoint else 0
    return [_staying(CHECK, one, settings.qa.seed, LOOKED_AT, cost)]


def _staying(operation: str, one: Candidate, seed: int, gain: float, cost: float = 0) -> EditOption:
    bucket = split_stratum(one.stratum).bucket
    order = EditOrder(operation, one.item, "", None if bucket == UNKNOWN else bucket, seed)
    return EditOption(one.item.id, order, one.stratum, one.stratum, gain, cost)


def tells_its_key(item: QAItem) -> bool:
    """Tell whether the choices want new wrong ones: the key stands out, or two say the same."""
    if len(item.choices) < 2:
        return False
    kinds = {fault.kind for fault in faults(item)}
    return bool(kinds & {"length", "choices"})


def faulty_items(working: WorkingSet) -> frozenset[str]:
    """Return the ids of items whose own text is wrong, and of copies of earlier ones."""
    several = {row.item.id for row in working.own.rows if row.several_keys}
    items = working.items()
    found = {item.id for item in items if find_flaws(item, several_keys=item.id in several)}
    copies = find_copies([item_text(item) for item in items])
    return frozenset(found | {items[copy.item].id for copy in copies})

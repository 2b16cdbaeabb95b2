"""All that may be done in a round without asking a model what it would bring."""

from burnish.agents.editing import Order
from burnish.graphs.qa_cast import allowed
from burnish.graphs.qa_desk import Desk
from burnish.graphs.qa_plan import Candidate, Option
from burnish.graphs.qa_records import CHECK
from burnish.graphs.settings import Settings
from burnish.tools.item_checks import faults
from burnish.tools.item_flaws import find_flaws
from burnish.tools.near_duplicates import find_duplicates, item_text

FAULTY = 0.05
"""What a faulty item is worth less than its fellows, as a share of one item in the set: enough
that it is the first of its place to go, too little to take it from a place that wants items."""
LOOKED_AT = 1e-9
"""Bits that flagging or checking an item counts for: it is done wherever nothing better is."""
CHECK_TOKENS = 1_500
"""Tokens that checking an item takes at most, where a model is asked."""


def options_of(desk: Desk, settings: Settings) -> list[Option]:
    """Return all that may be done to the set as it stands."""
    qa = settings.qa
    faulty = faulty_items(desk)
    worth = FAULTY / max(len(desk.place), 1)
    options: list[Option] = []
    for one in desk.open_items():
        name, seed = one.item.id, qa.seed
        if allowed(qa, "remove"):
            gain = worth if name in faulty else 0.0
            options.append(Option(name, Order("remove", one.item), one.place, "", gain))
        if name not in desk.looked_at:
            options += _looking(one, settings, faulty=name in faulty)
        if allowed(qa, "mine_distractors") and _tells_its_key(one):
            options.append(_staying("mine_distractors", one, seed, worth))
    if allowed(qa, "draw"):
        options += desk.draws()
    return options


def _looking(one: Candidate, settings: Settings, *, faulty: bool) -> list[Option]:
    if faulty and allowed(settings.qa, "flag"):
        return [_staying("flag", one, settings.qa.seed, LOOKED_AT)]
    if settings.qa.check == "edits":
        return []
    cost = CHECK_TOKENS if settings.llm.endpoint else 0
    return [_staying(CHECK, one, settings.qa.seed, LOOKED_AT, cost)]


def _staying(operation: str, one: Candidate, seed: int, gain: float, cost: float = 0) -> Option:
    order = Order(operation, one.item, seed=seed)
    return Option(one.item.id, order, one.place, one.place, gain, cost)


def _tells_its_key(one: Candidate) -> bool:
    """Tell whether the choices want new wrong ones: the key stands out, or two say the same."""
    kinds = {fault.kind for fault in faults(one.item)}
    return len(one.item.choices) > 1 and bool(kinds & {"length", "choices"})


def faulty_items(desk: Desk) -> frozenset[str]:
    """Return the ids of items whose own text is wrong, and of copies of earlier ones."""
    several = {row.item.id for row in desk.own.rows if row.several_keys}
    items = desk.items()
    found = {item.id for item in items if find_flaws(item, several_keys=item.id in several)}
    copies = find_duplicates([item_text(item) for item in items])
    return frozenset(found | {items[copy.item].id for copy in copies if copy.exact})

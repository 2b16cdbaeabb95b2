import asyncio

from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.operations.offline import (
    CellMember,
    Draw,
    Flag,
    MineDistractors,
    OptionIndex,
    Remove,
)
from burnish.agents.operations.operation import EditOrder, Operation
from burnish.corpora.records import QAItem
from burnish.tools.answers.compare import compare
from burnish.tools.items.keys import key_positions, key_text, wrong_choices
from tests.support.word_vectors import WordVectors

METALS = ("iron", "zinc", "lead", "gold", "copper", "nickel", "cobalt", "silver", "mercury", "tin")


def metal_items() -> list[QAItem]:
    return [
        QAItem(f"m{at}", f"Use{at} found{at} in{at} place{at}?", METALS[at],
               tuple(METALS[(at + step) % 10] for step in (0, 3, 4, 7)))
        for at in range(10)
    ]  # fmt: skip


KINDS = ("hard", "soft", "old", "thin", "grey", "blue", "warm", "wet", "flat", "raw", "dry", "odd")


def stone_items() -> list[QAItem]:
    """Return items whose answers, all of two words, are as like other questions as their own."""
    things = ("stone", "ore", "clay", "sand")
    choices = [[f"{kind} {thing}" for thing in things] for kind in KINDS]
    return [
        QAItem(f"s{at}", f"{KINDS[at - 5]} {KINDS[at - 3]} hill{at} {things[at % 4]} is?",
               choices[at][at % 4], tuple(choices[at]))
        for at in range(len(KINDS))
    ]  # fmt: skip


def mining() -> MineDistractors:
    members = [CellMember(item, "chemistry") for item in metal_items()]
    members += [CellMember(item, "geology") for item in stone_items()]
    members.append(CellMember(QAItem("n", "How many?", "7", ("7", "8", "11", "14")), "arithmetic"))
    return MineDistractors(OptionIndex(members, WordVectors()))


def test_a_removed_item_is_gone_and_a_flagged_one_stands() -> None:
    item = metal_items()[0]
    removed = asyncio.run(Remove().apply(EditOrder("remove", item)))
    flagged = asyncio.run(Flag().apply(EditOrder("flag", item)))
    assert (removed.status, removed.before, removed.after) == ("done", item, None)
    assert (flagged.status, flagged.before, flagged.after) == ("flagged", item, item)


def test_every_offline_operation_is_an_operation_that_needs_no_model() -> None:
    ready: list[Operation] = [Remove(), Flag(), Draw(), mining()]
    assert [one.name for one in ready] == ["remove", "flag", "draw", "mine_distractors"]
    assert not any(one.needs_model for one in ready)
    for one in ready:
        assert asyncio.run(one.apply(EditOrder(one.name))).status == "failed"


def test_the_item_that_the_order_names_joins_the_set() -> None:
    item = metal_items()[0]
    drawn = asyncio.run(Draw().apply(EditOrder("draw", item, "chemistry")))
    assert (drawn.status, drawn.before, drawn.after) == ("done", None, item)


@given(st.integers(0, 11), st.integers(0, 50))
def test_mining_keeps_question_and_key_and_borrows_only_from_the_cell(at: int, seed: int) -> None:
    item = stone_items()[at]
    edit = asyncio.run(MINING.apply(EditOrder("mine_distractors", item, seed=seed)))
    if edit.status == "failed":
        assert edit.after == item
        assert edit.reason
        return
    assert edit.status == "done"
    assert edit.after is not None
    assert edit.after.question == item.question
    assert key_text(edit.after) == key_text(item)
    assert len(key_positions(edit.after)) == 1
    wrong = wrong_choices(edit.after)
    assert len(set(wrong)) == 3
    fellows = [one for one in stone_items() if one.id != item.id]
    assert set(wrong) <= {choice for one in fellows for choice in one.choices}
    assert not any(compare(one, item.answer).may_be_same for one in wrong)
    assert edit == asyncio.run(MINING.apply(EditOrder("mine_distractors", item, seed=seed)))


def test_what_is_mined_for_an_item_does_not_hang_on_when_it_is_asked_for() -> None:
    orders = [EditOrder("mine_distractors", item) for item in stone_items()]
    forth, back = mining(), mining()
    found = [asyncio.run(forth.apply(order)) for order in orders]
    again = [asyncio.run(back.apply(order)) for order in reversed(orders)]
    assert found == again[::-1]
    assert sum(edit.status == "done" for edit in found) >= 6


def test_the_place_of_the_key_is_spread_over_the_choices() -> None:
    orders = [EditOrder("mine_distractors", item) for item in stone_items()]
    item = next(o.item for o in orders if asyncio.run(MINING.apply(o)).status == "done")
    places: set[int] = set()
    for seed in range(30):
        after = asyncio.run(MINING.apply(EditOrder("mine_distractors", item, seed=seed))).after
        assert after is not None
        places.add(key_positions(after)[0])
    assert places == {0, 1, 2, 3}


def test_an_item_whose_fellows_lend_nothing_stays_as_it_is() -> None:
    alone = QAItem("x", "?", "true, false", ("true, false", "false, true"))
    edit = asyncio.run(MINING.apply(EditOrder("mine_distractors", alone, "chemistry")))
    assert (edit.status, edit.after) == ("failed", alone)
    keyless = QAItem("y", "?", "none", ("iron", "zinc"))
    assert asyncio.run(MINING.apply(EditOrder("mine_distractors", keyless))).status == "failed"


MINING = mining()

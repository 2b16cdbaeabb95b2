import asyncio
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.operations.offline import (
    Draw,
    Flag,
    Member,
    MineDistractors,
    OptionIndex,
    Remove,
    Reserve,
    Reserved,
)
from burnish.agents.operations.operation import Operation, Order
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
    members = [Member(item, "chemistry") for item in metal_items()]
    members += [Member(item, "geology") for item in stone_items()]
    members.append(Member(QAItem("n", "How many?", "7", ("7", "8", "11", "14")), "arithmetic"))
    return MineDistractors(OptionIndex(members, WordVectors()))


def test_a_removed_item_is_gone_and_a_flagged_one_stands() -> None:
    item = metal_items()[0]
    removed = asyncio.run(Remove().apply(Order("remove", item)))
    flagged = asyncio.run(Flag().apply(Order("flag", item)))
    assert (removed.status, removed.before, removed.after) == ("done", item, None)
    assert (flagged.status, flagged.before, flagged.after) == ("flagged", item, item)


def test_every_offline_operation_is_an_operation_that_needs_no_model() -> None:
    ready: list[Operation] = [Remove(), Flag(), Draw(Reserve([], seed=0)), mining()]
    assert [one.name for one in ready] == ["remove", "flag", "draw", "mine_distractors"]
    assert not any(one.needs_model for one in ready)
    for one in ready:
        assert asyncio.run(one.apply(Order(one.name))).status == "failed"


POOLS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([0, 1, None])), max_size=15
).map(
    lambda places: [
        Reserved(QAItem(str(at), "?", "!"), cell, bucket)
        for at, (cell, bucket) in enumerate(places)
    ]
)  # fmt: skip


@given(POOLS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_a_reserve_gives_each_item_once_and_the_same_for_a_seed(
    pool: list[Reserved], seed: int, shuffle: Random
) -> None:
    other = list(pool)
    shuffle.shuffle(other)
    wishes: list[tuple[str, int | None]] = [
        shuffle.choice([("a", None), ("b", 0), ("b", 1), ("a", 1)]) for _ in range(20)
    ]
    drawn: list[list[str | None]] = []
    for held in (pool, other):
        draw = Draw(Reserve(held, seed=seed))
        edits = [asyncio.run(draw.apply(Order("draw", None, c, b))) for c, b in wishes]
        drawn.append([edit.after.id if edit.after else None for edit in edits])
    assert drawn[0] == drawn[1]
    given_out = [name for name in drawn[0] if name is not None]
    assert len(set(given_out)) == len(given_out)
    cells = {one.item.id: (one.cell, one.bucket) for one in pool}
    for (cell, bucket), name in zip(wishes, drawn[0], strict=True):
        if name is not None:
            assert cells[name][0] == cell
            assert bucket in (None, cells[name][1])


def test_items_drawn_before_an_interruption_are_not_drawn_again() -> None:
    pool = [Reserved(QAItem(str(at), "?", "!"), "a") for at in range(6)]
    whole = Reserve(pool, seed=3)
    first = [whole.draw("a") for _ in range(6)]
    ids = [one.id for one in first if one is not None]
    resumed = Reserve(pool, seed=3, taken=ids[:4])
    assert [resumed.draw("a"), resumed.draw("a"), resumed.draw("a")] == [*first[4:], None]
    assert resumed.left("a") == 0


def test_an_item_named_by_the_order_is_drawn_once() -> None:
    pool = [Reserved(QAItem(str(at), "?", "!"), "a") for at in range(3)]
    draw = Draw(Reserve(pool, seed=0))
    order = Order("draw", pool[1].item, "a")
    first = asyncio.run(draw.apply(order))
    assert (first.status, first.before, first.after) == ("done", None, pool[1].item)
    assert asyncio.run(draw.apply(order)).status == "failed"
    other = asyncio.run(draw.redraft(order, first, ["it is in the set"]))
    assert other.after in (pool[0].item, pool[2].item)


@given(st.integers(0, 11), st.integers(0, 50))
def test_mining_keeps_question_and_key_and_borrows_only_from_the_cell(at: int, seed: int) -> None:
    item = stone_items()[at]
    edit = asyncio.run(MINING.apply(Order("mine_distractors", item, seed=seed)))
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
    assert edit == asyncio.run(MINING.apply(Order("mine_distractors", item, seed=seed)))


def test_what_is_mined_for_an_item_does_not_hang_on_when_it_is_asked_for() -> None:
    orders = [Order("mine_distractors", item) for item in stone_items()]
    forth, back = mining(), mining()
    found = [asyncio.run(forth.apply(order)) for order in orders]
    again = [asyncio.run(back.apply(order)) for order in reversed(orders)]
    assert found == again[::-1]
    assert sum(edit.status == "done" for edit in found) >= 6


def test_the_place_of_the_key_is_spread_over_the_choices() -> None:
    orders = [Order("mine_distractors", item) for item in stone_items()]
    item = next(o.item for o in orders if asyncio.run(MINING.apply(o)).status == "done")
    places: set[int] = set()
    for seed in range(30):
        after = asyncio.run(MINING.apply(Order("mine_distractors", item, seed=seed))).after
        assert after is not None
        places.add(key_positions(after)[0])
    assert places == {0, 1, 2, 3}


def test_an_item_whose_fellows_lend_nothing_stays_as_it_is() -> None:
    alone = QAItem("x", "?", "true, false", ("true, false", "false, true"))
    edit = asyncio.run(MINING.apply(Order("mine_distractors", alone, "chemistry")))
    assert (edit.status, edit.after) == ("failed", alone)
    keyless = QAItem("y", "?", "none", ("iron", "zinc"))
    assert asyncio.run(MINING.apply(Order("mine_distractors", keyless))).status == "failed"


MINING = mining()

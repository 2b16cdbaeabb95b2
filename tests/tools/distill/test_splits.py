from hypothesis import given
from hypothesis import strategies as st

from burnish.tools.distill.splits import select, validation_groups
from burnish.tools.stable_order import group_of, rank

SIZES = st.dictionaries(st.text(max_size=4), st.integers(1, 50), max_size=12)


@given(SIZES, st.floats(0, 0.5), st.integers())
def test_validation_never_takes_every_source(
    sizes: dict[str, int], share: float, seed: int
) -> None:
    chosen = validation_groups(sizes, share, seed)
    assert chosen <= set(sizes)
    assert not sizes or len(chosen) < len(sizes)
    assert not (share > 0 and len(sizes) > 1) or chosen


@given(st.integers(0, 40), st.integers(0, 200), st.floats(0, 0.99))
def test_pairs_without_change_keep_to_their_share(changed: int, idle: int, share: float) -> None:
    ranks = {
        ("a", "lines"): [rank(0, f"l{n}") for n in range(changed)],
        ("a", "keep_all"): [rank(0, f"a{n}") for n in range(idle // 2)],
        ("b", "keep_all"): [rank(0, f"b{n}") for n in range(idle - idle // 2)],
    }
    taken = select(ranks, share, None)  # type: ignore[arg-type]
    counts = {
        cell: sum(taken.takes(cell, place) for place in places)  # type: ignore[arg-type]
        for cell, places in ranks.items()
    }
    kept = counts["a", "keep_all"] + counts["b", "keep_all"]
    assert counts["a", "lines"] == changed
    assert kept <= share * (kept + changed) + 1e-6
    assert kept in {idle, int(share / (1 - share) * changed)}


def test_a_cell_is_bounded() -> None:
    places = [rank(0, str(n)) for n in range(50)]
    taken = select({("a", "lines"): places}, 1.0, 7)
    assert sum(taken.takes(("a", "lines"), place) for place in places) == 7


def test_the_source_of_an_address_is_its_host() -> None:
    assert group_of("https://www.example.org/a?b", "x") == "example.org"
    assert group_of("forum", "x") == "forum"
    assert group_of(None, "x") == "x"

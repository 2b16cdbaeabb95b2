from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.storage.spill import Chained, Mapped, Spill

_VALUES = st.lists(
    st.one_of(st.integers(), st.text(), st.tuples(st.text(), st.none())), max_size=40
)


@given(_VALUES, _VALUES, st.slices(30))
@settings(max_examples=60, deadline=None)
def test_a_spill_is_the_list_of_what_was_put_in(
    first: list[object], more: list[object], part: slice
) -> None:
    spill = Spill(first)
    assert list(spill) == first
    spill.extend(more)
    held = first + more
    assert list(spill) == held
    assert len(spill) == len(held)
    assert spill[part] == held[part]
    assert [spill[at] for at in range(-len(held), len(held))] == held * 2


@given(st.lists(_VALUES, max_size=4))
@settings(max_examples=40, deadline=None)
def test_joined_and_mapped_sequences_are_what_lists_of_them_are(parts: list[list[object]]) -> None:
    joined = Chained(*map(Spill[object], parts))
    held = [value for part in parts for value in part]
    assert list(joined) == held
    assert [joined[at] for at in range(len(held))] == held
    seen = Mapped(repr, joined)
    assert list(seen) == [repr(value) for value in held]
    assert seen[: len(held) // 2] == [repr(value) for value in held[: len(held) // 2]]

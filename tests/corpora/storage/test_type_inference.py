# pyright: reportUnknownMemberType=false

from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.corpora.storage.type_inference import Kinds

_LEAVES = st.none() | st.booleans() | st.sampled_from([1, 1 << 60, 1 << 70, 0.5, "text"])
_VALUES = st.recursive(
    _LEAVES,
    lambda held: (
        st.lists(held, max_size=3) | st.dictionaries(st.sampled_from("ab"), held, max_size=2)
    ),
    max_leaves=6,
)
_ROWS = st.lists(st.dictionaries(st.sampled_from("xyz"), _VALUES, max_size=3), max_size=6)


def _seen(rows: list[dict[str, object]]) -> Kinds:
    kinds = Kinds("")
    for row in rows:
        kinds.see(row)
    return kinds


@given(st.lists(_ROWS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_kinds_of_parts_joined_are_those_of_all_rows(parts: list[list[dict[str, object]]]) -> None:
    joined = Kinds("")
    for part in parts:
        joined.join(_seen(part))
    assert joined.schema() == _seen([row for part in parts for row in part]).schema()

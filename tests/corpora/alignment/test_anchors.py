from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.alignment.align import align
from burnish.corpora.alignment.anchors import anchored_runs
from burnish.corpora.alignment.lcs import lcs_length

PIECES = st.lists(
    st.sampled_from([f"{word} stands for a piece of some length. " for word in "abcdefgh"])
    | st.text("xyz ", max_size=6),
    max_size=12,
).map("".join)


@given(PIECES, PIECES)
def test_runs_are_shared_and_in_order(raw: str, refined: str) -> None:
    at = refined_at = 0
    for run in anchored_runs(raw, refined) or []:
        assert run.raw >= at
        assert run.refined >= refined_at
        assert run.size > 0
        left = raw[run.raw : run.raw + run.size]
        assert left == refined[run.refined : run.refined + run.size]
        at, refined_at = run.raw + run.size, run.refined + run.size


@given(PIECES, PIECES)
def test_an_alignment_by_anchors_keeps_as_much_as_can_be_kept(raw: str, refined: str) -> None:
    found = align(raw, refined)
    assert found.certified
    assert found.kept == lcs_length(raw, refined)
    assert found.rebuild(raw) == refined

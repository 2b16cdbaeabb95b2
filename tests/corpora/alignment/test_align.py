import json
import random
from functools import cache
from gzip import open as open_gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.alignment import fewest_runs as fewest
from burnish.corpora.alignment import lcs, line_subsequence, subsequence
from burnish.corpora.alignment.align import Edit, align
from burnish.corpora.alignment.fewest_runs import fewest_runs, polish_runs
from burnish.corpora.alignment.lcs import Run, common_prefix, common_runs, common_suffix, lcs_length
from burnish.corpora.alignment.line_subsequence import embed_lines
from burnish.corpora.alignment.subsequence import embed
from tests.support.places import DATA
from tests.support.strategies import texts

TINY = st.text("ab\n", max_size=9)
SMALL = st.text("abc\n", max_size=30)


def lcs_by_table(raw: str, refined: str) -> int:
    best = [0] * (len(refined) + 1)
    for left in raw:
        before = best[:]
        for at, right in enumerate(refined):
            best[at + 1] = before[at] + 1 if left == right else max(before[at + 1], best[at])
    return best[-1]


def best_edits(raw: str, refined: str) -> tuple[int, int]:
    """The most characters kept, and the fewest edits among those, by trying everything."""

    @cache
    def best(at: int, other: int, breaks_if_kept: int) -> tuple[int, int]:
        if at == len(raw) and other == len(refined):
            return 0, -breaks_if_kept
        options: list[tuple[int, int]] = []
        if at < len(raw):
            options.append(best(at + 1, other, 1))
        if other < len(refined):
            options.append(best(at, other + 1, 1))
        if raw[at : at + 1] == refined[other : other + 1]:
            kept, breaks = best(at + 1, other + 1, 0)
            options.append((kept + 1, breaks - breaks_if_kept))
        return max(options)

    kept, breaks = best(0, 0, 0)
    return kept, -breaks


def count_edits(raw: str, refined: str, runs: list[Run]) -> int:
    ends = [Run(0, 0, 0), *runs, Run(len(raw), len(refined), 0)]
    return sum(
        (one.raw + one.size, one.refined + one.size) != (other.raw, other.refined)
        for one, other in pairwise(ends)
    )


def check_runs(raw: str, refined: str, runs: list[Run]) -> None:
    edge = Run(0, 0, 0)
    for run in runs:
        assert run.size > 0
        assert run.raw >= edge.raw + edge.size
        assert run.refined >= edge.refined + edge.size
        assert raw[run.raw :][: run.size] == refined[run.refined :][: run.size]
        edge = run


def check_alignment(raw: str, refined: str) -> None:
    alignment = align(raw, refined)
    assert alignment.rebuild(raw) == refined
    assert alignment.certified
    removed = sum(edit.stop - edit.start for edit in alignment.edits)
    assert alignment.kept == len(raw) - removed == lcs_by_table(raw, refined)
    for edit in alignment.edits:
        assert edit.start < edit.stop or edit.replacement
    assert all(one.stop < other.start for one, other in pairwise(alignment.edits))


@given(texts(), texts())
def test_an_alignment_of_any_texts_is_exact(raw: str, refined: str) -> None:
    check_alignment(raw, refined)


@given(SMALL, SMALL)
def test_an_alignment_of_like_texts_is_exact(raw: str, refined: str) -> None:
    check_alignment(raw, refined)


@given(st.lists(st.tuples(st.sampled_from("ab \n"), st.booleans()), max_size=40))
def test_an_alignment_after_deletions_keeps_all_that_is_left(
    marked: list[tuple[str, bool]],
) -> None:
    raw = "".join(character for character, _ in marked)
    refined = "".join(character for character, kept in marked if kept)
    check_alignment(raw, refined)
    assert align(raw, refined).deletes_only
    assert align(raw, refined).kept == len(refined)


@given(TINY, TINY)
def test_no_alignment_keeps_as_much_in_fewer_edits(raw: str, refined: str) -> None:
    runs = fewest_runs(raw, refined)
    check_runs(raw, refined, runs)
    kept = sum(run.size for run in runs)
    assert (kept, count_edits(raw, refined, runs)) == best_edits(raw, refined)


@given(SMALL, SMALL)
def test_polishing_keeps_as_much_and_breaks_no_more(raw: str, refined: str) -> None:
    plain = common_runs(raw, refined)
    better = polish_runs(raw, refined, plain, anchor=5)
    check_runs(raw, refined, better)
    assert sum(run.size for run in better) == sum(run.size for run in plain)
    assert count_edits(raw, refined, better) <= count_edits(raw, refined, plain)


@given(SMALL, SMALL, st.integers(0, 30), st.integers(0, 30))
def test_common_ends_are_counted(left: str, right: str, left_at: int, right_at: int) -> None:
    left_at, right_at = min(left_at, len(left)), min(right_at, len(right))
    ahead = zip(left[left_at:], right[right_at:], strict=False)
    behind = zip(left[:left_at][::-1], right[:right_at][::-1], strict=False)
    for found, pairs in (
        (common_prefix(left, left_at, right, right_at), ahead),
        (common_suffix(left, left_at, right, right_at), behind),
    ):
        equal = [a == b for a, b in pairs]
        assert found == [*equal, False].index(False)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small texts take the ways of very long ones."""
    monkeypatch.setattr(lcs, "NATIVE_CELLS", 5)
    monkeypatch.setattr(lcs, "CACHED_SYMBOLS", 1)
    monkeypatch.setattr(fewest, "WINDOW_CELLS", 0)
    monkeypatch.setattr(subsequence, "WINDOW_CELLS", 0)
    monkeypatch.setattr(line_subsequence, "LINE_CELLS", 4)
    monkeypatch.setattr(line_subsequence, "LOOKAHEAD", 2)


@pytest.mark.usefixtures("small_limits")
def test_the_ways_of_long_texts_are_exact_too() -> None:
    source = random.Random(7)  # noqa: S311 - a fixed sample
    for _ in range(1500):
        raw = "".join(source.choices("abc\n", k=source.randint(0, 16)))
        shorter = "".join(character for character in raw if source.random() < 0.7)
        other = "".join(source.choices("abc\n", k=source.randint(0, 16)))
        check_alignment(raw, shorter)
        check_alignment(raw, other)
        check_runs(raw, other, common_runs(raw, other))


@given(SMALL, SMALL)
def test_an_embedding_exists_for_subsequences_only(raw: str, refined: str) -> None:
    rest = iter(raw)
    contained = all(character in rest for character in refined)
    runs = embed(raw, refined)
    assert (runs is not None) == contained
    if runs is not None:
        check_runs(raw, refined, runs)
        assert sum(run.size for run in runs) == len(refined)


@given(st.lists(st.tuples(st.text("ab", max_size=4), st.integers(0, 2)), max_size=8), st.randoms())
def test_lines_that_were_cut_are_always_found(
    marked: list[tuple[str, int]], source: random.Random
) -> None:
    raw = "\n".join(line for line, _ in marked)
    kept = [
        line if fate == 1 else "".join(c for c in line if source.random() < 0.5)
        for line, fate in marked
        if fate
    ]
    if not kept:
        return
    refined = "\n".join(kept)
    found = embed_lines(raw, refined)
    assert found is not None
    check_runs(raw, refined, found.runs)
    assert sum(run.size for run in found.runs) == len(refined)
    homes = [raw.count("\n", 0, run.raw) for run in found.runs]
    assert homes == sorted(homes)


def test_a_line_that_fits_nowhere_is_not_embedded() -> None:
    assert embed_lines("a\nb", "ab") is None
    assert embed_lines("a", "a\na") is None


def test_whole_lines_are_deleted_whole() -> None:
    raw = "Home\nHome page\nThe text.\nShare\nShare this\nThe end."
    refined = "Home page\nThe text.\nShare this\nThe end."
    assert align(raw, refined).edits == (Edit(0, 5, ""), Edit(25, 31, ""))


def test_a_replaced_word_is_one_edit() -> None:
    raw, refined = "the red house", "the blue house"
    alignment = align(raw, refined)
    assert not alignment.deletes_only
    assert alignment.rebuild(raw) == refined
    assert len(alignment.edits) <= 2


def test_an_emptied_text_is_one_deletion() -> None:
    assert align("a\nb", "").edits == (Edit(0, 3, ""),)
    assert align("", "ab").edits == (Edit(0, 0, "ab"),)
    assert align("", "").edits == ()


def test_a_text_written_into_is_solved_in_halves_when_it_is_long() -> None:
    source = random.Random(11)  # noqa: S311 - a fixed sample
    words = ["".join(source.choices("abcdefgh", k=5)) for _ in range(6000)]
    raw = " ".join(words)
    refined = " ".join(word[::-1] if at % 50 == 0 else word for at, word in enumerate(words))
    alignment = align(raw, refined)
    assert alignment.certified
    assert alignment.kept == lcs_length(raw, refined)
    assert alignment.rebuild(raw) == refined


def test_a_text_past_exact_solving_is_aligned_but_not_certified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("burnish.corpora.alignment.align.EXACT_CELLS", 10)
    raw = "one\ntwo\nthree\nfour"
    refined = "one\ntoo\nthree\nfive"
    alignment = align(raw, refined)
    assert not alignment.certified
    assert alignment.rebuild(raw) == refined


def test_a_hundred_thousand_lines_are_aligned() -> None:
    lines = [str(n % 5000) for n in range(100_000)]
    raw = "\n".join(lines)
    refined = "\n".join(line for n, line in enumerate(lines) if n % 7)
    alignment = align(raw, refined)
    assert alignment.kept == len(refined)
    assert alignment.rebuild(raw) == refined


@pytest.mark.skipif(not (DATA / "web_wcxb").exists(), reason="needs the web pages of BURNISH_DATA")
def test_real_pages_are_aligned_in_no_more_edits_than_their_labels_have() -> None:
    found = marked = 0
    with open_gzip(DATA / "web_wcxb" / "pages.jsonl.gz", "rt", encoding="utf-8") as pages:
        for _, row in zip(range(60), pages, strict=False):
            page = json.loads(row)
            lines = page["raw"].split("\n")
            kept = [at for at, label in enumerate(page["labels"]) if label != "D"]
            refined = "\n".join(lines[at] for at in kept)
            alignment = align(page["raw"], refined)
            assert alignment.rebuild(page["raw"]) == refined
            assert alignment.certified
            found += len(alignment.edits)
            marked += len([
                one for one, other in pairwise([-1, *kept, len(lines)]) if other - one > 1
            ])
    assert found <= marked

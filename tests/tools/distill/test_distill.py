import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.alignment.subsequence import contains
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.program import RemoveAll, apply, resolve
from burnish.tools.distill.distill import Policy, distilled
from burnish.tools.distill.intent import Intent, intent_of, paper_intent
from burnish.tools.distill.pairs import (
    NOTATIONS,
    Frame,
    Notation,
    assistant_turn,
    joined,
    program_in,
    record,
)
from tests.support.strategies import texts, texts_with_programs


def made(raw: str, refined: str, policy: Policy | None = None):  # noqa: ANN201
    lines = Lines.of(raw)
    return distilled(raw, lines, intent_of(raw, refined, lines), policy or Policy())


@given(texts(), texts(), st.integers(1, 60), st.sampled_from(NOTATIONS))
def test_every_pair_round_trips(raw: str, refined: str, size: int, notation: Notation) -> None:
    result = made(raw, refined, Policy(window_chars=size, notation=notation, min_kept=0.0))
    if result.drop is not None or not result.pairs:
        return
    read = [program_in(assistant_turn(pair.program, notation)) for pair in result.pairs]
    assert read == [pair.program for pair in result.pairs]
    left = apply(joined(result.pairs), raw)
    assert contains(raw, left)
    assert not resolve(joined(result.pairs), raw).rejected


@given(texts_with_programs(), st.integers(1, 40))
def test_windows_act_on_lines_of_their_own(case: tuple[str, object], size: int) -> None:
    raw, program = case
    deletions = resolve(program, raw).spans  # type: ignore[arg-type]
    lines = Lines.of(raw)
    result = distilled(raw, lines, Intent(deletions), Policy(window_chars=size))
    numbers = [n for pair in result.pairs for n in range(pair.window.acts_from, pair.window.last)]
    assert len(numbers) == len(set(numbers))


def test_a_worthless_document_is_removed_as_a_whole() -> None:
    (pair,) = made("Menu\nHome", "").pairs
    assert pair.program.calls == (RemoveAll(),)
    assert pair.kind == "remove_all"


def test_a_window_of_a_worthless_document_removes_its_own_lines() -> None:
    pairs = made("Menu\nHome", "", Policy(window_chars=5)).pairs
    assert [pair.kind for pair in pairs] == ["lines", "lines"]
    assert not apply(joined(pairs), "Menu\nHome")


def test_long_pieces_take_several_calls_and_still_round_trip() -> None:
    junk = " ".join(f"word{n % 7}" for n in range(90))
    raw = f"Good text stays here. {junk} end."
    result = made(raw, "Good text stays here.")
    assert result.drop is None
    assert all(len(call.text) <= 200 for call in joined(result.pairs).calls)  # type: ignore[union-attr]
    assert apply(joined(result.pairs), raw) == "Good text stays here."


def test_a_document_written_anew_is_dropped() -> None:
    assert made("Some page about cats", "Wholly different words 12345").drop == "rewritten"


@pytest.mark.parametrize(
    ("refined", "drop"),
    [
        ("kept line\n" + "x" * 25 + "\nmore kept", "paper_rewrite"),
        ("kept line\nAdvert of ten\nmore kept", "paper_small"),
        ("kept line\nmore kept", None),
    ],
)
def test_the_paper_filter_counts_characters(refined: str, drop: str | None) -> None:
    raw = "kept line\nAdvert of ten\nmore kept"
    lines = Lines.of(raw)
    result = distilled(raw, lines, paper_intent(raw, refined, lines), Policy(filter="paper"))
    assert result.drop == drop


def test_a_row_holds_messages_and_tools() -> None:
    (pair,) = made("Menu\nText", "Text").pairs
    row = record(pair, "[1] Menu", Frame("be tidy", [{"type": "function"}], "tools"))
    roles = [message["role"] for message in row["messages"]]  # type: ignore[index,union-attr]
    assert roles == ["system", "user", "assistant"]
    assert row["tools"] == [{"type": "function"}]
    assert "tools" not in record(pair, "", Frame("", (), "json"))


def test_deletions_refused_in_part_are_counted() -> None:
    raw = "Menu and home\nWe do not sell it here at all."
    lines = Lines.of(raw)
    place = raw.index("not ")
    result = distilled(raw, lines, Intent((Span(0, 14), Span(place, place + 4))), Policy())
    assert result.refused["negation"] == 4
    assert result.kept_chars == 14

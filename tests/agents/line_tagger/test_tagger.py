"""The line tagger: one probability a line, whatever the text and whatever is beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.agents.line_tagger.decision import DecisionRule, decide
from burnish.agents.line_tagger.features import FEATURES, encode
from burnish.agents.line_tagger.fragments import partial_spans
from burnish.agents.line_tagger.tagger import LineTagger, TaggedText, WeightsError
from burnish.agents.line_training.corpus import fold_of, host_of

TEXTS = st.lists(st.text(st.characters(codec=None), max_size=200), max_size=6)
PAGE = "\n".join(
    ["Tea at noon | Example", "Home", "Shop", "Log in", "Cart (0)", "Search"]
    + ["A long paragraph about tea, which grows on hills and is drunk in cups by many people."] * 3
    + ["Privacy policy", "Terms of use", "© 2024 Example Ltd", "Follow us", "Facebook", "Twitter"]
)


@pytest.fixture(scope="module")
def tagger() -> LineTagger:
    return LineTagger.load()


def same(left: Sequence[TaggedText], right: Sequence[TaggedText]) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a.probabilities, b.probabilities) and np.array_equal(a.weights, b.weights)
        for a, b in zip(left, right, strict=True)
    )


@settings(deadline=None)
@given(TEXTS)
def test_every_line_of_any_text_has_a_probability(texts: list[str]) -> None:
    found = LineTagger.load().probabilities(texts)
    assert [len(values) for values in found] == [text.count("\n") + 1 for text in texts]
    assert all(((values >= 0) & (values <= 1)).all() for values in found)


@settings(deadline=None)
@given(TEXTS)
def test_a_text_is_judged_the_same_alone_and_among_others(texts: list[str]) -> None:
    tagger = LineTagger.load()
    assert same(tagger.tag([PAGE, *texts, PAGE])[1:-1], [tagger.tag([text])[0] for text in texts])


@settings(deadline=None)
@given(TEXTS)
def test_features_are_finite_and_of_one_length(texts: list[str]) -> None:
    batch = encode(texts)
    assert batch.features.shape == (len(batch.rows), FEATURES)
    assert np.isfinite(batch.features).all()


def test_no_text_has_no_probabilities(tagger: LineTagger) -> None:
    assert tagger.tag([]) == []
    assert decide([], DecisionRule()) == []


@pytest.mark.parametrize("text", ["", "\n", " \t\r", "\u00a0\n\n"])
def test_blank_text_is_kept(tagger: LineTagger, text: str) -> None:
    assert decide(tagger.tag([text]), tagger.rule)[0].all()


def test_lines_end_at_line_feeds_alone(tagger: LineTagger) -> None:
    assert len(tagger.probabilities(["a\r\nb\u2028c\x0bd\x85e\ff"])[0]) == 2


def test_navigation_goes_and_text_stays(tagger: LineTagger) -> None:
    probabilities = tagger.probabilities([PAGE])[0]
    assert probabilities[6:9].min() > probabilities[[1, 2, 3, 9, 10, 11]].max()


def test_a_threshold_of_zero_keeps_everything(tagger: LineTagger) -> None:
    assert decide(tagger.tag([PAGE]), tagger.rule, threshold=0)[0].all()


def test_a_higher_threshold_keeps_no_more(tagger: LineTagger) -> None:
    tagged = tagger.tag([PAGE])
    bars = (0.0, 0.2, 0.4, 0.6)
    kept = [int(decide(tagged, tagger.rule, threshold=bar)[0].sum()) for bar in bars]
    assert kept == sorted(kept, reverse=True)


def test_a_blank_line_is_as_likely_as_its_likelier_neighbour(tagger: LineTagger) -> None:
    probabilities = tagger.probabilities([PAGE.replace("\n", "\n\n")])[0]
    around = np.maximum(probabilities[:-1:2], probabilities[2::2])
    assert np.array_equal(probabilities[1::2], around)


def test_blank_lines_change_no_other_line(tagger: LineTagger) -> None:
    apart = tagger.probabilities([PAGE.replace("\n", "\n\n")])[0][::2]
    assert np.array_equal(apart, tagger.probabilities([PAGE])[0])


def test_a_line_of_a_megabyte_is_one_line(tagger: LineTagger) -> None:
    found = tagger.probabilities(["word " * 200_000 + "\nend"])[0]
    assert found.shape == (2,)


def test_a_hundred_thousand_lines_have_as_many_probabilities(tagger: LineTagger) -> None:
    found = tagger.probabilities(["\n".join(f"line {i}" for i in range(100_000))])[0]
    assert found.shape == (100_000,)


def test_a_file_that_is_no_tagger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(b"not a file of arrays")
    with pytest.raises(WeightsError, match=r"bad\.npz"):
        LineTagger.load(path)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.npz"
    np.savez(path, meta=np.array(json.dumps({"format": 0, "features": 1})))
    with pytest.raises(WeightsError, match="format 0"):
        LineTagger.load(path)


def test_the_counter_of_a_forum_post_is_a_fragment() -> None:
    assert partial_spans("#4 · Mar 21, 2025") == [(0, 5)]
    assert partial_spans("#4 is the best of them") == []
    assert partial_spans("#4 · ") == []


@settings(deadline=None)
@given(st.text(max_size=80))
def test_fragments_lie_within_the_line_and_leave_something(line: str) -> None:
    spans = partial_spans(line)
    assert all(0 <= start < stop <= len(line) for start, stop in spans)
    assert not spans or sum(stop - start for start, stop in spans) < len(line)


def test_pages_of_a_site_share_their_fold() -> None:
    assert host_of("https://www.example.co.uk/a") == host_of("http://blog.example.co.uk/b?c")
    assert 0 <= fold_of("example.co.uk") < 5


def test_the_run_time_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    from burnish.agents.line_training.export import export
    from burnish.agents.line_training.fit import pack
    from burnish.agents.line_training.torch_network import LineNetwork, NetworkShape

    torch.manual_seed(1)
    shapes = [
        NetworkShape(features=FEATURES, words=256, pairs=64, width=16, pooled=8),
        NetworkShape(features=FEATURES, words=512, pairs=128, word_width=8, width=16, pooled=8),
    ]
    networks = [LineNetwork(shape).eval() for shape in shapes]
    texts = [PAGE, "one line", PAGE[:200]]
    batch = encode(texts)
    with torch.no_grad():
        logits = torch.stack([n(pack(batch, n.shape))[0] for n in networks]).mean(dim=0)
    expected = torch.sigmoid(logits).numpy()
    found = np.concatenate(LineTagger.of(export(networks, 1.0)).probabilities(texts))
    assert np.abs(found - expected).max() < 0.03

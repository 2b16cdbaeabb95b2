from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from numpy.typing import NDArray

from burnish.tools.profile.cells import (
    UNKNOWN,
    Buckets,
    cell_name,
    code_names,
    code_strata,
    quantile_buckets,
    split_stratum,
    stratum_name,
)
from burnish.tools.profile.labelling import LabelModel, assign, fit_model, similarities

finite = st.floats(-50, 50)


def test_what_is_missing_is_unlabelled() -> None:
    assert cell_name("maths", "algebra") == "maths / algebra"
    assert cell_name("maths", None) == "maths"
    assert cell_name(None, " ") == "unlabelled"
    assert cell_name("", "algebra") == "unlabelled / algebra"


@given(st.text(max_size=10), st.integers(0, 99) | st.just(UNKNOWN))
def test_a_place_gives_back_its_cell_and_bucket(cell: str, bucket: int) -> None:
    assert split_stratum(stratum_name(cell, bucket)) == (cell, bucket)


def test_a_cell_is_a_place_without_bucket() -> None:
    assert split_stratum("maths / algebra") == ("maths / algebra", None)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_codes_name_their_items_and_known_names_keep_their_codes(
    names: list[str], known: list[str]
) -> None:
    coded = code_names(names, known)
    assert [coded.names[code] for code in coded.codes] == names
    first = list(dict.fromkeys(known))
    assert list(coded.names[: len(first)]) == first
    assert coded.counts().sum() == len(names)


@given(st.lists(finite, min_size=1, max_size=6, unique=True), st.lists(finite, max_size=20))
def test_a_bucket_holds_what_lies_between_its_edges(edges: list[float], found: list[float]) -> None:
    buckets = Buckets(tuple(sorted(edges)))
    for value, code in zip(found, buckets.of(np.array(found)), strict=True):
        inner = (-np.inf, *sorted(edges), np.inf)
        assert inner[code] <= value < inner[code + 1]
    assert len(buckets.labels()) == len(buckets) == len(edges) + 1


def test_an_unknown_difficulty_has_no_bucket() -> None:
    assert Buckets((0.0,)).of(np.array([np.nan, 1.0])).tolist() == [UNKNOWN, 1]


@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0), (np.inf,)])
def test_edges_ascend_and_are_finite(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="edges"):
        Buckets(edges)


def test_quantile_buckets_hold_about_equally_many() -> None:
    values = np.random.default_rng(0).normal(size=1_000)
    counts = np.bincount(quantile_buckets(values, 4).of(values))
    assert counts.tolist() == [250, 250, 250, 250]


@given(nst.arrays(float, st.integers(0, 30), elements=finite | st.just(np.nan)), st.integers(1, 6))
def test_quantile_buckets_are_never_empty(values: NDArray[np.float64], wanted: int) -> None:
    buckets = quantile_buckets(values, wanted)
    found = buckets.of(values)
    known = found[found != UNKNOWN]
    assert len(known) == 0 or set(known.tolist()) == set(range(len(buckets)))


def test_places_cross_cells_with_buckets() -> None:
    places = code_strata(code_names(["a", "b", "a"]), np.array([0, 1, UNKNOWN]), 2)
    assert places.names == ("a @0", "a @1", "a @?", "b @0", "b @1", "b @?")
    assert [places.names[code] for code in places.codes] == ["a @0", "b @1", "a @?"]


class Clusters(NamedTuple):
    vectors: NDArray[np.float32]
    labels: NDArray[np.float32]
    truth: NDArray[np.int64]


def clustered(items: int, labels: int, noise: float, seed: int) -> Clusters:
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(labels, 64))
    truth = draw.integers(0, labels, items)
    vectors = centres[truth] + noise * draw.normal(size=(items, 64))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    names = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return Clusters(unit.astype(np.float32), names.astype(np.float32), truth)


def test_labels_are_found_and_strangers_are_other() -> None:
    vectors, labels, truth = clustered(600, 6, 2.0, seed=1)
    known = similarities(vectors, labels)
    model = fit_model(known[:300], truth[:300])
    found = assign(known[300:], model)
    assert (found.codes == truth[300:]).mean() > 0.85
    strangers, _, _ = clustered(300, 40, 0.5, seed=2)
    away = assign(similarities(strangers, labels), model)
    assert (away.codes == 6).mean() > 0.8


def test_the_probability_of_labels_is_calibrated() -> None:
    vectors, labels, truth = clustered(4_000, 5, 5.0, seed=3)
    cosines = similarities(vectors, labels)
    model = fit_model(cosines[:2_000], truth[:2_000])
    # Half of these items have their label hidden, as the model was fitted.
    shown, own = cosines[2_000:].copy(), truth[2_000:].copy()
    shown[1_000:][np.arange(1_000), own[1_000:]] = -np.inf
    own[1_000:] = 5
    found = assign(shown, model)
    assert abs(found.probability.mean() - (found.codes == own).mean()) < 0.08


def test_a_similar_label_wins_only_above_other() -> None:
    found = assign(np.array([[0.9, 0.1], [0.1, 0.1]]), LabelModel(scale=20.0, other=8.0))
    assert found.codes.tolist() == [0, 2]


def test_calibration_needs_two_labels() -> None:
    with pytest.raises(ValueError, match="two labels"):
        fit_model(np.ones((3, 1)), np.zeros(3, np.int64))

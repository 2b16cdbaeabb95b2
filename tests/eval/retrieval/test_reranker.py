from dataclasses import astuple, fields

import numpy as np
import pytest

from burnish.eval.retrieval.reranker import TrainingQuestion, fitted, named, reordered_rows
from burnish.tools.retrieval.reranker import FeatureWeights

COLUMNS = len(fields(FeatureWeights))
TRUE = np.array([3.0, 0.0, 1.5, 0.0, 0.0, 2.0, -1.0])


def drawn(count: int, seed: int) -> list[TrainingQuestion]:
    """Draw choices as the model of the fit supposes them: Gumbel noise on a linear score."""
    draw = np.random.default_rng(seed)
    found: list[TrainingQuestion] = []
    for _ in range(count):
        table = draw.uniform(0, 2, (12, COLUMNS))
        right = int(np.argmax(table @ TRUE + draw.gumbel(size=12)))
        found.append(TrainingQuestion(np.arange(100, 112), table, right))
    return found


def test_weights_that_made_the_choices_are_found_again() -> None:
    assert np.array(astuple(fitted(drawn(3000, 0)))) == pytest.approx(TRUE, abs=0.3)


def test_the_scale_of_a_feature_changes_its_weight_alone() -> None:
    choices = drawn(300, 1)
    scaled = [one._replace(features=one.features * 10) for one in choices]
    expected = np.array(astuple(fitted(choices)))
    assert 10 * np.array(astuple(fitted(scaled))) == pytest.approx(expected, abs=0.01)


def test_questions_whose_passage_was_not_found_teach_nothing() -> None:
    choices = drawn(200, 2)
    strangers = [one._replace(right=-1) for one in drawn(50, 3)]
    assert fitted([*choices, *strangers]) == fitted(choices)


def test_rows_go_by_score_and_what_is_missing_is_marked() -> None:
    table = np.zeros((3, COLUMNS))
    table[:, 1] = [0.1, 0.3, 0.1]
    rows = reordered_rows([TrainingQuestion(np.array([7, 8, 9]), table, 0)], FeatureWeights(), 5)
    assert rows.tolist() == [[8, 7, 9, -1, -1]]
    assert list(named(FeatureWeights())) == [one.name for one in fields(FeatureWeights)]

from dataclasses import replace

import numpy as np
import pytest

from burnish.corpora.questions.answer_records import Answer
from burnish.corpora.questions.question_source import QuestionRow
from burnish.corpora.records import QAItem
from burnish.graphs.questions.state.target import MANY_ANSWERS, difficulties
from burnish.tools.arrays import Floats
from burnish.tools.profile.profile import answer_records
from burnish.tools.profile.rasch import fit_rasch

_DOMAINS = ("algebra", "history", "law", "optics")


def drawn(answers: int, seed: int = 0, items: int = 600) -> list[QuestionRow]:
    """Draw items whose domain tells most of their difficulty: -3, -1, 1 or 3, more or less."""
    draw = np.random.default_rng(seed)
    ability = draw.normal(size=12)
    rows: list[QuestionRow] = []
    for at in range(items):
        kind = at % 4
        hard = 2 * kind - 3 + 0.3 * draw.normal()
        right = draw.random(12) < 1 / (1 + np.exp(hard - ability))
        asked = draw.permutation(12)[:answers]
        records = {f"model {one}": Answer(correct=bool(right[one])) for one in asked}
        item = QAItem(str(at), f"Question {at}?", "yes", domain=_DOMAINS[kind])
        rows.append(QuestionRow(item, "a", at + 1, answers=records))
    return rows


def alone(rows: list[QuestionRow]) -> Floats:
    return fit_rasch(answer_records(rows)[0]).difficulty


def test_content_counts_where_items_have_few_answers() -> None:
    rows = drawn(2)
    kind = np.arange(len(rows)) % 4
    (found,) = difficulties([rows])
    assert np.corrcoef(found, kind)[0, 1] > np.corrcoef(alone(rows), kind)[0, 1] + 0.1


def test_with_many_answers_the_answers_alone_count() -> None:
    rows = drawn(MANY_ANSWERS)
    (found,) = difficulties([rows])
    assert found == pytest.approx(alone(rows))


def test_sets_are_fitted_together_and_what_nobody_answered_is_unknown() -> None:
    rows = drawn(3)
    silent = [replace(row, answers={}) for row in rows[:5]]
    first, second, none = difficulties([rows[:300], rows[300:], silent])
    assert np.isfinite(first).all()
    assert len(second) == 300
    assert np.isnan(none).all()
    assert np.isnan(difficulties([silent])[0]).all()

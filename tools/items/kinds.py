"""What kind of item a question is: one that can be computed, one about facts, or unsure.

A small pure router over features of the text; its word lists are English, and what they do not
know is unsure, which sends an item to both validators.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import QAItem
from burnish.tools.answers.calculations import has_calculations
from burnish.tools.answers.choices import letter_of, unlabelled
from burnish.tools.answers.parse import Text, reading_of

Kind = Literal["computable", "factual", "unsure"]

COMPUTABLE_FROM = 2.0
FACTUAL_UP_TO = -1.0

_ASKS_FOR_NUMBER = re.compile(
    r"\b(?:how (?:many|much|far|long|old|tall|fast)|what (?:is|was) the (?:total|sum|average|mean|"
    r"median|area|volume|perimeter|probability|value|ratio|difference|product|number|cost|price|"
    r"speed|distance)|calculate|compute|evaluate|solve|simplify|find the|what percent|in total|"
    r"altogether|remainder|greatest common|least common|derivative|integral|"
    r"per (?:hour|day|week))\b",
    re.IGNORECASE,
)
_ASKS_FOR_FACT = re.compile(
    r"\b(?:who|whom|whose|where|which (?:of the following|country|city|person|author|year|term|"
    r"theory)|when (?:did|was|were)|in what year|what year|capital of|born|invented|wrote|founded|"
    r"located|according to|best describes|refers to|is known as|defined as|most likely)\b",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\\frac|\\sqrt|[=^]\s*[\dx(]|\d\s*[-+*/\u00d7\u00f7]\s*\d|\bx\s*[-+=]")
_NUMBER = re.compile(r"(?<![\w.])[$€£]?\d[\d,]*(?:\.\d+)?%?")
_YEAR = re.compile(r"(?<![\d,.$])(?:1[0-9]|20)\d\d(?![\d,.])")
_COMPUTED_FIELDS = re.compile(
    r"math|arithmetic|algebra|geometry|calculus|statistic|probability|number.theory|gsm|physics",
    re.IGNORECASE,
)
_FACTUAL_FIELDS = re.compile(
    r"histor|geograph|biolog|medic|anatom|nutrition|law|philosoph|psycholog|sociolog|politic|"
    r"religion|literature|policy|virolog|genetic|aging|ethic|moral|scenario|prehistory|"
    r"sexuality|marketing|management|relations",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Features:
    """What the router looks at."""

    numbers: int
    """Numbers in the question, years aside."""
    asks_number: bool
    asks_fact: bool
    formula: bool
    answers: Literal["numeric", "words", "unknown"]
    """What key and choices are."""
    domain: Kind
    """What the domain's name tells."""
    annotated: bool
    """Whether the rationale holds calculations that can be checked."""


def features_of(item: QAItem) -> Features:
    """Look at an item."""
    words = item.question if not item.turns else " ".join((*item.turns, item.question))
    years = len(_YEAR.findall(words))
    return Features(
        numbers=max(0, len(_NUMBER.findall(words)) - years),
        asks_number=_ASKS_FOR_NUMBER.search(words) is not None,
        asks_fact=_ASKS_FOR_FACT.search(words) is not None,
        formula=_FORMULA.search(words) is not None,
        answers=_answers(item.answer, item.choices),
        domain=_domain(f"{item.domain or ''} {item.skill or ''}"),
        annotated=has_calculations(item.rationale),
    )


def kind_of(item: QAItem) -> Kind:
    """Say whether an item can be computed, is about facts, or may be either."""
    return kind_from(features_of(item))


def kind_from(features: Features) -> Kind:
    """Weigh the features; each weight is one voice, a numeric answer beside words is two."""
    if features.annotated:
        return "computable"
    score = min(features.numbers, 3) * 0.5
    score += features.asks_number + features.formula - 1.5 * features.asks_fact
    score += {"numeric": 1.5, "words": -1.5, "unknown": 0.0}[features.answers]
    score += {"computable": 1.5, "factual": -1.5, "unsure": 0.0}[features.domain]
    if score >= COMPUTABLE_FROM:
        return "computable"
    return "factual" if score <= FACTUAL_UP_TO else "unsure"


def _answers(answer: str, choices: Sequence[str]) -> Literal["numeric", "words", "unknown"]:
    given = unlabelled(choices)
    if not given:
        if not answer.strip() or letter_of(answer, LETTERS[:10]) is not None:
            return "unknown"
        given = (answer,)
    numeric = sum(not isinstance(reading_of(text), Text) for text in given)
    if 2 * numeric > len(given):
        return "numeric"
    return "words" if numeric == 0 else "unknown"


def _domain(name: str) -> Kind:
    computed, factual = _COMPUTED_FIELDS.search(name), _FACTUAL_FIELDS.search(name)
    if (computed is None) == (factual is None):
        return "unsure"
    return "computable" if computed else "factual"

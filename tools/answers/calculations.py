"""Check calculations that a data set writes into its rationales, without any model.

GSM8K marks each step as `<<48/2=24>>` and the final answer as `#### 24`. A step is computed by an
own parser over exact fractions; nothing is evaluated as code.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from burnish.tools.answers.compare import Relation, compare
from burnish.tools.answers.numbers import MOST_EXPONENT

_STEP = re.compile(r"<<([^<>\n]{1,200})>>")
_FINAL = re.compile(r"####[ \t]*([^\n]+)")
_TOKEN = re.compile(r"\s*(?:(\d[\d,]*(?:\.\d*)?|\.\d+)|(\*\*|[-+*/^()%xX:\u00d7\u00f7])|([$€£¥]))")
_MOST_DEPTH = 30
_MOST_POWER = 64

State = Literal["agrees", "differs", "unreadable"]


@dataclass(frozen=True, slots=True)
class Step:
    """One calculation as written, and what it comes to."""

    expression: str
    claimed: str
    value: Fraction | None
    """None where the expression is no arithmetic."""
    state: State


Final = Literal["last", "earlier", "elsewhere", "unreadable"]
"""Where the final answer comes from: the last calculation, an earlier one, or none of them."""


@dataclass(frozen=True, slots=True)
class Calculations:
    """All calculations of a rationale."""

    steps: tuple[Step, ...]
    final: str | None
    """What stands behind `####`."""
    origin: Final
    """Where the final answer comes from."""

    @property
    def wrong(self) -> tuple[Step, ...]:
        """The steps whose result is not what they come to."""
        return tuple(step for step in self.steps if step.state == "differs")

    @property
    def result(self) -> str | None:
        """The answer the last calculation leads to, as it is written where that is right."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.value is None:
            return None
        return last.claimed if last.state == "agrees" else str(last.value)


def has_calculations(rationale: str | None) -> bool:
    """Say whether a rationale is annotated."""
    return rationale is not None and _STEP.search(rationale) is not None


def check_calculations(rationale: str, answer: str | None = None) -> Calculations:
    """Compute every annotated step, and look among the results for the final answer.

    Args:
        rationale: the text with annotations.
        answer: the final answer; the one behind `####` when not given.
    """
    steps = tuple(_checked(found[1]) for found in _STEP.finditer(rationale))
    finals = _FINAL.findall(rationale)
    final = finals[-1].strip() if finals else None
    return Calculations(steps, final, _origin(steps, answer or final))


def _origin(steps: tuple[Step, ...], final: str | None) -> Final:
    if final is None or not steps:
        return "unreadable"
    relations = [_relation(step, final) for step in steps]
    if relations[-1] == "same":
        return "last"
    if "same" in relations:
        return "earlier"
    return "unreadable" if "unclear" in relations else "elsewhere"


def _relation(step: Step, final: str) -> Relation:
    if step.value is None:
        return "unclear"
    found = {compare(final, text).relation for text in (step.claimed, str(step.value))}
    return "same" if "same" in found else "unclear" if "unclear" in found else "different"


def _checked(text: str) -> Step:
    expression, equals, claimed = text.rpartition("=")
    if not equals:
        return Step(text, "", None, "unreadable")
    expression = expression.rpartition("=")[2] if "=" in expression else expression
    value, wanted = value_of(expression), value_of(claimed)
    if value is None or wanted is None:
        return Step(expression, claimed, value, "unreadable")
    agrees = compare(str(value), claimed.strip()).relation
    state: State = "agrees" if agrees == "same" or value == wanted else "differs"
    if state == "differs" and agrees == "unclear":
        state = "unreadable"
    return Step(expression.strip(), claimed.strip(), value, state)


def value_of(expression: str) -> Fraction | None:
    """Return what an arithmetic expression comes to, or None when it is not one.

    Known are decimals, `+ - * x / : ^ **`, brackets, percent signs and currency signs.
    """
    tokens = _tokens(expression)
    if not tokens:
        return None
    reader = _Reader(tokens)
    try:
        value = reader.total(0)
    except _NotArithmeticError:
        return None
    return value if reader.at == len(tokens) else None


class _NotArithmeticError(Exception):
    pass


def _tokens(text: str) -> list[str] | None:
    tokens: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found[3] is None:
            tokens.append(_SAME.get(found[0].strip(), found[0].strip()))
    return tokens


_SAME = {"x": "*", "X": "*", "\u00d7": "*", "\u00f7": "/", ":": "/", "^": "**"}


class _Reader:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def total(self, depth: int) -> Fraction:
        value = self._product(depth)
        while (sign := self._peek()) in {"+", "-"}:
            self.at += 1
            other = self._product(depth)
            value = value + other if sign == "+" else value - other
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while (sign := self._peek()) in {"*", "/", "("}:
            self.at += sign != "("
            other = self._signed(depth)
            if sign == "/" and other == 0:
                raise _NotArithmeticError
            value = value / other if sign == "/" else value * other
        return value

    def _signed(self, depth: int) -> Fraction:
        sign = 1
        while self._peek() in {"+", "-"}:
            sign = -sign if self._peek() == "-" else sign
            self.at += 1
        return sign * self._power(depth)

    def _power(self, depth: int) -> Fraction:
        base = self._atom(depth)
        if self._peek() != "**":
            return base
        self.at += 1
        exponent = self._signed(depth + 1)
        if exponent.denominator != 1 or abs(exponent) > _MOST_POWER or depth > _MOST_DEPTH:
            raise _NotArithmeticError
        if (base == 0 and exponent < 0) or _length(base) * abs(exponent) > 4 * MOST_EXPONENT:
            raise _NotArithmeticError
        return base ** int(exponent)

    def _atom(self, depth: int) -> Fraction:
        token = self._peek()
        self.at += 1
        if token[:1] == "(" and depth < _MOST_DEPTH:
            value = self.total(depth + 1)
            if self._peek() != ")":
                raise _NotArithmeticError
            self.at += 1
        elif token[:1].isdigit() or (token[:1] == "." and len(token) > 1):
            value = _number(token)
        else:
            raise _NotArithmeticError
        while self._peek() == "%":
            self.at += 1
            value /= 100
        return value

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""


def _number(token: str) -> Fraction:
    token = token.replace(",", "")
    try:
        return Fraction(f"0{token}" if token.startswith(".") else token.rstrip("."))
    except ValueError:
        raise _NotArithmeticError from None


def _length(value: Fraction) -> int:
    return max(len(str(value.numerator)), len(str(value.denominator)))

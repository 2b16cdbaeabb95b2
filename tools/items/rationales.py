"""Whether a worked-out answer holds together: its calculations, and the answer it arrives at."""

import ast
import operator
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from burnish.corpora.questions.boxed import boxed_span
from burnish.corpora.records import QAItem
from burnish.tools.answers.choices import letter_of
from burnish.tools.answers.compare import compare
from burnish.tools.answers.normalize import plain
from burnish.tools.answers.numbers import number_of
from burnish.tools.items.keys import key_text

_CONCLUSION = re.compile(
    r"\n?####\s*(?P<hashes>[^\n]+)"
    r"|\\(?P<boxed>boxed)\s*\{"
    r"|\b(?:final\s+)?(?:answer|choice|option)\s*(?:is|:)\s*:?\s*(?P<said>[^\n]+?)"
    r"(?=\.\s|\.?\s*$|\n)",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:(?:option|choice|answer)\s+)?\(?([A-J])\)(?:[.:,]?\s+(.*))?$")
_PLAIN = r"(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
_NUMBER = rf"[-+]?\$?{_PLAIN}%?"
_CALCULATION = re.compile(
    rf"(?<![\w.)%^/*+=$-])(?<![-+*/^=\d)x\u00d7]\s)(?P<left>\(*(?:\$?{_PLAIN})\)*(?:\s*[-+*/\u00d7\u00f7\u2212]\s*"
    rf"\(*\s*(?:{_NUMBER})\s*\)*)+)\s*=\s*(?P<right>{_NUMBER})(?![\d.,]*(?:\w|\s*[-+*/^%\u00d7\u00f7(]))"
)
_STEPS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
}
_LONGEST = 200


def conclusion(rationale: str) -> str | None:
    """Return the last answer a rationale announces: after `####`, boxed, or `the answer is`."""
    found = list(_CONCLUSION.finditer(rationale))
    if not found:
        return None
    last = found[-1]
    if last["boxed"]:
        box = boxed_span(rationale)
        said = rationale[slice(*box)] if box else ""
    else:
        said = last["hashes"] or last["said"] or ""
    return said.strip().strip("*$").rstrip(".")


def wrong_calculations(text: str) -> tuple[str, ...]:
    """Return the equations between plain numbers that do not hold, as they are written.

    Results may be rounded to the decimals they show; percent signs and currencies are ignored, and
    what is not plain arithmetic is not judged.
    """
    return tuple(written for written, left, right in _equations(text) if not _holds(left, right))


def _equations(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _CALCULATION.finditer(text):
        if "%" not in found[0] and len(found[0]) <= _LONGEST:
            yield found[0], found["left"], found["right"]


def _holds(left: str, right: str) -> bool:
    told = right.replace(",", "").replace("$", "")
    value = arithmetic(left)
    if value is None:
        return True
    shown = Fraction(told)
    _, point, decimals = told.partition(".")
    slack = Fraction(1, 10 ** len(decimals)) if point else Fraction(0)
    rounded = not point and value.denominator != 1 and abs(value - shown) < 1
    return rounded or abs(value - shown) <= slack


def arithmetic(text: str) -> Fraction | None:
    """Return the exact value of sums and products of numbers, None for anything else."""
    plain = text.replace(",", "").replace("$", "")
    plain = plain.replace("\u00d7", "*").replace("\u00f7", "/").replace("\u2212", "-")
    try:
        return _value(ast.parse(plain.strip(), mode="eval").body, plain.strip())
    except (SyntaxError, ZeroDivisionError, ValueError, RecursionError):
        return None


def _value(node: ast.expr, source: str) -> Fraction:
    match node:
        case ast.BinOp(left, step, right) if type(step) in _STEPS:
            return _STEPS[type(step)](_value(left, source), _value(right, source))
        case ast.UnaryOp(ast.USub(), inner):
            return -_value(inner, source)
        case ast.UnaryOp(ast.UAdd(), inner):
            return _value(inner, source)
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return Fraction(ast.get_source_segment(source, node) or "")
        case _:
            raise ValueError("not arithmetic")


def concludes(item: QAItem) -> bool | None:
    """Tell whether the rationale arrives at the key; None where it announces no answer.

    Raises:
        ValueError: the item has no single key.
    """
    told = None if item.rationale is None else conclusion(item.rationale)
    if told is None:
        return None
    key = key_text(item)
    lead = _LEAD.fullmatch(told)
    letter = letter_of(lead[1] if lead else told, item.choices)
    if letter is not None:
        return item.choices[letter] == key or compare(told, key).same
    found = compare(told, key)
    if found.same:
        return True
    if number_of(plain(told)) is not None and number_of(plain(key)) is not None:
        return False if found.relation == "different" else None
    others = [choice for choice in item.choices if choice != key]
    if any(compare(told, other).same for other in others):
        return False
    return found.may_be_same or key.casefold() in told.casefold() or None

"""Read the answer out of what a program left: its value, or the last line it printed."""

import re

from burnish.tools.sandbox.results import Execution, Value

MOST_CHARS = 500
"""Longer than any answer; what goes beyond is none."""

_PLAIN_TYPES = frozenset({
    "int", "float", "Fraction", "Decimal", "Integer", "Rational", "Half", "Zero", "One", "Float",
    "NegativeOne", "float64", "float32", "int64", "int32", "float16", "int16", "int8", "uint8",
})  # fmt: skip
_NOTHING = frozenset({"", "none", "nan", "inf", "-inf", "n/a", "null", "zoo", "[]", "()", "{}"})
_WRAPPED = (
    (re.compile(r"Fraction\((-?\d+), (\d+)\)"), r"\1/\2"),
    (re.compile(r"Decimal\('([^']*)'\)"), r"\1"),
    (re.compile(r"(?:np\.)?(?:float|int)\d+\(([^()]*)\)"), r"\1"),
    (re.compile(r"Interval\(([^()]*)\)"), r"[\1]"),
    (re.compile(r"Interval\.open\(([^()]*)\)"), r"(\1)"),
    (re.compile(r"Interval\.Lopen\(([^()]*)\)"), r"(\1]"),
    (re.compile(r"Interval\.Ropen\(([^()]*)\)"), r"[\1)"),
    (re.compile(r"(?:array|FiniteSet|ImmutableDenseMatrix)\((.*)\)", re.DOTALL), r"\1"),
    (re.compile(r"\{[A-Za-z]\w*: ([^:{}]*)\}"), r"\1"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def found_answer(result: Execution) -> str | None:
    """Return what a finished program answers, on one line; None when it answers nothing."""
    if result.outcome != "finished":
        return None
    if result.value is not None:
        text = _written(result.value)
    else:
        lines = [line.strip() for line in result.stdout.split("\n")]
        text = next((line for line in reversed(lines) if line), "")
    text = _CONTROL.sub(" ", text).strip()
    return None if text.casefold() in _NOTHING or len(text) > MOST_CHARS else text


def _written(value: Value) -> str:
    if value.cut:
        return ""
    if value.number is not None and value.type in _PLAIN_TYPES:
        return value.number
    if value.type == "str":
        return _unquoted(value.text)
    text = value.text
    for pattern, plain in _WRAPPED:
        text = pattern.sub(plain, text)
    return text


def _unquoted(text: str) -> str:
    """Undo the quotes of a `repr` without evaluating it."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text.replace("\\n", " ").replace("\\'", "'").replace("\\\\", "\\")

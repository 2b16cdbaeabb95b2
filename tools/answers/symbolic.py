"""Symbolic answers: a tokenizer of our own, and the program that compares them in the sandbox.

An answer becomes part of a program only when every token of it is a number, a one-letter name, a
known function or constant, an operator or a bracket; it is written anew from these tokens and
stands in the program as a string literal. SymPy reads it there, never in this process.
"""

import re

MOST_CHARS = 300
MOST_DEPTH = 20
MOST_TOKENS = 150

_FUNCTIONS = frozenset({
    "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "log", "ln", "exp",
    "Abs", "abs", "factorial", "binomial", "Rational", "sinh", "cosh", "tanh",
})  # fmt: skip
_CONSTANTS = frozenset({"pi", "oo", "E", "I"})
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|([A-Za-z]+)|(\*\*|[-+*/^(),=!]))")
_PROGRAM = """\
from sympy import *
from sympy.parsing.sympy_parser import parse_expr

NAMES = {{name: globals()[name] for name in {functions!r} if name in globals()}}
NAMES.update(ln=log, abs=Abs, pi=pi, oo=oo, E=E, I=I)
NAMES.update({{name: Symbol(name) for name in {letters!r}}})

def read(text):
    sides = [parse_expr(side, local_dict=dict(NAMES)) for side in text.split("=")]
    return sides[0] if len(sides) == 1 else sides[0] - sides[1]

def close(difference, size):
    try:
        return bool(abs(N(difference)) <= max({relative!r} * max(abs(N(size)), 1e-3), {absolute!r}))
    except TypeError:
        return None

def same(left, right, equations):
    difference = left - right
    if difference == 0 or simplify(difference) == 0:
        return True
    if equations and right != 0:
        ratio = simplify(left / right)
        if ratio.is_number and ratio != 0:
            return True
    if difference.is_number:
        return close(difference, left)
    return difference.equals(0)

def compare(left, right):
    equations = ("=" in left) + ("=" in right)
    found = same(read(left), read(right), equations == 2)
    return found if found or equations != 1 else None

def match(left, right, ordered):
    if len(left) != len(right):
        return False
    if ordered:
        found = [compare(*pair) for pair in zip(left, right)]
        return False if False in found else None if None in found else True
    rest = list(right)
    for one in left:
        partner = next((other for other in rest if compare(one, other)), None)
        if partner is None:
            return False
        rest.remove(partner)
    return True

found = match({left!r}, {right!r}, {ordered!r})
answer = {{True: "same", False: "different"}}.get(found, "unclear")
"""


def canonical(text: str) -> str | None:
    """Return a formula in SymPy's notation, or None when it holds anything unknown.

    Args:
        text: as `answers_plain.plain` returns it.
    """
    if len(text) > MOST_CHARS:
        return None
    tokens = _tokens(text.rstrip())
    if tokens is None or not _balanced(tokens) or tokens.count("=") > 1:
        return None
    if not any(token[0].isalnum() for token in tokens) or not _bounded(tokens):
        return None
    return _joined(tokens)


def _tokens(text: str) -> list[str] | None:
    tokens: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or len(tokens) > MOST_TOKENS or not text[found.start() :].isascii():
            return None
        at = found.end()
        if found[2]:
            names = _names(found[2])
            if names is None:
                return None
            tokens += names
        else:
            tokens.append("**" if found[0].strip() == "^" else found[0].strip())
    return tokens


def _names(word: str) -> list[str] | None:
    """Return a known name as one token, up to three other letters as their product."""
    if word in _FUNCTIONS or word in _CONSTANTS:
        return [word]
    if word == "e":
        return ["E"]
    if word == "i":
        return ["I"]
    return list(word) if len(word) <= 3 and word.casefold() not in _WORDS else None


_WORDS = frozenset({
    "st", "nd", "rd", "th",
    "a", "an", "all", "and", "are", "any", "as", "at", "be", "but", "by", "can", "day", "do", "for",
    "go", "he", "her", "him", "his", "how", "if", "in", "is", "it", "its", "man", "may", "men",
    "my", "new", "no", "not", "of", "off", "old", "on", "one", "or", "our", "out", "own", "she",
    "six", "so", "ten", "the", "to", "too", "two", "up", "us", "use", "was", "way", "we", "who",
    "why", "yes", "you", "yet", "red", "sun", "sea", "law", "tax", "war", "act", "age", "air",
})  # fmt: skip


def _balanced(tokens: list[str]) -> bool:
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth < 0 or depth > MOST_DEPTH:
            return False
    return depth == 0


def _bounded(tokens: list[str]) -> bool:
    """Refuse towers of powers and huge exponents, which only cost time."""
    if tokens.count("**") > 12:
        return False
    numbers = [token for token in tokens if token[0].isdigit()]
    return all(len(token) <= 30 for token in numbers)


def _joined(tokens: list[str]) -> str:
    """Write the tokens with `*` where a product is only implied."""
    pieces: list[str] = []
    for token in tokens:
        if pieces and _ends_value(pieces[-1]) and _begins_value(token):
            pieces.append("*")
        pieces.append(token)
    return "".join(pieces)


def _ends_value(token: str) -> bool:
    return token in {")", "!"} or (_is_value(token) and token not in _FUNCTIONS)


def _begins_value(token: str) -> bool:
    return token[0] == "(" or _is_value(token)


def _is_value(token: str) -> bool:
    return token[0].isalnum() or token[0] == "."


def comparing_program(
    left: tuple[str, ...],
    right: tuple[str, ...],
    *,
    ordered: bool,
    relative: float,
    absolute: float = 0.0,
) -> str:
    """Return the program that says `same`, `different` or `unclear` of canonical formulas.

    Args:
        left: formulas as `canonical` returns them.
        right: as many.
        ordered: whether the first belongs to the first, and so on.
        relative: how far numbers may lie apart, of the first.
        absolute: how far in any case.
    """
    letters = sorted({token for text in left + right for token in re.findall(r"[A-Za-z]+", text)})
    return _PROGRAM.format(
        functions=sorted(_FUNCTIONS),
        letters=[name for name in letters if len(name) == 1 and name not in _CONSTANTS],
        left=list(left),
        right=list(right),
        ordered=ordered,
        relative=relative,
        absolute=absolute,
    )

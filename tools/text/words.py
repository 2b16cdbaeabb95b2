"""Where words end: a deletion that cuts one in two writes a word the source never had."""

import re

_NO_BORDERS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts that put no space between words: any place may be a border there."""

_WORD = re.compile(rf"{_NO_BORDERS.pattern}|[^\W{_NO_BORDERS.pattern[1:-1]}]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def joins(left: str, right: str) -> bool:
    """Tell whether two neighbouring characters belong to one word; empty ones never do."""
    if not (left and right and _is_word(left) and _is_word(right)):
        return False
    return not (_NO_BORDERS.match(left) or _NO_BORDERS.match(right))


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_'\u2019"


def splits_word(text: str, start: int, stop: int) -> bool:
    """Tell whether cutting `[start, stop)` out of a text cuts a word, or joins two."""
    left, right = text[start - 1 : start] if start else "", text[stop : stop + 1]
    return (
        joins(left, text[start : start + 1])
        or joins(text[stop - 1 : stop], right)
        or joins(left, right)
    )


def words(text: str) -> set[str]:
    r"""Return the words of a text: runs of `\w`, each character by itself where none are spaced."""
    return set(_WORD.findall(text))


def approximate_tokens(text: str) -> int:
    r"""Count tokens without a tokenizer.

    A run of `\w` counts one for each six characters begun, any other visible character counts one.
    """
    return sum(-(-len(piece) // 6) for piece in _TOKEN.findall(text))

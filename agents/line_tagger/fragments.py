"""Parts of a kept line that are surely no content: the counters of forum posts."""

from __future__ import annotations

import re
from typing import Final

_FRAGMENTS: Final = (
    re.compile(r"^#\d{1,6}\s?·\s?(?=\S)"),
    re.compile(r"^Start date (?=[A-Z][a-z]{2,8} \d)"),
    re.compile(r"(?<=\S) ?• ?[\d.]{1,7}[kM]? ?• ?[\d.]{1,7}[kM]?$"),
)
_MARKS: Final = ("#", "Start date ", "•")


def partial_spans(line: str) -> list[tuple[int, int]]:
    """Character spans `[start, stop)` of `line` to delete, in order and apart.

    Only fragments that labelled pages drop with a precision above 0.9 on several sites count: "#12
    · Mar 21, 2025" loses its number. What stays is never empty, and most lines have no such span.
    """
    if len(line) > 400 or not any(mark in line for mark in _MARKS):
        return []
    matches = (pattern.search(line) for pattern in _FRAGMENTS)
    return [match.span() for match in matches if match][:1]

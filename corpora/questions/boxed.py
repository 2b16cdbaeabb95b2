r"""The answer that a worked solution boxes: `\boxed{…}` as MATH writes it, or `\fbox{…}`."""

import re
from typing import Final

_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s*\{")


def boxed_span(text: str) -> tuple[int, int] | None:
    """Return where the content of the last box stands; None where there is none, or no end."""
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    depth, start = 1, boxes[-1].end()
    for at in range(start, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return start, at
    return None

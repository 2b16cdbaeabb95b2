"""Makes texts of strangers safe to look at: nothing in them steers a terminal or a browser.

Control characters become pictures, characters that turn or hide text become their code points.
Tabs and newlines stay.
"""

from itertools import chain

_TURNING_OR_HIDDEN = chain(
    range(0x7F, 0xA0),
    (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF),
    range(0x202A, 0x202F),
    range(0x2060, 0x2070),
    range(0xFFF9, 0xFFFC),
    range(0xD800, 0xE000),
    range(0xE0000, 0xE0080),
)
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code not in {0x09, 0x0A}}
_VISIBLE = _PICTURES | {code: f"⟨U+{code:04X}⟩" for code in _TURNING_OR_HIDDEN}
_ONE_LINE = _VISIBLE | {0x09: "␉", 0x0A: "␊"}
_ID_CHARS = 80


def visible(text: str) -> str:
    """Replace what cannot be seen, and what changes how the rest is seen."""
    return text.translate(_VISIBLE)


def shown(name: str) -> str:
    """Return an id, a reason or a path as one short line for messages and headings."""
    name = name if len(name) <= _ID_CHARS else name[: _ID_CHARS - 1] + "…"
    return name.translate(_ONE_LINE)

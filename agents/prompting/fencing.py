"""How a document is shown to a model: numbered, fenced, as data that nothing in it can leave.

A line of the document always begins with its number, so no line of it can pose as a fence; the
fence carries the first digits of the text's own digest, which no text can foretell. Marks that
chat templates use are shown broken, so that a document cannot open a turn of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import Document, digest
from burnish.tools.answers.choices import unlabelled
from burnish.tools.deletion.lines import Lines, Window, numbered

_MARKS = {"<|": "< |", "|>": "| >"}


@dataclass(frozen=True, slots=True)
class NumberedText:
    """A document and its lines."""

    text: str
    lines: Lines

    @classmethod
    def of(cls, document: Document) -> "NumberedText":
        """Split a document into its lines."""
        return cls(document.text, Lines.of(document.text))

    def whole(self) -> Window:
        """Return the window that shows everything."""
        return Window(1, len(self.lines), 1)


def fence(kind: str, words: str, code: str = "") -> str:
    """Return a text between fence lines that nothing in it can foretell.

    Args:
        kind: what the text is, named on both fence lines.
        words: the text, shown without template marks.
        code: first digits of the digest of what the text is part of; none: of the text itself.
    """
    code = code or fence_code(words)
    return f"=== {kind} {code} ===\n{unmarked(words)}\n=== end of {kind} {code} ==="


def fence_code(text: str) -> str:
    """Return the mark that the fences of a text carry."""
    return digest(text)[:8]


def fence_window(page: NumberedText, window: Window) -> str:
    """Return what the user turn says: where the lines stand, and the fenced lines."""
    lines = fence("document", numbered(page.lines, window), fence_code(page.text))
    return f"{_place(page, window)}\n{lines}"


def list_choices(choices: Sequence[str]) -> str:
    """Return choices under their letters, one a line, without labels of their own."""
    listed = zip(LETTERS, unlabelled(choices), strict=False)
    return "Choices:\n" + "\n".join(f"{letter}) {text}" for letter, text in listed)


def _place(page: NumberedText, window: Window) -> str:
    total = len(page.lines)
    if (window.first, window.last) == (1, total):
        return f"A document of {total} lines:"
    words = f"Lines {window.first} to {window.last} of a document of {total} lines."
    if window.acts_from > window.first:
        words += (
            f" Lines {window.first} to {window.acts_from - 1} are context: do not act on them, they"
            " were judged before."
        )
    return words


def unmarked(text: str) -> str:
    """Return a text as a model sees it: without template marks and without lone surrogates."""
    for mark, broken in _MARKS.items():
        text = text.replace(mark, broken)
    return text.encode("utf-8", "replace").decode("utf-8")

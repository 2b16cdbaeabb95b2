"""The pages of the site, block by block, with what their comments say is to be done with each."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.places import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_COMMENT = re.compile(r"\s*<!-- (run|not run)(?:: (.*))? -->$")
_FENCE = re.compile(r"\s*```(\w*)(?: title=\"(.+)\")?$")


class Block(NamedTuple):
    """One fenced block. `todo` is `run`, `not run`, `file` (it has a title), or empty."""

    line: int
    language: str
    todo: str
    detail: str
    """The name of the file, the reason, or what running it needs."""
    text: str

    @property
    def executable(self) -> bool:
        """Tell whether a reader would take it for something to execute."""
        commands = re.search(r"^(\$ |burnish )", self.text, re.MULTILINE)
        return self.language in {"console", "bash", "sh", "shell", "python"} or bool(commands)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, indented ones as if they were not."""
    lines = page.read_text("utf-8").split("\n")
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        stop = next(end for end in range(at + 1, len(lines)) if lines[end].strip() == "```")
        said = _COMMENT.match(lines[at - 1]) if at else None
        todo, detail = (said[1], said[2] or "") if said else ("", "")
        if fence[2]:
            todo, detail = "file", fence[2]
        text = textwrap.dedent("\n".join(lines[at + 1 : stop]) + "\n")
        yield Block(at + 1, fence[1], todo, detail, text)
        at = stop + 1

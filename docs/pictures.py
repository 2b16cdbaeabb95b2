"""Draws the graphs of burnish into a Markdown file, from the code: `python docs/pictures.py FILE`.

A picture stands between `<!-- picture: NAME -->` and `<!-- end of picture -->`. With `--check`
nothing is written, and the exit code is 1 when a picture is not what the code draws.
"""

import re
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from burnish.graphs.documents import record_graph as records
from burnish.graphs.questions.operate import record_graph as qa_records
from burnish.graphs.runs import graph as run

_PICTURE = re.compile(r"(<!-- picture: (\w+) -->\n).*?(<!-- end of picture -->)", re.DOTALL)
_NODE = re.compile(r"^\t\w+\(.*|^\t\w+ -.*", re.MULTILINE)


def pictures() -> dict[str, str]:
    """Return a Mermaid flowchart for each graph, by name; without the library's own styles."""
    checkpoints = SqliteSaver(sqlite3.connect(":memory:"))
    return {
        "run": _chart(run.build(checkpoints).get_graph().draw_mermaid(), "LR"),
        "records": _chart(records.build().get_graph().draw_mermaid(), "LR"),
        "questions": _chart(qa_records.build().get_graph().draw_mermaid(), "LR"),
    }


def _chart(drawn: str, direction: str) -> str:
    lines = [line.strip().removesuffix(";") for line in _NODE.findall(drawn)]
    plain = [re.sub(r"\(\[<p>__(\w+)__</p>\]\):+\w+", r"([\1])", line) for line in lines]
    return "\n    ".join([f"```mermaid\ngraph {direction}", *plain]) + "\n```"


def redraw(text: str) -> str:
    """Return the text with every picture drawn anew."""
    drawn = pictures()
    return _PICTURE.sub(lambda found: f"{found[1]}{drawn[found[2]]}\n{found[3]}", text)


def main(argv: Sequence[str]) -> int:
    """Redraw or check one file."""
    path = Path(argv[-1])
    text = path.read_text("utf-8")
    fresh = redraw(text)
    if "--check" not in argv:
        path.write_text(fresh, "utf-8")
        return 0
    if fresh != text:
        sys.stderr.write(f"{path}: a picture is not what the code draws; run: make docs\n")
    return int(fresh != text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

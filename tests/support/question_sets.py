"""Small QA sets for tests, with skewed cells, answer records and a pool to draw from."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.pool import Sandbox

MODELS = ("ada", "bo", "cy", "di", "ed")
_THINGS = ("lamp", "kettle", "bridge", "tunnel", "garden", "violin", "ladder", "harbour", "meadow")
_QUALITIES = ("red", "tall", "quiet", "wooden", "narrow", "ancient", "bright", "hollow", "heavy")


def item(number: int, domain: str, seed: int = 0) -> dict[str, object]:
    """Return a row with four choices and answers of five models."""
    draw = random.Random(f"{seed} {domain} {number}")  # noqa: S311
    thing, quality = draw.choice(_THINGS), draw.choice(_QUALITIES)
    hard = draw.random()
    key = draw.randrange(4)
    figures = draw.sample(range(10, 1000), 6)
    return {
        "id": f"{domain}-{number}",
        "question": (
            f"In {domain} puzzle {figures[4]}-{number}, which figure is written under the "
            f"{quality} {thing} of room {figures[5]}?"
        ),
        "choices": [f"{figure} steps" for figure in figures[:4]],
        "answer": "ABCD"[key],
        "subject": domain,
        "weight": number / 4,
        "tags": [domain, quality],
        **{f"correct_{name}": draw.random() > hard for name in MODELS},
    }


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def skewed(folder: Path, *, bad: bool = False) -> Path:
    """Write a set in which one domain has too many items and one too few."""
    sizes = {"rivers": 60, "rocks": 25, "ropes": 5}
    rows = [item(n, domain) for domain, size in sizes.items() for n in range(size)]
    path = write(folder / "set.jsonl", rows)
    if bad:
        with path.open("a", encoding="utf-8") as file:
            file.write('{"id": "x", "question": null}\nnot json\n')
    return path


def pool(folder: Path) -> Path:
    """Write a reserve with plenty of what the set lacks; one id is that of an item of the set."""
    rows = [item(100 + n, domain) for domain in ("rocks", "ropes") for n in range(40)]
    rows[0]["id"] = "rivers-0"
    return write(folder / "pool.jsonl", rows)


def programs_run() -> bool:
    """Tell whether this system has a sandbox for programs."""
    try:
        with Sandbox():
            return True
    except SandboxUnavailable:
        return False

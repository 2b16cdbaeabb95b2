"""What a run over questions is made of: its fingerprint and its manifest."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from burnish.corpora.errors import UsageError
from burnish.graphs.questions.state.question_set import QASet
from burnish.graphs.questions.state.target import Target
from burnish.graphs.runs.settings import Settings

KIND = "qa"
_LIBRARIES = (
    "burnish", "cvxpy", "highspy", "langgraph", "numpy", "orjson", "pyarrow", "scipy",
)  # fmt: skip
_SECTIONS = ("qa", "selection")
_FILES = ("quotas", "reviewed", "answers", "labels")


def marks_of(
    settings: Settings, own: QASet, reserve: QASet | None, target: Target, agents: Mapping[str, str]
) -> dict[str, str]:
    """Return digests of everything that decides what a run writes, by name.

    Raises:
        UsageError: a file that the settings name cannot be read.
    """
    tree = settings.model_dump(include=set(_SECTIONS))
    parts = {
        f"settings.{section}.{key}": _short(value)
        for section in _SECTIONS
        for key, value in tree[section].items()
    }
    parts["settings.run.format"] = _short(settings.run.format)
    parts["settings.fields.id"] = _short(settings.fields.id)
    held = settings.qa.model_dump()
    for name in _FILES:
        if held[name] is not None:
            parts[name] = file_digest(Path(held[name]), f"qa.{name}")
    return {
        "burnish": version("burnish"),
        "kind": KIND,
        "input": own.digest,
        "reserve": "none" if reserve is None else reserve.digest,
        "target": _short(target.digest),
        **{f"agent.{name}": revision for name, revision in agents.items()},
    } | parts


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path, where: str) -> str:
    """Return the SHA-256 of a file, or of the review queue of a run folder.

    Raises:
        UsageError: it cannot be read.
    """
    file = path / "review.jsonl" if path.is_dir() else path
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{where}: {file} cannot be read ({error.strerror})") from None


def manifest_of(
    settings: Settings, own: QASet, marks: Mapping[str, str], agents: Mapping[str, str]
) -> dict[str, Any]:
    """Return the manifest: resolved settings, versions, fingerprint and what the input is."""
    return {
        "burnish": version("burnish"),
        "kind": KIND,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "settings": settings.of_run(),
        "agents": dict(agents),
        "fingerprint": dict(marks),
        "input": {
            "location": own.location,
            "rows": len(own.rows),
            "bad_rows": len(own.bad),
            "chars": own.chars,
            "digest": own.digest,
            "sources": list(own.sources),
            "text_column": own.layout.question or own.layout.turns,
            "id_column": own.layout.id or own.made_ids,
            "layout": asdict(own.layout),
        },
    }

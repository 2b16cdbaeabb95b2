"""What a run over questions is made of: its fingerprint and its manifest."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.manifest import InputFacts, brief, fingerprint_of, make_manifest
from burnish.corpora.storage.streams import file_digest
from burnish.graphs.questions.state.question_set import QASet
from burnish.graphs.questions.state.target import Target
from burnish.graphs.runs.settings import Settings

_LIBRARIES = ("cvxpy", "highspy", "scipy")
_SECTIONS: dict[str, bool | set[str]] = {
    "qa": True, "selection": True, "run": {"format"}, "fields": {"id"},
}  # fmt: skip
"""Settings that decide what a run writes."""
_FILES = ("quotas", "reviewed", "answers", "labels")


def manifest_of(
    settings: Settings, own: QASet, reserve: QASet | None, target: Target, agents: Mapping[str, str]
) -> dict[str, Any]:
    """Return the manifest; `agents` are revisions of who decides, by name.

    Raises:
        UsageError: a file that the settings name cannot be read.
    """
    marks = fingerprint_of(own.digest, settings.model_dump(include=_SECTIONS)) | {
        "kind": "qa",
        "reserve": "none" if reserve is None else reserve.digest,
        "target": brief(target.digest),
    }
    marks |= {f"agent.{name}": revision for name, revision in agents.items()}
    for name in _FILES:
        path = getattr(settings.qa, name)
        if path is not None:
            marks[name] = _digest(Path(path), f"qa.{name}")
    facts = InputFacts(
        own.location,
        len(own.rows),
        len(own.bad),
        own.chars,
        own.digest,
        list(own.sources),
        own.layout.question or own.layout.turns,
        own.layout.id or own.made_ids,
    )
    manifest = make_manifest("qa", settings.of_run(), marks, facts, _LIBRARIES)
    manifest["input"]["layout"] = asdict(own.layout)
    return manifest | {"agents": dict(agents)}


def _digest(path: Path, where: str) -> str:
    """Return the SHA-256 of a file, or of the review queue of a run folder."""
    file = path / "review.jsonl" if path.is_dir() else path
    try:
        return file_digest(file)
    except OSError as error:
        raise UsageError(f"{where}: {file} cannot be read ({error.strerror})") from None

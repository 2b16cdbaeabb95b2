"""The manifest of a run: what it is made of, so that a folder only goes on with the same."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from burnish.corpora.errors import RunError
from burnish.corpora.readers.rows import Survey
from burnish.corpora.runs.folder import RunFolder, read_json, write_json

Kind = Literal["documents", "qa", "distill"]
_LIBRARIES = ("burnish", "langgraph", "numpy", "orjson", "pyarrow")
_NAMED = 8
"""Differences that a refusal names."""
_LONGEST = 80
"""Characters of a value that a fingerprint holds as it is."""


@dataclass(frozen=True, slots=True)
class InputFacts:
    """What a run read."""

    location: str
    rows: int
    """That could be read."""
    bad_rows: int
    chars: int
    digest: str
    sources: Sequence[str]
    text_column: str | None
    id_column: str | None

    @classmethod
    def of(
        cls, survey: Survey, location: str, text_column: str, id_column: str | None
    ) -> "InputFacts":
        """Return what a survey of documents found."""
        return cls(
            location,
            survey.rows,
            survey.bad_rows,
            survey.chars,
            survey.digest,
            survey.sources,
            text_column,
            id_column,
        )


def make_manifest(
    kind: Kind,
    settings: Mapping[str, Any],
    marks: Mapping[str, str],
    facts: InputFacts,
    libraries: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a manifest: resolved settings, versions, fingerprint and what the input is."""
    return {
        "burnish": version("burnish"),
        "kind": kind,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in sorted({*_LIBRARIES, *libraries})},
        "settings": settings,
        "fingerprint": dict(marks),
        "input": asdict(facts),
    }


def kind_of(folder: RunFolder) -> Kind:
    """Return what a folder holds a run over.

    Raises:
        RunError: there is no readable manifest.
    """
    return read_json(folder.manifest).get("kind", "documents")


def fingerprint_of(digest: str, tree: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Return what decides what a run writes, by name: burnish, the input and settings."""
    return {"burnish": version("burnish"), "input": digest} | {
        f"settings.{section}.{key}": brief(value)
        for section, values in tree.items()
        for key, value in values.items()
    }


def brief(value: object) -> str:
    """Return a value as JSON, or a digest of it where that is long."""
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else hashlib.sha256(text.encode()).hexdigest()[:16]


def claim(folder: RunFolder, manifest: Mapping[str, Any]) -> bool:
    """Write the manifest of a new run, or check that this one is the same; tell whether it was new.

    Raises:
        RunError: the folder holds a run of something else; the message says what differs.
    """
    if not folder.manifest.exists():
        write_json(folder.manifest, manifest)
        return True
    before: Mapping[str, str] = read_json(folder.manifest)["fingerprint"]
    marks: Mapping[str, str] = manifest["fingerprint"]
    changes = [
        f"{name} was {before.get(name)}, is {marks.get(name)}"
        for name in sorted(before.keys() | marks.keys())
        if before.get(name) != marks.get(name)
    ]
    if changes:
        more = [f"and {len(changes) - _NAMED} more"] if len(changes) > _NAMED else []
        raise RunError(
            f"{folder.root}: holds another run ({'; '.join([*changes[:_NAMED], *more])}); "
            "give the same input and settings to resume it, or another folder with -o"
        )
    return False

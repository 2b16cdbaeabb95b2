"""What a run is made of, so that a folder is only ever continued with the same ingredients."""

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from burnish.corpora.errors import RunError
from burnish.corpora.readers.rows import Survey
from burnish.corpora.runs.folder import RunFolder, read_json, write_json
from burnish.graphs.runs.settings import Settings

_FREE = {
    "run": ("strict", "max_failure_ratio", "approval", "concurrency"),
    "llm": ("endpoint", "key_env", "budget", "concurrency", "timeout_s", "probe"),
}
"""Settings that change nothing of what a run writes: they may differ when it goes on."""

_LIBRARIES = ("burnish", "langgraph", "numpy", "orjson", "pyarrow", "zstandard")


def fingerprint(settings: Settings, survey: Survey, revision: str) -> dict[str, str]:
    """Return digests of everything that decides what a run writes, by name."""
    tree = settings.of_run()
    for section, names in _FREE.items():
        for name in names:
            del tree[section][name]
    del tree["qa"]
    if settings.refiner.name != "served":
        del tree["llm"]
    parts = {f"settings.{key}": _digest(value) for key, value in _flat(tree)}
    return {"burnish": version("burnish"), "input": survey.digest, "refiner": revision} | parts


def _flat(tree: Mapping[str, Mapping[str, object]]) -> list[tuple[str, object]]:
    return [(f"{section}.{key}", tree[section][key]) for section in tree for key in tree[section]]


def _digest(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:16]


def claim(folder: RunFolder, marks: Mapping[str, str], manifest: Mapping[str, Any]) -> bool:
    """Write the manifest of a new run, or check that this one is the same; tell whether it was new.

    Raises:
        RunError: the folder holds a run of something else; the message says what differs.
    """
    if folder.manifest.exists():
        _compare(read_json(folder.manifest), marks, folder)
        return False
    write_json(folder.manifest, manifest)
    return True


def _compare(held: Mapping[str, Any], marks: Mapping[str, str], folder: RunFolder) -> None:
    before: Mapping[str, str] = held["fingerprint"]
    changes = [
        f"{name} was {before.get(name)}, is {marks.get(name)}"
        for name in sorted(before.keys() | marks.keys())
        if before.get(name) != marks.get(name)
    ]
    if changes:
        raise RunError(
            f"{folder.root}: holds another run ({'; '.join(changes)}); "
            "give the same input and settings to resume it, or another folder with -o"
        )


def describe(
    settings: Settings, survey: Survey, marks: Mapping[str, str], location: str, id_name: str
) -> dict[str, Any]:
    """Return the manifest: resolved settings, versions, fingerprint and what the input is."""
    return {
        "burnish": version("burnish"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "settings": settings.of_run(),
        "fingerprint": dict(marks),
        "input": {
            "location": location,
            "rows": survey.rows,
            "bad_rows": survey.bad_rows,
            "chars": survey.chars,
            "digest": survey.digest,
            "sources": list(survey.sources),
            "text_column": settings.fields.text,
            "id_column": id_name,
        },
    }

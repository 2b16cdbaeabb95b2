"""What a run over documents is made of: its fingerprint and its manifest."""

from typing import Any

from burnish.corpora.readers.rows import Survey
from burnish.corpora.runs.manifest import InputFacts, fingerprint_of, make_manifest
from burnish.graphs.runs.settings import Settings

_SECTIONS = ("fields", "selection", "refiner", "llm", "guard", "run")
_FREE = {
    "run": {"strict", "max_failure_ratio", "approval", "concurrency"},
    "llm": {"endpoint", "key_env", "budget", "concurrency", "timeout_s", "probe"},
}
"""Settings that change nothing of what a run writes: they may differ when it goes on."""


def manifest_of(
    settings: Settings, survey: Survey, location: str, id_column: str, revision: str
) -> dict[str, Any]:
    """Return the manifest; `revision` says what decides for every document."""
    tree = settings.model_dump(include=set(_SECTIONS), exclude=_FREE)
    if settings.refiner.name != "served":
        del tree["llm"]
    marks = fingerprint_of(survey.digest, tree) | {"refiner": revision}
    facts = InputFacts.of(survey, location, settings.fields.text, id_column)
    return make_manifest("documents", settings.of_run(), marks, facts, ("zstandard",))

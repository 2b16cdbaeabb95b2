"""Prompts lie beside their agent as Markdown; a prompt is the sections that a task names."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def sections(path: Path) -> Mapping[str, str]:
    """Return the text under each `## name` heading; what stands before the first is for readers."""
    found: dict[str, str] = {}
    for part in ("\n" + path.read_text("utf-8")).split("\n## ")[1:]:
        name, _, text = part.partition("\n")
        found[name.strip()] = text.strip()
    return found


def digest_of(*parts: str) -> str:
    """Return a short digest of texts that decide how a model is asked."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

"""What an index of passages says of itself, and when it must not be used."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter, ValidationError

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.storage.writers import write_atomic

FORMAT = 2
"""2: with the stems of the passages in order."""
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Written last, so an index without one is not finished."""

    format: int
    source: str
    revision: str
    """Names of the source and a digest of its files' names and sizes."""
    embedder: str
    digest: str
    dimensions: int
    count: int
    kind: str
    """`exact`, or `cells` for a search in part of the vectors."""
    cells: int
    probes: int
    recall: float
    """Of the ten nearest, against exact search."""
    words: int
    """Words a passage had room for when articles were cut; 0: the source was cut already."""

    def write(self, folder: Path) -> None:
        """Declare the index finished."""
        told = orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        write_whole(folder / MANIFEST, told)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file at once or not at all."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_atomic(path, write)


def read_manifest(folder: Path) -> Manifest:
    """Read what an index says of itself.

    Raises:
        SourceError: there is no finished index, or one of another format.
    """
    path = folder / MANIFEST
    try:
        manifest = TypeAdapter(Manifest).validate_json(path.read_bytes())
    except OSError:
        raise SourceError(
            f"{folder}: no finished index here; make one: burnish wiki build SOURCE -o {folder}"
        ) from None
    except ValidationError:
        raise SourceError(f"{path}: damaged; remove the folder and build the index again") from None
    if manifest.format != FORMAT:
        raise SourceError(
            f"{path}: format {manifest.format}, this burnish reads {FORMAT}; build the index again"
        )
    return manifest


def check_embedder(manifest: Manifest, folder: Path, name: str, digest: str) -> None:
    """Refuse questions embedded by another model than the passages.

    Raises:
        UsageError: the embedders differ.
    """
    if manifest.digest != digest:
        raise UsageError(
            f"{folder}: built with embedder {manifest.embedder} [{manifest.digest[:12]}], not with"
            f" {name} [{digest[:12]}]; give --embedder {manifest.embedder.split(' ')[0]} or build"
            " the index again"
        )

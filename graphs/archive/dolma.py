"""Hands a run's deletions to the Dolma toolkit as attributes, with the documents they speak of.

The format is that of docs/data-format.md in allenai/dolma: attribute files line up row by row with
the files of documents, and a span is `[start, stop, score]` in characters of the document's text.
"""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import orjson

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.storage.writers import write_atomic
from burnish.graphs.archive.attribution import attribute
from burnish.graphs.archive.opened import Progress
from burnish.graphs.archive.stored import Record, StoredColumns, columns_of, records

_LEVEL = 6


def export_dolma(folder: RunFolder, out: Path, progress: Progress | None = None) -> int:
    """Write the raw texts to `out/documents/` and the deletions to `out/attributes/burnish/`.

    There is a `part-N.jsonl.gz` for each shard in both. Attributes are called `burnish__<reason>`
    and score with the call's confidence; a dropped document has one span over its whole text.
    The same run gives the same bytes. Returns the number of documents.

    Raises:
        UsageError: `out` holds an export already.
        RunError: the run's files cannot be read or do not go together.
    """
    folders = (out / "documents", out / "attributes" / "burnish")
    for path in folders:
        if path.is_dir() and any(path.iterdir()):
            raise UsageError(f"{out}: holds an export already; name an empty folder with -o")
        path.mkdir(parents=True, exist_ok=True)
    columns = columns_of(folder)
    source = Path(str(read_json(folder.manifest)["input"]["location"])).name or "input"
    exported = 0
    for index in folder.finished():
        name = f"part-{index:05d}.jsonl.gz"
        _write(folders[0] / name, (_document(r, source) for r in _read(folder, columns, index)))
        _write(folders[1] / name, (_attributes(r, source) for r in _read(folder, columns, index)))
        marker = read_json(folder.marker(index))
        exported += int(marker["rows"]) - int(marker["outcomes"].get("quarantined", 0))
        if progress:
            progress(int(marker["rows"]))
    return exported


def _read(folder: RunFolder, columns: StoredColumns, index: int) -> Iterable[Record]:
    return (r for r in records(folder, columns, index) if r.entry.outcome != "quarantined")


def _document(record: Record, source: str) -> dict[str, object]:
    return {"id": record.entry.id, "text": record.raw, "source": source}


def _attributes(record: Record, source: str) -> dict[str, object]:
    spans: dict[str, list[tuple[int, int, float]]] = {}
    for start, stop, call in attribute(record.entry, record.raw):
        key = f"burnish__{call.reason or call.name}"
        spans.setdefault(key, []).append((start, stop, round(call.confidence, 4)))
    return {"source": source, "id": record.entry.id, "attributes": spans}


def _write(path: Path, rows: Iterable[dict[str, object]]) -> None:
    def write(file: BinaryIO) -> None:
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
            packed.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)

    write_atomic(path, write)

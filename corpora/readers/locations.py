"""Turns what a user names (file, folder, pattern, dataset) into the parts to read, in order."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from burnish.corpora.errors import SourceError
from burnish.corpora.readers.columnar import ArrowFile, ParquetFile
from burnish.corpora.readers.rows import SourcePart
from burnish.corpora.readers.text_formats import Delimited, JsonLines

_PACKED = (".gz", ".zst")
_JSON = (".jsonl", ".ndjson", ".json-lines")
_CSV = {".csv": ",", ".tsv": "\t"}
_ARROW = (".arrow", ".feather")
KNOWN = (
    f"{', '.join((*_JSON, *_CSV))} (also with {' or '.join(_PACKED)}), .parquet, .arrow, .feather"
)


def find_parts(location: str) -> list[SourcePart]:
    """Return the parts that a location names: files sorted by relative path, splits in order.

    Raises:
        SourceError: nothing is there, or nothing that can be read.
    """
    if location.startswith("hf:"):
        from burnish.corpora.readers.hub import open_hub

        return open_hub(location.removeprefix("hf:"))
    path, split = Path(location), ""
    if not path.exists() and "@" in path.name:
        before, _, split = location.rpartition("@")
        path = Path(before)
    if path.is_dir():
        return _saved(path, split) or _folder(path, split)
    if split or not path.exists():
        return _pattern(location)
    part = _part(path.name, path)
    if part is None:
        raise SourceError(f"{path.name}: unknown kind of file; known are {KNOWN}")
    return [part]


def _folder(folder: Path, split: str) -> list[SourcePart]:
    if split:
        raise SourceError(f"{folder.name}: '@{split}' needs a folder made by save_to_disk")
    return _known(folder, sorted(folder.rglob("*")), f"{folder}: the folder has no file to read")


def _pattern(pattern: str) -> list[SourcePart]:
    path = Path(pattern)
    steps = path.parts
    wild = next((at for at, step in enumerate(steps) if any(c in step for c in "*?[")), None)
    if wild is None:
        raise SourceError(f"{pattern}: no such file or folder")
    root = Path(*steps[:wild])
    found = sorted(root.glob("/".join(steps[wild:])))
    return _known(root, found, f"{pattern}: no file to read fits the pattern")


def _known(root: Path, paths: Sequence[Path], complaint: str) -> list[SourcePart]:
    named = {path.relative_to(root).as_posix(): path for path in paths}
    for name in named:
        # Names go into records, which are UTF-8.
        if not name.isascii() and name != name.encode(errors="replace").decode():
            shown = name.encode(errors="replace").decode()
            raise SourceError(f"{shown}: the file's name is not valid UTF-8; rename it")
    parts = [
        part
        for name, path in sorted(named.items())
        if not any(step.startswith(".") for step in name.split("/"))
        and path.is_file()
        and (part := _part(name, path)) is not None
    ]
    if not parts:
        raise SourceError(f"{complaint}; known are {KNOWN}")
    return parts


def _part(name: str, path: Path) -> SourcePart | None:
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    kind = (suffixes[:-1] if packed else suffixes)[-1:]
    if not kind:
        return None
    if kind[0] in _JSON:
        return JsonLines(name, path)
    if kind[0] in _CSV:
        return Delimited(name, path, _CSV[kind[0]])
    if kind[0] == ".parquet" and not packed:
        return ParquetFile(name, path)
    return ArrowFile(name, path) if kind[0] in _ARROW and not packed else None


def _saved(folder: Path, split: str) -> list[SourcePart]:
    """Return the parts of a folder that `save_to_disk` made, none when it is another folder."""
    several = folder / "dataset_dict.json"
    if several.is_file():
        splits = [str(one) for one in _list(_read(several).get("splits"))]
        if split and split not in splits:
            raise SourceError(f"{folder.name}: no split {split!r}; there are {', '.join(splits)}")
        wanted = [split] if split else splits
        return [part for one in wanted for part in _saved_split(folder / one, f"{one}/")]
    if not (folder / "state.json").is_file():
        return []
    if split:
        raise SourceError(f"{folder.name}: holds one dataset without splits; leave out '@{split}'")
    return _saved_split(folder, "")


def _saved_split(folder: Path, prefix: str) -> list[SourcePart]:
    # The state lists the files: a folder may also hold caches, which are no part of the dataset.
    state = _read(folder / "state.json")
    parts: list[SourcePart] = []
    for entry in _list(state.get("_data_files")):
        name = _mapping(entry).get("filename")
        if not isinstance(name, str) or not (folder / name).is_file():
            raise SourceError(f"{prefix}state.json: names a file that is not there; save it again")
        parts.append(ArrowFile(prefix + name, folder / name))
    if not parts or state.get("_indices_data_files"):
        raise SourceError(f"{prefix}state.json: lists no plain Arrow files; save it again")
    return parts


def _read(path: Path) -> dict[str, object]:
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path.parent.name}/{path.name}: cannot be read as JSON") from error


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []

"""Where everything of a run lies, and the small JSON files that say what the run is."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa

from burnish.corpora.errors import RunError
from burnish.corpora.readers.rows import BadRow, raw_row
from burnish.corpora.storage.streams import file_digest
from burnish.corpora.storage.writers import write_jsonl, write_lines, write_table

Format = Literal["parquet", "jsonl"]


def default_folder(source: str) -> Path:
    """Return where a run goes when nobody says: `runs/<name of the input>`."""
    name = Path(source.split("@", 1)[0].removeprefix("hf:")).name.split(".", 1)[0]
    return Path("runs") / (name or "corpus")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run.

    `data/` holds what is kept, `aside/` the raw records that were dropped or failed, `ledger/` a
    row for each record, `quarantine/` rows that could not be read, `shards/` a marker for each
    finished shard: written last, so a shard with a marker is whole.
    """

    root: Path
    format: Format = "parquet"

    @classmethod
    def open(cls, root: Path) -> "RunFolder":
        """Open the folder of a run that was started.

        Raises:
            RunError: there is no readable manifest.
        """
        manifest = read_json(root / "manifest.json")
        try:
            return cls(root, manifest["settings"]["run"]["format"])
        except (KeyError, TypeError):
            raise RunError(f"{root}: its manifest.json is not that of a run") from None

    @property
    def manifest(self) -> Path:
        """Resolved settings, versions and the fingerprint; written first."""
        return self.root / "manifest.json"

    @property
    def report(self) -> Path:
        """The report for people; `report.json` beside it has the same figures."""
        return self.root / "report.html"

    def part(self, kind: Literal["data", "aside", "ledger"], index: int) -> Path:
        """Return the file of a shard, numbered from 0."""
        return self.root / kind / f"part-{index:05d}.{self.format}"

    def quarantine(self, index: int) -> Path:
        """Return where a shard's unreadable rows are."""
        return self.root / "quarantine" / f"part-{index:05d}.jsonl"

    def marker(self, index: int) -> Path:
        """Return the file whose presence says that the shard is finished."""
        return self.root / "shards" / f"{index:05d}.json"

    def make(self) -> None:
        """Create the folders."""
        for name in ("data", "aside", "ledger", "quarantine", "shards"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def digests(self, paths: Iterable[Path]) -> dict[str, str]:
        """Return the SHA-256 of files of the run, by their names in the folder."""
        return {path.relative_to(self.root).as_posix(): file_digest(path) for path in paths}

    def sweep(self) -> None:
        """Clear away what interrupted writes left behind."""
        for leftover in self.root.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)

    def write_part(
        self, kind: Literal["data", "aside", "ledger"], index: int, table: pa.Table
    ) -> list[Path]:
        """Write a file of a shard and return it; an empty `aside/` is no file.

        Raises:
            UsageError: Parquet cannot hold a column's type.
        """
        path = self.part(kind, index)
        if kind == "aside" and not table.num_rows:
            path.unlink(missing_ok=True)
            return []
        write_table(path, table, self.format)
        return [path]

    def write_quarantine(self, index: int, bad: Sequence[BadRow]) -> list[Path]:
        """Write a shard's unreadable rows; return the file, or none where there are none."""
        path = self.quarantine(index)
        if bad:
            write_jsonl(path, map(raw_row, bad))
            return [path]
        path.unlink(missing_ok=True)
        return []

    def finished(self) -> list[int]:
        """Return the indices of the finished shards in order."""
        return sorted(int(path.stem) for path in (self.root / "shards").glob("*.json"))

    def markers(self) -> list[dict[str, Any]]:
        """Return what the finished shards say of themselves, in order."""
        return [read_json(self.marker(index)) for index in self.finished()]


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RunError: the file is missing or is no JSON object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: no such file; is this the folder of a run?") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise RunError(f"{path}: holds no JSON object")
    return cast("dict[str, Any]", value)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_lines(path, [text.encode()])

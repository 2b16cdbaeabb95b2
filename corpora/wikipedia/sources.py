"""Where passages come from: Wikipedia dumps, Hugging Face folders, DPR's table, JSON lines.

Each source is read as a stream and always in the same order, so that a build that was stopped can
count its way to where it was.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import bz2
import csv
import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import orjson

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.storage.streams import BreakError, Overlong, lines
from burnish.corpora.wikipedia.passages import Article, Passage
from burnish.corpora.wikipedia.wikitext import articles_of_dump, sections_of_plain

Kind = Literal["dump", "parquet", "dpr", "jsonl"]

_SUFFIXES: tuple[tuple[str, Kind], ...] = (
    (".xml", "dump"),
    (".xml.bz2", "dump"),
    (".xml.gz", "dump"),
    (".tsv", "dpr"),
    (".tsv.gz", "dpr"),
    (".parquet", "parquet"),
    (".jsonl", "jsonl"),
    (".jsonl.gz", "jsonl"),
    (".jsonl.zst", "jsonl"),
)
_BATCH = 256
_KNOWN = "a Wikipedia dump (.xml, .xml.bz2), a folder of parquet, psgs_w100.tsv(.gz) or .jsonl"


@dataclass(frozen=True, slots=True)
class WikiSource:
    """Files of one kind, in the order in which they are read."""

    kind: Kind
    files: tuple[Path, ...]

    @property
    def revision(self) -> str:
        """The names of the source and a digest of names and sizes."""
        told = "".join(f"{path.name} {path.stat().st_size}\n" for path in self.files)
        folder = self.files[0].parent.name if self.kind == "parquet" else self.files[0].name
        return f"{folder} {hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.files)

    def items(self) -> Iterator[Article | Passage]:
        """Read articles, or passages where the source is cut already.

        Raises:
            SourceError: a file cannot be read or a row is bad.
            UsageError: a library for this kind is missing.
        """
        read = _READERS[self.kind]
        for path in self.files:
            yield from read(path)


def open_wiki(location: str) -> WikiSource:
    """Recognise a source by its name; a folder counts by the parquet files in it.

    Raises:
        SourceError: nothing is there, or it is of no known kind.
    """
    path = Path(location).expanduser()
    if path.is_dir():
        files = tuple(sorted(path.rglob("*.parquet")))
        if not files:
            raise SourceError(f"{location}: no parquet file in this folder; give {_KNOWN}")
        return WikiSource("parquet", files)
    if not path.is_file():
        raise SourceError(f"{location}: no such file or folder; give {_KNOWN}")
    name = path.name.lower()
    for suffix, kind in _SUFFIXES:
        if name.endswith(suffix):
            return WikiSource(kind, (path,))
    raise SourceError(f"{location}: not a known kind; give {_KNOWN}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers."""
    number = 0
    try:
        for number, line in enumerate(lines(path, None), 1):
            if isinstance(line, Overlong):
                raise SourceError(f"{path} row {number}: the row is too long; cut or remove it")
            yield number, line.decode("utf-8")
    except BreakError as error:
        raise SourceError(f"{path} row {number + 1}: {error.reason}; fetch it again") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} row {number}: not UTF-8; mend the row") from None


def _jsonl(path: Path) -> Iterator[Passage]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise SourceError(f"{path} row {number}: not JSON; mend or remove the row") from None
        fields = cast("dict[str, object]", row) if isinstance(row, dict) else {}
        text = fields.get("text", fields.get("contents"))
        if not isinstance(text, str):
            raise SourceError(f"{path} row {number}: no text in it; name the column `text`")
        name = fields.get("id", number)
        title, section = (str(fields.get(key) or "") for key in ("title", "section"))
        yield Passage(str(name), title, section, text)


def _dpr(path: Path) -> Iterator[Passage]:
    for number, line in _lines(path):
        row = next(csv.reader([line.rstrip("\r")], delimiter="\t"), [])
        if number == 1 and row[:1] == ["id"]:
            continue
        if len(row) != 3:
            raise SourceError(
                f"{path} row {number}: {len(row)} columns, not id, text and title; mend the row"
            )
        yield Passage(row[0], row[2], "", row[1])


def _parquet(path: Path) -> Iterator[Article]:
    # The library is typed by halves, hence the casts.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        missing = {"title", "text"} - set(cast("list[str]", file.schema_arrow.names))
        if missing:
            raise SourceError(f"{path}: no column {min(missing)!r}; it has no articles")
        columns = [name for name in ("id", "title", "text") if name in file.schema_arrow.names]
        number = 0
        for batch in file.iter_batches(_BATCH, columns=columns):
            for row in cast("list[dict[str, object]]", batch.to_pylist()):
                number += 1
                name = str(row.get("id") or f"{path.stem}-{number}")
                text = str(row["text"] or "")
                yield Article(name, str(row["title"] or ""), sections_of_plain(text))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{path}: cannot be read ({reason}); fetch it again") from None


def _dump(path: Path) -> Iterator[Article]:
    opener: Callable[[Path], IO[bytes]] = _plain
    if path.suffix == ".bz2":
        opener = cast("Callable[[Path], IO[bytes]]", bz2.open)
    elif path.suffix == ".gz":
        opener = cast("Callable[[Path], IO[bytes]]", gzip.open)
    try:
        with opener(path) as file:
            yield from articles_of_dump(file, str(path))
    except ModuleNotFoundError as error:
        raise UsageError(f'a dump needs {error.name}: pip install "burnish[wiki]"') from None
    except (OSError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read further ({error}); fetch it again") from None


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


_READERS: dict[Kind, Callable[[Path], Iterator[Article | Passage]]] = {
    "dump": _dump,
    "parquet": _parquet,
    "dpr": _dpr,
    "jsonl": _jsonl,
}

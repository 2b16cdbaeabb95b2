"""Labelled pages and clean documents from the shared data sets, which are not part of the project.

They lie where the environment variable BURNISH_DATA says, or in `../shared/data` as seen from the
current folder.
"""

import gzip
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from burnish.corpora.errors import SourceError
from burnish.corpora.records import Document
from burnish.tools.deletion.lines import Span

SETS = (
    "web_wcxb",
    "web_zh",
    "web_readability_silver",
    "web_trafilatura_weak",
    "email_forge",
    "pdf_grobid",
)
CLEAN_SETS = {
    "wiki_passages": "enwiki2015_sample.jsonl.gz",
    "squad2_half": "passages.jsonl.gz",
}
CLEAN_SAMPLE = 2000
"""Most documents taken from one clean set."""
_OF = "#"
"""Parts the id that a set gives from what tells its later uses apart: `#2`, `#gold`."""

Row = TypeVar("Row", bound=BaseModel)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A labelled text; what its labels mean: `burnish.eval.refiners.metrics.labelled`."""

    id: str
    host: str
    """Site of the page, or its own id where the set names no address."""
    page_type: str
    language: str
    raw: str
    labels: str
    partial: Mapping[int, tuple[Span, ...]]
    gold: str | None
    """Main content as a person marked it; None where the set has labels only."""

    @property
    def document(self) -> Document:
        """Return the page as a refiner sees it."""
        return Document(self.id, self.raw)


class _PageRow(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    raw: str
    labels: str
    url: str | None = None
    page_type: str | None = None
    lang: str | None = None
    partial: dict[int, list[Span]] = Field(default_factory=dict[int, list[Span]])
    gold: str | None = None


class _TextRow(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    text: str


def available(root: Path, names: Sequence[str]) -> list[str]:
    """Return those sets of labelled pages that are there."""
    return [name for name in names if _pages_file(root, name).is_file()]


def load_pages(root: Path, name: str, *, limit: int | None = None, seed: int = 0) -> list[Page]:
    """Read a set of labelled pages, or a sample of `limit` of them in the order of the file.

    Raises:
        SourceError: the file cannot be read, or a row is not a labelled page.
    """
    path = _pages_file(root, name)
    pages = [_page(row, path, number) for number, row in enumerate(_rows(path, _PageRow), 1)]
    return _sample(list(_told_apart(pages)), limit, seed)


def load_clean(
    root: Path, pages: Sequence[Page], *, limit: int | None = None, seed: int = 0
) -> dict[str, list[Document]]:
    """Return documents that have no noise, by set: the pages' gold texts and running prose.

    Sets that are absent are left out.

    Raises:
        SourceError: a file cannot be read, or a row is not a text.
    """
    most = CLEAN_SAMPLE if limit is None else min(limit, CLEAN_SAMPLE)
    golds = [Document(f"{page.id}{_OF}gold", page.gold) for page in pages if page.gold]
    clean = {"web_wcxb gold": golds} if golds else {}
    for name, file in CLEAN_SETS.items():
        path = root / name / file
        if path.is_file():
            texts = [Document(row.id, row.text) for row in _rows(path, _TextRow)]
            clean[name] = _sample(texts, most, seed)
    return clean


def id_in_set(id: str) -> str:
    """Return the id of the row that a page or its gold text came from."""
    return id.partition(_OF)[0]


def _pages_file(root: Path, name: str) -> Path:
    return root / name / "pages.jsonl.gz"


def _page(row: _PageRow, path: Path, number: int) -> Page:
    if len(row.labels) != row.raw.count("\n") + 1:
        raise SourceError(f"{path}: row {number}: labels and lines differ in number")
    partial = {line: tuple(spans) for line, spans in row.partial.items()}
    host = urlsplit(row.url or "").hostname or row.id
    return Page(
        row.id,
        host,
        row.page_type or "any",
        row.lang or "unknown",
        row.raw,
        row.labels,
        partial,
        row.gold,
    )


def _told_apart(pages: Sequence[Page]) -> Iterator[Page]:
    """Number the later pages of an id: pdf_grobid has ids twice, for different texts."""
    met: Counter[str] = Counter()
    for page in pages:
        met[page.id] += 1
        yield page if met[page.id] == 1 else replace(page, id=f"{page.id}{_OF}{met[page.id]}")


def _rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    try:
        with gzip.open(path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                yield _row(line, kind, path, number)
    except (OSError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read as gzip: {error}") from None


def _row(line: bytes, kind: type[Row], path: Path, number: int) -> Row:
    try:
        return kind.model_validate(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{path}: row {number}: not JSON: {error.msg}") from None
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise SourceError(f"{path}: row {number}: {where}: {fault['msg']}") from None


def _sample(items: list[Item], limit: int | None, seed: int) -> list[Item]:
    if limit is None or limit >= len(items):
        return items
    chosen = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[index] for index in chosen]

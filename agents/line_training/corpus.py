"""Labelled pages for the line tagger, the folds of their hosts, and the scores of decisions."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

FOLDS: Final = 5
_SECOND_LEVELS: Final = frozenset({"ac", "co", "com", "edu", "gov", "net", "org", "or", "ne", "go"})
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class LabelledPage:
    r"""A page with the share to keep of each "\n"-line (`keep`, NaN where unlabelled).

    `spans` are the character spans to keep of the lines kept in part, by line number. `source`
    is the name of the data set, `kind` the page type where the set gives one.
    """

    id: str
    source: str
    kind: str
    language: str
    host: str
    text: str
    keep: NDArray[np.float32]
    spans: Mapping[int, tuple[tuple[int, int], ...]]
    gold: str | None

    @property
    def lines(self) -> list[str]:
        r"""The lines, split at "\n" only."""
        return self.text.split("\n")


@dataclass(frozen=True)
class LinePageScore:
    """How well a decision keeps the gold text of a page: token P, R, F1 and deletions.

    `lost` of `kept_characters` (the characters the labels keep) were deleted, and `missed` of
    `noise_characters` were kept.
    """

    precision: float
    recall: float
    f1: float
    lost: int
    kept_characters: int
    missed: int
    noise_characters: int


def host_of(url: str) -> str:
    """The site of `url`: its host without subdomains, as far as a short list of suffixes tells."""
    host = (urlsplit(url).hostname or url).lower()
    parts = host.split(".")
    size = 3 if len(parts) > 2 and parts[-2] in _SECOND_LEVELS and len(parts[-1]) == 2 else 2
    return ".".join(parts[-size:])


def fold_of(host: str) -> int:
    """The fold of a host, 0 to FOLDS - 1: the same on every machine."""
    digest = hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % FOLDS


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a gzip JSONL file; OSError where it is absent."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)


def load_pages(data: Path, source: str) -> list[LabelledPage]:
    """The pages of `data/SOURCE/pages.jsonl.gz`."""
    return [_page(row, source) for row in read_rows(data / source / "pages.jsonl.gz")]


def _page(row: Mapping[str, Any], source: str) -> LabelledPage:
    text: str = row["raw"]
    partial: Mapping[str, Sequence[Sequence[int]]] = row.get("partial") or {}
    spans = {int(at): tuple((int(a), int(b)) for a, b in some) for at, some in partial.items()}
    return LabelledPage(
        id=row["id"],
        source=source,
        kind=row.get("page_type", ""),
        language=row.get("lang") or "",
        host=host_of(row["url"]) if row.get("url") else str(row.get("sender") or row["id"]),
        text=text,
        keep=_shares(text.split("\n"), row["labels"], spans),
        spans=spans,
        gold=row.get("gold"),
    )


def _shares(
    lines: Sequence[str], labels: str, spans: Mapping[int, tuple[tuple[int, int], ...]]
) -> NDArray[np.float32]:
    keep = np.full(len(lines), np.nan, np.float32)
    for number, label in enumerate(labels):
        if label == "P":
            kept = sum(b - a for a, b in spans.get(number, ()))
            keep[number] = kept / max(len(lines[number]), 1)
        elif label in "KD":
            keep[number] = label == "K"
    return keep


def count_words(text: str) -> list[str]:
    """The words that token F1 counts."""
    return _WORD.findall(text)


class PageScorer:
    """Scores decisions about one page quickly: the words of lines and gold are counted once."""

    def __init__(self, page: LabelledPage) -> None:
        vocabulary: dict[str, int] = {}
        lines = page.lines
        words = [count_words(line) for line in lines]
        ids = [vocabulary.setdefault(word, len(vocabulary)) for line in words for word in line]
        self._ids = np.array(ids, np.int64)
        self._line = np.repeat(np.arange(len(lines)), [len(line) for line in words])
        gold = np.zeros(len(vocabulary), np.int64)
        self._gold_size = 0
        for word in count_words(page.gold or ""):
            self._gold_size += 1
            if word in vocabulary:
                gold[vocabulary[word]] += 1
        self._gold = gold
        length = np.array([len(line) for line in lines])
        share = np.nan_to_num(page.keep, nan=0.0)
        self._kept = np.rint(length * share).astype(np.int64)
        self._noise = np.where(np.isnan(page.keep), 0, length - self._kept)

    def score(self, keep: NDArray[np.bool_]) -> LinePageScore:
        """The score of keeping the lines where `keep` (one flag a line) is true."""
        chosen = np.bincount(self._ids[keep[self._line]], minlength=len(self._gold))
        both = int(np.minimum(chosen, self._gold).sum())
        size = int(chosen.sum())
        if size == 0 or self._gold_size == 0:
            equal = float(size == self._gold_size)
            precision = recall = f1 = equal
        else:
            precision, recall = both / size, both / self._gold_size
            f1 = 2 * both / (size + self._gold_size)
        return LinePageScore(
            precision=precision,
            recall=recall,
            f1=f1,
            lost=int(self._kept[~keep].sum()),
            kept_characters=int(self._kept.sum()),
            missed=int(self._noise[keep].sum()),
            noise_characters=int(self._noise.sum()),
        )

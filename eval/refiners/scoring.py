"""Run systems over sets of pages and turn page scores into figures with intervals."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from burnish.corpora.records import Document
from burnish.eval.datasets.pages import Page
from burnish.eval.refiners.metrics import PageFigures, PageTarget, removed_by_matching, score
from burnish.eval.refiners.systems import RefinedText, System
from burnish.eval.stats.bootstrap import ConfidenceInterval, Floats, interval, resamples

MIN_GROUP = 10
"""Groups with fewer pages are put together as `other`."""
_WARM_UP = 8


class PageCounts:
    """The scores of many pages, a column a count."""

    def __init__(self, scores: Sequence[PageFigures]) -> None:
        """Turn rows into columns."""
        table = np.array(scores, dtype=np.float64).reshape(len(scores), len(PageFigures._fields))
        self._columns = dict(zip(PageFigures._fields, table.T, strict=True))

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name]


class Parts(NamedTuple):
    """A figure's numerators and denominators, one of each a page."""

    numerators: Floats
    denominators: Floats


Ratio = Callable[[PageCounts], Parts]


def _mean(name: str) -> Ratio:
    return lambda counts: Parts(counts[name], np.ones_like(counts[name]))


def _share(part: str, whole: str) -> Ratio:
    return lambda counts: Parts(counts[part], counts[whole])


def _page_mean_harm(counts: PageCounts) -> Parts:
    told = counts["gold_chars"] > 0
    shares = np.divide(
        counts["harmed"], counts["gold_chars"], out=np.zeros_like(counts["harmed"]), where=told
    )
    return Parts(shares, told.astype(np.float64))


FIGURES: Mapping[str, Ratio] = {
    "token_f1": _mean("f1"),
    "harm": _share("harmed", "gold_chars"),
    "harm_page_mean": _page_mean_harm,
    "missed_noise": _share("missed", "noise_chars"),
    "emptied": _mean("emptied"),
    "untouched": _mean("untouched"),
    "kept_tokens": _share("kept_tokens", "raw_tokens"),
    "removed_chars": _share("removed_chars", "raw_chars"),
}
GROUP_FIGURES = ("token_f1", "harm")


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of the pages of one kind."""

    pages: int
    figures: Mapping[str, ConfidenceInterval]


@dataclass(frozen=True, slots=True)
class Timing:
    """What a system took for a set, on one thread."""

    raw_bytes: int
    """UTF-8 bytes of the raw texts."""
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system on one set."""

    system: str
    figures: Mapping[str, ConfidenceInterval]
    by_page_type: Mapping[str, Group]
    by_language: Mapping[str, Group]
    timing: Timing


def targets_of(pages: Sequence[Page]) -> list[PageTarget]:
    """Prepare pages for scoring."""
    return [PageTarget.of(page.raw, page.labels, page.partial, page.gold) for page in pages]


@dataclass(frozen=True, slots=True)
class Timed:
    """What a system returned, and what it took."""

    refined: list[RefinedText]
    timing: Timing


def timed(system: System, documents: Sequence[Document]) -> Timed:
    """Refine documents and count the CPU time of this process, whatever threads spent it.

    The first documents are refined once before, so that loading a model is not counted.
    """
    system.refine(documents[:_WARM_UP])
    started = time.process_time()
    refined = system.refine(documents)
    seconds = time.process_time() - started
    return Timed(refined, Timing(sum(map(_size, documents)), seconds))


def _size(document: Document) -> int:
    return len(document.text.encode("utf-8", "surrogatepass"))


def evaluate(
    system: System, pages: Sequence[Page], targets: Sequence[PageTarget], *, draws: int, seed: int
) -> SystemResult:
    """Score a system on a set of at least one page; intervals come from resampling the pages."""
    outcome = timed(system, [page.document for page in pages])
    scores = [
        _scored(target, refined) for target, refined in zip(targets, outcome.refined, strict=True)
    ]
    return SystemResult(
        system.name,
        _figures(scores, FIGURES, draws=draws, seed=seed),
        _grouped(scores, [page.page_type for page in pages], draws=draws, seed=seed),
        _grouped(scores, [page.language for page in pages], draws=draws, seed=seed),
        outcome.timing,
    )


def _scored(target: PageTarget, refined: RefinedText) -> PageFigures:
    removed = refined.removed
    if removed is None:
        removed = removed_by_matching(target.raw, refined.text)
    return score(target, refined.text, removed)


def _figures(
    scores: Sequence[PageFigures], chosen: Mapping[str, Ratio], *, draws: int, seed: int
) -> dict[str, ConfidenceInterval]:
    counts = PageCounts(scores)
    resampled = resamples(len(scores), draws=draws, seed=seed)
    return {name: interval(*ratio(counts), resampled) for name, ratio in chosen.items()}


def _grouped(
    scores: Sequence[PageFigures], names: Sequence[str], *, draws: int, seed: int
) -> dict[str, Group]:
    members: dict[str, list[PageFigures]] = {}
    for name, page_score in zip(names, scores, strict=True):
        members.setdefault(name, []).append(page_score)
    large = {name: rows for name, rows in members.items() if len(rows) >= MIN_GROUP}
    rest = [row for name, rows in members.items() if name not in large for row in rows]
    if rest:
        large["other"] = large.get("other", []) + rest
    chosen = {name: FIGURES[name] for name in GROUP_FIGURES}
    by_size = sorted(large.items(), key=lambda item: -len(item[1]))
    return {
        name: Group(len(rows), _figures(rows, chosen, draws=draws, seed=seed))
        for name, rows in by_size
    }


def untouched_share(
    system: System, documents: Sequence[Document], *, draws: int, seed: int
) -> ConfidenceInterval:
    """Return the share of at least one clean document that a system leaves byte-identical."""
    refined = system.refine(documents)
    same = np.array(
        [after.text == before.text for before, after in zip(documents, refined, strict=True)],
        dtype=np.float64,
    )
    return interval(same, np.ones_like(same), resamples(len(same), draws=draws, seed=seed))

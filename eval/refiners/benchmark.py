"""The benchmark itself: every system over every set, clean documents, and the whole pipeline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import TimeoutExpired
from typing import NamedTuple

from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document
from burnish.eval.datasets.pages import Page, id_in_set, load_clean, load_pages
from burnish.eval.refiners.catalog import CEILING, EMBEDDED, FACTORIES, RANDOM, Setup
from burnish.eval.refiners.metrics import labelled, overlap
from burnish.eval.refiners.scoring import SystemResult, evaluate, targets_of, untouched_share
from burnish.eval.refiners.systems import read_folds
from burnish.eval.robustness.speed import PipelineSpeed, has_pipeline, time_pipeline
from burnish.eval.stats.bootstrap import ConfidenceInterval
from burnish.tools.deletion.lines import Span

Progress = Callable[[str], None]
WORKERS = (1, 2)
MAIN_SET = "web_wcxb"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSettings:
    """What to run."""

    root: Path
    sets: tuple[str, ...]
    systems: tuple[str, ...]
    limit: int | None = None
    seed: int = 0
    draws: int = 2000
    random_rate: float | None = None
    """None: the share of characters that `embedded` deleted, or else the share that is noise."""
    model: Path | None = None
    fold_models: Path | None = None
    clean: bool = True
    pipeline: bool = True


@dataclass(frozen=True, slots=True)
class SetResult:
    """All systems on one set of labelled pages."""

    name: str
    pages: int
    hosts: int
    systems: Sequence[SystemResult]


@dataclass(frozen=True, slots=True)
class CleanResult:
    """Share of clean documents left byte-identical, by system."""

    name: str
    documents: int
    untouched: Mapping[str, ConfidenceInterval]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one run of the benchmark found."""

    settings: BenchmarkSettings
    sets: Sequence[SetResult]
    clean: Sequence[CleanResult]
    pipeline: Sequence[PipelineSpeed]
    notes: Sequence[str] = field(default_factory=list[str])
    """What the reader must know of this run: what was left out, and what a figure does not say."""


def run(settings: BenchmarkSettings, progress: Progress, known: Sequence[str] = ()) -> Results:
    """Run the benchmark; `known` are notes that the reader needs besides those of the run.

    Raises:
        SourceError: a data set cannot be read.
        UsageError: a system that was asked for cannot be made.
    """
    sets: list[SetResult] = []
    documents: list[Document] = []
    main: list[Page] = []
    for name in settings.sets:
        pages = load_pages(settings.root, name, limit=settings.limit, seed=settings.seed)
        sets.append(_run_set(name, pages, settings, progress))
        documents.extend(page.document for page in pages)
        main = pages if name == MAIN_SET else main
    clean = _run_clean(main, settings, progress) if settings.clean else []
    notes = [*known, *_model_notes(main, settings)]
    pipeline: list[PipelineSpeed] = []
    if settings.pipeline and not has_pipeline():
        notes.append("burnish run was not timed: the command is not in this installation")
    elif settings.pipeline:
        progress(f"burnish run: {len(documents)} documents")
        try:
            pipeline = time_pipeline(documents, WORKERS)
        except (RuntimeError, OSError, TimeoutExpired) as error:
            notes.append(f"burnish run was not timed: {error}")
    return Results(settings, sets, clean, pipeline, notes)


def _run_set(
    name: str, pages: Sequence[Page], settings: BenchmarkSettings, progress: Progress
) -> SetResult:
    targets = targets_of(pages)
    setup = Setup(
        pages={page.id: page for page in pages},
        random_rate=_noise_share(pages) if settings.random_rate is None else settings.random_rate,
        seed=settings.seed,
        model=settings.model,
        fold_models=settings.fold_models,
    )
    results: list[SystemResult] = []
    for system_name in sorted(settings.systems, key=list(FACTORIES).index):
        system = FACTORIES[system_name](setup)
        progress(f"{name}: {system_name}, {len(pages)} pages")
        result = evaluate(system, pages, targets, draws=settings.draws, seed=settings.seed)
        results.append(result)
        if system_name == EMBEDDED and settings.random_rate is None:
            setup = replace(setup, random_rate=result.figures["removed_chars"].value)
    return SetResult(name, len(pages), len({page.host for page in pages}), results)


def _noise_share(pages: Sequence[Page]) -> float:
    noise = gold = 0
    for page in pages:
        everything = [Span(0, len(page.raw))]
        spans = labelled(page.raw, page.labels, page.partial)
        noise += overlap(spans.noise, everything)
        gold += overlap(spans.gold, everything)
    return noise / max(noise + gold, 1)


def _run_clean(
    pages: Sequence[Page], settings: BenchmarkSettings, progress: Progress
) -> list[CleanResult]:
    """Neither random deletion nor the ceiling says anything about clean documents."""
    setup = Setup(model=settings.model, fold_models=settings.fold_models)
    names = [name for name in settings.systems if name not in {RANDOM, CEILING}]
    systems = [FACTORIES[name](setup) for name in sorted(names, key=list(FACTORIES).index)]
    results: list[CleanResult] = []
    clean = load_clean(settings.root, pages, limit=settings.limit, seed=settings.seed)
    for name, documents in clean.items():
        progress(f"clean {name}: {len(documents)} documents")
        shares = {
            system.name: untouched_share(
                system, documents, draws=settings.draws, seed=settings.seed
            )
            for system in systems
        }
        results.append(CleanResult(name, len(documents), shares))
    return results


def _model_notes(pages: Sequence[Page], settings: BenchmarkSettings) -> list[str]:
    if EMBEDDED not in settings.systems:
        return []
    if settings.fold_models is None:
        return [
            "embedded is one model that was trained on these very pages: its quality figures are "
            "too good; give --fold-models for those on unseen hosts"
        ]
    folds = read_folds(settings.fold_models).folds
    strangers = sum(id_in_set(page.id) not in folds for page in pages)
    note = "embedded judges each page by the fold model that never saw the page's host"
    if strangers:
        note += f" ({strangers} pages of {MAIN_SET} are in no fold)"
    return [note]


class Usable(NamedTuple):
    """Systems that can be made in this installation, and a note on each that cannot."""

    systems: tuple[str, ...]
    notes: tuple[str, ...]


def usable(names: Sequence[str], setup: Setup) -> Usable:
    """Try which systems can be made here."""
    made: list[str] = []
    notes: list[str] = []
    for name in names:
        try:
            FACTORIES[name](setup)
        except UsageError as error:
            notes.append(f"{name} was left out: {error}")
        else:
            made.append(name)
    return Usable(tuple(made), tuple(notes))

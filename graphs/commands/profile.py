"""A QA set measured: cells, difficulty, choices, flaws, and the distance to a target."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from burnish.corpora.errors import UsageError
from burnish.corpora.readers.rows import RowSelection
from burnish.corpora.runs.folder import default_folder
from burnish.corpora.storage.writers import write_atomic
from burnish.graphs.commands.inputs import location_of, outside_loops
from burnish.graphs.commands.progress import ProgressCallback, counting
from burnish.graphs.profile.figures import Figures
from burnish.graphs.profile.labels import ItemLabeller, Labelling, read_labels
from burnish.graphs.profile.profile import (
    ProfileReading,
    SetProfile,
    profile_location,
    read_set,
    write_profile,
)
from burnish.graphs.profile.vector_cache import Vectoring, vectoring_of
from burnish.graphs.questions.state.question_set import fields_of
from burnish.graphs.runs.sections import LlmSettings
from burnish.graphs.runs.settings import Settings, resolve
from burnish.tools.profile.cells import Buckets
from burnish.tools.profile.profile import ProfileSettings


@dataclass(frozen=True, slots=True)
class PanelResult:
    """What came of asking models every question once."""

    answers: Path
    """The answer records, a file that `qa.answers` takes."""
    asked: int
    answered: int
    """Answers that could be read and marked."""
    tokens: int
    """Tokens paid, earlier calls on the folder included."""
    ended: bool
    """Whether the token budget ended before everything was asked."""


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """What a set is like."""

    figures: Figures
    """Everything that the report shows, as JSON knows it: cells, difficulty, choices, flaws,
    labels, and for a target the divergences in bits."""
    panel: PanelResult | None = None


def profile(
    source: str | Path,
    target: str | Path | None = None,
    *,
    output: str | Path | None = None,
    settings: Settings | Mapping[str, object] | None = None,
    progress: ProgressCallback | None = None,
) -> ProfileResult:
    """Measure a QA set, beside a reference set where one is named.

    Args:
        source: QA set: file, folder, quoted glob pattern or `hf:org/name@split`.
        target: QA set whose distribution is wanted.
        output: A report to write: `.html` for people, `.json`, or `.parquet` with a row an item.
        settings: As for `run`; the sections `profile`, `qa` (columns, answers, labels, buckets),
            `selection` and `llm` (server and budget of panel and labeller) matter here.
        progress: Is told how many texts were embedded or labelled.

    Raises:
        UsageError: settings do not go together, or the report cannot be written.
        SourceError: a set cannot be read, or holds no item.
        BurnishError: the model server of a panel or labeller cannot be used.
    """
    chosen = resolve(settings)
    location = location_of(source)
    wanted = None if target is None else str(target)
    file = None if output is None else Path(output)
    return outside_loops(lambda: _profiled(location, wanted, file, chosen, progress))


def _profiled(
    source: str,
    target: str | None,
    output: Path | None,
    settings: Settings,
    progress: ProgressCallback | None,
) -> ProfileResult:
    own, qa = settings.profile, settings.qa
    reading = reading_of(settings)
    measuring = ProfileSettings(
        buckets=qa.buckets, edges=_edges(settings), seed=qa.seed, online_elo=own.online_elo
    )
    check_output(output)
    told: PanelResult | None = None
    if own.panel or (settings.llm.endpoint is not None and own.labeller is None):
        told = _ask(source, reading, settings)
        reading = replace(reading, answers=str(told.answers))
    by_embedding = qa.labels is not None and own.labeller is None
    vectoring: Vectoring | None = None
    if own.vectors or qa.embedder or by_embedding:
        cache = None if own.cache is None else Path(own.cache)
        vectoring = vectoring_of(qa.embedder, cache, counting("embedding", progress))
    labeller = _labeller(source, settings, vectoring if by_embedding else None, progress)
    measured = vectoring if own.vectors else None
    result = profile_location(source, target, reading, measuring, measured, labeller)
    if output is not None:
        _write(output, result)
    return ProfileResult(result.figures, told)


def reading_of(settings: Settings) -> ProfileReading:
    """Return how a set is read that is measured and not changed."""
    chosen = settings.selection
    return ProfileReading(
        fields_of(settings.qa, settings.fields.id),
        RowSelection(chosen.limit, chosen.sample, chosen.seed),
        settings.run.strict,
        settings.qa.answers,
        settings.profile.judgements,
    )


def check_output(output: Path | None) -> None:
    """Check early that the report can be written.

    Raises:
        UsageError: the suffix is unknown, or there is no such folder.
    """
    if output is None:
        return
    if output.suffix not in {".html", ".json", ".parquet"}:
        raise UsageError(f"-o {output}: name a file that ends in .html, .json or .parquet")
    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}")


def _edges(settings: Settings) -> tuple[float, ...] | None:
    edges = settings.profile.edges
    if edges is None:
        return None
    try:
        return Buckets(tuple(edges)).edges
    except ValueError:
        listed = ",".join(f"{edge:g}" for edge in edges)
        raise UsageError(f"--edges {listed}: give ascending numbers, such as -1,0,1") from None


def _kept_in(source: str, settings: Settings) -> Path:
    """Return the folder of replies and budget."""
    if settings.profile.folder is not None:
        return Path(settings.profile.folder)
    plain = default_folder(source)
    return plain.with_name(f"{plain.name}-panel")


def _server(settings: Settings, model: str) -> LlmSettings:
    """Return the server of the settings with another model."""
    return settings.llm.model_copy(update={"model": model})


def _labeller(
    source: str,
    settings: Settings,
    vectoring: Vectoring | None,
    progress: ProgressCallback | None,
) -> ItemLabeller | None:
    """Return who labels, None where nothing is to be labelled.

    Raises:
        UsageError: half of what is needed is given, or the labels cannot be read.
    """
    labels, model = settings.qa.labels, settings.profile.labeller
    if model is not None and (labels is None or settings.llm.endpoint is None):
        raise UsageError("--labeller needs a list and a server: give --labels FILE and --llm URL")
    if labels is None:
        return None
    if vectoring is not None or model is None:
        return Labelling(read_labels(Path(labels)), vectoring or vectoring_of(None))
    from burnish.graphs.profile.llm_labels import ModelLabelling

    return ModelLabelling(
        read_labels(Path(labels)),
        _server(settings, model),
        _kept_in(source, settings),
        counting("labelling", progress),
    )


def _ask(source: str, reading: ProfileReading, settings: Settings) -> PanelResult:
    """Ask a panel and return where its answers are.

    Raises:
        UsageError: half of what is needed is given, or no answer could be marked.
    """
    from burnish.graphs.profile.panel import Panel, ask_panel

    names = tuple(dict.fromkeys(filter(None, settings.profile.panel)))
    if not names or settings.llm.endpoint is None:
        raise UsageError(
            "a panel needs its models and their server: give --panel A,B and --llm URL"
        )
    if reading.answers is not None:
        raise UsageError("--panel writes answer records itself: leave out --answers")
    own = read_set(source, reading)
    items = [row.item for row in own.rows]
    panel = Panel(names, _server(settings, names[0]), _kept_in(source, settings))
    told = ask_panel(items, panel, own.layout.id or "id")
    if not told.answered:
        raise UsageError(f"{told.path}: no model gave an answer that could be marked")
    return PanelResult(told.path, told.asked, told.answered, told.spent, told.ended)


def _write(output: Path, result: SetProfile) -> None:
    from burnish.graphs.profile.page import render_profile

    if output.suffix == ".parquet":
        write_profile(output, result)
        return
    whole = render_profile(result.figures) if output.suffix == ".html" else None
    text = json.dumps(result.figures, indent=1) + "\n" if whole is None else whole

    def write(file: BinaryIO) -> None:
        file.write(text.encode("utf-8"))

    write_atomic(output, write)

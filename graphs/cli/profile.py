"""`burnish profile`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.corpora.errors import UsageError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console

if TYPE_CHECKING:
    from burnish.graphs.commands.profile import PanelResult


def profile(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="QA set: file, folder, glob or hf:org/name.")
    ],
    target: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", help="QA set whose distribution is wanted."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write report.html, .json or .parquet."
        ),
    ] = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    id_field: options.IdField = None,
    question_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the question; else found.")
    ] = None,
    answer_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the key; else found.")
    ] = None,
    choices_field: Annotated[
        str | None,
        typer.Option(metavar="COLUMN,…", help="Column of the choices, or several; else found."),
    ] = None,
    domain_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the domain; else found.")
    ] = None,
    skill_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the skill; else found.")
    ] = None,
    rationale_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the rationale; else found.")
    ] = None,
    context_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the context; else found.")
    ] = None,
    turns_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the conversation; else found.")
    ] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of answer records; pred_* stands for all that begin so. May be repeated.",
        ),
    ] = None,
    answers: Annotated[
        str | None, typer.Option(metavar="FILE", help="Answer records of another file, by id.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Labels for items that name no domain, one a line."),
    ] = None,
    labeller: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Let a model label, not the embedder.")
    ] = None,
    panel: Annotated[
        str | None, typer.Option(metavar="MODEL,…", help="Ask these models every question once.")
    ] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Server of the panel and of the labeller.")
    ] = None,
    budget: options.Budget = None,
    panel_folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the models' replies, answers and labels go; else runs/<name>-panel.",
        ),
    ] = None,
    judgements: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Pairs of items by id: columns harder, easier, draw."),
    ] = None,
    online_elo: Annotated[
        bool, typer.Option("--online-elo", help="Rate judgements by Elo, in their order.")
    ] = False,
    buckets: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Difficulty buckets, equally full; else 5."),
    ] = None,
    edges: Annotated[
        str | None,
        typer.Option(metavar="LOGIT,…", help="Edges of the buckets in logits, such as -1,0,1."),
    ] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Embed the items too; vectors are cached.")
    ] = False,
    embedder: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Embedder, by name or folder; else all-MiniLM-L6-v2."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for cached vectors; else the user's cache."),
    ] = None,
    limit: options.Limit = None,
    sample: options.Sample = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of all draws; else 0.")
    ] = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure a QA set: cells, difficulty, choices, flaws, and the distance to a target."""
    flags: dict[str, object] = {
        "fields.id": id_field,
        "qa.question": question_field,
        "qa.answer": answer_field,
        "qa.choices": choices_field,
        "qa.domain": domain_field,
        "qa.skill": skill_field,
        "qa.rationale": rationale_field,
        "qa.context": context_field,
        "qa.turns": turns_field,
        "qa.records": records or None,
        "qa.answers": answers,
        "qa.labels": _text(labels),
        "qa.buckets": buckets,
        "qa.embedder": embedder,
        "qa.seed": seed,
        "profile.labeller": labeller,
        "profile.panel": None if panel is None else panel.split(","),
        "profile.folder": _text(panel_folder),
        "profile.judgements": judgements,
        "profile.online_elo": online_elo or None,
        "profile.edges": _numbers(edges),
        "profile.vectors": vectors or None,
        "profile.cache": _text(cache),
        "llm.endpoint": llm,
        "llm.budget": budget,
        "selection.limit": limit,
        "selection.sample": sample,
        "selection.seed": seed,
        "run.strict": strict or None,
    }
    settings = options.settings_of(config, set_, flags)
    from burnish.graphs.cli.progress import shown_progress
    from burnish.graphs.commands import profile as commands

    with shown_progress() as progress:
        result = commands.profile(
            source, target, output=output, settings=settings, progress=progress
        )
    if result.panel is not None:
        _tell_panel(result.panel)
    if as_json:
        options.print_json(result.figures)
        return
    from burnish.graphs.profile.console import show

    show(result.figures, output, answer_console())


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(f"--edges {text}: give ascending numbers, such as -1,0,1") from None


def _tell_panel(told: "PanelResult") -> None:
    ended = "; the token budget ended first, a larger --budget goes on" if told.ended else ""
    sys.stderr.write(
        f"burnish: {told.answered:,} of {told.asked:,} answers could be marked, "
        f"{told.tokens:,} tokens spent{ended}: {told.answers}\n"
    )

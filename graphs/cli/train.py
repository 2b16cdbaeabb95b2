"""`burnish distill` and `burnish train`: data for refiners, and refiners made of data."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.corpora.errors import UsageError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.graphs.commands.distill import DistillResult


def distill(
    source: options.Source,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the pairs.")
    ],
    config: options.Configs = None,
    set_: options.Pairs = None,
    text_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help='Column of the raw text; else "text".')
    ] = None,
    id_field: options.IdField = None,
    refined_field: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the refined text.")
    ] = None,
    labels_field: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of line labels: K keep, D drop, P in part, one a line."
        ),
    ] = None,
    partial_field: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of what stays of P lines: {line: [[start, stop]]}."
        ),
    ] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Server of an expert that rewrites.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="The expert's model.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules for the expert, for this corpus.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(min=1, metavar="TOKENS", help="Most tokens to spend; else no bound."),
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="NAME",
            help="rewrite (else), or paper: RefineX, 20 and 10 chars.",
        ),
    ] = None,
    max_refused: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of deletions that may be refused; else 0.5."),
    ] = None,
    min_kept: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Share of the refined text that must be raw text; else 0.8."
        ),
    ] = None,
    window_chars: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most characters of a pair's lines; else 12000."),
    ] = None,
    notation: Annotated[
        str | None, typer.Option(metavar="NAME", help="tools (else), json or lines.")
    ] = None,
    keep_all_share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Most pairs that may change nothing, as a share; else 0.3."
        ),
    ] = None,
    stratify: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Count and bound pairs by this column.")
    ] = None,
    per_cell: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Most pairs of one stratum and kind of program; else no bound."
        ),
    ] = None,
    group_field: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help='Column of the source to split by; else "url" if there is one.',
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of pairs for validation; else 0.05."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of all choices; else 0.")
    ] = None,
    limit: options.Limit = None,
    sample: options.Sample = None,
    workers: options.Workers = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Make fine-tuning data for a refiner out of refined texts, line labels or an expert model."""
    flags: dict[str, object] = {
        "fields.text": text_field,
        "fields.id": id_field,
        "distill.refined": refined_field,
        "distill.labels": labels_field,
        "distill.partial": partial_field,
        "distill.group": group_field,
        "distill.stratify": stratify,
        "distill.prompt": None if prompt is None else str(prompt),
        "distill.filter": filter_,
        "distill.max_refused": max_refused,
        "distill.min_kept": min_kept,
        "distill.window_chars": window_chars,
        "distill.notation": notation,
        "distill.keep_all_share": keep_all_share,
        "distill.per_cell": per_cell,
        "distill.validation": validation,
        "llm.endpoint": llm,
        "llm.model": model,
        "llm.budget": budget,
        "selection.limit": limit,
        "selection.sample": sample,
        "selection.seed": seed,
        "run.strict": strict or None,
    }
    settings = options.settings_of(config, set_, flags)
    from burnish.graphs.cli.progress import shown_progress
    from burnish.graphs.commands import distill as commands

    with shown_progress() as progress:
        result = commands.distill(
            source, output, settings=settings, workers=workers, progress=progress
        )
    if as_json:
        told = {"pairs": str(output), **result.report, "faults": result.faults}
        options.print_json(told)
    else:
        _show(result)
    for fault in result.faults:
        sys.stderr.write(f"burnish: {fault}\n")
    raise typer.Exit(result.exit_code)


def _show(result: "DistillResult") -> None:
    """Print what each filter let through, and where everything lies."""
    from rich.table import Table

    console, report, root = answer_console(), result.report, result.folder
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("documents", justify="right")
    for name, count in _document_lines(report):
        table.add_row(name, f"{count:,}")
    console.print(table)
    deletions, programs = report["deletions"], report["programs"]
    refused = ", ".join(f"{n:,} {why}" for why, n in deletions["refused_chars"].items() if n)
    lines = [
        "",
        f"deletions wanted    {deletions['wanted_chars']:,} characters",
        f"surviving           {_percent(deletions['surviving_share'])}",
        f"refused             {refused or 'none'}",
        f"program tokens      {_percent(programs['tokens_per_input_token'])} of the input's",
        f"new words           {programs['new_words']:,}",
    ]
    for split, kinds in report["pairs"]["taken"].items():
        parts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
        lines.append(f"{split:<20}{sum(kinds.values()):,} pairs ({parts or 'none'})")
    lines += [f"pairs               {root}", f"report              {root / 'report.json'}"]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _document_lines(report: Mapping[str, Any]) -> list[tuple[str, int]]:
    documents = report["documents"]
    rows = [("in", documents["in"])]
    rows += [(f"- {name}", count) for name, count in report["dropped_by_filter"].items() if count]
    rows += [(f"- failed: {name}", count) for name, count in report["failed"].items()]
    rows += [("- quarantined", documents["quarantined"])] if documents["quarantined"] else []
    return [*rows, ("with pairs", documents["edited"] + documents["unchanged"])]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def train(
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder with the labelled sets; served: pairs.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for weights and card.")
    ],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="What to train: embedded or served.")
    ] = "embedded",
    folds: Annotated[
        int, typer.Option(min=0, metavar="N", help="Folds to cross-validate; 0: none.")
    ] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the training.")] = 0,
    base: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Served: model to begin with; else a new model."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Served: refinex, ultrax or scratch; else what fits the base."
        ),
    ] = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
) -> None:
    """Train a refiner, print its cross-validated scores, and write weights and a model card."""
    if kind == "served":
        _train_served(
            data, output, base=base, recipe=recipe, seed=seed, files=config or [], pairs=set_ or []
        )
        return
    if kind != "embedded":
        raise UsageError(f"--kind {kind!r}: write embedded or served")
    if config or set_ or base or recipe:
        raise UsageError("--config, --set, --base and --recipe are for --kind served")
    from burnish.graphs.commands.train import train_tagger

    made = train_tagger(data, output, folds=folds, seed=seed, say=_say)
    say(made.card.read_text("utf-8"))
    say(f"weights  {made.weights}\ncard     {made.card}")


def _train_served(
    data: Path,
    output: Path,
    *,
    base: Path | None,
    recipe: str | None,
    seed: int,
    files: list[Path],
    pairs: list[str],
) -> None:
    from burnish.graphs.commands.train import choose_model, train_served
    from burnish.graphs.runs.settings import read_pair, read_toml

    trees = [*map(read_toml, files), *map(read_pair, pairs)]
    facts = train_served(choose_model(recipe, base, trees, seed=seed), data, output, say=_say)
    held_out = facts.validation_loss
    checked = "" if held_out is None else f", {held_out:.3f} on validation"
    say(
        f"{facts.steps:,} steps, {facts.tokens:,} tokens, loss {facts.loss:.3f}{checked}\n"
        f"model    {output}\ncard     {output / 'README.md'}\nserve    burnish serve {output}"
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()

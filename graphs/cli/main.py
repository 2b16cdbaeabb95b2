"""The command line: reads what the user typed, calls one function, prints what came of it.

Results go to standard output, progress and errors to standard error. Exit codes: 0 all well, 1 rows
do not balance, too many failed or a check found faults, 2 the command cannot be carried out, 3 the
token budget or a quota is used up, or (questions) the model server is gone, and the run can go on
later, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from burnish.corpora.errors import BurnishError, QuotaPaused
from burnish.graphs.cli.doctor import doctor
from burnish.graphs.cli.profile import profile
from burnish.graphs.cli.sandbox import sandbox_app
from burnish.graphs.cli.serve import serve
from burnish.graphs.cli.solve import solve
from burnish.graphs.cli.standard_output import guard, open_closed_streams, say
from burnish.graphs.cli.wiki import wiki_app

app = typer.Typer(
    name="burnish",
    help="Refine the data that language models learn from: delete noise, never write a word.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(sandbox_app, name="sandbox")
app.command()(serve)
app.command()(profile)
app.command()(solve)
app.command()(doctor)
app.add_typer(wiki_app, name="wiki")

Configs = Annotated[
    list[Path] | None, typer.Option("--config", help="TOML file with settings; may be repeated.")
]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as refiner.name=rules."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Kind = Annotated[str, typer.Option(help="documents, qa, or auto: by the columns.")]
Target = Annotated[
    str | None, typer.Option(help="QA: uniform, a reference set, or a TOML file of shares.")
]
Reserve = Annotated[
    str | None, typer.Option(metavar="POOL", help="QA: more questions that may be drawn from.")
]
Labels = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="QA: labels for items that name no domain, one a line."),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]


@app.command()
def run(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="File, folder, glob or hf:org/name[@split].")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Run folder; an old one is resumed.")
    ] = None,
    config: Configs = None,
    set_: Pairs = None,
    text_field: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    id_field: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Only the first N rows.")] = None,
    sample: Annotated[int | None, typer.Option(min=0, help="N rows drawn at random.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; the cores when not given.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="parquet (the default) or jsonl.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    llm: Annotated[
        str | None, typer.Option("--llm", metavar="URL", help="Ask the model on this server too.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model on that server.")] = None,
    budget: Annotated[
        int | None, typer.Option(min=0, help="Tokens that the run may ever spend.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="one_shot, tools or agentic.")] = None,
    kind: Kind = "auto",
    target: Target = None,
    reserve: Reserve = None,
    labels: Labels = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try it on a few documents; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Refine a corpus or a QA set into a run folder; the same command again resumes it."""
    from burnish.corpora.runs.folder import default_folder
    from burnish.graphs.cli import run as cli_run

    flags: dict[str, object] = {
        "qa.target": target,
        "qa.reserve": reserve,
        "qa.labels": labels,
        "fields.text": text_field,
        "fields.id": id_field,
        "selection.limit": limit,
        "selection.sample": sample,
        "run.format": format_,
        "run.strict": strict or None,
        "refiner.name": "served" if llm else None,
        "llm.endpoint": llm,
        "llm.model": model,
        "llm.budget": budget,
        "llm.mode": mode,
    }
    settings = cli_run.settings_of(config, set_, flags)
    found = cli_run.kind_of(source, kind, settings)
    if dry_run:
        if found == "qa":
            from burnish.graphs.cli import plan as cli_qa

            cli_qa.try_out(source, settings, as_json=as_json)
            return
        cli_run.try_out(source, settings, as_json=as_json)
        return
    folder = output or default_folder(source)
    if found == "qa":
        from burnish.graphs.cli import plan as cli_qa

        raise typer.Exit(
            cli_qa.refine(source, folder, settings, workers or _cores(), as_json=as_json)
        )
    code = cli_run.refine(source, folder, settings, workers or _cores(), as_json=as_json)
    raise typer.Exit(code)


@app.command()
def plan(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="File, folder, glob or hf:org/name[@split].")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Run folder that keeps the plan.")
    ] = None,
    config: Configs = None,
    set_: Pairs = None,
    id_field: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Only the first N rows.")] = None,
    sample: Annotated[int | None, typer.Option(min=0, help="N rows drawn at random.")] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Plan with the model on this server.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model on that server.")] = None,
    budget: Annotated[int | None, typer.Option(min=0, help="Tokens to plan with.")] = None,
    kind: Kind = "auto",
    target: Target = None,
    reserve: Reserve = None,
    labels: Labels = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run would do, gain and cost; spends no more than its pilot."""
    from burnish.corpora.runs.folder import default_folder
    from burnish.graphs.cli import plan as cli_qa
    from burnish.graphs.cli import run as cli_run

    flags: dict[str, object] = {
        "fields.id": id_field,
        "selection.limit": limit,
        "selection.sample": sample,
        "refiner.name": "served" if llm else None,
        "llm.endpoint": llm,
        "llm.model": model,
        "llm.budget": budget,
        "qa.target": target,
        "qa.reserve": reserve,
        "qa.labels": labels,
    }
    settings = cli_run.settings_of(config, set_, flags)
    folder = output or default_folder(source)
    found = cli_run.kind_of(source, kind, settings)
    raise typer.Exit(cli_qa.plan(source, folder, settings, found, as_json=as_json))


@app.command()
def replay(
    run_folder: RunArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the rebuilt corpus.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Undo what matches: reason=…, agent=…, record=…, outcome=…, operation=…, all."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every file, certificate and count.")
    ] = False,
    as_dolma: Annotated[
        Path | None, typer.Option(help="Export the deletions as Dolma attributes to this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild a corpus from its ledger, undo edits, or verify a run: no model needed."""
    from burnish.graphs.cli import replay as cli_replay

    raise typer.Exit(
        cli_replay.replay_run(
            run_folder, output, without or [], as_dolma, check=verify, as_json=as_json
        )
    )


@app.command()
def diff(
    run_folder: RunArgument,
    record: Annotated[str | None, typer.Argument(metavar="[ID]", help="One record.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many edited records to show.")] = 5,
) -> None:
    """Show what a run deleted, in colour."""
    from burnish.graphs.cli import replay as cli_replay

    cli_replay.diff_run(run_folder, record, limit)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder with the labelled sets; served: pairs.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for weights and card.")],
    kind: Annotated[str, typer.Option(help="What to train: embedded or served.")] = "embedded",
    folds: Annotated[int, typer.Option(min=0, help="Folds to cross-validate; 0: none.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    base: Annotated[
        Path | None, typer.Option(help="Served: model folder to begin with; none: a new model.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Served: refinex, ultrax or scratch; what fits the base.")
    ] = None,
    config: Configs = None,
    set_: Pairs = None,
) -> None:
    """Train a refiner, print its cross-validated scores, and write weights and a model card."""
    if kind == "served":
        from burnish.graphs.cli import train_served as cli_train_served

        chosen = cli_train_served.choose(recipe, base, config, set_, seed=seed)
        cli_train_served.train_refiner(chosen, data, output)
        return
    from burnish.graphs.cli import train as cli_train

    cli_train.train_refiner(kind, data, output, folds=folds, seed=seed)


@app.command()
def distill(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="File, folder, glob or hf:org/name[@split].")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pairs.")],
    text_field: Annotated[str, typer.Option(help="Column of the raw text.")] = "text",
    id_field: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    refined_field: Annotated[str | None, typer.Option(help="Column of the refined text.")] = None,
    labels_field: Annotated[
        str | None, typer.Option(help="Column of line labels: K keep, D drop, P in part.")
    ] = None,
    partial_field: Annotated[
        str | None, typer.Option(help="Column of what stays of P lines: {line: [[start, stop]]}.")
    ] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="Server of an expert that rewrites.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The expert's model.")] = None,
    prompt: Annotated[
        Path | None, typer.Option(help="Rules for the expert, for this corpus.")
    ] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="Most tokens to spend.")] = None,
    filter_: Annotated[
        str, typer.Option("--filter", help="rewrite, or paper (RefineX, 20 and 10 characters).")
    ] = "rewrite",
    max_refused: Annotated[
        float, typer.Option(help="Share of deletions that may be refused.")
    ] = 0.5,
    min_kept: Annotated[
        float, typer.Option(help="Share of the refined text that must be raw text.")
    ] = 0.8,
    window_chars: Annotated[int, typer.Option(help="Most characters of a pair's lines.")] = 12_000,
    notation: Annotated[str, typer.Option(help="tools, json or lines.")] = "tools",
    keep_all_share: Annotated[
        float, typer.Option(help="Most pairs that may change nothing, as a share.")
    ] = 0.3,
    stratify: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Count and bound pairs by this column.")
    ] = None,
    per_cell: Annotated[
        int | None, typer.Option(min=1, help="Most pairs of one stratum and kind of program.")
    ] = None,
    group_field: Annotated[
        str | None, typer.Option(help="Column of the source to split by; url where there is one.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of pairs for validation.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of all choices.")] = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="Only the first N rows.")] = None,
    sample: Annotated[int | None, typer.Option(min=0, help="N rows drawn at random.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; the cores when not given.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make fine-tuning data for a refiner out of refined texts, line labels or an expert model."""
    from burnish.graphs.cli import distill as cli_distill
    from burnish.graphs.distill.settings import Choice, Columns, DistillSettings, policy_of

    columns = Columns(
        text_field, id_field, refined_field, labels_field, partial_field, group_field, stratify
    )
    settings = DistillSettings(
        columns=columns,
        policy=policy_of(
            filter_, notation, max_refused=max_refused, min_kept=min_kept, window_chars=window_chars
        ),
        choice=Choice(keep_all_share, per_cell, validation, seed),
        prompt=None if prompt is None else str(prompt),
        limit=limit,
        sample=sample,
        strict=strict,
    )
    server = cli_distill.Server(llm, model, budget)
    code = cli_distill.distill_pairs(
        source, output, settings, server, workers or _cores(), as_json=as_json
    )
    raise typer.Exit(code)


@config_app.command("show")
def config_show(config: Configs = None, set_: Pairs = None, as_json: AsJson = False) -> None:
    """Print the resolved settings."""
    from burnish.graphs.cli import run as cli_run

    say(cli_run.show_settings(config, set_, as_json=as_json))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Args:
        argv: the arguments; None takes those of this process, which the command then has to itself.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # One thread a process: the workers are the parallelism, and results then share one BLAS path.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    open_closed_streams()
    command = typer.main.get_command(app)
    guard(command, for_good=argv is None)
    try:
        command(arguments, prog_name="burnish")
    except BurnishError as error:
        sys.stderr.write(f"burnish: {error}\n")
        sys.exit(3 if isinstance(error, QuotaPaused) else 2)
    except KeyboardInterrupt:
        sys.stderr.write("burnish: interrupted; run the same command again to go on\n")
        sys.exit(130)

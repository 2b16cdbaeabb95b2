"""`burnish profile`."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import typer

from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from burnish.graphs.profile.labels import ItemLabeller
    from burnish.graphs.profile.profile import Reading, Result
    from burnish.graphs.profile.vector_cache import Vectoring

_Named = str | None


def profile(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="QA set: file, folder, glob or hf:org/name.")
    ],
    target: Annotated[
        _Named, typer.Option(metavar="REFERENCE", help="QA set whose distribution is wanted.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write report.html, .json or .parquet.")
    ] = None,
    id_field: Annotated[_Named, typer.Option(help="Column of the id.")] = None,
    question_field: Annotated[_Named, typer.Option(help="Column of the question.")] = None,
    answer_field: Annotated[_Named, typer.Option(help="Column of the key.")] = None,
    choices_field: Annotated[
        _Named, typer.Option(help="Column of the choices, or several, with commas.")
    ] = None,
    domain_field: Annotated[_Named, typer.Option(help="Column of the domain.")] = None,
    skill_field: Annotated[_Named, typer.Option(help="Column of the skill.")] = None,
    rationale_field: Annotated[_Named, typer.Option(help="Column of the rationale.")] = None,
    context_field: Annotated[_Named, typer.Option(help="Column of the context.")] = None,
    turns_field: Annotated[_Named, typer.Option(help="Column of the conversation.")] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(help="Column of answer records; pred_* stands for all that begin so."),
    ] = None,
    answers: Annotated[
        _Named, typer.Option(metavar="FILE", help="Answer records of another file, by id.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Labels for items that name no domain, one a line."),
    ] = None,
    labeller: Annotated[
        _Named, typer.Option(metavar="MODEL", help="Let a model label, not the embedder.")
    ] = None,
    panel: Annotated[
        _Named, typer.Option(metavar="MODEL,…", help="Ask these models every question once.")
    ] = None,
    llm: Annotated[
        _Named, typer.Option(metavar="URL", help="Server of the panel and of the labeller.")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(min=0, help="Tokens that the models may ever spend.")
    ] = None,
    panel_folder: Annotated[
        Path | None, typer.Option(help="Where the models' replies, answers and labels go.")
    ] = None,
    judgements: Annotated[
        _Named,
        typer.Option(metavar="FILE", help="Pairs of items by id: columns harder, easier, draw."),
    ] = None,
    online_elo: Annotated[
        bool, typer.Option("--online-elo", help="Rate judgements by Elo, in their order.")
    ] = False,
    buckets: Annotated[int, typer.Option(min=1, help="Difficulty buckets, equally full.")] = 5,
    edges: Annotated[
        _Named, typer.Option(help="Edges of the buckets in logits, such as -1,0,1.")
    ] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Embed the items too; vectors are cached.")
    ] = False,
    embedder: Annotated[_Named, typer.Option(help="Embedder, by name or folder.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for cached vectors.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Only the first N rows.")] = None,
    sample: Annotated[int | None, typer.Option(min=0, help="N rows drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a QA set: cells, difficulty, choices, flaws, and the distance to a target."""
    from burnish.corpora.questions.columns import QuestionFields
    from burnish.corpora.readers.rows import RowSelection
    from burnish.graphs.profile.profile import Reading, profile_location
    from burnish.tools.profile.profile import ProfileSettings

    fields = QuestionFields(
        id=id_field,
        question=question_field,
        answer=answer_field,
        choices=choices_field,
        domain=domain_field,
        skill=skill_field,
        rationale=rationale_field,
        context=context_field,
        turns=turns_field,
        records=tuple(records) if records else None,
    )
    reading = Reading(fields, RowSelection(limit, sample, seed), strict, answers, judgements)
    models = ModelFlags(panel, labeller, llm, budget, panel_folder)
    if panel is not None or (llm is not None and labeller is None):
        reading = replace(reading, answers=_ask(source, reading, models))
    settings = ProfileSettings(
        buckets=buckets, edges=_edges(edges), seed=seed, online_elo=online_elo
    )
    check_output(output)
    embedding = labels is not None and labeller is None
    vectoring = _vectoring(embedder, cache) if vectors or embedder or embedding else None
    chosen = _labeller(source, labels, vectoring if embedding else None, models)
    measured = vectoring if vectors else None
    result = profile_location(source, target, reading, settings, measured, chosen)
    if output is not None:
        _write(output, result)
    if as_json:
        say(json.dumps(result.figures))
        return
    from burnish.graphs.profile.console import show

    show(result.figures, output, answer_console())


class ModelFlags(NamedTuple):
    """What the command line says of models that are asked."""

    panel: str | None
    labeller: str | None
    url: str | None
    budget: int | None
    folder: Path | None

    def kept_in(self, source: str) -> Path:
        """Return the folder of replies and budget."""
        from burnish.corpora.runs.folder import default_folder

        plain = default_folder(source)
        return self.folder or plain.with_name(f"{plain.name}-panel")


def _labeller(
    source: str, labels: Path | None, vectoring: "Vectoring | None", flags: ModelFlags
) -> "ItemLabeller | None":
    """Return who labels, None where nothing is to be labelled.

    Raises:
        UsageError: half of what is needed is given, or the labels cannot be read.
    """
    from burnish.corpora.errors import UsageError
    from burnish.graphs.profile.labels import Labelling, read_labels

    if flags.labeller is not None and (labels is None or flags.url is None):
        raise UsageError("--labeller needs a list and a server: give --labels FILE and --llm URL")
    if labels is None:
        return None
    if vectoring is not None:
        return Labelling(read_labels(labels), vectoring)
    from burnish.graphs.profile.llm_labels import ModelLabelling
    from burnish.graphs.runs.settings import LlmSettings

    llm = LlmSettings(endpoint=flags.url, model=flags.labeller, budget=flags.budget)
    return ModelLabelling(read_labels(labels), llm, flags.kept_in(source), _teller("labelled"))


def _ask(source: str, reading: "Reading", flags: ModelFlags) -> str:
    """Ask a panel, say what came of it, and return where its answers are.

    Raises:
        UsageError: half of what is needed is given.
    """
    from burnish.corpora.errors import UsageError
    from burnish.graphs.profile.panel import Panel, ask_panel
    from burnish.graphs.profile.profile import read_set
    from burnish.graphs.runs.settings import LlmSettings

    names = tuple(dict.fromkeys(filter(None, (flags.panel or "").split(","))))
    if not names or flags.url is None:
        raise UsageError(
            "a panel needs its models and their server: give --panel A,B and --llm URL"
        )
    if reading.answers is not None:
        raise UsageError("--panel writes answer records itself: leave out --answers")
    own = read_set(source, reading)
    llm = LlmSettings(endpoint=flags.url, model=names[0], budget=flags.budget)
    items = [row.item for row in own.rows]
    told = ask_panel(items, Panel(names, llm, flags.kept_in(source)), own.layout.id or "id")
    ended = "; the token budget ended first, a larger --budget goes on" if told.ended else ""
    sys.stderr.write(
        f"burnish: {told.answered:,} of {told.asked:,} answers could be marked, "
        f"{told.spent:,} tokens spent{ended}: {told.path}\n"
    )
    if not told.answered:
        raise UsageError(f"{told.path}: no model gave an answer that could be marked")
    return str(told.path)


def check_output(output: Path | None) -> None:
    """Check early that the report can be written.

    Raises:
        UsageError: the suffix is unknown, or there is no such folder.
    """
    from burnish.corpora.errors import UsageError

    if output is None:
        return
    if output.suffix not in {".html", ".json", ".parquet"}:
        raise UsageError(f"-o {output}: name a file that ends in .html, .json or .parquet")
    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}")


def _edges(text: str | None) -> tuple[float, ...] | None:
    from burnish.corpora.errors import UsageError
    from burnish.tools.profile.cells import Buckets

    if text is None:
        return None
    try:
        return Buckets(tuple(float(one) for one in text.split(","))).edges
    except ValueError:
        raise UsageError(f"--edges {text}: give ascending numbers, such as -1,0,1") from None


def _vectoring(name: str | None, folder: Path | None) -> "Vectoring":
    from burnish.graphs.profile.vector_cache import vectoring_of

    return vectoring_of(name, folder, _teller())


def _teller(verb: str = "embedded") -> Callable[[int], None]:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{verb} {done:,} texts")
            sys.stderr.flush()

    return tell


def _write(output: Path, result: "Result") -> None:
    from burnish.corpora.storage.writers import write_atomic
    from burnish.graphs.profile.page import render_profile
    from burnish.graphs.profile.profile import write_profile

    if output.suffix == ".parquet":
        write_profile(output, result)
        return
    whole = render_profile(result.figures) if output.suffix == ".html" else None
    text = json.dumps(result.figures, indent=1) + "\n" if whole is None else whole

    def write(file: BinaryIO) -> None:
        file.write(text.encode("utf-8"))

    write_atomic(output, write)

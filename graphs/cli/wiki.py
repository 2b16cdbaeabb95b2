"""`burnish wiki`: builds and searches an index of passages."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import answer_console, say

if TYPE_CHECKING:
    from rich.progress import TaskID

    from burnish.tools.retrieval.build_index import Built
    from burnish.tools.retrieval.hybrid_index import SearchHit, WikiIndex

wiki_app = typer.Typer(
    cls=options.ByPurpose,
    help="Passages to check answers with: build an index of them, search it.",
    no_args_is_help=True,
)

EmbedderName = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Embedding model: name on the hub, or a folder."),
]


@wiki_app.command()
def build(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Wikipedia dump (.xml, .xml.bz2), folder of parquet, psgs_w100.tsv or .jsonl.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the index; one begun is finished.")
    ],
    embedder: EmbedderName = None,
    words: Annotated[
        int | None, typer.Option(metavar="N", help="Words of a passage, about; else 100.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N passages.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Threads; else as many as cores.")
    ] = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    as_json: options.AsJson = False,
) -> None:
    """Cut a source into passages and index them; the same command again goes on after a stop."""
    from burnish.corpora.wikipedia.sources import open_wiki
    from burnish.graphs.commands.inputs import count_cores
    from burnish.tools.retrieval.build_index import BuildSettings, build_index
    from burnish.tools.retrieval.dense_index import use_threads
    from burnish.tools.retrieval.embedder import load_embedder

    flags: dict[str, object] = {
        "wiki.embedder": embedder,
        "wiki.words": words,
        "wiki.limit": limit,
        "wiki.threads": threads,
    }
    chosen = options.settings_of(config, set_, flags).wiki
    found = open_wiki(source)
    used = chosen.threads or count_cores()
    model = load_embedder(chosen.embedder, threads=used)
    use_threads(used)
    sys.stderr.write(f"embedder {model.name} [{model.digest[:12]}], {model.precision}\n")
    with _Bar() as bar:
        built = build_index(
            found, output, model, BuildSettings(chosen.words, chosen.limit), bar.show
        )
    _say_built(built, output, as_json=as_json)


@wiki_app.command()
def search(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What is to be found.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    k: Annotated[
        int | None, typer.Option("-k", metavar="N", help="Passages to return; else 5.")
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(metavar="WAY", help="hybrid (the default), dense (by meaning) or words."),
    ] = None,
    embedder: EmbedderName = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the passages that answer a question best."""
    from burnish.tools.retrieval.embedder import load_embedder
    from burnish.tools.retrieval.hybrid_index import open_index
    from burnish.tools.retrieval.manifest import read_manifest

    flags: dict[str, object] = {"wiki.k": k, "wiki.way": way, "wiki.embedder": embedder}
    chosen = options.settings_of(config, set_, flags).wiki
    read_manifest(index)
    opened = open_index(index, load_embedder(chosen.embedder))
    hits = opened.search(question, chosen.k, chosen.way)
    if as_json:
        _print_json(_found(opened, question, chosen.way, hits))
    else:
        _print_hits(opened, hits)


class _Bar:
    """A bar for each step in a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(*Progress.get_default_columns(), console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, int] = {}

    def __enter__(self) -> "_Bar":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: str, done: int, total: int | None) -> None:
        """Show how far a step is."""
        if self._bar is not None:
            if step not in self._tasks:
                self._tasks[step] = self._bar.add_task(step, total=total)
            self._bar.update(self._tasks[step], completed=done, total=total)
            return
        percent = -1 if not total else 100 * done // total // 10
        if percent != self._told.get(step) or step not in self._told:
            self._told[step] = percent
            sys.stderr.write(f"{step}: {done:,}{f' of {total:,}' if total else ''} passages\n")
            sys.stderr.flush()


def _say_built(built: "Built", folder: Path, *, as_json: bool) -> None:
    from dataclasses import asdict

    manifest = built.manifest
    rate = built.embedded / built.embedding_s if built.embedding_s else 0.0
    if as_json:
        told = asdict(manifest) | {
            "index": str(folder),
            "embedded": built.embedded,
            "embedded_per_s": round(rate, 1),
            "seconds": round(built.seconds, 2),
        }
        _print_json(told)
        return
    how = "compared exactly"
    if manifest.kind == "cells":
        how = (
            f"{manifest.probes} of {manifest.cells:,} cells, recall {manifest.recall:.3f} of exact"
        )
    say(
        f"index     {folder}\npassages  {manifest.count:,}\nrevision  {manifest.revision}\n"
        f"embedder  {manifest.embedder} [{manifest.digest[:12]}]\nsearch    {how}\n"
        f"embedded  {built.embedded:,} now, {rate:,.0f} a second"
    )


def _found(
    opened: "WikiIndex", question: str, way: str, hits: Sequence["SearchHit"]
) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "question": question,
        "way": way,
        "revision": opened.manifest.revision,
        "embedder": opened.manifest.embedder,
        "passages": [{"rank": hit.rank, "score": hit.score, **asdict(hit.passage)} for hit in hits],
    }


def _print_json(value: object) -> None:
    import orjson

    say(orjson.dumps(value))


def _print_hits(opened: "WikiIndex", hits: Sequence["SearchHit"]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for hit in hits:
        passage = hit.passage
        head = " \u203a ".join(part for part in (passage.title, passage.section) if part)
        # A Text, because brackets in a passage are no markup.
        table.add_row(f"{hit.rank}", Text(f"{head}  [{passage.id}]\n{passage.text}\n"))
    answer_console().print(table)
    sys.stderr.write(
        f"{opened.manifest.count:,} passages of {opened.manifest.revision},"
        f" embedder {opened.embedder.name}\n"
    )

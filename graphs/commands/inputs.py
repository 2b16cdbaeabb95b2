"""What every command asks of its input, its settings and the place where it is called."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar, get_args

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.readers.document_source import Source, open_source
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.rows import Fields, RowSelection
from burnish.corpora.runs.folder import RunFolder, default_folder
from burnish.graphs.commands.progress import ProgressCallback, Reporter
from burnish.graphs.runs.settings import Settings
from burnish.graphs.runs.stages import Silence, Watcher

T = TypeVar("T")
Kind = Literal["documents", "qa"]
KindWish = Literal["auto", "documents", "qa"]
KINDS: tuple[KindWish, ...] = get_args(KindWish)
_ASKING = frozenset({
    "question", "problem", "query", "stem", "question_text", "choices", "options", "messages",
    "conversations",
})  # fmt: skip
"""Columns, in lower case, that only sets of questions have."""


def check_kind(kind: str) -> KindWish:
    """Return what a user calls a kind of records.

    Raises:
        UsageError: there is no such kind.
    """
    for known in KINDS:
        if kind == known:
            return known
    raise UsageError(f"--kind {kind}: choose one of {', '.join(KINDS)}")


_FOR_ONE_KIND: Mapping[str, tuple[Kind, str]] = {
    "qa.target": ("qa", "--target says what cells of questions should be like"),
    "qa.reserve": ("qa", "--reserve is a pool of questions"),
    "qa.labels": ("qa", "--labels are for questions that name no domain"),
    "fields.text": ("documents", "--text-field names the text of documents; of questions, give "
        "--set qa.question=COLUMN"),
    "llm.mode": ("documents", "--mode says how a model edits documents"),
}  # fmt: skip


def location_of(source: str | Path) -> str:
    """Return what a caller names as input, as text.

    Raises:
        UsageError: nothing is named: "" would mean the folder where the process happens to be.
    """
    if not str(source).strip():
        raise UsageError("no input is named; give a file, a folder, a pattern or hf:org/name")
    return str(source)


def check_flags(
    location: str, kind: KindWish, settings: Settings, flags: Mapping[str, object]
) -> None:
    """Check that what was asked for means something for the records there are.

    Args:
        location: The input.
        kind: As told.
        settings: All settings.
        flags: What flags stand for, by the name of the setting; None: not given.

    Raises:
        UsageError: a flag is for the other kind of records.
    """
    found = kind_of(location, kind, settings)
    for name, (only, meaning) in _FOR_ONE_KIND.items():
        if flags.get(name) is not None and found != only:
            other = "questions" if only == "qa" else "documents"
            here = "documents" if only == "qa" else "questions"
            raise UsageError(
                f"{meaning}, and {location} holds {here}: leave it out, or say --kind {only} "
                f"where it holds {other}"
            )


def kind_of(location: str, kind: KindWish, settings: Settings) -> Kind:
    """Return the kind of records: as told, or by the columns of the input.

    Raises:
        UsageError: there is no such kind.
    """
    if check_kind(kind) != "auto":
        return "qa" if kind == "qa" else "documents"
    if settings.qa.question is not None or settings.qa.turns is not None:
        return "qa"
    try:
        columns = {name for part in find_parts(location) for name in part.head().columns or ()}
    except SourceError:
        # Whoever opens the input says what is wrong with it.
        return "documents"
    lowered = {name.lower() for name in columns}
    text = settings.fields.text in columns
    return "qa" if not text and lowered & _ASKING else "documents"


def open_input(location: str, settings: Settings) -> Source:
    """Open documents as the settings say.

    Raises:
        SourceError: there is nothing that can be read.
    """
    chosen = settings.selection
    return open_source(
        location,
        Fields(settings.fields.text, settings.fields.id),
        RowSelection(chosen.limit, chosen.sample, chosen.seed),
        strict=settings.run.strict,
    )


def open_folder(location: str, output: str | Path | None, settings: Settings) -> RunFolder:
    """Return the folder that a run writes to: the one named, or `runs/<name of the input>`.

    Raises:
        UsageError: it is a file.
    """
    root = default_folder(location) if output is None else Path(output)
    if "\0" in str(root):
        raise UsageError("the output folder's name holds a NUL character; give another with -o")
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root}: is a file; give a folder with -o")
    return RunFolder(root, settings.run.format)


def watcher_of(progress: ProgressCallback | None) -> Watcher:
    """Return a watcher that tells the callback, or nobody."""
    return Silence() if progress is None else Reporter(progress)


def count_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outside_loops(work: Callable[[], T]) -> T:
    """Do work that runs event loops of its own, also where one runs already (a notebook).

    In a running loop the work goes to a thread, and the loop waits for it.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()

"""`burnish distill`: from documents and what an expert made of them to fine-tuning data.

The same shards, markers, workers, fingerprint and lock as a run: killed anywhere, the same command
goes on, and the replies of an expert are asked for once.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from burnish.agents.llm.messages import Model
from burnish.agents.refiners.expert import Expert
from burnish.corpora.errors import BudgetExhausted, QuotaPaused, RunError, UsageError
from burnish.corpora.readers.document_source import Source, open_source
from burnish.corpora.readers.rows import Fields, RowSelection, Survey
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.distill.output import Figures, assemble, report_of, write_report
from burnish.graphs.distill.settings import DistillSettings
from burnish.graphs.distill.shard_runner import DistillRunner
from burnish.graphs.runs.fingerprint import claim
from burnish.graphs.runs.graph import Silence, Watcher
from burnish.graphs.runs.lock import locked
from burnish.graphs.runs.worker_pool import Marker, refine_here, refine_with

EXPERT_ROWS = 64
"""Rows of a shard where an expert is asked: what is lost at most when a process is killed."""


@dataclass(frozen=True, slots=True)
class ExpertAccess:
    """How the expert is reached."""

    open: Callable[[Path], "OpenedExpert"]
    """Opens the model, its reply store and its budget in the folder."""
    name: str


@dataclass(frozen=True, slots=True)
class OpenedExpert:
    """A model that is ready, and what to do when it is no longer needed."""

    model: Model
    close: Callable[[asyncio.Runner], None]
    invoice: Callable[[], Mapping[str, Any]]
    """Tokens spent so far, earlier processes included."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a distillation."""

    report: Figures
    faults: tuple[str, ...]


@dataclass(frozen=True)
class DistillJob:
    """What a worker process needs to know."""

    root: Path
    settings: DistillSettings

    def runner(self) -> DistillRunner:
        """Make the runner."""
        return DistillRunner(RunFolder(self.root, "jsonl"), self.settings)


@dataclass
class Distillation:
    """One input, one folder."""

    location: str
    root: Path
    settings: DistillSettings
    access: ExpertAccess | None = None
    workers: int = 1
    watcher: Watcher = field(default_factory=Silence)

    def carry_out(self) -> Result:
        """Make all pairs that are not made yet, choose, split and report.

        Raises:
            UsageError: settings contradict one another.
            SourceError: the input cannot be read.
            RunError: the folder holds something else, or is in use.
        """
        self.settings.check()
        if (self.settings.teacher == "expert") != (self.access is not None):
            raise UsageError(
                "say who refines: --refined-field, --labels-field, or --llm URL --model NAME; "
                "one of them"
            )
        source = self._source()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.root}: cannot be made ({error.strerror}); see -o") from None
        with locked(self.root):
            return self._locked(source)

    def _source(self) -> Source:
        settings = self.settings
        return open_source(
            self.location,
            Fields(settings.columns.text, settings.columns.id),
            RowSelection(settings.limit, settings.sample, settings.choice.seed),
            strict=settings.strict,
        )

    def _locked(self, source: Source) -> Result:
        survey = source.survey(self.watcher.reading)
        self._check_columns(survey)
        folder = RunFolder(self.root, "jsonl")
        marks = self._marks(survey)
        claim(folder, marks, self._manifest(survey, marks))
        folder.make()
        faults: list[str] = []
        with self._expert() as (runner, opened):
            self.watcher.begins(survey.rows + survey.bad_rows, _progress(folder.markers()))
            try:
                with closing(self._made(source, survey, folder, runner)) as markers:
                    for marker in markers:
                        self.watcher.shard(marker)
            except (BudgetExhausted, QuotaPaused) as stop:
                faults.append(str(stop))
            spent = opened.invoice() if opened else {}
        for leftover in self.root.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        markers = folder.markers()
        report = report_of(markers, assemble(folder, self.settings), spent)
        done, rows = report["documents"]["in"], survey.rows + survey.bad_rows
        report["documents"]["unread"] = rows - done
        if done != rows and not faults:
            faults.append(f"rows do not balance: {rows} were read, {done} are accounted for")
        write_report(folder, report)
        return Result(report, tuple(faults))

    def _check_columns(self, survey: Survey) -> None:
        columns = self.settings.columns
        wanted = (
            columns.refined, columns.labels, columns.partial, columns.group, columns.stratum,
        )  # fmt: skip
        for name in wanted:
            if name is not None and name not in survey.schema.names:
                known = ", ".join(survey.schema.names)
                raise UsageError(f"{self.location}: there is no column {name!r} (has: {known})")

    def _made(
        self, source: Source, survey: Survey, folder: RunFolder, runner: DistillRunner | None
    ) -> Generator[Marker]:
        rows = self.settings.shard_rows if runner is None else EXPERT_ROWS
        shards = source.shards(
            survey,
            max_rows=min(rows, self.settings.shard_rows),
            max_chars=self.settings.shard_chars,
            done=frozenset(folder.finished()),
        )
        if runner is not None:
            return refine_here(runner, shards)
        job = DistillJob(self.root, self.settings)
        if self.workers == 1:
            return refine_here(job.runner(), shards)
        return refine_with(job, shards, self.workers)

    @contextmanager
    def _expert(self) -> Generator[tuple[DistillRunner | None, OpenedExpert | None]]:
        if self.access is None:
            yield None, None
            return
        prompt = Path(self.settings.prompt) if self.settings.prompt else None
        with ExitStack() as stack:
            loop = stack.enter_context(asyncio.Runner())
            opened = self.access.open(self.root)
            stack.callback(opened.close, loop)
            expert = Expert.load(opened.model, prompt, self.settings.expert)
            folder = RunFolder(self.root, "jsonl")
            yield DistillRunner(folder, self.settings, expert, loop), opened

    def _marks(self, survey: Survey) -> dict[str, str]:
        expert = self.access.name if self.access else "none"
        return {
            "burnish": version("burnish"),
            "input": survey.digest,
            "expert": expert,
        } | self.settings.marks()

    def _manifest(self, survey: Survey, marks: Mapping[str, str]) -> dict[str, Any]:
        return {
            "burnish": version("burnish"),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "kind": "distill",
            "settings": asdict(replace(self.settings)) | {"run": {"format": "jsonl"}},
            "fingerprint": dict(marks),
            "input": {
                "location": self.location,
                "rows": survey.rows,
                "bad_rows": survey.bad_rows,
                "chars": survey.chars,
                "digest": survey.digest,
                "sources": list(survey.sources),
            },
        }


def _progress(markers: list[Marker]) -> dict[str, Any]:
    names = ("edited", "dropped", "quarantined")
    counts = {name: sum(marker["outcomes"][name] for marker in markers) for name in names}
    return counts | {"rows": sum(marker["rows"] for marker in markers)}

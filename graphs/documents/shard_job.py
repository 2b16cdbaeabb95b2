"""What a worker needs to know of a run over documents."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from burnish.agents.refiners.refiner import AnyRefiner
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.documents.assembly import make_escalation, make_services
from burnish.graphs.documents.shard_runner import ShardRunner
from burnish.graphs.runs.settings import Settings


@dataclass(frozen=True)
class Job:
    """What a worker needs to know of a run; it travels to other processes."""

    root: Path
    settings: Settings
    schema: pa.Schema
    refiner: AnyRefiner | None = None
    """One of the caller's; it travels too, so it must be one that pickle takes."""

    def runner(self) -> ShardRunner:
        """Make the runner, with its own refiner."""
        return ShardRunner(
            folder=RunFolder(self.root, self.settings.run.format),
            services=make_services(self.settings, self.refiner),
            schema=self.schema,
            text_column=self.settings.fields.text,
            concurrency=self.settings.run.concurrency,
            escalation=make_escalation(self.settings, self.root),
        )

"""Whole runs of `burnish run` over skewed subsamples of MMLU, with and without a language model.

Where `eval.questions.rebalance` compares planners on one problem, here the graph itself runs: it
reads files, profiles, tries, plans, carries out, validates and writes. The target is the full set.
Arms differ in what the run may do: remove alone, draw from the rest of the set, or write with a
model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.eval.datasets import mmlu
from burnish.eval.questions.rebalance import RankingAgreement, Skewed, ranking, skewed
from burnish.graphs.profile.profile import read_set
from burnish.graphs.questions.stages import QaContext, ServicesOpener
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.settings import Settings, load
from burnish.tools.arrays import Ints

Arm = Literal["remove", "draw", "write"]
_OPERATIONS: Mapping[Arm, tuple[str, ...]] = {"remove": ("remove",), "draw": ("remove", "draw")}
"""The arm that writes may do whatever its run has the means for."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The model of the arm that writes."""

    endpoint: str
    model: str
    budget: int
    """Tokens of one run."""
    settings: tuple[str, ...] = ()
    """Further settings of its runs, such as `qa.wiki=FOLDER`."""
    opened: ServicesOpener | None = None
    """Opens the agents in place of the endpoint."""


@dataclass(frozen=True, slots=True)
class RunTrial:
    """What one run came to."""

    seed: int
    arm: Arm
    before: float
    after: float
    floor: float
    size: int
    tokens: int
    invoice: tuple[Mapping[str, Any], ...]
    """A line for each operation with what was predicted and what was realised."""
    faults: tuple[str, ...]
    heldout: RankingAgreement | None = None
    """Of models without a part in the difficulties; None where items have no answers of theirs."""

    @property
    def reduction(self) -> float:
        """Return the part of the divergence above the floor that is gone (may exceed 1)."""
        return (self.before - self.after) / (self.before - self.floor)

    def as_json(self) -> dict[str, Any]:
        """Return all figures."""
        return {**asdict(self), "reduction": self.reduction}


@dataclass(frozen=True, slots=True)
class Bench:
    """The set that everything is drawn from, and a folder to run in."""

    data: mmlu.Mmlu
    rows: Sequence[mmlu.MmluRow]
    folder: Path
    size: int = 400
    """Items of a subsample."""
    writer: Writer | None = None
    """None: the arm that writes is left out."""


def run_trials(bench: Bench, seed: int) -> list[RunTrial]:
    """Run every arm that there are means for on the subsample of one seed."""
    drawn = skewed(bench.data, bench.size, seed)
    root = bench.folder / f"seed-{seed}"
    root.mkdir(parents=True, exist_ok=True)
    names = {"set": drawn.chosen, "pool": drawn.pool, "all": np.arange(len(bench.rows))}
    files = {
        name: _written(bench, root / f"{name}.jsonl", items, drawn) for name, items in names.items()
    }
    arms: list[Arm] = ["remove", "draw", *(["write"] if bench.writer else [])]
    return [_trial(bench, root, files, drawn, arm, seed) for arm in arms]


def _written(bench: Bench, path: Path, items: Ints, drawn: Skewed) -> Path:
    """Write items as a QA set, with the answers of the models that difficulties come from."""
    told = [name for at, name in enumerate(bench.data.models) if not drawn.heldout[at]]
    with path.open("w", encoding="utf-8") as file:
        for at in map(int, items):
            row = bench.rows[at]
            item = {
                "id": row["id"],
                "subject": row["subject"],
                "question": row["question"],
                "choices": row["choices"],
                "answer": LETTERS[row["answer"]],
                "answers": {name: row["helm10"].get(name) for name in told},
            }
            file.write(json.dumps(item) + "\n")
    return path


def _settings(files: Mapping[str, Path], arm: Arm, seed: int, writer: Writer | None) -> Settings:
    pairs = [
        f"qa.target={files['all']}",
        "qa.buckets=4",
        f"qa.seed={seed}",
    ]
    if arm in _OPERATIONS:
        pairs.append(f"qa.operations={json.dumps(_OPERATIONS[arm])}")
    if arm == "draw":
        pairs.append(f"qa.reserve={files['pool']}")
    if arm == "write" and writer is not None:
        pairs += [
            f"llm.endpoint={writer.endpoint}",
            f"llm.model={writer.model}",
            f"llm.budget={writer.budget}",
            *writer.settings,
        ]
    return load((), pairs)


def _trial(
    bench: Bench, root: Path, files: Mapping[str, Path], drawn: Skewed, arm: Arm, seed: int
) -> RunTrial:
    writer = bench.writer if arm == "write" else None
    settings = _settings(files, arm, seed, writer)
    folder = RunFolder(root / arm, settings.run.format)
    opened = None if writer is None else writer.opened
    state = carry_out(QaContext(folder, settings, str(files["set"]), opened=opened))
    told = read_json(folder.report.with_suffix(".json"))
    far = told["divergence"]
    return RunTrial(
        seed,
        arm,
        far["before"],
        far["after"],
        far["floor"],
        told["balance"]["rows_out"],
        told["tokens"]["spent"],
        tuple(told["invoice"]),
        tuple(state.get("faults", [])),
        _heldout(bench, folder, drawn),
    )


def _heldout(bench: Bench, folder: RunFolder, drawn: Skewed) -> RankingAgreement | None:
    """Rank the models held out on the refined set, where all its items have their answers."""
    place = {str(row["id"]): at for at, row in enumerate(bench.rows)}
    ids = [row.item.id for row in read_set(str(folder.part("data", 0))).rows]
    if any(name not in place for name in ids):
        return None
    items = np.array([place[name] for name in ids], np.int64)
    return ranking(bench.data.correct[:, drawn.heldout], items)

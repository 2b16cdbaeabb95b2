"""The systems that the benchmark knows by name, made only when they are asked for."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Protocol, cast

from burnish.agents.refiners.refiner import Refiner
from burnish.corpora.errors import UsageError
from burnish.eval.datasets.pages import Page
from burnish.eval.refiners.baselines import (
    DatatroveFilters,
    KeepAllRefiner,
    LabelCeiling,
    RandomDeletion,
)
from burnish.eval.refiners.systems import OutOfFold, ProgramSystem, System, read_folds
from burnish.tools.deletion.program import Guard

EMBEDDED = "embedded"
RANDOM = "random"
CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the systems of one set are made from."""

    pages: Mapping[str, Page] = field(default_factory=dict[str, Page])
    random_rate: float = 0.5
    seed: int = 0
    model: Path | None = None
    """File of the embedded refiner; None for the one in the package."""
    fold_models: Path | None = None
    """Folder of fold models, used instead of `model` when given."""


class _Loads(Protocol):
    def load(self, path: Path) -> object: ...


def _embedded(setup: Setup) -> System:
    return ProgramSystem(_embedded_refiner(setup.model, setup.fold_models))


@cache
def _embedded_refiner(model: Path | None, fold_models: Path | None) -> Refiner:
    tagger = cast("_Loads", _ours("line_tagger.tagger", "LineTagger"))
    wrap = cast("Callable[[object], Refiner]", _ours("refiners.embedded", "EmbeddedRefiner"))
    if fold_models is None:
        return wrap(tagger.load(model or _shipped_model()))
    files = read_folds(fold_models)
    models = {fold: wrap(tagger.load(path)) for fold, path in files.models.items()}
    return OutOfFold(EMBEDDED, models, files.folds)


def _shipped_model() -> Path:
    agents = importlib.import_module("burnish.agents")
    models = sorted(path for home in agents.__path__ for path in Path(home).glob("*/*.npz"))
    if len(models) != 1:
        raise UsageError(f"{EMBEDDED}: {len(models)} models lie in the package; use --model FILE")
    return models[0]


def _rules(_: Setup) -> System:
    make = cast("Callable[[], Refiner]", _ours("refiners.rules", "RulesRefiner"))
    return ProgramSystem(make())


def _ours(module: str, name: str) -> object:
    try:
        return getattr(importlib.import_module(f"burnish.agents.{module}"), name)
    except ModuleNotFoundError as error:
        raise UsageError(f"{name} is not in this installation: no {error.name}") from None


@cache
def _filters(name: str) -> System:
    return DatatroveFilters(name)


def _datatrove(name: str, _: Setup) -> System:
    return _filters(name)


def _keep_all(_: Setup) -> System:
    return ProgramSystem(KeepAllRefiner())


def _random(setup: Setup) -> System:
    return ProgramSystem(RandomDeletion(setup.random_rate, setup.seed))


def _ceiling(setup: Setup) -> System:
    return ProgramSystem(LabelCeiling(setup.pages), Guard(max_removed_ratio=1.0))


FACTORIES: Mapping[str, Callable[[Setup], System]] = {
    "keep-all": _keep_all,
    "c4-lines": partial(_datatrove, "c4-lines"),
    "c4": partial(_datatrove, "c4"),
    "datatrove": partial(_datatrove, "datatrove"),
    "fineweb": partial(_datatrove, "fineweb"),
    "rules": _rules,
    EMBEDDED: _embedded,
    RANDOM: _random,
    CEILING: _ceiling,
}
"""Random deletion comes after `embedded`, whose rate it takes."""

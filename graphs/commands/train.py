"""Refiners trained anew: the embedded one from labelled pages, a served one from pairs."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from burnish.agents.sft.recipes import RECIPES, ModelShape, SftRecipe
from burnish.corpora.errors import UsageError

if TYPE_CHECKING:
    from burnish.agents.sft.train import Facts

T = TypeVar("T")
Say = Callable[[str], None]
"""Is told, in one line, how far the training is."""


@dataclass(frozen=True, slots=True)
class TrainedTagger:
    """What came of training the embedded refiner."""

    weights: Path
    """A file that `refiner.model` takes."""
    card: Path
    """The model card, with scores on hosts that were never seen."""


def train_tagger(
    data: str | Path, output: str | Path, *, folds: int = 5, seed: int = 0, say: Say | None = None
) -> TrainedTagger:
    """Train the embedded refiner on labelled pages.

    Args:
        data: Folder with the labelled sets.
        output: Folder for weights and card.
        folds: Folds to cross-validate; 0: none.
        seed: Seed of the training.
        say: Is told how far it is.

    Raises:
        UsageError: PyTorch is not installed, or the data is not there.
    """
    data, output = Path(data), Path(output)
    if not data.is_dir():
        raise UsageError(f"--data {data}: no such folder")
    try:
        from burnish.agents.line_training.corpus import FOLDS
        from burnish.agents.line_training.train import MAIN, train
    except ModuleNotFoundError as error:
        raise _lacking(error, "train") from None
    if not (data / MAIN / "pages.jsonl.gz").is_file():
        raise UsageError(f"--data {data}: there is no {MAIN}/pages.jsonl.gz in it")
    if folds > FOLDS:
        raise UsageError(f"--folds {folds}: hosts are split into {FOLDS} folds")
    train(data, output, folds=range(folds), seed=seed, progress=say or _nobody)
    return TrainedTagger(output / "line_tagger.npz", output / "line_tagger.md")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to begin with and how to train."""

    base: Path | None
    recipe: SftRecipe
    shape: ModelShape


class _PairFiles(NamedTuple):
    train: Path
    validation: Path | None


def choose_model(
    name: str | None,
    base: Path | None,
    trees: Sequence[Mapping[str, Any]] = (),
    *,
    seed: int = 0,
) -> ModelChoice:
    """Take a named recipe, then what the sections `recipe` and `shape` of the trees change.

    Raises:
        UsageError: a name is unknown or a value does not fit.
    """
    name = name or ("scratch" if base is None else "refinex")
    if name not in RECIPES:
        raise UsageError(f"--recipe {name!r}: there are {', '.join(RECIPES)}")
    if unknown := {section for tree in trees for section in tree} - {"recipe", "shape"}:
        raise UsageError(f"setting {min(unknown)}: served training has recipe.* and shape.*")
    recipe = dataclasses.asdict(RECIPES[name]) | {"seed": seed}
    shape = dataclasses.asdict(ModelShape())
    for tree in trees:
        _change(recipe, "recipe", tree.get("recipe", {}))
        _change(shape, "shape", tree.get("shape", {}))
    return ModelChoice(base, _made(SftRecipe, "recipe", recipe), _made(ModelShape, "shape", shape))


def _change(values: dict[str, Any], section: str, changes: object) -> None:
    if not isinstance(changes, dict):
        raise UsageError(f"setting {section}: must be a table")
    given = cast("dict[str, Any]", changes)
    if unknown := set(given) - set(values):
        raise UsageError(f"setting {section}.{min(unknown)}: there is only {', '.join(values)}")
    values.update(given)


def _made(kind: type[T], section: str, values: Mapping[str, Any]) -> T:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"setting {section}.{where}: {first['msg']}") from None


def train_served(
    choice: ModelChoice, data: str | Path, output: str | Path, *, say: Say | None = None
) -> "Facts":
    """Train a model on pairs, and return what its card says of the training.

    Raises:
        UsageError: transformers is not installed, or base or pairs cannot be used.
        SourceError: a pair is broken.
    """
    files = _pair_files(Path(data))
    try:
        from burnish.agents.sft.learner import TrainingJob
        from burnish.agents.sft.train import train_served as train
    except ModuleNotFoundError as error:
        raise _lacking(error, "sft") from None
    job = TrainingJob(files.train, files.validation, choice.base, choice.shape, choice.recipe)
    return train(job, Path(output), say or _nobody)


def _pair_files(data: Path) -> _PairFiles:
    """Return the pairs of a file, or of a folder with train.jsonl and maybe validation.jsonl."""
    if data.is_file():
        return _PairFiles(data, None)
    train, validation = data / "train.jsonl", data / "validation.jsonl"
    if not train.is_file():
        raise UsageError(f"--data {data}: give a file of pairs, or a folder with train.jsonl")
    return _PairFiles(train, validation if validation.is_file() else None)


def _lacking(error: ModuleNotFoundError, extra: str) -> UsageError:
    return UsageError(
        f'training needs {error.name}; install it with: pip install "burnish[{extra}]"'
    )


def _nobody(line: str) -> None:
    del line

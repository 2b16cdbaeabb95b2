"""`burnish train --kind served`."""

import dataclasses
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from burnish.agents.sft.recipes import RECIPES, ModelShape, SftRecipe
from burnish.corpora.errors import UsageError
from burnish.graphs.cli.standard_output import say
from burnish.graphs.runs.settings import read_toml

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to begin with and how to train."""

    base: Path | None
    recipe: SftRecipe
    shape: ModelShape


class _PairFiles(NamedTuple):
    train: Path
    validation: Path | None


def choose(
    name: str | None,
    base: Path | None,
    files: Sequence[Path] | None,
    pairs: Sequence[str] | None,
    *,
    seed: int,
) -> Choice:
    """Take a named recipe, then what files and `recipe.KEY=VALUE`, `shape.KEY=VALUE` change.

    Raises:
        UsageError: a name is unknown, a file cannot be read or a value does not fit.
    """
    name = name or ("scratch" if base is None else "refinex")
    if name not in RECIPES:
        raise UsageError(f"--recipe {name!r}: there are {', '.join(RECIPES)}")
    trees = [read_toml(path) for path in files or ()] + [_pair(pair) for pair in pairs or ()]
    if unknown := {section for tree in trees for section in tree} - {"recipe", "shape"}:
        raise UsageError(f"setting {min(unknown)}: served training has recipe.* and shape.*")
    recipe = dataclasses.asdict(RECIPES[name]) | {"seed": seed}
    shape = dataclasses.asdict(ModelShape())
    for tree in trees:
        _change(recipe, "recipe", tree.get("recipe", {}))
        _change(shape, "shape", tree.get("shape", {}))
    return Choice(base, _made(SftRecipe, "recipe", recipe), _made(ModelShape, "shape", shape))


def _pair(pair: str) -> Mapping[str, Any]:
    key, _, text = pair.partition("=")
    section, dot, name = key.strip().partition(".")
    if not dot or not name or not text.strip():
        raise UsageError(f"--set {pair!r}: write recipe.KEY=VALUE or shape.KEY=VALUE")
    try:
        return {section: {name: tomllib.loads(f"value = {text}")["value"]}}
    except tomllib.TOMLDecodeError:
        return {section: {name: text.strip()}}


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


def train_refiner(choice: Choice, data: Path, output: Path) -> None:
    """Train a model on pairs and say where everything is.

    Raises:
        UsageError: transformers is not installed, or base or pairs cannot be used.
        SourceError: a pair is broken.
    """
    files = _pair_files(data)
    try:
        from burnish.agents.sft.learner import TrainingJob
        from burnish.agents.sft.train import train_served
    except ModuleNotFoundError as error:
        raise UsageError(
            f'training needs {error.name}; install it with: pip install "burnish[sft]"'
        ) from None
    job = TrainingJob(files.train, files.validation, choice.base, choice.shape, choice.recipe)
    facts = train_served(job, output, _say)
    held_out = facts.validation_loss
    checked = "" if held_out is None else f", {held_out:.3f} on validation"
    say(
        f"{facts.steps:,} steps, {facts.tokens:,} tokens, loss {facts.loss:.3f}{checked}\n"
        f"model    {output}\ncard     {output / 'README.md'}\nserve    burnish serve {output}"
    )


def _pair_files(data: Path) -> _PairFiles:
    """Return the pairs of a file, or of a folder with train.jsonl and maybe validation.jsonl."""
    if data.is_file():
        return _PairFiles(data, None)
    train, validation = data / "train.jsonl", data / "validation.jsonl"
    if not train.is_file():
        raise UsageError(f"--data {data}: give a file of pairs, or a folder with train.jsonl")
    return _PairFiles(train, validation if validation.is_file() else None)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()

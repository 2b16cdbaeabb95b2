"""`burnish train`."""

import sys
from pathlib import Path

from burnish.corpora.errors import UsageError
from burnish.graphs.cli.standard_output import say


def train_refiner(kind: str, data: Path, output: Path, *, folds: int, seed: int) -> None:
    """Train a refiner, print its scores and say where everything is.

    Raises:
        UsageError: the kind is unknown, PyTorch is not installed, or the data is not there.
    """
    if kind != "embedded":
        raise UsageError(f"--kind {kind!r}: only embedded can be trained; write --kind embedded")
    if not data.is_dir():
        raise UsageError(f"--data {data}: no such folder")
    try:
        from burnish.agents.line_training.corpus import FOLDS
        from burnish.agents.line_training.train import MAIN, train
    except ModuleNotFoundError as error:
        raise UsageError(
            f'training needs {error.name}; install it with: pip install "burnish[train]"'
        ) from None
    if not (data / MAIN / "pages.jsonl.gz").is_file():
        raise UsageError(f"--data {data}: there is no {MAIN}/pages.jsonl.gz in it")
    if folds > FOLDS:
        raise UsageError(f"--folds {folds}: hosts are split into {FOLDS} folds")
    train(data, output, folds=range(folds), seed=seed, progress=_say)
    card = output / "line_tagger.md"
    say(card.read_text("utf-8"))
    say(f"weights  {output / 'line_tagger.npz'}\ncard     {card}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()

"""Fits the networks of the line tagger to labelled pages."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from burnish.agents.line_tagger.features import FEATURES, LineBatch, encode
from burnish.agents.line_training.augment import FramedPage, Sample, excerpt, passage, prose, vary
from burnish.agents.line_training.corpus import LabelledPage
from burnish.agents.line_training.torch_network import LineNetwork, NetworkShape, PackedRows

Progress = Callable[[str], None]
"""Called with a line of text after every epoch and at each step of `train`."""


@dataclass(frozen=True)
class TrainingRecipe:
    """How a network is trained.

    With `fixed_words` its word vectors are given and stay as they are; else it learns them.
    """

    shape: NetworkShape = field(default_factory=lambda: NetworkShape(features=FEATURES))
    fixed_words: bool = True
    epochs: int = 6
    batch: int = 12
    rate: float = 2e-3
    decay: float = 0.05
    dropout: float = 0.3
    word_dropout: float = 0.25
    line_dropout: float = 0.2
    smoothing: float = 0.02
    average: float = 0.995
    draft: float = 0.3
    rows: int = 1500
    web: int = 150
    prose: int = 90
    passages: int = 50
    mails: int = 25
    papers: int = 25


@dataclass(frozen=True)
class TrainingSets:
    """What a network learns from."""

    main: Sequence[FramedPage]
    web: Sequence[LabelledPage]
    mails: Sequence[LabelledPage]
    papers: Sequence[LabelledPage]
    passages: Sequence[str]


@dataclass(frozen=True)
class _Example:
    features: NDArray[np.float32]
    words: NDArray[np.uint32]
    pairs: NDArray[np.uint32]
    starts: NDArray[np.int64]
    counts: NDArray[np.float32]
    keep: NDArray[np.float32]
    weight: NDArray[np.float32]


MEMBERS: Final = (
    TrainingRecipe(),
    TrainingRecipe(
        shape=NetworkShape(features=FEATURES, pairs=1 << 16, word_width=16, pair_width=16),
        fixed_words=False,
        epochs=4,
        decay=0.1,
        word_dropout=0.4,
    ),
)
"""The ensemble: one network knows words by vectors made elsewhere and so from few examples,
the other learns the words and pairs of words that noise consists of."""


def fit_members(
    sets: TrainingSets,
    words: Tensor,
    seed: int,
    progress: Progress,
    members: Sequence[TrainingRecipe] = MEMBERS,
) -> list[LineNetwork]:
    """The networks of the ensemble; `words` (65536, 32) are the fixed word vectors."""
    return [
        train_network(sets, words if recipe.fixed_words else None, recipe, seed, progress)
        for recipe in members
    ]


def train_network(
    sets: TrainingSets, words: Tensor | None, recipe: TrainingRecipe, seed: int, progress: Progress
) -> LineNetwork:
    """A network trained on `sets`, over the fixed table of word vectors `words` if one is given."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = LineNetwork(recipe.shape, recipe.dropout)
    if words is not None:
        network.words.weight.requires_grad = False
        network.words.weight.copy_(words)
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98)
    )
    # Drawn only to be counted; the draw moves the generator on, and shipped weights hang on that.
    steps = recipe.epochs * (len(samples_of(sets, recipe, rng)) // recipe.batch) + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=steps, pct_start=0.1, final_div_factor=50
    )
    mean = copy.deepcopy(network)
    step = 0
    for epoch in range(recipe.epochs):
        total, count = 0.0, 0
        for batch in _batches(samples_of(sets, recipe, rng), recipe, rng):
            loss = _loss(network, batch, recipe, rng)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            # The mean of late weights does better on unseen pages than the last ones (Polyak and
            # Juditsky 1992). It follows closely at first, else it would keep the random start.
            _average(mean, network, min(recipe.average, (1 + step) / (10 + step)))
            total, count = total + float(loss.detach()), count + 1
        progress(f"seed {seed} epoch {epoch + 1}/{recipe.epochs} loss {total / count:.4f}")
    return mean.eval()


def samples_of(sets: TrainingSets, recipe: TrainingRecipe, rng: Generator) -> list[Sample]:
    """The samples of an epoch, new ones each time."""
    samples = [vary(frame, sets.main, rng) for frame in sets.main]
    others: list[int] = rng.permutation(len(sets.web))[: recipe.web].tolist()
    pages = [sets.web[number] for number in others]
    samples += [Sample(page.lines, page.keep, 0.7) for page in pages]
    samples += [prose(sets.main, rng) for _ in range(recipe.prose)]
    samples += [passage(sets.passages, rng) for _ in range(recipe.passages)]
    for pages, count in ((sets.mails, recipe.mails), (sets.papers, recipe.papers)):
        chosen: list[int] = rng.integers(max(len(pages), 1), size=count if pages else 0).tolist()
        samples += [excerpt(pages[number], rng, limit=300, weight=0.3) for number in chosen]
    return samples


def pack(batch: LineBatch, shape: NetworkShape) -> PackedRows:
    """A batch of encoded documents as the network takes it."""
    sizes = np.diff(batch.documents)
    document = np.repeat(np.arange(len(sizes)), sizes)
    index = np.arange(len(document)) - batch.documents[document]
    return PackedRows(
        features=torch.from_numpy(batch.features),
        words=_slots(batch.words, shape.words),
        pairs=_slots(batch.pairs, shape.pairs),
        starts=torch.from_numpy(batch.starts[:-1]),
        document=torch.from_numpy(document),
        index=torch.from_numpy(index),
        below=torch.from_numpy(sizes[document] - 1 - index),
        documents=len(sizes),
    )


def _slots(hashes: NDArray[np.uint32], size: int) -> Tensor:
    shift = np.uint32(32 - (size.bit_length() - 1))
    return torch.from_numpy((hashes >> shift).astype(np.int64))


def _batches(
    samples: Sequence[Sample], recipe: TrainingRecipe, rng: Generator
) -> Iterator[list[_Example]]:
    # Encoded eight batches at a time: the features are made for many texts together.
    order: list[int] = rng.permutation(len(samples)).tolist()
    window = recipe.batch * 8
    pending: list[_Example] = []
    for start in range(0, len(order), window):
        pending += _examples([samples[at] for at in order[start : start + window]], recipe, rng)
        while len(pending) >= recipe.batch:
            yield pending[: recipe.batch]
            pending = pending[recipe.batch :]


def _examples(samples: Sequence[Sample], recipe: TrainingRecipe, rng: Generator) -> list[_Example]:
    batch = encode(["\n".join(sample.lines) for sample in samples])
    examples: list[_Example] = []
    for number, sample in enumerate(samples):
        start, stop = batch.documents[number : number + 2].tolist()
        if start == stop:
            continue
        keep = sample.keep[batch.rows[start:stop] - batch.lines[number]]
        weight = _line_weights(keep, batch.weights[start:stop]) * np.float32(sample.weight)
        # Of a very long document a stretch drawn anew each time; weights are those of the whole.
        if stop - start > recipe.rows:
            start += int(rng.integers(stop - start - recipe.rows))
        part = slice(start, min(stop, start + recipe.rows))
        inner = slice(part.start - int(batch.documents[number]), None)
        count = part.stop - part.start
        first, last = batch.starts[part.start], batch.starts[part.stop]
        examples.append(
            _Example(
                features=batch.features[part],
                words=batch.words[first:last],
                pairs=batch.pairs[first:last],
                starts=batch.starts[part] - first,
                counts=batch.weights[part],
                keep=keep[inner][:count],
                weight=weight[inner][:count],
            )
        )
    return examples


def _line_weights(keep: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half by words and half by lines, one in all for a document; none where unlabelled."""
    known = ~np.isnan(keep)
    if not known.any():
        return np.zeros(len(keep), np.float32)
    words = np.where(known, words + 0.5, 0)
    return (0.5 * words / words.sum() + 0.5 * known / known.sum()).astype(np.float32)


def _loss(
    network: LineNetwork, batch: Sequence[_Example], recipe: TrainingRecipe, rng: Generator
) -> Tensor:
    packed = _packed(batch, network.shape, recipe, rng)
    keep = np.concatenate([example.keep for example in batch])
    weight = np.concatenate([example.weight for example in batch])
    # The draft is the logit half-way: trained too, it gives the lower layers a gradient of their
    # own (Lee et al. 2015, "Deeply-supervised nets"). It is not exported.
    target = torch.from_numpy(np.nan_to_num(keep)) * (1 - 2 * recipe.smoothing) + recipe.smoothing
    final, draft = network(packed)
    losses = functional.binary_cross_entropy_with_logits(final, target, reduction="none")
    drafts = functional.binary_cross_entropy_with_logits(draft, target, reduction="none")
    return ((losses + recipe.draft * drafts) * torch.from_numpy(weight)).sum() / len(batch)


def _packed(
    batch: Sequence[_Example], shape: NetworkShape, recipe: TrainingRecipe, rng: Generator
) -> PackedRows:
    """The examples side by side, with tokens and whole lines of tokens dropped at random."""
    sizes = np.concatenate([np.diff(e.starts, append=len(e.words)) for e in batch])
    owner = np.repeat(np.arange(len(sizes)), sizes)
    stay = rng.random(len(owner)) >= recipe.word_dropout
    stay &= (rng.random(len(sizes)) >= recipe.line_dropout)[owner]
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(np.bincount(owner[stay], minlength=len(sizes)), out=starts[1:])
    documents = np.zeros(len(batch) + 1, np.int64)
    np.cumsum([len(example.starts) for example in batch], out=documents[1:])
    features = np.concatenate([example.features for example in batch])
    rows = LineBatch(
        rows=np.arange(len(sizes)),
        documents=documents,
        lines=documents,
        features=features,
        words=np.concatenate([example.words for example in batch])[stay],
        pairs=np.concatenate([example.pairs for example in batch])[stay],
        starts=starts,
        weights=np.concatenate([example.counts for example in batch]),
    )
    return pack(rows, shape)


def _average(mean: LineNetwork, network: LineNetwork, share: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
            if fast.requires_grad:
                slow.lerp_(fast, 1 - share)

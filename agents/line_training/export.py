"""The trained networks as the arrays that `line_tagger.LineTagger` reads."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from burnish.agents.line_tagger.features import FEATURES
from burnish.agents.line_tagger.integer_network import GRID, WEIGHT_GRID, is_exact
from burnish.agents.line_tagger.tagger import FORMAT
from burnish.agents.line_training.torch_network import ContextBlock, LineNetwork, NetworkShape
from burnish.corpora.storage.writers import write_atomic


def export(networks: Sequence[LineNetwork], temperature: float) -> dict[str, NDArray[Any]]:
    """The arrays of an ensemble of networks with the same dilations.

    The members' token tables are joined side by side; a member has zero weights for the columns
    of the others. ValueError where a layer is too large to be computed exactly.
    """
    words, word_scales = _joined([member.words.weight for member in networks])
    pairs, pair_scales = _joined([member.pairs.weight for member in networks])
    meta = {
        "format": FORMAT,
        "features": FEATURES,
        "members": len(networks),
        "dilations": list(networks[0].shape.dilations),
        "temperature": temperature,
    }
    arrays: dict[str, NDArray[Any]] = {
        "meta": np.array(json.dumps(meta)),
        "words": words,
        "word_scales": word_scales,
        "pairs": pairs,
        "pair_scales": pair_scales,
    }
    for number, network in enumerate(networks):
        for name, layer in _layers(network).items():
            weight, bias = _dense(layer, f"{number}.{name}")
            if name == "enter":
                weight = _among(weight, number, [member.shape for member in networks])
            arrays[f"{number}.{name}.weight"] = weight
            arrays[f"{number}.{name}.bias"] = bias
    return arrays


def save(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes `arrays` to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda file: np.savez_compressed(file, allow_pickle=False, **dict(arrays)))


def _joined(tables: Sequence[torch.Tensor]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Tables side by side as int8, with a scale for each column.

    A table with fewer rows has each of them repeated: a row is chosen by a hash's highest bits.
    """
    size = max(len(table) for table in tables)  # powers of 2, so that rows repeat evenly
    parts: list[NDArray[np.int8]] = []
    scales: list[NDArray[np.float32]] = []
    for table in tables:
        values: NDArray[np.float32] = table.detach().numpy()
        scale = max(float(np.abs(values).max()), 1e-6) / 127
        whole = np.rint(values / scale).astype(np.int8)
        parts.append(np.repeat(whole, size // len(whole), axis=0))
        scales.append(np.full(values.shape[1], scale, np.float32))
    return np.concatenate(parts, axis=1), np.concatenate(scales)


def _among(
    weight: NDArray[np.int16], number: int, shapes: Sequence[NetworkShape]
) -> NDArray[np.int16]:
    """The input weights of a member, with zeros for the token columns of the other members."""
    own = shapes[number]
    split = own.word_width + own.pair_width
    parts = [
        _padded(weight[: own.word_width], number, [shape.word_width for shape in shapes]),
        _padded(weight[own.word_width : split], number, [shape.pair_width for shape in shapes]),
        weight[split:],
    ]
    return np.concatenate(parts)


def _padded(weight: NDArray[np.int16], number: int, widths: Sequence[int]) -> NDArray[np.int16]:
    before, after = sum(widths[:number]), sum(widths[number + 1 :])
    return np.pad(weight, ((before, after), (0, 0)))


def _layers(network: LineNetwork) -> dict[str, nn.Linear]:
    layers = {"enter": network.enter, "leave": network.leave, "final": network.final}
    layers |= {"gate": network.pool.gate, "value": network.pool.value, "out": network.pool.out}
    blocks = [block for block in network.modules() if isinstance(block, ContextBlock)]
    for number, block in enumerate(blocks):
        layers |= {f"near{number}": block.near, f"mix{number}": block.mix}
    return layers


def _dense(layer: nn.Linear, name: str) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    weight = np.rint(layer.weight.detach().numpy().T * WEIGHT_GRID)
    if not is_exact(weight):
        raise ValueError(f"layer {name} is too large to be exact in float32")
    bias = layer.bias.detach().numpy() * np.float32(GRID)
    return weight.astype(np.int16), bias.astype(np.float32)

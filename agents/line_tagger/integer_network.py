"""The arithmetic of the line tagger's networks: NumPy float32 that holds whole numbers only.

Activations count steps of 1 / GRID, weights are multiples of 1 / WEIGHT_GRID. Counted in their
least steps, products and sums stay below 2^24, so that every matrix product is exact in whatever
order it is summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.features import Floats
from burnish.agents.line_tagger.tokens import Ints

GRID: Final = 64
"""Steps per unit of an activation."""

WEIGHT_GRID: Final = 256
"""Steps per unit of a weight."""

LIMIT: Final = 16 * GRID
"""The largest activation, in steps."""

_EXACT: Final = 1 << 24


@dataclass(frozen=True)
class Dense:
    """A layer: `weight` (inputs, outputs) in multiples of 1 / WEIGHT_GRID, `bias` in steps."""

    weight: Floats
    bias: Floats

    def __call__(self, rows: Floats) -> Floats:
        """Apply the layer to each row."""
        out = rows @ self.weight
        out += self.bias
        return out


@dataclass(frozen=True)
class Network:
    """One network of the ensemble."""

    dilations: tuple[int, ...]
    enter: Dense
    near: tuple[Dense, ...]
    mix: tuple[Dense, ...]
    gate: Dense
    value: Dense
    out: Dense
    leave: Dense
    final: Dense


@dataclass(frozen=True)
class RowPlaces:
    """Where the rows of a batch stand: `index` from the top and `below` from the end."""

    documents: Ints
    document: Ints
    index: Ints
    below: Ints


def network_of(
    arrays: Mapping[str, NDArray[Any]], number: int, dilations: Sequence[int], inputs: int
) -> Network:
    """Check and return network `number` of a file; ValueError where its shapes do not fit."""

    def dense(name: str, size: int | None = None) -> Dense:
        weight, bias = arrays[f"{number}.{name}.weight"], arrays[f"{number}.{name}.bias"]
        if weight.ndim != 2 or bias.shape != weight.shape[1:] or size not in (None, len(weight)):
            raise ValueError(f"layer {number}.{name} has the shape {weight.shape}")
        if not is_exact(weight):
            raise ValueError(f"layer {number}.{name} would not be exact")
        return Dense(
            weight.astype(np.float32) * np.float32(1 / WEIGHT_GRID), bias.astype(np.float32)
        )

    enter = dense("enter", inputs)
    width = enter.weight.shape[1]
    steps = range(len(dilations))
    return Network(
        dilations=tuple(dilations),
        enter=enter,
        near=tuple(dense(f"near{step}", 3 * width) for step in steps),
        mix=tuple(dense(f"mix{step}", width) for step in steps),
        gate=dense("gate", width),
        value=dense("value", width),
        out=dense("out"),
        leave=dense("leave", 2 * width),
        final=dense("final"),
    )


def is_exact(weight: NDArray[Any]) -> bool:
    """Tell whether a layer with such weights, in steps, is computed exactly in float32.

    The largest sum that a unit can come to stays below 2^24 least steps, so that every partial sum
    is held exactly and BLAS may add in any order and on any number of threads.
    """
    return float(np.abs(weight).sum(axis=0, dtype=np.float64).max()) * LIMIT < _EXACT


def to_steps(values: Floats) -> Floats:
    """`values` rounded to whole steps within the limit, in place."""
    np.rint(values, out=values)
    np.maximum(values, np.float32(-LIMIT), out=values)
    return np.minimum(values, np.float32(LIMIT), out=values)


def _relu_steps(values: Floats) -> Floats:
    np.rint(values, out=values)
    np.maximum(values, np.float32(0), out=values)
    return np.minimum(values, np.float32(LIMIT), out=values)


def run(member: Network, inputs: Floats, rows: RowPlaces) -> Floats:
    """Return the logits of the rows, in steps of 1 / GRID."""
    # Residual convolutions whose reach doubles (1, 2, … 32) see 63 lines each way; half-way each
    # line is told of its whole document. The first layer goes past them to the end.
    start = _relu_steps(member.enter(inputs))
    state = start
    half = len(member.dilations) // 2
    wide = np.empty((len(start), 3 * start.shape[1]), np.float32)
    for number, dilation in enumerate(member.dilations):
        if number == half:
            state = _pooled(member, state, rows)
        _neighbours(state, dilation, rows, wide)
        hidden = _relu_steps(member.near[number](wide))
        told = member.mix[number](hidden)
        told += state
        state = to_steps(told)
    last = np.concatenate([np.maximum(state, 0), start], axis=1)
    hidden = _relu_steps(member.leave(last))
    return to_steps(member.final(hidden))[:, 0]


def _neighbours(state: Floats, dilation: int, rows: RowPlaces, wide: Floats) -> None:
    """Fills `wide` with the rows above, the rows and the rows below; none beyond a document."""
    width = state.shape[1]
    reach = min(dilation, len(state))
    wide[:, width : 2 * width] = state
    wide[reach:, :width] = state[: len(state) - reach]
    wide[rows.index < dilation, :width] = 0
    wide[: len(state) - reach, 2 * width :] = state[reach:]
    wide[rows.below < dilation, 2 * width :] = 0


def _pooled(member: Network, state: Floats, rows: RowPlaces) -> Floats:
    # The hard sigmoid x / 6 + 1/2, in steps.
    gate = member.gate(state)
    gate *= np.float32(1 / 6)
    gate += np.float32(GRID / 2)
    gate = np.clip(np.rint(gate), 0, GRID)
    value = _relu_steps(member.value(state))
    both = np.concatenate([gate * value, gate], axis=1)
    starts = rows.documents[:-1]
    # Whole numbers that may pass 2^24: float64 keeps them exact up to 2^53.
    sums = np.add.reduceat(both, starts, axis=0, dtype=np.float64)
    weighted, total = np.split(sums, 2, axis=1)
    count = np.diff(rows.documents)[:, None]
    # A tenth of an open gate is added, so that a document whose lines are hardly let through has a
    # mean near 0 and not that of noise. Rounded to steps at once: a quotient of exact numbers is
    # the same everywhere.
    mean = np.concatenate([weighted / (total + 0.1 * GRID), total / count], axis=1)
    told = member.out(to_steps(mean.astype(np.float32)))
    return to_steps(state + told[rows.document])


def places_of(documents: Ints) -> RowPlaces:
    """The positions of the rows of consecutive documents, none of them empty."""
    documents = documents - documents[0]
    documents = np.concatenate((documents[:-1][np.diff(documents) > 0], documents[-1:]))
    size = np.diff(documents)
    document = np.repeat(np.arange(len(size)), size)
    index: Ints = np.arange(int(documents[-1])) - documents[document]
    return RowPlaces(documents, document, index, size[document] - 1 - index)

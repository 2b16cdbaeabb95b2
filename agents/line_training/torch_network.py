"""The line tagger's network in torch, for training."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network; `words` and `pairs` are the rows of the hashed tables."""

    features: int
    words: int = 1 << 16
    pairs: int = 1 << 12
    word_width: int = 32
    pair_width: int = 2
    width: int = 64
    pooled: int = 48
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class PackedRows:
    """Rows of several documents in one tensor: see LineBatch; `document` is each row's number."""

    features: Tensor
    words: Tensor
    pairs: Tensor
    starts: Tensor
    document: Tensor
    index: Tensor
    below: Tensor
    documents: int


class ContextBlock(nn.Module):
    """A residual convolution over a row and the rows `dilation` above and below it."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.near = nn.Linear(3 * width, width)
        self.mix = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.mix.bias)
        with torch.no_grad():
            self.mix.weight.mul_(0.5)

    def forward(self, rows: Tensor, packed: PackedRows) -> Tensor:
        """Apply the layers to packed rows."""
        d = self.dilation
        zeros = rows.new_zeros((min(d, len(rows)), rows.shape[1]))
        up = torch.cat([zeros, rows[: max(len(rows) - d, 0)]]) * (packed.index >= d)[:, None]
        down = torch.cat([rows[d:], zeros]) * (packed.below >= d)[:, None]
        hidden = functional.relu(self.near(torch.cat([up, rows, down], dim=1)))
        return rows + self.mix(self.drop(hidden))


class DocumentPool(nn.Module):
    """Adds to every row a gated mean over its document."""

    def __init__(self, width: int, pooled: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, pooled)
        self.value = nn.Linear(width, pooled)
        self.out = nn.Linear(2 * pooled, width)

    def forward(self, rows: Tensor, packed: PackedRows) -> Tensor:
        """Apply the layers to packed rows."""
        gate = functional.hardsigmoid(self.gate(rows))
        value = functional.relu(self.value(rows))
        sums = rows.new_zeros((packed.documents, 2 * gate.shape[1]))
        sums = sums.index_add(0, packed.document, torch.cat([gate * value, gate], dim=1))
        weighted, total = sums.chunk(2, dim=1)
        count = torch.bincount(packed.document, minlength=packed.documents)[:, None]
        mean = torch.cat([weighted / (total + 0.1), total / count], dim=1)
        return rows + self.out(mean)[packed.document]


class LineNetwork(nn.Module):
    """Logits of P(keep), one a row."""

    def __init__(self, shape: NetworkShape, dropout: float = 0.15) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.words, shape.word_width)
        self.pairs = nn.Embedding(shape.pairs, shape.pair_width)
        nn.init.normal_(self.words.weight, std=0.05)
        nn.init.normal_(self.pairs.weight, std=0.02)
        inputs = shape.word_width + shape.pair_width + shape.features
        self.enter = nn.Linear(inputs, shape.width)
        self.drop = nn.Dropout(dropout)
        half = len(shape.dilations) // 2
        blocks = [ContextBlock(shape.width, d, dropout) for d in shape.dilations]
        self.first = nn.ModuleList(blocks[:half])
        self.pool = DocumentPool(shape.width, shape.pooled)
        self.second = nn.ModuleList(blocks[half:])
        self.draft = nn.Linear(shape.width, 1)
        self.leave = nn.Linear(2 * shape.width, shape.width // 2)
        self.final = nn.Linear(shape.width // 2, 1)

    def forward(self, packed: PackedRows) -> tuple[Tensor, Tensor]:
        """The logits, and those of a draft made half-way that helps training."""
        rows = functional.relu(self.enter(self.drop(self._inputs(packed))))
        start = rows
        for block in self.first:
            rows = block(rows, packed)
        draft = self.draft(rows).squeeze(1)
        rows = self.pool(rows, packed)
        for block in self.second:
            rows = block(rows, packed)
        last = self.leave(torch.cat([functional.relu(rows), start], dim=1))
        return self.final(functional.relu(self.drop(last))).squeeze(1), draft

    def _inputs(self, packed: PackedRows) -> Tensor:
        counts = torch.diff(packed.starts, append=packed.starts.new_tensor([len(packed.words)]))
        scale = counts.clamp(min=1).to(torch.float32).rsqrt()[:, None]
        bags = [
            functional.embedding_bag(ids, table.weight, packed.starts, mode="sum") * scale
            for ids, table in ((packed.words, self.words), (packed.pairs, self.pairs))
        ]
        return torch.cat([*bags, packed.features], dim=1)

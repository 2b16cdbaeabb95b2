# pyright: reportUnknownMemberType=false

import importlib.util

import pytest

if importlib.util.find_spec("torch") is None:
    pytest.skip("needs torch (burnish[qa])", allow_module_level=True)

import torch
from torch import Tensor, nn

from burnish.tools.retrieval.packed_linear import FEW, PackedLinear, pack_linear


def model(dtype: torch.dtype) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Sequential(nn.Linear(96, 32)))
    return layers.to(dtype).eval()


def product(layers: nn.Module, rows: Tensor) -> Tensor:
    with torch.inference_mode():
        return layers(rows)


@pytest.mark.parametrize("tokens", [1, 15, FEW, FEW + 1, 3 * FEW])
def test_packed_layers_give_what_plain_ones_give(tokens: int) -> None:
    plain, packed = model(torch.bfloat16), model(torch.bfloat16)
    pack_linear(packed)
    rows = torch.randn(1, tokens, 48, generator=torch.Generator().manual_seed(tokens)).bfloat16()
    assert torch.allclose(product(plain, rows), product(packed, rows), atol=2e-2)


def test_layers_at_any_depth_are_packed_once() -> None:
    layers = model(torch.bfloat16)
    if pack_linear(layers) == 0:
        pytest.skip("this PyTorch packs nothing")
    assert sum(isinstance(part, PackedLinear) for part in layers.modules()) == 2
    assert pack_linear(layers) == 0


def test_layers_of_full_precision_stay_as_they_are() -> None:
    layers = model(torch.float32)
    assert pack_linear(layers) == 0
    assert type(layers[0]) is nn.Linear


def test_gradients_still_flow_through_packed_layers() -> None:
    layers = model(torch.bfloat16)
    pack_linear(layers)
    rows = torch.ones(2, 48, dtype=torch.bfloat16, requires_grad=True)
    layers(rows).sum().backward()
    assert rows.grad is not None

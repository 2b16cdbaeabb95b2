"""Linear layers that are quick for a few tokens at bfloat16 on a processor.

PyTorch lays a weight out anew for oneDNN whenever it is used: about a third of the time that a
single question spends in the model. Here it is laid out once. Long batches, for which laying it out
costs nothing beside the product, go the ordinary way, which is quicker for them.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import torch
from torch import Tensor, nn

FEW = 128
"""Tokens up to which the weight laid out before is taken."""


class PackedLinear(nn.Linear):
    """Does what a linear layer does, to the bit; quicker for inference only.

    Raises:
        AttributeError: this PyTorch has dropped what is needed.
        RuntimeError: this processor has no kernel for it.
    """

    def __init__(self, layer: nn.Linear) -> None:
        biased = "bias" in dict(layer.named_parameters())
        super().__init__(layer.in_features, layer.out_features, biased, "meta")
        self.weight, self.bias = layer.weight, layer.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())

    def forward(self, input: Tensor) -> Tensor:
        """Return the products of rows and weight."""
        if torch.is_grad_enabled() or input.numel() > FEW * self.in_features:
            return super().forward(input)
        return torch.ops.mkldnn._linear_pointwise(input, self._packed, self.bias, "none", [], "")


def pack_linear(model: nn.Module) -> int:
    """Pack the bfloat16 linear layers of a model in place; return how many.

    None where this PyTorch has no oneDNN or has dropped what is needed.
    """
    if not torch.backends.mkldnn.is_available():
        return 0
    packed = 0
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and _suits(layer.weight):
                try:
                    setattr(parent, name, PackedLinear(layer))
                except (AttributeError, RuntimeError):
                    return packed
                packed += 1
    return packed


def _suits(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype is torch.bfloat16

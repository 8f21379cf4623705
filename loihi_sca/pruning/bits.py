"""How many bits the weights of a model need, which decides how many of them a core holds."""

from __future__ import annotations

import torch

from loihi_sca.hardware.shapes import weight_bits
from loihi_sca.model.blocks import Gated
from loihi_sca.model.build import SpikingNet


def bits_of(model: SpikingNet) -> dict[str, int]:
    """Return the bits that the weights of the living channels need, by gated block."""
    return {name: _bits(block) for name, block in model.gated}


def _bits(block: Gated) -> int:
    with torch.no_grad():
        living = block.quantized_weight[block.alive]
    return weight_bits((living * block.neuron.w_scale).round().to(torch.int64).cpu().numpy())

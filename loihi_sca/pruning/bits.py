"""How many bits the weights of a model need, which decides how many of them a core holds.

A plan counts on the bits that weights have when it is made. From the last update on they are held:
no weight grows beyond the bits that the plan has promised the cores for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from loihi_sca.hardware.ranges import signed_bits
from loihi_sca.hardware.shapes import Architecture
from loihi_sca.model.blocks import Gated
from loihi_sca.model.build import SpikingNet
from loihi_sca.network.fixed_point import WEIGHT_BITS

STEP = 2
"""Weights are even; that all of a layer share a larger power of two is not counted on."""


def bits_of(gated: Iterable[tuple[str, Gated]]) -> dict[str, int]:
    """Return the bits that the weights of the living channels need, by gated block."""
    return {name: _bits(block) for name, block in gated}


def planned_bits(architecture: Architecture) -> dict[str, int]:
    """Return the bits that a planned network counts on, by layer, where they are not all."""
    found = {spec.name: max(spec.geometry.bits, default=0) for spec in architecture.layers}
    return {name: bits for name, bits in found.items() if 0 < bits < WEIGHT_BITS}


ROUNDING = 1e-6
"""Of two float32 factors, relative; far less than half a step of the quantiser."""


def hold_bits(model: SpikingNet, bits: Mapping[str, int]) -> None:
    """Clip the weights of blocks to the bits given, in place.

    Parameters
    ----------
    model : SpikingNet
    bits : mapping of str to int
        By block.
    """
    for name, block in model.gated if bits else ():
        if name not in bits:
            continue
        unit = STEP / block.neuron.w_scale
        most = 1 << (bits[name] - 1)
        weight, scaled = block.synapse.weight.data, block.scaled_weight.detach()
        held = scaled.clamp(-most * unit, (most - 1) * unit)
        # what is beyond by a float's rounding has been clipped before
        beyond = (held - scaled).abs() > ROUNDING * held.abs()
        # the factors of the channel, and of a selected input, are in the ratio
        weight.copy_(torch.where(beyond, weight * (held / scaled), weight))


def _bits(block: Gated) -> int:
    if block.batch_norm is not None and not block.batch_norm.is_folded:
        return WEIGHT_BITS  # which folding will spend
    with torch.no_grad():
        living = block.quantized_weight[block.alive] * block.neuron.w_scale
    if not living.numel():
        return 1
    low, high = (int(end.round()) // STEP for end in living.aminmax())
    return max(signed_bits(low), signed_bits(high))

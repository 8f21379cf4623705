"""Replace convolutions with more groups than Lava can count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loihi_sca.network import Conv, Layer, Network
from loihi_sca.netx.limits import MAX_CONV_INTEGER


def split_groups(network: Network) -> Network:
    """Merge groups into block-diagonal ones, so that at most 127 are left.

    Contract: every synapse keeps its weight, the new ones have weight zero. Lava keeps the number
    of groups in 8 bits, sign included; from 128 on it computes silence or crashes. The number of
    groups becomes its largest divisor that Lava can count, which for a large prime is 1.
    """
    split = (layer.with_tables([_split(x) for x in layer.tables]) for layer in network)
    return network.replace(layers=tuple(split))


def _split(layer: Layer) -> Layer:
    if not isinstance(layer, Conv) or layer.groups <= MAX_CONV_INTEGER:
        return layer
    groups = max(n for n in range(1, MAX_CONV_INTEGER + 1) if layer.groups % n == 0)
    merged = layer.groups // groups
    outputs, inputs = layer.out_channels // layer.groups, layer.weight.shape[1]
    # axes: new group, old group within it, output; old group of the input, input; kernel
    weight = np.zeros((groups, merged, outputs, merged, inputs, *layer.kernel), dtype=np.int32)
    old = layer.weight.reshape(groups, merged, outputs, inputs, *layer.kernel)
    for block in range(merged):
        weight[:, block, :, block] = old[:, block]
    weight = weight.reshape(layer.out_channels, merged * inputs, *layer.kernel)
    return replace(layer, weight=weight, groups=groups)

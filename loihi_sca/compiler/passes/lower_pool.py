"""Replace pooling by what Lava can do: a convolution of each channel by itself."""

from __future__ import annotations

import numpy as np

from loihi_sca.network import Conv, Layer, Network, Pool


def lower_pool(network: Network) -> Network:
    """Turn every Pool into a depthwise Conv with the pool's weight in each channel.

    Contract: the same sums arrive at the same neurons. netx stores a pool but cannot load it.
    """
    if not any(isinstance(table, Pool) for layer in network for table in layer.tables):
        return network
    lowered = (layer.with_tables([_lowered(x) for x in layer.tables]) for layer in network)
    return network.replace(layers=tuple(lowered))


def _lowered(layer: Layer) -> Layer:
    if not isinstance(layer, Pool):
        return layer
    channels = layer.out_channels
    return Conv(
        layer.name,
        layer.in_shape,
        np.broadcast_to(layer.weight, (channels, 1, *layer.kernel)),
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=channels,
        neuron=layer.neuron,
        axon_delay=layer.axon_delay,
        source=layer.source,
    )

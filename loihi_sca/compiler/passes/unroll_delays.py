"""Make convolutions with delays dense, where the user accepts what that costs."""

from __future__ import annotations

import math

import numpy as np

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, IntArray, Layer, Network

MAX_SYNAPSES = 1 << 26
"""Above this an unrolled layer is refused: it would fit no machine."""


def unroll_delays(network: Network) -> Network:
    """Unroll every convolution that takes delayed spikes, and those after it, to dense layers.

    Contract: the same spikes, in C-major order where the last layer was a map. Only run on request:
    a map of shape (C, H, W) that listens to one of (c, h, w) takes C H W c h w synapses instead of
    C c and the kernel. Pools must be lowered before; delays are moved after. A network that is no
    chain stays as it is, and is refused later.

    Raises
    ------
    UnsupportedLayer
        A layer would have more than :data:`MAX_SYNAPSES` synapses.
    """
    if not network.wiring.is_chain:
        return network
    layers: list[Layer] = []
    for layer in network:
        before = layers[-1] if layers else None
        delayed = before is not None and before.axon_delay is not None and before.axon_delay.any()
        flat = before is not None and len(before.out_shape) == 1
        if isinstance(layer, Conv) and (delayed or flat):
            layers.append(_unrolled(layer, before.out_shape if before else layer.in_shape))
        else:
            layers.append(layer)
    return network.replace(layers=tuple(layers))


def _unrolled(layer: Conv, in_shape: tuple[int, ...]) -> Dense:
    synapses = layer.neurons * math.prod(layer.in_shape)
    if synapses > MAX_SYNAPSES:
        raise UnsupportedLayer(
            f"{layer.name}: unrolled for its delays it would have {synapses} synapses, more than "
            f"{MAX_SYNAPSES}",
            "Take the delay off the convolution before it, or move it to a later, smaller layer.",
        )
    pixels = math.prod(layer.out_shape[1:])
    neuron = layer.neuron
    if isinstance(neuron, Cuba):
        neuron = Cuba(
            _repeated(neuron.current_decay, pixels),
            _repeated(neuron.voltage_decay, pixels),
            neuron.threshold,
        )
    return Dense(
        layer.name,
        in_shape,
        _matrix(layer),
        bias=None if layer.bias is None else np.repeat(layer.bias, pixels),
        neuron=neuron,
        axon_delay=None if layer.axon_delay is None else np.repeat(layer.axon_delay, pixels),
    )


def _repeated(decay: int | IntArray, pixels: int) -> int | IntArray:
    return np.repeat(decay, pixels) if isinstance(decay, np.ndarray) else decay


def _matrix(layer: Conv) -> IntArray:
    """Return the convolution as a matrix (N_out, N_in), both in C-major order."""
    (_, out_y, out_x), (_, height, width) = layer.out_shape, layer.in_shape
    full = np.zeros((*layer.out_shape, *layer.in_shape), dtype=np.int32)
    outputs, inputs = layer.out_channels // layer.groups, layer.weight.shape[1]
    for y, x, ky, kx in np.ndindex(out_y, out_x, *layer.kernel):
        row = y * layer.stride[0] - layer.padding[0] + ky * layer.dilation[0]
        column = x * layer.stride[1] - layer.padding[1] + kx * layer.dilation[1]
        if not (0 <= row < height and 0 <= column < width):
            continue
        for g in range(layer.groups):
            o, i = slice(g * outputs, (g + 1) * outputs), slice(g * inputs, (g + 1) * inputs)
            full[o, y, x, i, row, column] = layer.weight[o, :, ky, kx]
    return full.reshape(layer.neurons, -1)

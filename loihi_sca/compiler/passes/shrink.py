"""Remove channels that never spike, and everything that listens to them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Dense, Layer, Network

Mask = npt.NDArray[np.bool_]


def shrink(network: Network) -> Network:
    """Remove every channel that provably never spikes, except outputs of the network.

    Contract: the spikes of the remaining channels are the same, spike for spike, for every input.
    A channel never spikes if none of its weights and biases is positive, because its voltage then
    never rises above zero. Its inputs in later layers go with it; as that may silence further
    channels, the pass repeats until nothing changes.

    Raises
    ------
    UnsupportedLayer
        A layer has no channel left.
    """
    while True:
        smaller = _shrink_once(network)
        if smaller is network:
            return network
        network = smaller


def _shrink_once(network: Network) -> Network:
    for index, layer in enumerate(network.layers[:-1]):
        consumer = network.layers[index + 1]
        can_spike = _can_spike(layer)
        if can_spike.all() or not _accepts_fewer_inputs(consumer):
            continue
        if not can_spike.any():
            raise UnsupportedLayer(
                f"{layer.name} has no channel left that could ever spike. "
                "Prune less, or raise the minimum of channels per layer."
            )
        producer = _keep_outputs(layer, can_spike)
        shrunk = _keep_inputs(consumer, producer, np.flatnonzero(can_spike), layer)
        layers = (*network.layers[:index], producer, shrunk, *network.layers[index + 2 :])
        return network.replace(layers=layers)
    return network


def _can_spike(layer: Layer) -> Mask:
    """Bool array (C_out,): False where a channel provably never spikes."""
    if not isinstance(layer, Conv | Dense) or (isinstance(layer, Conv) and layer.groups > 1):
        return np.ones(layer.out_shape[0], dtype=np.bool_)
    excited = (layer.weight > 0).reshape(len(layer.weight), -1).any(axis=1)
    driven = np.zeros_like(excited) if layer.bias is None else layer.bias > 0
    can_spike: Mask = excited | driven
    return can_spike


def _accepts_fewer_inputs(layer: Layer) -> bool:
    return isinstance(layer, Dense) or (isinstance(layer, Conv) and layer.groups == 1)


def _keep_outputs(layer: Layer, kept: Mask) -> Layer:
    assert isinstance(layer, Conv | Dense)  # noqa: S101  (only these can be silent)
    changes: dict[str, object] = {"weight": layer.weight[kept]}
    if layer.bias is not None:
        changes["bias"] = layer.bias[kept]
    if layer.axon_delay is not None:
        changes["axon_delay"] = layer.axon_delay[kept]
    if isinstance(layer, Dense) and layer.delay is not None:
        changes["delay"] = layer.delay[kept]
    return replace(layer, **changes)  # type: ignore[arg-type]


def _keep_inputs(layer: Layer, producer: Layer, kept: npt.NDArray[np.intp], before: Layer) -> Layer:
    """Drop the inputs of a consumer that came from removed channels, through flatten as well."""
    if isinstance(layer, Conv):
        return replace(layer, in_shape=producer.out_shape, weight=layer.weight[:, kept])
    assert isinstance(layer, Dense)  # noqa: S101  (_accepts_fewer_inputs)
    # C-major: channel c of a map is the run of H*W inputs that starts at c*H*W
    pixels = math.prod(before.out_shape[1:])
    columns = (kept[:, None] * pixels + np.arange(pixels)).ravel()
    delay = None if layer.delay is None else layer.delay[:, columns]
    return replace(layer, in_shape=producer.out_shape, weight=layer.weight[:, columns], delay=delay)

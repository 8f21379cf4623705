"""Give neurons of one decay one number for it, as Lava wants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loihi_sca.network import Cuba, IntArray, Layer, Network


def share_decays(network: Network) -> Network:
    """Replace decays per channel that are all equal by the one value.

    Contract: the dynamics stay what they are. Decays that differ are left: Lava takes them for a
    dense layer, for others they are refused later.
    """
    return network.replace(layers=tuple(_shared(layer) for layer in network))


def _shared(layer: Layer) -> Layer:
    neuron = layer.neuron
    if not isinstance(neuron, Cuba):
        return layer
    current, voltage = _common(neuron.current_decay), _common(neuron.voltage_decay)
    if current is neuron.current_decay and voltage is neuron.voltage_decay:
        return layer
    return replace(layer, neuron=Cuba(current, voltage, neuron.threshold))


def _common(decay: int | IntArray) -> int | IntArray:
    if isinstance(decay, np.ndarray) and (decay == decay[0]).all():
        return int(decay[0])
    return decay

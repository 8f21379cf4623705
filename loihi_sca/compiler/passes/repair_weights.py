"""Keep netx from changing the weights of dense layers that only inhibit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from loihi_sca.network import Cuba, Dense, IntArray, Network, Recurrent
from loihi_sca.netx.limits import loads_as_it_is, tables_of

HARMLESS = 2
"""A weight that turns a matrix of one sign into one of mixed signs."""


def repair_weights(network: Network) -> Network:
    """Add a neuron nobody hears to a dense layer whose all-negative weights netx would change.

    Contract: the same spikes from every neuron that was there. netx and Lava disagree about
    matrices that are all negative: -256 becomes -255, a lone -2 becomes 0. One positive weight
    ends the disagreement. It goes to a new neuron, whose synapses in the next layer are all zero.
    An output layer is left as it is, and refused later: there the neuron would be seen.
    """
    if not network.wiring.is_chain:
        return network  # is not loaded by netx
    layers = list(network.layers)
    for index in range(len(layers) - 1):
        layer, consumer = layers[index], layers[index + 1]
        if not (isinstance(layer, Dense) and isinstance(consumer, Dense)):
            continue
        inhibits = [table.any() and table.max() <= 0 for table in tables_of(layer)]
        if not layer.weight.any() or not any(inhibits) or loads_as_it_is(layer):
            continue
        layers[index] = wider = _with_one_more(layer)
        layers[index + 1] = replace(
            consumer,
            in_shape=wider.out_shape,
            weight=_pad(consumer.weight, axis=1),
            delay=None if consumer.delay is None else _pad(consumer.delay, axis=1),
        )
    return network.replace(layers=tuple(layers))


def _with_one_more(layer: Dense) -> Dense:
    """Add a neuron that listens to the first input, and to the first neuron of its own layer."""
    weight = _pad(layer.weight, axis=0)
    weight[-1, 0] = HARMLESS
    more: dict[str, Any] = {}
    if isinstance(layer, Recurrent):
        more["feedback"] = _pad(_pad(layer.feedback, axis=0), axis=1)
        more["feedback"][-1, 0] = HARMLESS
    neuron = layer.neuron
    if isinstance(neuron, Cuba):
        neuron = Cuba(
            _longer(neuron.current_decay), _longer(neuron.voltage_decay), neuron.threshold
        )
    return replace(
        layer,
        weight=weight,
        neuron=neuron,
        bias=None if layer.bias is None else _pad(layer.bias, axis=0),
        delay=None if layer.delay is None else _pad(layer.delay, axis=0),
        axon_delay=None if layer.axon_delay is None else _pad(layer.axon_delay, axis=0),
        **more,
    )


def _longer(decay: int | IntArray) -> int | IntArray:
    return np.append(decay, decay[-1]) if isinstance(decay, np.ndarray) else decay


def _pad(values: IntArray, axis: int) -> IntArray:
    widths = [(0, int(a == axis)) for a in range(values.ndim)]
    return np.pad(values, widths)

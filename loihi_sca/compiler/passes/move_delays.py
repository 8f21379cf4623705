"""Move axon delays, which netx loses, into synaptic delays of dense layers, which it keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

import numpy as np

from loihi_sca.compiler.bounds import spread
from loihi_sca.network import Dense, IntArray, Layer, Network, Recurrent


def move_delays(network: Network) -> Network:
    """Turn axon delays into synaptic delays of the same or the next dense layer.

    Contract: every spike acts when it acted before. A dense layer without bias starts from zero
    and stays there until something arrives, so delaying its outputs is delaying its inputs: its
    axon delay becomes a synaptic delay of its own, one per row. Everywhere else the delay becomes
    one of the next layer's columns, if that layer is dense and not recurrent (of the columns of
    each layer that listens, if all are). What is left (a convolution before a convolution, a biased
    output layer) stays, and is refused later unless it is unrolled.

    The spikes that the network gives are unchanged; those that a layer with a delay sends
    internally now leave at once and wait in the next layer.
    """
    layers = list(network.layers)
    for index, layer in enumerate(layers):
        delay = layer.axon_delay
        if delay is None:
            continue
        if not delay.any():
            layers[index] = replace(layer, axon_delay=None)
        elif _can_delay(layer) and not has_bias(layer) and not layer.added:
            layers[index] = _delayed(replace(layer, axon_delay=None), delay[:, None])
        elif listeners := network.wiring.listeners(index):
            hearing = [layers[i].tables[k] for i, k in listeners]
            if not all(_can_delay(table) for table in hearing):
                continue
            layers[index] = replace(layer, axon_delay=None)
            for i, k in listeners:
                tables = list(layers[i].tables)
                table = tables[k]
                assert _can_delay(table)  # noqa: S101 - all can, see above
                tables[k] = _delayed(table, spread(delay, table.weight.shape[1])[None])
                layers[i] = layers[i].with_tables(tables)
    return network.replace(layers=tuple(layers))


def _can_delay(layer: Layer) -> TypeGuard[Dense]:
    """Tell whether a layer's synapses can have delays; a recurrent one would feed back late."""
    return isinstance(layer, Dense) and not isinstance(layer, Recurrent)


def has_bias(layer: Layer) -> bool:
    """Tell whether a layer moves without input."""
    bias = getattr(layer, "bias", None)
    return isinstance(bias, np.ndarray) and bool(bias.any())


def _delayed(layer: Dense, more: IntArray) -> Dense:
    before = np.zeros_like(layer.weight) if layer.delay is None else layer.delay
    return replace(layer, delay=before + more)

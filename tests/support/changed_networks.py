"""Networks changed so that what they do must stay the same, or change in a known way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    Layer,
    Network,
    Pool,
    Recurrent,
    Resonator,
)

Order = npt.NDArray[np.int64]


def permuted(network: Network, rng: np.random.Generator) -> tuple[Network, list[Order]]:
    """Return a network whose channels stand in another order, and that order of each layer.

    Channels of which groups or pools depend stay where they are, and so does the input.
    """
    orders = [
        rng.permutation(layer.out_shape[0]) if _is_free(network, index) else _same(layer.out_shape)
        for index, layer in enumerate(network)
    ]
    layers = []
    for index, (layer, links) in enumerate(zip(network, network.wiring.links, strict=True)):
        tables = [
            _reordered(
                link.table,
                _same(network.in_shape) if link.source is None else orders[link.source],
                orders[index],
            )
            for link in links
        ]
        layers.append(layer.with_tables(tables))
    return network.replace(layers=tuple(layers)), orders


def _is_free(network: Network, index: int) -> bool:
    layer = network.layers[index]
    heard_by = [network.layers[i].tables[k] for i, k in network.wiring.listeners(index)]
    bound = [isinstance(x, Pool) or (isinstance(x, Conv) and x.groups > 1) for x in layer.tables]
    bound += [isinstance(x, Pool) or (isinstance(x, Conv) and x.groups > 1) for x in heard_by]
    return not isinstance(layer, Input) and not any(bound)


def _same(shape: tuple[int, ...]) -> Order:
    return np.arange(shape[0])


def _reordered(table: Layer, inputs: Order, outputs: Order) -> Layer:
    each = int(np.prod(table.in_shape)) // len(inputs)
    columns = (inputs[:, None] * each + np.arange(each)).ravel()
    changes: dict[str, Any] = {"added": (), "neuron": _reordered_neuron(table.neuron, outputs)}
    for name in ("bias", "axon_delay"):
        if isinstance(getattr(table, name, None), np.ndarray):  # an Input's bias is a number
            changes[name] = getattr(table, name)[outputs]
    if isinstance(table, Conv) and table.groups == 1:
        changes["weight"] = table.weight[outputs][:, inputs]
    for name in ("weight", "delay", "real", "imag"):
        if isinstance(table, Dense | ComplexDense) and getattr(table, name, None) is not None:
            changes[name] = getattr(table, name)[outputs][:, columns]
    if isinstance(table, Recurrent):
        changes["feedback"] = table.feedback[outputs][:, outputs]
    return replace(table, **changes)


def _reordered_neuron(neuron: Any, order: Order) -> Any:
    if not isinstance(neuron, Cuba | Resonator):
        return neuron
    names = ("current_decay", "voltage_decay")
    names = names if isinstance(neuron, Cuba) else ("sin_decay", "cos_decay")
    found = {name: getattr(neuron, name) for name in names}
    cut = {k: v[order] if isinstance(v, np.ndarray) else v for k, v in found.items()}
    return replace(neuron, **cut)


def with_dead_channel(network: Network, index: int, channel: int) -> Network:
    """Return a network in which nothing arrives at a channel of a layer."""
    layer = network.layers[index]
    tables = []
    for table in layer.tables:
        changes: dict[str, Any] = {"added": ()}
        for name in ("weight", "bias", "feedback", "real", "imag"):
            values = getattr(table, name, None)
            if isinstance(values, np.ndarray) and not isinstance(table, Pool):
                changes[name] = values.copy()
                changes[name][channel] = 0
        tables.append(replace(table, **changes))
    layers = (*network.layers[:index], layer.with_tables(tables), *network.layers[index + 1 :])
    return network.replace(layers=layers)


def scaled(network: Network, factor: int) -> Network:
    """Return a network of CUBA neurons with weights, biases and thresholds so many times larger."""
    layers = []
    for layer in network:
        tables = []
        for table in layer.tables:
            changes: dict[str, Any] = {"added": ()}
            for name in () if isinstance(table, Input) else ("weight", "bias", "feedback"):
                if getattr(table, name, None) is not None:
                    changes[name] = getattr(table, name) * factor
            if isinstance(table.neuron, Cuba):
                changes["neuron"] = replace(table.neuron, threshold=table.neuron.threshold * factor)
            tables.append(replace(table, **changes))
        layers.append(layer.with_tables(tables))
    return network.replace(layers=tuple(layers))


def without_rounding(network: Network) -> Network:
    """Return a network of CUBA neurons whose state is kept whole or forgotten whole."""

    def end(decay: Any) -> Any:
        return np.where(np.asarray(decay) < 2048, 0, 4096) if np.ndim(decay) else 4096 * (decay > 0)

    layers = []
    for layer in network:
        neuron = layer.neuron
        if isinstance(neuron, Cuba):
            decays = end(neuron.current_decay), end(neuron.voltage_decay)
            layer = replace(layer, neuron=Cuba(*decays, neuron.threshold))
        layers.append(layer)
    return network.replace(layers=tuple(layers))

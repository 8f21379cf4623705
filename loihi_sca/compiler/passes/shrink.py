"""Remove channels that never spike or that nobody hears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loihi_sca.compiler.bounds import Mask, bounds, spread
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Recurrent,
    Window,
)


def shrink(network: Network) -> Network:
    """Remove every channel that provably never spikes or reaches nobody, except outputs.

    Contract: the spikes of the remaining channels are the same, spike for spike, for every input
    of any length. That a channel never spikes is shown by bounds through weights, bias, decays and
    threshold (:mod:`loihi_sca.compiler.bounds`), where a current could not wrap; that nobody hears
    it, by weights that are all zero. Its synapses in the next layer go with it, through flattening,
    pooling and groups; groups stay of equal size, so of a group a channel may have to stay.

    A layer with no channel left is returned as it is: that is refused later, by name.
    """
    wanted = _wanted(network)
    if not all(keep.any() for keep in wanted):
        return network
    kept = _keep_groups_regular(network, wanted)
    if all(keep.all() for keep in kept):
        return network
    layers: list[Layer] = []
    everything = np.ones(network.in_shape[0], dtype=np.bool_)
    for index, (layer, links) in enumerate(zip(network, network.wiring.links, strict=True)):
        tables = []
        for table, source in zip(layer.tables, (link.source for link in links), strict=True):
            in_shape = network.in_shape if source is None else layers[source].out_shape
            heard = everything if source is None else kept[source]
            tables.append(_cut(replace(table, added=()), in_shape, heard, kept[index]))
        layers.append(layer.with_tables(tables))
    return network.replace(layers=tuple(layers))


def _wanted(network: Network) -> list[Mask]:
    """Return the channels of each layer that spike and are heard."""
    layers, wiring = network.layers, network.wiring
    wanted = [bound.can_spike for bound in bounds(network)]
    for index in range(len(layers) - 1, -1, -1):
        listeners = wiring.listeners(index)
        own = isinstance(layers[index], Window | Dense) and not isinstance(layers[index], Input)
        if not own or not listeners:
            wanted[index] = np.ones_like(wanted[index])
            continue
        channels = layers[index].out_shape[0]
        heard = [_heard(layers[i].tables[k], channels, wanted[i]) for i, k in listeners]
        wanted[index] = _heard_through(layers[index], wanted[index], np.any(heard, axis=0))
    return wanted


def _heard(consumer: Layer, channels: int, listening: Mask) -> Mask:
    """Tell which channels reach a listening channel of the consumer with a weight that counts."""
    if isinstance(consumer, Pool):
        return listening & bool(consumer.weight.any())
    if isinstance(consumer, Conv):
        active = consumer.weight.any(axis=(2, 3)) & listening[:, None]
        heard: Mask = active.reshape(consumer.groups, -1, active.shape[1]).any(axis=1).ravel()
        return heard
    if isinstance(consumer, Dense):
        reached: Mask = consumer.weight[listening].any(axis=0).reshape(channels, -1).any(axis=1)
        return reached
    return np.ones(channels, dtype=np.bool_)


def _heard_through(layer: Layer, able: Mask, heard: Mask) -> Mask:
    """Return the channels that spike and are heard, some of them only by others of their layer."""
    heard = able & heard
    while isinstance(layer, Recurrent):
        more: Mask = heard | able & layer.feedback[heard].any(axis=0)
        if np.array_equal(more, heard):
            break
        heard = more
    return heard


def _keep_groups_regular(network: Network, wanted: list[Mask]) -> list[Mask]:
    """Keep channels that could go, until all groups of a layer have the same size."""
    kept = [keep.copy() for keep in wanted]
    while True:
        before = sum(int(keep.sum()) for keep in kept)
        for index, links in enumerate(network.wiring.links):
            for link in links:
                if isinstance(link.table, Window):
                    none = np.ones(link.table.in_shape[0], dtype=np.bool_)
                    inputs = none if link.source is None else kept[link.source]
                    _even_out(link.table, inputs, kept[index])
        if sum(int(keep.sum()) for keep in kept) == before:
            return kept


def _even_out(layer: Window, inputs: Mask, outputs: Mask) -> None:
    """Set masks, in place, so that each group that stays has as many inputs and outputs."""
    groups = _groups(layer)
    if groups == 1:
        return
    sides = inputs.reshape(groups, -1), outputs.reshape(groups, -1)  # views
    stays = sides[0].any(axis=1) | sides[1].any(axis=1)
    for side in sides:
        size = max(1, int(side[stays].sum(axis=1).max(initial=0)))
        for group in np.flatnonzero(stays):
            missing = size - int(side[group].sum())
            side[group, np.flatnonzero(~side[group])[:missing]] = True


def _groups(layer: Window) -> int:
    return layer.groups if isinstance(layer, Conv) else layer.out_channels


def _cut(layer: Layer, in_shape: tuple[int, ...], heard: Mask, kept: Mask) -> Layer:
    """Return the layer with only some of its inputs and outputs."""
    if isinstance(layer, Input) or (heard.all() and kept.all()):
        return layer
    changes: dict[str, object] = {"in_shape": in_shape, "neuron": _cut_neuron(layer, kept)}
    if layer.axon_delay is not None:
        changes["axon_delay"] = layer.axon_delay[kept]
    if isinstance(layer, Conv | Dense) and layer.bias is not None:
        changes["bias"] = layer.bias[kept]
    if isinstance(layer, Conv):
        changes |= _cut_conv(layer, heard, kept)
    if isinstance(layer, Dense):
        columns = spread(heard, layer.weight.shape[1])
        changes["weight"] = layer.weight[kept][:, columns]
        if layer.delay is not None:
            changes["delay"] = layer.delay[kept][:, columns]
    if isinstance(layer, ComplexDense):  # whose own channels all stay
        columns = spread(heard, layer.real.shape[1])
        changes |= {"real": layer.real[:, columns], "imag": layer.imag[:, columns]}
    if isinstance(layer, Recurrent):
        changes["feedback"] = layer.feedback[kept][:, kept]
    return replace(layer, **changes)  # type: ignore[arg-type]


def _cut_conv(layer: Conv, heard: Mask, kept: Mask) -> dict[str, object]:
    inputs = heard.reshape(layer.groups, -1)
    outputs = kept.reshape(layer.groups, -1)
    blocks: npt.NDArray[np.int32] = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:])
    stays = np.flatnonzero(outputs.any(axis=1))
    parts = [blocks[g][outputs[g]][:, inputs[g]] for g in stays]
    return {"weight": np.concatenate(parts), "groups": len(parts)}


def _cut_neuron(layer: Layer, kept: Mask) -> object:
    neuron = layer.neuron
    if not isinstance(neuron, Cuba):
        return neuron

    def cut(decay: int | IntArray) -> int | IntArray:
        return decay[kept] if isinstance(decay, np.ndarray) else decay

    return Cuba(cut(neuron.current_decay), cut(neuron.voltage_decay), neuron.threshold)

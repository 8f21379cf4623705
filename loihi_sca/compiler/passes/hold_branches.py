"""Hold spikes back that would arrive before others with which they have to add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loihi_sca.network import Conv, Cuba, Dense, IntArray, Layer, Network
from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.network.wiring import relay_name

RELAY = Cuba(current_decay=MAX_DECAY, voltage_decay=MAX_DECAY, threshold=1)
"""A neuron that forgets at once, and that the smallest weight makes spike."""

RELAY_WEIGHT = 2


def hold_branches(network: Network) -> Network:
    """Put relays on every way that is shorter than another to the same neurons.

    Contract: the same spikes from every layer that was there. A relay is a layer of neurons, one
    per neuron it listens to, that do what those did, one step later; on a clock that starts with a
    layer's first spike they do the same at the same time. Layers that are held by different times
    share their relays. Lava and the chip, where each synapse takes one step, then have all spikes
    of a step together: :attr:`loihi_sca.network.wiring.Link.hold` is 0 everywhere.
    """
    wiring = network.wiring
    longest: dict[int, int] = {}
    for link in (link for links in wiring.links for link in links if link.hold):
        if link.source is None:
            # an input by name is needed to be listened to twice; without, no way is shorter
            raise AssertionError(f"{link.table.name} is held and has no source")
        longest[link.source] = max(link.hold, longest.get(link.source, 0))
    if not longest:
        return network
    layers: list[Layer] = []
    for index, (layer, links) in enumerate(zip(network, wiring.links, strict=True)):
        tables = [
            replace(link.table, added=(), source=_heard(network, link.source, link.hold))
            for link in links
        ]
        layers.append(layer.with_tables(tables))
        layers.extend(_relays(layer, longest.get(index, 0)))
    return network.replace(layers=tuple(layers))


def _heard(network: Network, source: int | None, hold: int) -> str | None:
    if source is None:
        return None
    name = network.layers[source].name
    return relay_name(name, hold) if hold else name


def _relays(layer: Layer, count: int) -> list[Layer]:
    """Return a row of relays behind a layer."""
    found: list[Layer] = []
    before = layer.name
    for steps in range(1, count + 1):
        name = relay_name(layer.name, steps)
        found.append(_relay(name, layer.out_shape, before))
        before = name
    return found


def _relay(name: str, shape: tuple[int, ...], source: str) -> Layer:
    if len(shape) == 1:
        weight: IntArray = np.eye(shape[0], dtype=np.int32) * RELAY_WEIGHT
        return Dense(name, shape, weight, neuron=RELAY, source=source)
    weight = np.full((shape[0], 1, 1, 1), RELAY_WEIGHT, dtype=np.int32)
    return Conv(name, shape, weight, groups=shape[0], neuron=RELAY, source=source)

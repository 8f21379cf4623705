"""What each core does per sample: synops, updates and messages, spread over the placement.

Within a layer activity is taken as uniform, so a core's share of the synops is its share of the
synapses, counted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loihi_sca.hardware.cost.activity import Activity
from loihi_sca.hardware.cost.mesh import Floats, Traffic, from_host, traffic
from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.mapping.tiling import axes_of, outer
from loihi_sca.hardware.mapping.usage import connections, recurrent_connections
from loihi_sca.hardware.shapes import Geometry


@dataclass(frozen=True)
class Load:
    """What the cores of one layer do per sample.

    Attributes
    ----------
    layer, kind : str
        Name, and kind of geometry.
    first : int
        Index of the first core.
    synops, updates, spikes, sent, received : float array (cores,)
        Per core; ``sent`` and ``received`` are messages, one per spike and destination core.
    farthest : float array (cores, 2)
        Hops of the longest way that a message to the core takes, east-west and north-south.
    messages_sent, messages_received : float
        Of the whole layer; what the host sends is only received.
    hops_east_west, hops_north_south : float
        Of the messages that the layer sends.
    """

    layer: str
    kind: str
    first: int
    synops: Floats
    updates: Floats
    spikes: Floats
    sent: Floats
    received: Floats
    farthest: Floats
    messages_sent: float
    messages_received: float
    hops_east_west: float
    hops_north_south: float


def loads(placement: Placement, activity: Activity) -> tuple[Load, ...]:
    """Return the load of every layer's cores."""
    layers, architecture = placement.layers, placement.architecture
    found = []
    for i, layer in enumerate(layers):
        spikes = _rate(activity, i, layer)
        outgoing: list[Traffic] = []
        incoming: list[tuple[Traffic, float]] = []
        if layer.cores:
            outgoing.extend(
                traffic(placement, layer, _by_table(layers[j], table))
                for j, table in architecture.listeners(i)
            )
        if layer.spec.geometry.recurrent_bits:
            own = traffic(placement, layer, layer)
            outgoing.append(own)
            incoming.append((own, spikes))
        if layer.spec.has_synapses:
            incoming.extend(
                _arriving(placement, activity, _by_table(layer, table), source)
                for table, source in architecture.links(i)
            )
        found.append(_load(layer, activity, i, spikes, outgoing, incoming))
    return tuple(found)


def synops_per_step(placement: Placement, activity: Activity) -> list[float]:
    """Return the synaptic operations of each core in a timestep."""
    per_layer = [load.synops / activity.timesteps for load in loads(placement, activity)]
    return [float(count) for layer in per_layer for count in layer]


def _by_table(layer: LayerPlacement, table: Geometry) -> LayerPlacement:
    """Return a layer as it is to one of those that it hears."""
    return replace(layer, spec=replace(layer.spec, geometry=table))


def _arriving(
    placement: Placement, activity: Activity, layer: LayerPlacement, source: int | None
) -> tuple[Traffic, float]:
    """Return the traffic into a layer from one that it hears, and how often each neuron spikes."""
    before = None if source is None else placement.layers[source]
    if before is not None and source is not None and before.cores:
        return traffic(placement, before, layer), _rate(activity, source, before)
    return from_host(layer), activity.input_spikes / layer.spec.geometry.inputs


def _rate(activity: Activity, i: int, layer: LayerPlacement) -> float:
    """Return the spikes per neuron and sample."""
    return activity.layers[i].spikes / max(1, layer.spec.geometry.neurons)


def _load(
    layer: LayerPlacement,
    activity: Activity,
    i: int,
    rate: float,
    outgoing: list[Traffic],
    incoming: list[tuple[Traffic, float]],
) -> Load:
    counts, neurons = activity.layers[i], layer.neurons.astype(np.float64)
    nothing = np.zeros(layer.cores)
    sent = sum((t.sent for t in outgoing), nothing) * rate
    received = sum((t.received * r for t, r in incoming), nothing)
    way = np.zeros((layer.cores, 2))
    for t, _ in incoming:
        way = np.maximum(way, t.farthest)
    total = max(1, layer.spec.geometry.neurons)
    return Load(
        layer=layer.spec.name,
        kind=layer.spec.geometry.kind,
        first=layer.first,
        synops=counts.synops * _synapse_share(layer),
        updates=counts.updates * neurons / total,
        spikes=counts.spikes * neurons / total,
        sent=sent,
        received=received,
        farthest=way,
        messages_sent=float(sent.sum()),
        messages_received=float(received.sum()),
        hops_east_west=sum(t.hops_east_west for t in outgoing) * rate,
        hops_north_south=sum(t.hops_north_south for t in outgoing) * rate,
    )


def _synapse_share(layer: LayerPlacement) -> Floats:
    """Return each core's share of the layer's synapses."""
    geometry = layer.spec.geometry
    if geometry.kind == "conv":
        held = (axes_of(table, layer.tiling) for table in geometry.tables)
        synapses = np.sum([outer(*(a.connections for a in axes)) for axes in held], axis=0)
        share: Floats = synapses / max(1, connections(geometry))
        return share
    has_any = connections(geometry) + recurrent_connections(geometry) > 0
    return layer.neurons / geometry.neurons if has_any else np.zeros(layer.cores)

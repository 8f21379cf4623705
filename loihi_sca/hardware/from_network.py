"""From a network to what the mapper needs to know of it: :mod:`loihi_sca.hardware.shapes`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.ranges import neuron_type, ranges_of, signed_bits
from loihi_sca.hardware.shapes import Architecture, Geometry, Kind, LayerSpec, Volume
from loihi_sca.hardware.streams import laid_out
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Dense,
    Input,
    Layer,
    Network,
    OtherLayer,
    Pool,
    Recurrent,
    Shape,
    Window,
)


def describe(network: Network | Architecture) -> Architecture:
    """Return the network as the mapper sees it; an architecture as the compiler lays it out."""
    if isinstance(network, Architecture):
        return laid_out(network)
    layers: list[LayerSpec] = []
    wiring = network.wiring
    sources = tuple(tuple(link.source for link in links) for links in wiring.links)
    for layer, heard in zip(network, sources, strict=True):
        spec = describe_layer(layer)
        kinds = [None if source is None else layers[source].geometry.kind for source in heard]
        own, *added = (
            replace(table, from_map=table.kind == "dense" and kind == "conv")
            for table, kind in zip(spec.geometry.tables, kinds, strict=True)
        )
        layers.append(replace(spec, geometry=replace(own, added=tuple(added))))
    return Architecture(
        network.name, tuple(layers), network.timesteps,
        sources=() if wiring.is_chain else sources,
    )  # fmt: skip


def describe_layer(layer: Layer) -> LayerSpec:
    """Return one layer as the mapper sees it."""
    neuron, tables = layer.neuron, _tables(layer)
    geometry = Geometry(
        kind=_kind(layer),
        in_shape=_volume(layer.in_shape),
        out_shape=_volume(layer.out_shape),
        bits=tuple(weight_bits(w) for name, w in tables if not _is_recurrent(name)),
        recurrent_bits=tuple(weight_bits(w) for name, w in tables if _is_recurrent(name)),
        neuron=neuron_type(neuron),
        added=tuple(describe_layer(table).geometry for table in layer.added),
    )
    if isinstance(layer, Window):
        geometry = replace(
            geometry,
            kernel=layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups if isinstance(layer, Conv) else layer.in_shape[0],
        )
    elif geometry.kind == "dense":
        delay = layer.delay if isinstance(layer, Dense | OtherLayer) else None
        delays = delay is not None and bool(delay.any())
        inputs = next((w.shape[1] for n, w in tables if not _is_recurrent(n)), geometry.inputs)
        geometry = replace(
            geometry,
            in_shape=(int(inputs), 1, 1),
            out_shape=(geometry.neurons, 1, 1),
            delays=delays,
        )
    return LayerSpec(layer.name, _type(layer), layer.out_shape, geometry, ranges_of(layer))


def weight_bits(weight: npt.NDArray[np.integer[Any]]) -> int:
    """Return the signed bits of the weights once their common power of two is taken out.

    Source: Intel compiler tables; nengo-loihi ``block.py``.
    """
    # the lowest bit that is set in any weight is the common power of two
    common = int(np.bitwise_or.reduce(weight, axis=None))
    if common == 0:
        return 1
    unit = common & -common
    return max(signed_bits(int(weight.min()) // unit), signed_bits(int(weight.max()) // unit))


def _kind(layer: Layer) -> Kind:
    if isinstance(layer, Input):
        return "port" if layer.neuron is None else "input"
    if isinstance(layer, Window):
        return "conv"
    return "dense"


def _type(layer: Layer) -> str:
    return layer.type if isinstance(layer, OtherLayer) else type(layer).__name__.lower()


def _volume(shape: Shape) -> Volume:
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (math.prod(shape), 1, 1)


def _tables(layer: Layer) -> list[tuple[str, npt.NDArray[np.integer[Any]]]]:
    if isinstance(layer, OtherLayer):
        return list(layer.weights.items())
    if isinstance(layer, Recurrent):
        return [("weight", layer.weight), ("weight_rec", layer.feedback)]
    if isinstance(layer, ComplexDense):
        return [("weight/real", layer.real), ("weight/imag", layer.imag)]
    return [("weight", layer.weight)] if isinstance(layer, Conv | Pool | Dense) else []


def _is_recurrent(table: str) -> bool:
    return "_rec" in table  # also the parts of a complex table, weight_rec/real

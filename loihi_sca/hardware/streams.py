"""A network as the compiler lays it out: who reads a residual stream, relays, a constant channel.

A recipe knows a chain with additions (:class:`loihi_sca.hardware.shapes.Addition`). Compiled, the
convolutions that add to a stream belong to the neurons that read it, to each reader copies of all
of them, and relays hold back what would arrive early. None of that depends on a weight, so that
cores and energy can be told before there are any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from loihi_sca.hardware.shapes import Addition, Architecture, Geometry, LayerSpec
from loihi_sca.network.wiring import relay_name, repeated_by

RELAY_BITS = 2
"""Signed bits of a relay's weights, which are all the same."""

Table: TypeAlias = tuple[Geometry, str | None]
"""Synapses, and the layer that they hear; None is the input of the network."""


@dataclass
class _Layer:
    spec: LayerSpec
    sources: list[str | None]


@dataclass
class _Layout:
    """What has been laid out so far.

    Attributes
    ----------
    layers : list of _Layer
        In order.
    stream : list of Table
        What is on the residual stream; the newest are last.
    block : Addition or None
        The residual block whose layers come next.
    """

    additions: Mapping[str, Addition]
    layers: list[_Layer] = field(default_factory=list)
    stream: list[Table] = field(default_factory=list)
    block: Addition | None = None

    @property
    def last(self) -> LayerSpec | None:
        """The layer before."""
        return self.layers[-1].spec if self.layers else None

    def add(self, spec: LayerSpec) -> None:
        """Take the next layer of the chain."""
        geometry, before = spec.geometry, self.last
        heard = None if before is None else before.name
        if geometry.kind == "input" and self.stream:
            self._read(spec)
        elif geometry.kind == "conv" and geometry.neuron == "none":
            if self.block is None:  # a stem
                self.stream = []
            self.stream.append((geometry, heard))
            self.block = None
        else:
            if self.block is not None and before is not None:  # its first convolution
                geometry = geometry.with_channels(into=before.geometry.out_shape[0])
            from_map = before is not None and before.geometry.kind == "conv"
            if geometry.kind == "dense":
                geometry = replace(geometry, from_map=from_map)
            self.layers.append(_Layer(replace(spec, geometry=geometry), [heard]))

    def _read(self, spec: LayerSpec) -> None:
        """Add neurons that read the stream; a shortcut hears them all, whatever is selected."""
        self.block = self.additions.get(spec.name)
        shortcut = None if self.block is None else self.block.shortcut
        out = None if shortcut is not None else spec.geometry.out_shape[0]
        *held, own = (
            (replace(table.with_channels(out, table.in_shape[0]), neuron=neuron), source)
            for (table, source), neuron in zip(
                self.stream, ["none"] * (len(self.stream) - 1) + [spec.geometry.neuron], strict=True
            )
        )
        geometry = replace(own[0], added=tuple(table for table, _ in held))
        reader = replace(spec, type="conv", shape=geometry.out_shape, geometry=geometry)
        self.layers.append(_Layer(reader, [own[1], *(source for _, source in held)]))
        if shortcut is not None:
            self.stream = [(shortcut.geometry, spec.name)]
        elif self.block is None:
            self.stream = []


def laid_out(architecture: Architecture) -> Architecture:
    """Return the graph that a recipe's network is compiled to, for the mapper.

    Parameters
    ----------
    architecture : Architecture
        A chain, with residual blocks beside it or with a constant channel to carry; one that has
        neither is returned as it is.
    """
    if architecture.constant is not None:
        wider = {x.name: x.geometry.out_shape[0] + 1 for x in architecture.handing_on}
        return replace(architecture.with_channels(wider), constant=None)
    if not architecture.additions:
        return architecture
    layout = _Layout({addition.source: addition for addition in architecture.additions})
    for spec in architecture.layers:
        layout.add(spec)
    layers = _with_relays(layout.layers)
    places = {layer.spec.name: i for i, layer in enumerate(layers)}
    sources = tuple(
        tuple(None if source is None else places[source] for source in layer.sources)
        for layer in layers
    )
    return replace(
        architecture, layers=tuple(layer.spec for layer in layers), additions=(), sources=sources
    )


def _with_relays(layers: list[_Layer]) -> list[_Layer]:
    """Hold back what arrives early, as the compiler does."""
    depths: dict[str | None, int] = {None: 0}
    longest: dict[str, int] = {}
    for layer in layers:
        latest = max(depths[source] for source in layer.sources)
        depths[layer.spec.name] = latest + layer.spec.has_synapses
        for place, source in enumerate(layer.sources):
            hold = latest - depths[source]
            if source is not None and hold:
                longest[source] = max(hold, longest.get(source, 0))
                layer.sources[place] = relay_name(source, hold)
    found: list[_Layer] = []
    for layer in layers:
        found.append(layer)
        for steps in range(1, longest.get(layer.spec.name, 0) + 1):
            before = found[-1].spec.name
            name = relay_name(layer.spec.name, steps)
            found.append(_Layer(relay_of(layer.spec, name), [before]))
    return found


def relay_of(spec: LayerSpec, name: str) -> LayerSpec:
    """Return the layer that repeats the spikes of a map."""
    sent = spec.geometry.out_shape
    geometry = replace(
        spec.geometry, kind="conv", in_shape=sent, out_shape=sent, kernel=(1, 1), stride=(1, 1),
        padding=(0, 0), dilation=(1, 1), groups=sent[0], bits=(RELAY_BITS,), recurrent_bits=(),
        neuron="cuba", delays=False, from_map=False, added=(),
    )  # fmt: skip
    return replace(spec, name=name, type="conv", geometry=geometry)


def rates_laid_out(
    rates: Mapping[str, float], otherwise: float, architecture: Architecture
) -> dict[str, float]:
    """Return the rates of the layers that there are once a network is laid out.

    A relay's is that of what it repeats; a constant channel speaks at every step.

    Parameters
    ----------
    rates : mapping of str to float
        Spikes per neuron and step by layer, ``input`` for what comes in.
    otherwise : float
        Of layers that are not named.
    architecture : Architecture
        As it is before the compiler lays it out.
    """
    laid = laid_out(architecture)
    found = {"input": rates["input"]} if "input" in rates else {}
    for spec in laid.layers:
        name = repeated_by(spec.name) or spec.name
        if name in rates:
            found[spec.name] = rates[name]
    for spec in architecture.handing_on:
        channels = spec.geometry.out_shape[0]
        names = {spec.name, "input"} if spec is architecture.layers[0] else {spec.name}
        for name in names:
            found[name] = (channels * found.get(name, otherwise) + 1) / (channels + 1)
    return found

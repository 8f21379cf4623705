"""A network as a chain of layers with channels of their own: what a budget is divided over."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.network.wiring import repeated_by
from loihi_sca.planning.outline import Outline


@dataclass(frozen=True)
class Unit:
    """A layer with channels of its own, or those that come in, and the layers that keep them.

    Attributes
    ----------
    spec : LayerSpec
        The layer as it is.
    followers : tuple of LayerSpec
        Pooling behind it.
    source : str
        Name of the layer whose spikes it reads.
    positions : int
        Its inputs per channel of the unit before: 1, or height times width for a dense layer
        behind a map.
    beside : tuple of LayerSpec
        Shortcuts that hear its spikes, the same whatever it is left with.
    prunable : bool
        Whether it may lose channels.
    placed : tuple of Geometry
        What the mapper places for it: itself and its followers; of a residual network the neurons
        that read the stream with all they hear, relays, and nothing where only the stream is added
        to. The first has the unit's inputs, the others its channels.
    hears_constant, hands_on : bool
        Compiled, it has one more input channel, or one more channel: the constant one.
    all_inputs, all_outputs : bool
        On the chip it has all its inputs, or outputs, whatever it and the unit before are left
        with: what a shortcut hears stays, and a stream keeps its width.
    """

    spec: LayerSpec
    followers: tuple[LayerSpec, ...]
    source: str
    positions: int
    prunable: bool
    placed: tuple[Geometry, ...]
    beside: tuple[LayerSpec, ...] = ()
    all_inputs: bool = False
    all_outputs: bool = False
    hears_constant: bool = False
    hands_on: bool = False

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.spec.name

    @property
    def geometry(self) -> Geometry:
        """The layer's geometry."""
        return self.spec.geometry

    @property
    def channels(self) -> int:
        """Channels as they are."""
        return self.geometry.out_shape[0]

    @property
    def relays(self) -> int:
        """Layers that do nothing but repeat its spikes."""
        return max(0, len(self.placed) - 1 - len(self.followers))


def chain_of(outline: Outline) -> tuple[Unit, ...]:
    """Return the units of a network, in order; a port, which takes no core, is none."""
    units: list[Unit] = []
    architecture = outline.architecture
    layers, placed = architecture.layers, _Placed(architecture)
    handing_on = {spec.name for spec in architecture.handing_on}
    shortcuts = {x.source: (x.shortcut,) for x in architecture.additions if x.shortcut}
    for index, spec in enumerate(layers):
        if spec.geometry.kind == "port" or (units and spec.geometry.keeps_channels):
            continue
        before = layers[index - 1] if index else None
        followers = _followers(architecture, index)
        source = spec.name if before is None else before.name
        reads_a_stream = before is not None and spec.geometry.kind == "input"
        units.append(
            Unit(
                spec,
                followers,
                source,
                _positions(spec.geometry, before),
                spec.name in outline.prunable,
                placed.of(spec, *followers),
                shortcuts.get(spec.name, ()),
                reads_a_stream or source in shortcuts,
                spec.name in shortcuts,
                before is not None and before.name in handing_on,
                spec.name in handing_on,
            )
        )
    return tuple(units)


class _Placed:
    """What the mapper places for the layers of a network."""

    def __init__(self, architecture: Architecture) -> None:
        specs = describe(architecture).layers if architecture.additions else architecture.layers
        self.geometries = {spec.name: spec.geometry for spec in specs}
        self.relays: dict[str, list[Geometry]] = {}
        for name, geometry in self.geometries.items():
            if source := repeated_by(name):
                self.relays.setdefault(source, []).append(geometry)

    def of(self, *specs: LayerSpec) -> tuple[Geometry, ...]:
        """Return the geometries of some layers, and of the relays that repeat them."""
        found = [self.geometries[x.name] for x in specs if x.name in self.geometries]
        return (*found, *(relay for x in specs for relay in self.relays.get(x.name, ())))


def _followers(architecture: Architecture, index: int) -> tuple[LayerSpec, ...]:
    found: list[LayerSpec] = []
    for spec in architecture.layers[index + 1 :]:
        if not spec.geometry.keeps_channels:
            break
        found.append(spec)
    return tuple(found)


def _positions(geometry: Geometry, before: LayerSpec | None) -> int:
    if geometry.kind != "dense" or before is None:
        return 1
    return math.prod(before.geometry.out_shape[1:])

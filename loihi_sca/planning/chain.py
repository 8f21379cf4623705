"""A network as a chain of layers with channels of their own: what a budget is divided over."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.planning.outline import Outline


@dataclass(frozen=True)
class Unit:
    """A layer with channels of its own, and the layers behind it that keep them.

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
    """

    spec: LayerSpec
    followers: tuple[LayerSpec, ...]
    source: str
    positions: int
    prunable: bool
    beside: tuple[LayerSpec, ...] = ()

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


def chain_of(outline: Outline) -> tuple[Unit, ...]:
    """Return the units of a network, in order; a port, which takes no core, is none."""
    units: list[Unit] = []
    layers = outline.architecture.layers
    shortcuts = {x.source: (x.shortcut,) for x in outline.architecture.additions if x.shortcut}
    for index, spec in enumerate(layers):
        if spec.geometry.kind == "port" or _keeps_channels(spec.geometry):
            continue
        before = layers[index - 1] if index else None
        units.append(
            Unit(
                spec,
                _followers(outline.architecture, index),
                spec.name if before is None else before.name,
                _positions(spec.geometry, before),
                spec.name in outline.prunable,
                shortcuts.get(spec.name, ()),
            )
        )
    return tuple(units)


def _followers(architecture: Architecture, index: int) -> tuple[LayerSpec, ...]:
    found: list[LayerSpec] = []
    for spec in architecture.layers[index + 1 :]:
        if not _keeps_channels(spec.geometry):
            break
        found.append(spec)
    return tuple(found)


def _keeps_channels(geometry: Geometry) -> bool:
    return geometry.kind == "conv" and geometry.groups == geometry.in_shape[0] > 1


def _positions(geometry: Geometry, before: LayerSpec | None) -> int:
    if geometry.kind != "dense" or before is None:
        return 1
    return math.prod(before.geometry.out_shape[1:])

"""What the mapper needs to know of a layer: its shape, its bits and its ranges, but no weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.hardware.ranges import Ranges
from loihi_sca.network import Pair, Shape

Kind: TypeAlias = Literal["port", "input", "conv", "dense"]
"""``port``: where spikes enter, takes no core. ``input``: neurons without synapses. ``conv``: a
window over a map. ``dense``: all-to-all tables, also of blocks that are only mapped."""

Volume: TypeAlias = tuple[int, int, int]
"""``(C, H, W)``; a flat layer of N neurons is ``(N, 1, 1)``."""


@dataclass(frozen=True)
class Geometry:
    """All that decides how many cores a layer takes; equal layers are equal, whatever their name.

    Attributes
    ----------
    kind : {"port", "input", "conv", "dense"}
    in_shape, out_shape : tuple of int (C, H, W)
    kernel, stride, padding, dilation : pair of int
        ``(vertical, horizontal)``; for ``conv``.
    groups : int
        Separate blocks of channels; for ``conv``.
    bits : tuple of int
        Bits that the weights need, one entry per synapse table from the layer before.
    recurrent_bits : tuple of int
        The same, per table from the layer's own neurons.
    neuron : str
        Neuron type in lower case, ``none`` without one.
    delays : bool
        Synapses have delays.
    from_map : bool
        The input is the flattened map of a convolution.
    added : tuple of Geometry
        Further synapses into the same neurons, each from another layer.
    """

    kind: Kind
    in_shape: Volume
    out_shape: Volume
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bits: tuple[int, ...] = ()
    recurrent_bits: tuple[int, ...] = ()
    neuron: str = "cuba"
    delays: bool = False
    from_map: bool = False
    added: tuple[Geometry, ...] = ()

    @property
    def tables(self) -> tuple[Geometry, ...]:
        """The synapses, those of each source by themselves."""
        return (replace(self, added=()), *self.added) if self.added else (self,)

    @property
    def widest_bits(self) -> int:
        """Bits that the widest weight of all synapses needs, 0 without any."""
        each = (bits for table in self.tables for bits in (*table.bits, *table.recurrent_bits))
        return max(each, default=0)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return math.prod(self.out_shape)

    @property
    def inputs(self) -> int:
        """Number of input positions."""
        return math.prod(self.in_shape)

    @property
    def in_per_group(self) -> int:
        """Input channels that one output channel sees."""
        return self.in_shape[0] // self.groups

    @property
    def keeps_channels(self) -> bool:
        """Whether it has the channels of the layer before it, each by itself, as pooling has."""
        return self.kind == "conv" and self.groups == self.in_shape[0] == self.out_shape[0] > 1

    def with_channels(self, out: int | None = None, into: int | None = None) -> Geometry:
        """Return the layer with other numbers of output and input channels.

        A depthwise layer keeps one group per channel; a dense layer behind a map is told its number
        of inputs, not of channels.
        """
        if self.keeps_channels:
            out = into = into if out is None else out
        channels = self.out_shape[0] if out is None else out
        arriving = self.in_shape[0] if into is None else into
        return replace(
            self,
            in_shape=(arriving, *self.in_shape[1:]),
            out_shape=(channels, *self.out_shape[1:]),
            groups=channels if self.keeps_channels else self.groups,
            added=tuple(table.with_channels(out, table.in_shape[0]) for table in self.added),
        )


@dataclass(frozen=True)
class LayerSpec:
    """A layer as the mapper sees it.

    Attributes
    ----------
    name : str
    type : str
        For people: ``conv``, ``pool``, ``dense``, ``input`` or the block type of the file.
    shape : tuple of int
        Output shape as the network has it, ``(C, H, W)`` or ``(N,)``.
    geometry : Geometry
    ranges : Ranges
    """

    name: str
    type: str
    shape: Shape
    geometry: Geometry
    ranges: Ranges = field(default_factory=Ranges)

    @property
    def has_synapses(self) -> bool:
        """Whether spikes cross synapses to get in, which takes one step on the chip."""
        return self.geometry.kind in ("conv", "dense")


@dataclass(frozen=True)
class Addition:
    """What makes a network more than a chain: a residual block, which adds to what it is given.

    Attributes
    ----------
    block : str
        Its name.
    source : str
        The layer whose spikes the shortcut weights, those of all neurons.
    shortcut : LayerSpec or None
        A convolution beside the chain; None where the block passes on what it is given.
    """

    block: str
    source: str
    shortcut: LayerSpec | None = None


@dataclass(frozen=True)
class Architecture:
    """Layers without weights, a chain unless it says who hears whom.

    Attributes
    ----------
    name : str
    layers : tuple of LayerSpec
    timesteps : int or None
    additions : tuple of Addition
        Residual blocks of a recipe, whose layers are part of the chain. With any, it is what
        :func:`loihi_sca.hardware.streams.laid_out` makes of it that is mapped.
    sources : tuple of tuple of int or None
        Per layer, the layer that each of its tables hears, None for the input; empty for a chain.
    constant : str or None
        The last layer that hears a channel which is always 1. Compiled, the input has one more
        channel, and so has every layer before this one
        (:mod:`loihi_sca.compiler.passes.constant_channel`); here they are not counted yet, and
        they are in what :func:`loihi_sca.hardware.streams.laid_out` makes of it.
    """

    name: str
    layers: tuple[LayerSpec, ...]
    timesteps: int | None = None
    additions: tuple[Addition, ...] = ()
    sources: tuple[tuple[int | None, ...], ...] = ()
    constant: str | None = None

    def links(self, index: int) -> tuple[tuple[Geometry, int | None], ...]:
        """Return the tables of a layer, each with the layer that it hears, None for the input."""
        geometry = self.layers[index].geometry
        before = (index - 1 if index else None,)
        sources = self.sources[index] if self.sources else before
        return tuple(zip(geometry.tables, sources, strict=True))

    def listeners(self, index: int) -> tuple[tuple[int, Geometry], ...]:
        """Return who hears a layer, each with the table that weighs it."""
        return tuple(
            (i, table)
            for i in range(index + 1, len(self.layers))
            for table, source in self.links(i)
            if source == index
        )

    @property
    def handing_on(self) -> tuple[LayerSpec, ...]:
        """The layers that hand the constant channel on, the input among them."""
        names = [spec.name for spec in self.layers]
        return () if self.constant is None else self.layers[: names.index(self.constant)]

    @property
    def depth(self) -> int:
        """Synapses on the longest way through the network: steps that a spike takes."""
        depths: list[int] = []
        for i, spec in enumerate(self.layers):
            before = max(0 if s is None else depths[s] for _, s in self.links(i))
            depths.append(before + spec.has_synapses)
        return max(depths)

    def with_channels(self, channels: Mapping[str, int]) -> Architecture:
        """Return the network with other channels in the layers named, and what follows.

        Raises
        ------
        UnsupportedLayer
            It is no chain.
        """
        if self.sources:
            raise UnsupportedLayer(
                f"{self.name}: it is no chain, and only a chain's channels can be counted anew",
                "Prune the model and compile it again.",
            )
        specs: list[LayerSpec] = []
        for spec in self.layers:
            geometry = spec.geometry
            if geometry.kind in ("conv", "dense"):
                before = specs[-1].geometry.out_shape if specs else geometry.in_shape
                into = math.prod(before) if geometry.kind == "dense" else before[0]
                geometry = geometry.with_channels(channels.get(spec.name), into)
            elif spec.name in channels:  # the stream keeps its width, whatever is selected
                geometry = geometry.with_channels(channels[spec.name])
            shape = geometry.out_shape[:1] if len(spec.shape) == 1 else geometry.out_shape
            specs.append(replace(spec, geometry=geometry, shape=shape))
        return replace(self, layers=tuple(specs))

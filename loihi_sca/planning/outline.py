"""The shape of a recipe's network, for the mapper, before there are weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from loihi_sca.config import (
    READ_OUT,
    ConvConfig,
    DenseConfig,
    ModelConfig,
    PoolConfig,
    Recipe,
    ResidualConfig,
    StemConfig,
    StreamEnd,
)
from loihi_sca.errors import ConfigError
from loihi_sca.hardware.ranges import SIGMA_DELTA, SIGMA_OUTPUT
from loihi_sca.hardware.shapes import Addition, Architecture, Geometry, LayerSpec, Volume
from loihi_sca.network import Shape
from loihi_sca.network.fixed_point import WEIGHT_BITS


@dataclass(frozen=True)
class Outline:
    """A network without weights, and which of its layers may lose channels.

    The chain of a residual network goes through its blocks. ``residual2.select`` stands for the
    neurons that ``residual2.conv1`` listens to: an input of as many channels as the stream has, and
    as many outputs as are selected.

    Attributes
    ----------
    architecture : Architecture
        The dense network: what :func:`loihi_sca.hardware.describe` makes of it is what the mapper
        sees of the compiled one.
    prunable : frozenset of str
        Names of layers.
    """

    architecture: Architecture
    prunable: frozenset[str]

    def with_channels(self, channels: Mapping[str, int]) -> Architecture:
        """Return the architecture with other numbers of channels in the layers named."""
        return self.architecture.with_channels(channels)

    def with_bits(self, bits: Mapping[str, int]) -> Outline:
        """Return the outline with other bits of the weights in the layers named."""
        layers = tuple(
            replace(spec, geometry=replace(spec.geometry, bits=(bits[spec.name],)))
            if spec.name in bits and spec.geometry.bits
            else spec
            for spec in self.architecture.layers
        )
        return replace(self, architecture=replace(self.architecture, layers=layers))


def outline(
    model: ModelConfig,
    in_shape: Shape,
    classes: int,
    *,
    name: str = "network",
    timesteps: int | None = None,
    values: bool = False,
) -> Outline:
    """Return the outline of the network that :func:`loihi_sca.model.build.build` would build.

    Parameters
    ----------
    model : ModelConfig
        The recipe's ``model`` section.
    in_shape : tuple of int (C, H, W)
        Of a sample.
    classes : int
        Outputs of the read-out.
    values : bool
        The input is values that drive neurons on the chip, not spikes.

    Raises
    ------
    ConfigError
        See :meth:`loihi_sca.config.ModelConfig.shapes`.
    """
    volume = (in_shape[0], in_shape[1], in_shape[2])
    first = Geometry("input" if values else "port", volume, volume)
    if not values:
        first = replace(first, neuron="none")
    elif model.sigma_delta is not None:
        first = replace(first, neuron=SIGMA_DELTA)
    specs = [LayerSpec("input", "input", in_shape, first)]
    prunable: list[str] = []
    additions: list[Addition] = []
    for name_of_layer, layer, _, shape in model.shapes(in_shape, classes):
        if isinstance(layer, ResidualConfig):
            block, addition = _residual(name_of_layer, layer, specs[-1].geometry.out_shape, shape)
            specs.extend(block)
            additions.append(addition)
            prunable.extend(spec.name for spec in block[:2] if layer.prunable)
            continue
        spec = _spec(name_of_layer, layer, specs[-1], shape)
        if model.sigma_delta is not None:
            kind = SIGMA_OUTPUT if name_of_layer == READ_OUT else SIGMA_DELTA
            spec = replace(spec, geometry=replace(spec.geometry, neuron=kind))
        specs.append(spec)
        if isinstance(layer, ConvConfig | DenseConfig) and layer.prunable:
            prunable.append(name_of_layer)
    architecture = Architecture(name, tuple(specs), timesteps, tuple(additions))
    return Outline(architecture, frozenset(prunable))


def outline_of(recipe: Recipe, in_shape: Shape, classes: int) -> Outline:
    """Return the outline of a recipe's network for data of a shape; see :func:`outline`."""
    return outline(
        recipe.model,
        in_shape,
        classes,
        name=recipe.name,
        timesteps=recipe.data.timesteps,
        values=recipe.data.are_values,
    )


def _residual(
    name: str, layer: ResidualConfig, stream: Volume, shape: Shape
) -> tuple[list[LayerSpec], Addition]:
    """Return the layers of a residual block that lie on the chain, and what lies beside it."""
    strides = (layer.stride, layer.stride)
    added = (shape[0], shape[1], shape[2])
    select = Geometry("input", stream, stream)
    first = Geometry(
        "conv", stream, added, (3, 3), strides, (1, 1), bits=(WEIGHT_BITS,),
    )  # fmt: skip
    second = replace(first, in_shape=added, stride=(1, 1), neuron="none")
    chain = [
        LayerSpec(f"{name}.select", "select", stream, select),
        LayerSpec(f"{name}.conv1", "conv", added, first),
        LayerSpec(f"{name}.conv2", "conv", added, second),
    ]
    shortcut = None
    if added != stream:
        weighting = replace(first, kernel=(1, 1), padding=(0, 0), neuron="none")
        shortcut = LayerSpec(f"{name}.shortcut", "conv", added, weighting)
    return chain, Addition(name, chain[0].name, shortcut)


OnChain: TypeAlias = ConvConfig | PoolConfig | DenseConfig | StemConfig | StreamEnd


def _spec(name: str, layer: OnChain, before: LayerSpec, shape: Shape) -> LayerSpec:
    bits = (WEIGHT_BITS,)
    volume = before.geometry.out_shape
    if isinstance(layer, StreamEnd):
        return LayerSpec(name, layer.type, volume, Geometry("input", volume, volume))
    if isinstance(layer, DenseConfig):
        from_map = before.geometry.kind == "conv"
        geometry = Geometry(
            "dense", (math.prod(before.shape), 1, 1), (layer.neurons, 1, 1), bits=bits,
            from_map=from_map,
        )  # fmt: skip
        return LayerSpec(name, "dense", shape, geometry)
    stride, padding, groups = layer.kernel, 0, volume[0]
    if isinstance(layer, ConvConfig | StemConfig):
        stride, padding, groups = layer.stride, layer.padding, 1
    geometry = Geometry(
        "conv", volume, (shape[0], shape[1], shape[2]), (layer.kernel, layer.kernel),
        (stride, stride), (padding, padding), groups=groups, bits=bits,
        neuron="none" if isinstance(layer, StemConfig) else "cuba",
    )  # fmt: skip
    return LayerSpec(name, layer.type, shape, geometry)


def without(outline: Outline, excluded: Iterable[str]) -> Outline:
    """Return an outline in which some layers keep all their channels."""
    return replace(outline, prunable=outline.prunable - frozenset(excluded))


def check_excluded(excluded: Iterable[str], known: Iterable[str]) -> None:
    """Raise unless all excluded blocks exist.

    Raises
    ------
    ConfigError
        Names those that do not.
    """
    if unknown := sorted(set(excluded) - set(known)):
        raise ConfigError(
            f"pruning.exclude: no prunable block {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(known)}."
        )

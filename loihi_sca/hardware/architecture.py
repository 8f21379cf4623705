"""A network as a TOML file of layers and shapes, without weights: ask before training.

::

    name = "small"
    input = [2, 34, 34]      # C, H, W of the spikes; or one number
    timesteps = 16
    weight_bits = 8

    [[layer]]
    type = "conv"
    channels = 16
    kernel = 3
    stride = 2

    [[layer]]
    type = "dense"
    neurons = 10
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.ranges import Ranges, payload_bits_of
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec, Volume
from loihi_sca.network import Pair, Shape
from loihi_sca.network.layers import MAX_NEURONS
from loihi_sca.network.sliding import window_size
from loihi_sca.toml_files import read_toml, validate

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Edge = Positive | tuple[Positive, Positive]
Margin = NotNegative | tuple[NotNegative, NotNegative]


class LayerEntry(BaseModel):
    """One ``[[layer]]`` of the file.

    Attributes
    ----------
    type : {"input", "conv", "pool", "dense"}
        ``input``: neurons driven by values, without synapses.
    name : str or None
        By default number and type.
    channels : int or None
        Of ``conv``.
    neurons : int or None
        Of ``dense``.
    kernel, stride, padding, dilation : int or pair of int
        ``(vertical, horizontal)``; the stride of ``pool`` is its kernel unless given.
    groups : int
        Of ``conv``.
    recurrent : bool
        A ``dense`` layer with a second table from its own neurons.
    complex : bool
        A ``dense`` layer with a real and an imaginary table.
    weight_bits : int or None
        By default that of the network.
    neuron : str
        netx neuron type; some profiles give types a different number of compartments.
    delay : int
        Longest synaptic delay in timesteps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["input", "conv", "pool", "dense"]
    name: str | None = None
    channels: Positive | None = None
    neurons: Positive | None = None
    kernel: Edge = 1
    stride: Edge | None = None
    padding: Margin = 0
    dilation: Edge = 1
    groups: Positive = 1
    recurrent: bool = False
    complex: bool = False
    weight_bits: Positive | None = None
    neuron: str = "cuba"
    delay: NotNegative = 0


class ArchitectureFile(BaseModel):
    """The file.

    Attributes
    ----------
    name : str
    input : int or list of int
        Shape of the spikes that come from the host: neurons, or channels, height and width.
    timesteps : int or None
        Steps per sample.
    weight_bits : int
        Signed bits of weights, the common power of two of a layer left out.
    layer : tuple of LayerEntry
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    input: Positive | tuple[Positive] | tuple[Positive, Positive, Positive]
    timesteps: Positive | None = None
    weight_bits: Positive
    layer: Annotated[tuple[LayerEntry, ...], Field(min_length=1)]


def read_architecture(path: str | os.PathLike[str]) -> Architecture:
    """Read an architecture from a TOML file.

    Raises
    ------
    ConfigError
        It is not TOML, has unknown or missing keys, or a layer does not fit its input.
    """
    path = Path(path)
    owner = f"architecture {path}"
    plan = validate(ArchitectureFile, read_toml(path, owner), owner)
    try:
        return build(plan)
    except ConfigError as error:
        raise ConfigError(f"{owner}: {error}") from error


def build(plan: ArchitectureFile) -> Architecture:
    """Return the architecture that a plan describes."""
    shape: Shape = (plan.input,) if isinstance(plan.input, int) else plan.input
    layers: list[LayerSpec] = []
    for index, layer in enumerate(plan.layer):
        name = layer.name or f"{index}-{layer.type}"
        if any(before.name == name for before in layers):
            raise ConfigError(f"two layers are named {name!r}.")
        kind = layers[-1].geometry.kind if layers else "port"
        spec = _spec(name, layer, shape, plan.weight_bits, from_map=kind == "conv")
        if spec.geometry.kind == "input" and layers:
            raise ConfigError(f"{name}: an input layer can only be the first.")
        if not 0 < spec.geometry.neurons <= MAX_NEURONS:
            raise ConfigError(f"{name}: {spec.geometry.neurons} neurons, at most {MAX_NEURONS}.")
        layers.append(spec)
        shape = spec.shape
    return Architecture(plan.name, tuple(layers), plan.timesteps)


def _spec(name: str, layer: LayerEntry, shape: Shape, bits: int, from_map: bool) -> LayerSpec:
    bits = layer.weight_bits or bits
    ranges = Ranges(delay=layer.delay, payload_bits=payload_bits_of(layer.neuron))
    common: dict[str, Any] = {"neuron": layer.neuron.lower(), "delays": layer.delay > 0}
    volume: Volume = (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], 1, 1)
    if layer.type == "input":
        _only(name, layer, set())
        return LayerSpec(name, "input", shape, Geometry("input", volume, volume, **common), ranges)
    if layer.type == "dense":
        _only(name, layer, {"neurons", "recurrent", "complex"}, needs="neurons")
        neurons = layer.neurons or 0
        geometry = Geometry(
            "dense", (math.prod(volume), 1, 1), (neurons, 1, 1), from_map=from_map,
            bits=(bits, bits) if layer.complex else (bits,),
            recurrent_bits=(bits,) if layer.recurrent else (), **common,
        )  # fmt: skip
        return LayerSpec(name, "dense", (neurons,), geometry, ranges)
    if len(shape) != 3:
        raise ConfigError(f"{name}: a {layer.type} layer needs an input of C, H, W, got {shape}.")
    window = {"kernel", "stride", "padding", "dilation"}
    if layer.type == "conv":
        _only(name, layer, {"channels", "groups", *window}, needs="channels")
    else:
        _only(name, layer, window, needs="kernel")
    geometry = _window(name, layer, volume, bits, common)
    return LayerSpec(name, layer.type, geometry.out_shape, geometry, ranges)


def _window(
    name: str, layer: LayerEntry, volume: Volume, bits: int, common: dict[str, Any]
) -> Geometry:
    pool = layer.type == "pool"
    channels = volume[0] if pool else layer.channels or 0
    groups = volume[0] if pool else layer.groups
    if volume[0] % groups or channels % groups:
        raise ConfigError(
            f"{name}: {volume[0]} input and {channels} output channels do not divide into "
            f"{groups} groups."
        )
    kernel, padding, dilation = (_pair(e) for e in (layer.kernel, layer.padding, layer.dilation))
    stride = _pair(layer.stride) if layer.stride else (kernel if pool else (1, 1))
    rows, columns = (
        window_size(volume[1 + i], kernel[i], stride[i], padding[i], dilation[i]) for i in range(2)
    )
    if min(rows, columns) < 1:
        raise ConfigError(f"{name}: kernel {kernel} does not fit input {volume}.")
    return Geometry(
        "conv", volume, (channels, rows, columns), kernel, stride, padding, dilation, groups,
        bits=(bits,), **common,
    )  # fmt: skip


def _only(name: str, layer: LayerEntry, allowed: set[str], needs: str | None = None) -> None:
    """Raise if a key was set that means nothing for this type of layer, or one is missing."""
    always = {"type", "name", "weight_bits", "neuron", "delay"}
    if needs and needs not in layer.model_fields_set:
        raise ConfigError(f"{name}: a {layer.type} layer needs {needs!r}.")
    if unused := sorted(layer.model_fields_set - allowed - always):
        raise ConfigError(f"{name}: {unused} mean nothing for a {layer.type} layer.")


def _pair(edge: int | Pair) -> Pair:
    return (edge, edge) if isinstance(edge, int) else edge

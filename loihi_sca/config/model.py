"""The model's table of a recipe: its blocks, field by field."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import Field, model_validator

from loihi_sca.config.layers import (
    ConvConfig,
    DenseConfig,
    LayerConfig,
    PoolConfig,
    ResidualConfig,
    StemConfig,
    StreamEnd,
)
from loihi_sca.config.neurons import NeuronConfig, SigmaDeltaConfig
from loihi_sca.config.sections import Count, Norm, Positive, Section
from loihi_sca.config.zoo import Pooling, layers_of
from loihi_sca.errors import ConfigError
from loihi_sca.network.sliding import window_size

Shape: TypeAlias = tuple[int, ...]
"""Of a block's output: ``(C, H, W)``, or ``(N,)`` where it is flat."""


class ModelConfig(Section):
    """A stack of blocks; a dense read-out with neurons for each class follows by itself.

    Attributes
    ----------
    zoo : str or None
        A network of :mod:`loihi_sca.config.zoo` by name, instead of ``layers``.
    width : float
        Factor of the channels and hidden neurons of a ``zoo`` network.
    pooling : {"stride", "sum"}
        How a ``zoo`` network halves its maps.
    layers : tuple of ConvConfig, PoolConfig, DenseConfig, StemConfig or ResidualConfig
        In order, dense blocks last.
    neuron : NeuronConfig
        Of all blocks.
    norm : bool or "batch"
        Mean-only batch norm, which becomes an integer bias; or, what deep networks need,
        ``"batch"``: by mean and variance, which ``training.fold`` brings into weights, biases and
        thresholds. It wants ``neuron.current_decay = 1``.
    weight_scale : float
        Factor of the initial weights.
    neurons_per_class : int
        Of the read-out. The host takes the mean of their spike counts, which with few timesteps
        says more than the count of one.
    sigma_delta : SigmaDeltaConfig or None
        If there is such a table, blocks have neurons that send changes of values, not spikes. They
        are convolutions and dense blocks, with ``norm`` true or false.
    """

    zoo: str | None = None
    width: Positive = 1.0
    pooling: Pooling = "stride"
    layers: tuple[Annotated[LayerConfig, Field(discriminator="type")], ...]
    neuron: NeuronConfig = NeuronConfig()
    norm: Norm = True
    weight_scale: Positive = 2.0
    neurons_per_class: Count = 1
    sigma_delta: SigmaDeltaConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, values: Any) -> Any:
        """Replace the name of a network by its blocks, so that a saved recipe says everything."""
        if not isinstance(values, dict) or values.get("zoo") is None:
            return values
        if values.get("layers"):
            raise ValueError("gives both zoo and layers; leave one of them out")
        rest = {k: v for k, v in values.items() if k not in ("zoo", "width", "pooling")}
        width = values.get("width", 1.0)
        if (
            isinstance(width, bool)
            or not isinstance(width, int | float)
            or not 0 < width < math.inf
        ):
            raise ValueError(f"width = {width!r} must be a number above 0")
        pooling = values.get("pooling", "stride")
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling = {pooling!r} must be one of {get_args(Pooling)}")
        layers = layers_of(values["zoo"], width, pooling)
        return {**rest, "layers": layers}

    @model_validator(mode="after")
    def _norm_folds(self) -> ModelConfig:
        if self.norm != "batch":
            return self
        if self.neuron.current_decay != 1:
            raise ValueError(
                f'norm = "batch" with neuron.current_decay = {self.neuron.current_decay}: it folds '
                "exactly only into neurons without memory of their current. Set current_decay = 1"
            )
        return self

    @model_validator(mode="after")
    def _sends_changes(self) -> ModelConfig:
        if self.sigma_delta is None:
            return self
        if self.norm == "batch":
            raise ValueError(
                'norm = "batch" with sigma_delta: neurons that keep a sum would keep the norm of '
                "every step as well. Set norm = true"
            )
        for layer in self.layers:
            if not isinstance(layer, ConvConfig | DenseConfig):
                raise ValueError(
                    f"a {layer.type} block with sigma_delta: there are conv and dense blocks only. "
                    "Give a convolution a stride instead of pooling"
                )
        if self.neurons_per_class > 1:
            raise ValueError(
                f"neurons_per_class = {self.neurons_per_class} with sigma_delta: its neurons send "
                "values, of which one says all. Leave it out"
            )
        if "neuron" in self.model_fields_set and self.neuron != NeuronConfig():
            raise ValueError("gives both neuron and sigma_delta; leave one of them out")
        return self

    @model_validator(mode="after")
    def _on_a_stream(self) -> ModelConfig:
        """Refuse residual blocks with nothing to add to."""
        before: LayerConfig | None = None
        for number, layer in enumerate(self.layers, start=1):
            if isinstance(layer, ResidualConfig) and not isinstance(before, STREAMING):
                raise ValueError(
                    f"residual{number} follows {'nothing' if before is None else before.type}, "
                    "and adds to a residual stream. Put a stem, a convolution without neurons that "
                    "opens one, or another residual block before it"
                )
            before = layer
        return self

    def blocks(self, classes: int) -> Iterator[tuple[str, LayerConfig | StreamEnd]]:
        """Return all blocks by name, those that follow by themselves included.

        Parameters
        ----------
        classes : int
            Of the read-out block, which is never pruned.
        """
        neurons = classes * self.neurons_per_class
        read_out = DenseConfig(type="dense", neurons=neurons, prunable=False)
        before: LayerConfig | None = None
        for number, layer in enumerate((*self.layers, read_out), start=1):
            if isinstance(before, STREAMING) and not isinstance(layer, ResidualConfig):
                yield f"spikes{number - 1}", StreamEnd()
            yield READ_OUT if layer is read_out else f"{layer.type}{number}", layer
            before = layer

    def shapes(
        self, in_shape: Shape, classes: int
    ) -> Iterator[tuple[str, LayerConfig | StreamEnd, Shape, Shape]]:
        """Return name, block, input and output shape of all blocks, in order.

        Parameters
        ----------
        in_shape : tuple of int (C, H, W)
            Of a sample.
        classes : int
            Of the read-out block.

        Raises
        ------
        ConfigError
            A window does not fit its input, pooling does not divide it, or a block that needs a map
            follows a dense one.
        """
        shape = in_shape
        for name, layer in self.blocks(classes):
            out_shape = _shape_behind(name, layer, shape)
            yield name, layer, shape, out_shape
            shape = out_shape


def _shape_behind(name: str, layer: LayerConfig | StreamEnd, shape: Shape) -> Shape:
    if isinstance(layer, DenseConfig):
        return (layer.neurons,)
    if isinstance(layer, StreamEnd):
        return shape
    if len(shape) != 3:
        raise ConfigError(
            f"{name}: a {layer.type} block cannot follow a dense block, whose output is no map. "
            "Put dense blocks last."
        )
    channels, kernel, stride, padding = _window_of(layer, shape[0])
    if isinstance(layer, PoolConfig) and (shape[1] % kernel or shape[2] % kernel):
        raise ConfigError(
            f"{name}: pooling by {kernel} does not divide a map of {shape[1]}x{shape[2]}. "
            "Choose other strides or paddings before it."
        )
    height, width = (window_size(n, kernel, stride, padding) for n in shape[1:])
    if min(height, width) < 1:
        raise ConfigError(
            f"{name}: a {kernel}x{kernel} window with padding {padding} does not fit its input of "
            f"{shape[1]}x{shape[2]}. Take a smaller kernel, more padding, or smaller strides "
            "before it."
        )
    return channels, height, width


def _window_of(
    layer: ConvConfig | StemConfig | PoolConfig | ResidualConfig, before: int
) -> tuple[int, int, int, int]:
    """Return channels, kernel, stride and padding of a block behind so many channels."""
    if isinstance(layer, PoolConfig):
        return before, layer.kernel, layer.kernel, 0
    if isinstance(layer, ResidualConfig):
        return layer.channels, RESIDUAL_KERNEL, layer.stride, RESIDUAL_KERNEL // 2
    return layer.channels, layer.kernel, layer.stride, layer.padding


RESIDUAL_KERNEL = 3
"""Both convolutions of a residual block, padded to keep the map at a stride of 1."""

READ_OUT = "output"
"""Name of the read-out block."""

STREAMING = (StemConfig, ResidualConfig)
"""Blocks behind which there is a residual stream, not spikes."""

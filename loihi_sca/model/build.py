"""Models: a stack of gated blocks, built from what a recipe says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import torch

from loihi_sca.config import (
    ConvConfig,
    DenseConfig,
    ModelConfig,
    PoolConfig,
    ResidualConfig,
    StemConfig,
    StreamEnd,
)
from loihi_sca.errors import ConfigError
from loihi_sca.model.acceleration import accelerate
from loihi_sca.model.blocks import (
    Flatten,
    Gated,
    SCAConv,
    SCADense,
    SumPool,
    ValueInput,
)
from loihi_sca.model.residual import Residual, StreamNeurons, Weighting
from loihi_sca.network import Shape


class SpikingNet(torch.nn.Sequential):
    """Blocks in a row, from input spikes (N, C, H, W, T) to output spikes (N, classes, T).

    Attributes
    ----------
    in_shape : tuple of int
        ``(C, H, W)``.
    """

    def __init__(self, in_shape: Shape, blocks: dict[str, torch.nn.Module]) -> None:
        super().__init__()
        for name, block in blocks.items():
            self.add_module(name, block)
        self.in_shape = in_shape

    @property
    def gated(self) -> Iterator[tuple[str, Gated]]:
        """The blocks with gates, by name, also those within residual blocks."""
        return ((name, b) for name, b in self.named_modules() if isinstance(b, Gated))

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    def trainable_parameters(self) -> Iterator[torch.nn.Parameter]:
        """Return what an optimizer may change: everything but the gates."""
        return (
            p
            for name, p in self.named_parameters()
            if p.requires_grad and not name.endswith(".gate")
        )


def build(
    config: ModelConfig, in_shape: Shape, classes: int, *, values: bool = False
) -> SpikingNet:
    """Build the model of a recipe, ending in one neuron per class.

    Parameters
    ----------
    config : ModelConfig
        The recipe's ``model`` section.
    in_shape : tuple of int
        ``(C, H, W)`` of the data.
    classes : int
        Outputs of the read-out block, which is never pruned.
    values : bool
        The data are bias mantissas that drive a first block of neurons, not spikes.

    Raises
    ------
    ConfigError
        A window does not fit its input, or a convolution follows a dense block.
    """
    blocks: dict[str, torch.nn.Module] = {}
    if values:
        blocks["input"] = ValueInput(config.neuron)
    shape = in_shape
    for name, layer in config.blocks(classes):
        if isinstance(layer, DenseConfig):
            if len(shape) == 3:
                blocks["flatten"] = Flatten()
            blocks[name] = _dense(config, layer, shape)
            shape = (layer.neurons,)
        elif isinstance(layer, StreamEnd):
            blocks[name] = StreamNeurons(shape[0], neuron=config.neuron, norm=config.norm)
        else:
            out_shape = _slid(name, layer, shape)
            blocks[name] = _window(config, layer, shape)
            shape = out_shape
    return accelerate(SpikingNet(in_shape, blocks))


def _dense(config: ModelConfig, layer: DenseConfig, shape: Shape) -> SCADense:
    return SCADense(
        math.prod(shape),
        layer.neurons,
        neuron=config.neuron,
        norm=config.norm,
        weight_scale=config.weight_scale,
        prunable=layer.prunable,
    )


Window: TypeAlias = ConvConfig | PoolConfig | StemConfig | ResidualConfig


def _window(config: ModelConfig, layer: Window, shape: Shape) -> torch.nn.Module:
    if isinstance(layer, PoolConfig):
        return SumPool(layer.kernel, neuron=config.neuron, weight=layer.weight)
    if isinstance(layer, StemConfig):
        return Weighting(
            shape[0], layer.channels, layer.kernel, stride=layer.stride, padding=layer.padding,
            weight_scale=config.weight_scale,
        )  # fmt: skip
    if isinstance(layer, ResidualConfig):
        return Residual(
            shape[0], layer.channels, stride=layer.stride, neuron=config.neuron, norm=config.norm,
            weight_scale=config.weight_scale, prunable=layer.prunable,
        )  # fmt: skip
    return SCAConv(
        shape[0],
        layer.channels,
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        neuron=config.neuron,
        norm=config.norm,
        weight_scale=config.weight_scale,
        prunable=layer.prunable,
    )


def _slid(name: str, layer: Window, shape: Shape) -> Shape:
    """Return the shape behind a window that slides over a map."""
    if len(shape) != 3:
        raise ConfigError(f"{name}: a {layer.type} block cannot follow a dense block.")
    if isinstance(layer, ResidualConfig):
        return layer.channels, *((n - 1) // layer.stride + 1 for n in shape[1:])
    stride, padding, channels = layer.kernel, 0, shape[0]
    if isinstance(layer, ConvConfig | StemConfig):
        stride, padding, channels = layer.stride, layer.padding, layer.channels
    elif shape[1] % layer.kernel or shape[2] % layer.kernel:
        raise ConfigError(
            f"{name}: pooling by {layer.kernel} does not divide a map of {shape[1]}x{shape[2]}. "
            "Choose other strides or paddings before it."
        )
    height, width = ((n + 2 * padding - layer.kernel) // stride + 1 for n in shape[1:])
    if min(height, width) < 1:
        raise ConfigError(
            f"{name}: a {layer.kernel}x{layer.kernel} window with padding {padding} does "
            f"not fit its input of {shape[1]}x{shape[2]}."
        )
    return channels, height, width

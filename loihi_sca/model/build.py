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
from loihi_sca.model.acceleration import accelerate
from loihi_sca.model.blocks import (
    Flatten,
    Gated,
    SCAConv,
    SCADense,
    SumPool,
    ValueInput,
)
from loihi_sca.model.residual import Residual, StreamNeurons, Weighting, join_streams
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
        See :meth:`loihi_sca.config.ModelConfig.shapes`.
    """
    blocks: dict[str, torch.nn.Module] = {}
    if values:
        blocks["input"] = ValueInput(config.neuron)
    for name, layer, shape, _ in config.shapes(in_shape, classes):
        if isinstance(layer, DenseConfig):
            if len(shape) == 3:
                blocks["flatten"] = Flatten()
            blocks[name] = _dense(config, layer, shape)
        elif isinstance(layer, StreamEnd):
            blocks[name] = StreamNeurons(shape[0], neuron=config.neuron, norm=config.norm)
        else:
            blocks[name] = _window(config, layer, shape)
    join_streams(blocks.values())
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
            weight_scale=config.weight_scale, norm=config.norm,
        )  # fmt: skip
    if isinstance(layer, ResidualConfig):
        return Residual(
            shape[0], layer.channels, stride=layer.stride, neuron=config.neuron,
            norm=config.norm, weight_scale=config.weight_scale, prunable=layer.prunable,
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

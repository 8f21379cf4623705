"""Models: a stack of gated blocks, built from what a recipe says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import torch

from loihi_sca.config import (
    READ_OUT,
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
from loihi_sca.model.graded_blocks import FrameInput, GradedConv, GradedDense, GradedSum
from loihi_sca.model.residual import Residual, join_streams
from loihi_sca.model.sigma_delta import family
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.network import Shape
from loihi_sca.slayer.lava import slayer


class SpikingNet(torch.nn.Sequential):
    """Blocks in a row, from input spikes (N, C, H, W, T) to output spikes (N, classes, T).

    Attributes
    ----------
    in_shape : tuple of int
        ``(C, H, W)``.
    sends_values : bool
        Its output are values, not spikes.
    encoded : str or None
        How samples became its input, see :func:`loihi_sca.data.encoding_of`; files tell it.
    """

    encoded: str | None = None

    def __init__(
        self, in_shape: Shape, blocks: dict[str, torch.nn.Module], *, sends_values: bool = False
    ) -> None:
        super().__init__()
        for name, block in blocks.items():
            self.add_module(name, block)
        self.in_shape, self.sends_values = in_shape, sends_values

    def scores(self, output: torch.Tensor) -> torch.Tensor:
        """Return the scores (N, classes) of an output: spike counts, or the mean over time."""
        return output.mean(dim=-1) if self.sends_values else output.sum(dim=-1)

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
    """Build the model of a recipe, ending in one output per class.

    Parameters
    ----------
    config : ModelConfig
        The recipe's ``model`` section.
    in_shape : tuple of int
        ``(C, H, W)`` of the data.
    classes : int
        Of the read-out block, which is never pruned.
    values : bool
        The data are bias mantissas that drive a first block of neurons, not spikes.

    Raises
    ------
    ConfigError
        See :meth:`loihi_sca.config.ModelConfig.shapes`.
    """
    blocks: dict[str, torch.nn.Module] = {}
    if values:
        blocks["input"] = input_of(config)
    graded = config.sigma_delta
    for name, layer, shape, _ in config.shapes(in_shape, classes):
        if isinstance(layer, DenseConfig):
            if len(shape) == 3:
                blocks["flatten"] = Flatten() if graded is None else family.Flatten()
            blocks[name] = _dense(name, config, layer, shape)
        elif isinstance(layer, StreamEnd):
            blocks[name] = StreamNeurons(shape[0], neuron=config.neuron, norm=config.norm)
        else:
            blocks[name] = _window(config, layer, shape)
    if config.neurons_per_class > 1:
        blocks["average"] = slayer.block.cuba.Average(classes)
    join_streams(blocks.values())
    if graded is not None:
        return SpikingNet(in_shape, blocks, sends_values=True)
    return accelerate(SpikingNet(in_shape, blocks))


def input_of(config: ModelConfig) -> torch.nn.Module:
    """Return the block of neurons that values enter."""
    if config.sigma_delta is not None:
        return FrameInput(config.sigma_delta)
    return ValueInput(config.neuron)


def _prunable(
    config: ModelConfig, layer: DenseConfig | ConvConfig | ResidualConfig
) -> dict[str, Any]:
    """Return the options of a block whose channels may be pruned."""
    graded = config.sigma_delta
    return {
        "neuron": config.neuron if graded is None else graded,
        "norm": config.norm if graded is None else config.norm is True,
        "weight_scale": config.weight_scale,
        "prunable": layer.prunable,
    }


def _dense(name: str, config: ModelConfig, layer: DenseConfig, shape: Shape) -> torch.nn.Module:
    sizes, graded = (math.prod(shape), layer.neurons), config.sigma_delta
    if graded is not None and name == READ_OUT:
        return GradedSum(*sizes, neuron=graded, weight_scale=config.weight_scale)
    kind = SCADense if graded is None else GradedDense
    return kind(*sizes, **_prunable(config, layer))


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
        options = _prunable(config, layer)
        return Residual(shape[0], layer.channels, stride=layer.stride, **options)
    kind = SCAConv if config.sigma_delta is None else GradedConv
    return kind(
        shape[0], layer.channels, layer.kernel, stride=layer.stride, padding=layer.padding,
        **_prunable(config, layer),
    )  # fmt: skip

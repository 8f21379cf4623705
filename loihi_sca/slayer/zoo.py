"""Models: a stack of gated blocks, built from what a recipe says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig
from loihi_sca.errors import ConfigError
from loihi_sca.slayer.blocks import Flatten, Gated, SCAConv, SCADense
from loihi_sca.values import Shape


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
        """The blocks with channels, by name."""
        return ((name, b) for name, b in self.named_children() if isinstance(b, Gated))

    def trainable_parameters(self) -> Iterator[torch.nn.Parameter]:
        """Return what an optimizer may change: everything but the gates."""
        return (
            p
            for name, p in self.named_parameters()
            if p.requires_grad and not name.endswith(".gate")
        )


def build(config: ModelConfig, in_shape: Shape, classes: int) -> SpikingNet:
    """Build the model of a recipe, ending in one neuron per class.

    Parameters
    ----------
    config : ModelConfig
        The recipe's ``model`` section.
    in_shape : tuple of int
        ``(C, H, W)`` of the data.
    classes : int
        Outputs of the read-out block, which is never pruned.

    Raises
    ------
    ConfigError
        A window does not fit its input, or a convolution follows a dense block.
    """
    common: dict[str, Any] = {
        "neuron": config.neuron,
        "norm": config.norm,
        "weight_scale": config.weight_scale,
    }
    blocks: dict[str, torch.nn.Module] = {}
    shape = in_shape
    read_out = DenseConfig(type="dense", neurons=classes, prunable=False)
    for number, layer in enumerate((*config.layers, read_out), start=1):
        if isinstance(layer, DenseConfig):
            if len(shape) == 3:
                blocks["flatten"] = Flatten()
            name = "output" if layer is read_out else f"dense{number}"
            blocks[name] = SCADense(
                math.prod(shape), layer.neurons, prunable=layer.prunable, **common
            )
            shape = (layer.neurons,)
            continue
        name = f"conv{number}"
        out_shape = _convolved(name, layer, shape)
        blocks[name] = SCAConv(
            shape[0],
            layer.channels,
            layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            prunable=layer.prunable,
            **common,
        )
        shape = out_shape
    return SpikingNet(in_shape, blocks)


def _convolved(name: str, layer: ConvConfig, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ConfigError(f"{name}: a convolution cannot follow a dense block.")
    height, width = ((n + 2 * layer.padding - layer.kernel) // layer.stride + 1 for n in shape[1:])
    if min(height, width) < 1:
        raise ConfigError(
            f"{name}: a {layer.kernel}x{layer.kernel} window with padding {layer.padding} does "
            f"not fit its input of {shape[1]}x{shape[2]}."
        )
    return layer.channels, height, width

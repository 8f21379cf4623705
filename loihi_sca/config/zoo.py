"""Well-known networks as lists of blocks, by name, with their width as a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import suggestion

Pooling: TypeAlias = Literal["stride", "sum"]
"""How a map is halved: by the last convolution of a stage, or by a sum-pooling block behind it."""

LayerTable: TypeAlias = dict[str, Any]
"""A block as a recipe writes it."""

ClassicStages: TypeAlias = Sequence[tuple[int, ...]]


def layers_of(name: str, width: float = 1.0, pooling: Pooling = "stride") -> list[LayerTable]:
    """Return the blocks of a network by name.

    Parameters
    ----------
    name : str
        One of :data:`MODELS`.
    width : float
        Factor of all channels and hidden neurons.
    pooling : {"stride", "sum"}
        For networks with maps that are halved; the others have strides of their own.

    Raises
    ------
    ConfigError
        There is no such network.
    """
    if not isinstance(name, str) or name not in MODELS:
        hint = suggestion(str(name), MODELS) or "."
        raise ConfigError(f"model.zoo: no model {name!r}; there are {', '.join(MODELS)}{hint}")
    layers = MODELS[name](pooling)
    for layer in layers:
        for size in ("channels", "neurons"):
            if size in layer:
                layer[size] = max(1, round(layer[size] * width))
    return layers


def vgg16(pooling: Pooling) -> list[LayerTable]:
    """13 convolutions 3x3 in five stages and two hidden dense layers.

    The network of Li et al., ICML 2024, for CIFAR-10, without its max pooling, which has no
    counterpart on the chip.
    """
    stages = [(64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)]
    return [*_stages(stages, pooling), _dense(512), _dense(512)]


def vgg9(pooling: Pooling) -> list[LayerTable]:
    """Seven convolutions 3x3 in three stages and a hidden dense layer."""
    return [*_stages([(64, 64), (128, 128), (256, 256, 256)], pooling), _dense(1024)]


def lenet(pooling: Pooling) -> list[LayerTable]:
    """32C5s2-64C3s2-128: the MNIST network of the experiments."""
    return [_conv(32, kernel=5, stride=2), _conv(64, stride=2), _dense(128)]


def nmnist(pooling: Pooling) -> list[LayerTable]:
    """16C5s2-32C3s2-64C3s2-256: for the 34x34x2 events of N-MNIST."""
    return [_conv(16, kernel=5, stride=2), _conv(32, stride=2), _conv(64, stride=2), _dense(256)]


def preresnet18(pooling: Pooling) -> list[LayerTable]:
    """Eight residual blocks in four stages, and a stem before them.

    The network of Li et al., ICML 2024, for CIFAR-10, without its average pooling: the read-out
    hears the last map, neuron by neuron.
    """
    layers: list[LayerTable] = [{"type": "stem", "channels": 64}]
    for channels in (64, 128, 256, 512):
        halves = channels > 64
        layers.append({"type": "residual", "channels": channels, "stride": 2 if halves else 1})
        layers.append({"type": "residual", "channels": channels})
    return layers


MODELS: dict[str, Callable[[Pooling], list[LayerTable]]] = {
    f.__name__: f for f in (vgg16, vgg9, lenet, nmnist, preresnet18)
}
"""By name."""


def _conv(channels: int, kernel: int = 3, stride: int = 1, padding: int = 0) -> LayerTable:
    return {
        "type": "conv", "channels": channels, "kernel": kernel, "stride": stride,
        "padding": padding,
    }  # fmt: skip


def _dense(neurons: int) -> LayerTable:
    return {"type": "dense", "neurons": neurons}


def _stages(stages: ClassicStages, pooling: Pooling) -> list[LayerTable]:
    """Return stages of convolutions that keep the map's size, which is halved after each stage."""
    layers = []
    for widths in stages:
        for position, channels in enumerate(widths, start=1):
            halves = pooling == "stride" and position == len(widths)
            layers.append(_conv(channels, stride=2 if halves else 1, padding=1))
        if pooling == "sum":
            layers.append({"type": "pool", "kernel": 2})
    return layers

"""Models of SpikingJelly's own modules, with weights on a grid; skips where it is not installed."""

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed, so there are no models")

with warnings.catch_warnings():
    # strings with invalid escapes, told of when Python compiles it for the first time
    warnings.simplefilter("ignore")
    sj = pytest.importorskip(
        "spikingjelly.activation_based",
        reason="SpikingJelly is not installed: pip install --no-deps spikingjelly==0.0.0.0.14",
    )
    from spikingjelly.activation_based import functional, lava_exchange, layer, neuron

__all__ = [
    "functional",
    "lava_exchange",
    "layer",
    "neuron",
    "on_grid",
    "random_model",
    "sequential",
    "spikes",
]


def on_grid(model: Any, step: float) -> Any:
    """Round all weights and biases to multiples of a step, at most 100 of them."""
    with torch.no_grad():
        for parameter in model.parameters():
            steps = torch.round(parameter / parameter.abs().max() * 12)
            parameter.copy_(steps * step)
    return model


def sequential(*modules: Any, mode: str = "m") -> Any:
    model = torch.nn.Sequential(*modules).eval()
    functional.set_step_mode(model, mode)
    return model


def spikes(shape: tuple[int, ...], samples: int = 3, steps: int = 12, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return (rng.random((samples, *shape, steps)) < 0.3).astype(np.int32)


def random_model(seed: int, node: Any = neuron.IFNode, mode: str = "m") -> tuple[Any, Any]:
    """Return a random network of integrate-and-fire neurons on a random grid, and its input shape.

    Convolutions with strides, groups, dilation and padding, pools of both kinds, a flatten,
    dropout, batch norms of powers of two, thresholds that are not on the grid.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    channels, size = int(rng.choice([2, 4])), int(rng.choice([8, 9, 12]))
    shape, modules = (channels, size, size), []
    for _ in range(rng.integers(1, 3)):
        groups, kernel = int(rng.choice([1, 2])), int(rng.choice([1, 2, 3]))
        out = int(rng.choice([4, 6]))
        conv = layer.Conv2d(
            channels, out, kernel, stride=int(rng.choice([1, 1, 2])), padding=kernel // 2,
            groups=groups, bias=bool(rng.random() < 0.5),
        )  # fmt: skip
        modules += [conv, *_norm(rng, out), node(v_threshold=float(rng.uniform(0.2, 2)))]
        channels = out
        with torch.no_grad():
            side = sequential(*modules)(torch.zeros(1, 1, *shape)).shape[-1]
            functional.reset_net(modules[-1])
        if side >= 4:
            pools = [layer.MaxPool2d(2), layer.MaxPool2d(3, 2, 1), None]
            pools += [] if side % 2 else [layer.AvgPool2d(2)]
            chosen = pools[rng.integers(len(pools))]
            modules += [] if chosen is None else [chosen]
    with torch.no_grad():
        flat = sequential(*modules)(torch.zeros(1, 1, *shape)).numel()
    last = [layer.Linear(flat, 5), node(v_threshold=float(rng.uniform(0.5, 3)))]
    model = sequential(*modules, layer.Flatten(), layer.Dropout(0.5), *last, mode=mode)
    functional.reset_net(model)
    on_grid(_Weights(model), 2.0 ** -int(rng.integers(2, 6)))
    return model, shape


class _Weights:
    """The parameters of convolutions and linear layers."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def parameters(self) -> Any:
        for part in self.model:
            if hasattr(part, "in_channels") or hasattr(part, "in_features"):
                yield from part.parameters()


def _norm(rng: Any, channels: int) -> list[Any]:
    """Return a batch norm that keeps a grid a grid, or none."""
    if rng.random() < 0.5:
        return []
    norm = layer.BatchNorm2d(channels, eps=0.0)
    with torch.no_grad():
        norm.running_var.copy_(torch.from_numpy(rng.choice([0.25, 1.0, 4.0], channels)))
        norm.running_mean.copy_(torch.from_numpy(rng.choice([-0.5, 0.0, 0.25], channels)))
        norm.weight.copy_(torch.from_numpy(rng.choice([0.5, 1.0, -1.0], channels)))
        norm.bias.copy_(torch.from_numpy(rng.choice([0.0, 0.25], channels)))
    return [norm]

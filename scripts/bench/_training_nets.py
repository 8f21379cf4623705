"""The same network to train in stock lava-dl, ours, snnTorch and SpikingJelly."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.slayer.lava import slayer

NEURON = NeuronConfig(voltage_decay=0.1)
CLASSES = 10


class Unavailable(Exception):
    """A library that is not installed; the message says how to get it."""


def mnist() -> tuple[ModelConfig, tuple[int, int, int]]:
    """16C5s2-32C3s2-FC on 28x28."""
    layers = [_conv(16, 5, 2, 0), _conv(32, 3, 2, 0)]
    return _model(layers), (1, 28, 28)


def vgg9() -> tuple[ModelConfig, tuple[int, int, int]]:
    """Seven convolutions 3x3, halved by strides, and two dense layers on 32x32x3."""
    widths = [(64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 1), (256, 2)]
    layers = [_conv(width, 3, stride, 1) for width, stride in widths]
    return _model([*layers, DenseConfig(type="dense", neurons=512)]), (3, 32, 32)


def _model(layers: list[ConvConfig | DenseConfig]) -> ModelConfig:
    # wide enough a surrogate and strong enough weights that spikes reach the end untrained
    neuron = NEURON.model_copy(update={"tau_grad": 0.1})
    return ModelConfig(layers=tuple(layers), neuron=neuron, weight_scale=3.0)


def _conv(channels: int, kernel: int, stride: int, padding: int) -> ConvConfig:
    return ConvConfig(type="conv", channels=channels, kernel=kernel, stride=stride, padding=padding)


def ours(config: ModelConfig, shape: tuple[int, ...]) -> SpikingNet:
    torch.manual_seed(0)
    return build(config, shape, CLASSES)


def stock(config: ModelConfig, shape: tuple[int, ...]) -> nn.Module:
    """Make the same of lava-dl's own blocks, with the same weights."""
    block = slayer.block.cuba
    neuron = {**config.neuron.model_dump(), "norm": slayer.neuron.norm.MeanOnlyBatchNorm}
    made: list[nn.Module] = []
    for name, part in ours(config, shape).named_children():
        if name == "flatten":
            made.append(block.Flatten())
            continue
        synapse: Any = part.synapse
        kernel, stride, padding = synapse.kernel_size[0], synapse.stride[0], synapse.padding[0]
        sizes = (synapse.in_channels, synapse.out_channels)
        if name.startswith("conv"):
            options = {"stride": stride, "padding": padding, "delay_shift": False}
            made.append(block.Conv(neuron, *sizes, kernel, **options))
        else:
            made.append(block.Dense(neuron, *sizes, delay_shift=False))
        made[-1].synapse.weight.data.copy_(synapse.weight.data)
    return nn.Sequential(*made)


def step_of(
    model: nn.Module, spikes: torch.Tensor, labels: torch.Tensor, pruner: Any = None
) -> Callable[[], None]:
    """Return a full training step: forward, loss, backward, Adam."""
    parameters = [p for n, p in model.named_parameters() if p.requires_grad and ".gate" not in n]
    optimizer = torch.optim.Adam(parameters, lr=1e-4)

    def step() -> None:
        loss = functional.cross_entropy(model(spikes).sum(dim=-1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if pruner is not None:
            pruner.step(optimizer)

    return step


def _synapses(config: ModelConfig, shape: tuple[int, ...]) -> list[list[nn.Module]]:
    """Return the synapses of each layer as plain torch modules."""
    found: list[list[nn.Module]] = [[]]
    for name, part in ours(config, shape).named_children():
        if name == "flatten":
            found[-1].append(nn.Flatten())
            continue
        s: Any = part.synapse
        if name.startswith("conv"):
            module: nn.Module = nn.Conv2d(
                s.in_channels, s.out_channels, s.kernel_size[0], s.stride[0], s.padding[0],
                bias=False,
            )  # fmt: skip
        else:
            module = nn.Linear(s.in_channels, s.out_channels, bias=False)
        module.weight.data.copy_(s.weight.data.reshape(module.weight.shape))
        found[-1].append(module)
        found.append([])
    return found[:-1]


class SnnTorchNet(nn.Module):
    """A step after the other, as its tutorials do."""

    def __init__(self, config: ModelConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                import snntorch
        except ImportError as error:
            raise Unavailable("snnTorch is not installed, its rows are missing.") from error
        self.synapses = nn.ModuleList(nn.Sequential(*s) for s in _synapses(config, shape))
        keep = 1 - config.neuron.voltage_decay
        self.neurons = nn.ModuleList(
            snntorch.Leaky(beta=keep, threshold=config.neuron.threshold, reset_mechanism="zero")
            for _ in self.synapses
        )

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        state = [neuron.init_leaky() for neuron in self.neurons]
        out = []
        for t in range(spikes.shape[-1]):
            x = spikes[..., t]
            for i, (synapse, neuron) in enumerate(zip(self.synapses, self.neurons, strict=True)):
                x, state[i] = neuron(synapse(x), state[i])
            out.append(x)
        return torch.stack(out, dim=-1)


class SpikingJellyNet(nn.Module):
    """All steps at once where it can: its ``m`` mode, which folds time into the batch."""

    def __init__(self, config: ModelConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                from spikingjelly.activation_based import functional as jelly
                from spikingjelly.activation_based import layer, neuron
        except ImportError as error:
            raise Unavailable("SpikingJelly is not installed, its rows are missing.") from error
        self._start_anew = jelly.reset_net
        parts: list[nn.Module] = []
        for synapse in _synapses(config, shape):
            tau = 1 / config.neuron.voltage_decay
            lif = neuron.LIFNode(tau, decay_input=False, v_reset=0.0, step_mode="m")
            parts += [layer.SeqToANNContainer(*synapse), lif]
        self.parts = nn.Sequential(*parts)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        self._start_anew(self.parts)
        fired: torch.Tensor = self.parts(spikes.movedim(-1, 0))
        return fired.movedim(0, -1)

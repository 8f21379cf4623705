"""A network as a module of torch whose spikes are those of the engines, for tools that hook in."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from loihi_sca.network import Conv, Cuba, Dense, Input, Layer, Network
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY, STATE_LIMIT


class NetworkModule(nn.Module):
    """A network as layers of torch and neurons of ours: (N, *in_shape, T) in and out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        for index, layer in enumerate(network):
            if isinstance(layer, Dense | Conv):
                self.add_module(f"synapses{index}", _synapses(layer))
            if isinstance(layer.neuron, Cuba):
                self.add_module(f"neurons{index}", Neurons(layer, layer.neuron))

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        """Return the spikes of the last layer."""
        steps = data.shape[-1]
        flowing = torch.movedim(data, -1, 1).flatten(0, 1).double()  # (N T, *in_shape)
        for child in self.children():
            if isinstance(child, nn.Linear):
                flowing = flowing.flatten(1)
            flowing = child(flowing, steps) if isinstance(child, Neurons) else child(flowing)
        return torch.movedim(flowing.reshape(-1, steps, *flowing.shape[1:]), 1, -1)


def _synapses(layer: Dense | Conv) -> nn.Linear | nn.Conv2d:
    """Return synapses without bias: the chip adds it to the voltage. 64 bits hold every sum."""
    made: nn.Linear | nn.Conv2d
    if isinstance(layer, Dense):
        n_out, n_in = layer.weight.shape
        made = nn.Linear(n_in, n_out, bias=False, dtype=torch.float64)
    else:
        made = nn.Conv2d(
            layer.in_shape[0], layer.out_channels, layer.kernel, layer.stride, layer.padding,
            layer.dilation, layer.groups, bias=False, dtype=torch.float64,
        )  # fmt: skip
    made.weight.data = torch.from_numpy(layer.weight.astype(np.float64))
    return made


class Neurons(nn.Module):
    """The neurons of :class:`Cuba`, over all steps of all samples at once; nothing is left."""

    def __init__(self, layer: Layer, neuron: Cuba) -> None:
        super().__init__()
        wide = (-1, *[1] * (len(layer.out_shape) - 1))
        self.is_input = isinstance(layer, Input)
        self.keep_current, self.keep_voltage = (
            MAX_DECAY - torch.from_numpy(np.atleast_1d(decay).astype(np.int64)).reshape(wide)
            for decay in (neuron.current_decay, neuron.voltage_decay)
        )
        self.threshold = ALIGN * neuron.threshold
        bias = layer.bias if isinstance(layer, Dense | Conv) and layer.bias is not None else [0]
        self.bias = ALIGN * torch.from_numpy(np.asarray(bias, np.int64)).reshape(wide)

    def forward(self, arriving: torch.Tensor, steps: int) -> torch.Tensor:
        """Return spikes (N T, *out_shape) for what arrives, (N T, *out_shape)."""
        aligned = ALIGN * arriving.long().reshape(-1, steps, *arriving.shape[1:])
        current = voltage = torch.zeros_like(aligned[:, 0])
        sent = []
        for step in range(steps):
            if not self.is_input:
                current = _decayed(current, self.keep_current) + aligned[:, step]
                current = (current + STATE_LIMIT) % (2 * STATE_LIMIT) - STATE_LIMIT
            direct = aligned[:, step] if self.is_input else self.bias
            voltage = _decayed(voltage, self.keep_voltage) + current + direct
            voltage = voltage.clamp(1 - STATE_LIMIT, STATE_LIMIT - 1)
            fired = voltage > self.threshold
            voltage = torch.where(fired, 0, voltage)
            sent.append(fired.double())
        return torch.stack(sent, 1).flatten(0, 1)


def _decayed(state: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    return torch.div(state * keep, MAX_DECAY, rounding_mode="trunc")

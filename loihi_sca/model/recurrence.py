"""Recurrent blocks of lava-dl: their state between forward passes, and gates for their neurons."""

from __future__ import annotations

from typing import Any

import torch
from typing_extensions import override

from loihi_sca.model.gating import GatedStock
from loihi_sca.slayer.dynamics import ChannelActivity, Fired
from loihi_sca.slayer.lava import slayer

STATES = ("current_state", "voltage_state", "real_state", "imag_state", "spike_state")
"""Buffers in which neurons and recurrent blocks carry state to the next forward pass."""


def rest(module: torch.nn.Module) -> None:
    """Let the next forward pass start from rest, not from where the last one has ended."""
    for part in module.modules():
        for state in STATES:
            old = getattr(part, state, None)
            if isinstance(old, torch.Tensor):
                setattr(part, state, torch.zeros(1, device=old.device))


class GatedRecurrent(GatedStock):
    """Mixed in before the class of a stock Recurrent block, by :func:`loihi_sca.model.gating`.

    A neuron that is off sends nothing, neither to the next block nor back.
    """

    input_synapse: Any
    recurrent_synapse: Any

    @property
    def synapse(self) -> Any:
        """The synapse from the block before."""
        return self.input_synapse

    @property
    @override
    def own_parameters(self) -> tuple[tuple[torch.nn.Parameter, int], ...]:
        feedback = self.recurrent_synapse.weight
        return (*super().own_parameters, (feedback, 0), (feedback, 1))

    @property
    def quantized_feedback(self) -> torch.Tensor:
        """Weights (C, C) of the layer's own spikes as the forward pass uses them, gates aside."""
        weight, hook = self.recurrent_synapse.weight, self.recurrent_synapse.pre_hook_fx
        weight = weight.reshape(weight.shape[:2])
        quantized: torch.Tensor = weight if hook is None else hook(weight)
        return quantized

    @override
    def current(self, spikes: torch.Tensor) -> torch.Tensor:
        weighted: torch.Tensor = self.input_synapse(spikes)
        return weighted

    @override
    def _fire(self, weighted: torch.Tensor, watch: bool) -> Fired:
        neuron = _Watched(self.neuron) if watch else self.neuron
        fired = slayer.utils.recurrent.CustomRecurrent.apply(
            weighted, neuron, self.quantized_feedback * self.gate
        )
        activity = neuron.activity(fired.detach()) if watch else None
        return Fired(fired * self.gate.reshape(-1, *[1] * (fired.dim() - 2)), activity)


class _Watched:
    """A neuron whose voltages are summed up while it runs, step by step."""

    def __init__(self, neuron: Any) -> None:
        self.neuron = neuron
        self.steps = 0
        self.magnitude: Any = 0.0
        self.positive: Any = 0.0
        self.resting: Any = 0.0

    def __call__(self, weighted: torch.Tensor) -> torch.Tensor:
        """Advance it by a step, (N, C, ..., 1)."""
        _, voltage = self.neuron.dynamics(weighted)
        spikes: torch.Tensor = self.neuron.spike(voltage)
        with torch.no_grad():
            level = voltage / self.neuron.threshold
            axes = [axis for axis in range(level.dim()) if axis != 1]
            size = level.abs()
            self.magnitude += size.mean(dim=axes)
            self.positive += level.clamp(min=0).mean(dim=axes)
            self.resting += torch.where(spikes > 0, 0.0, size.clamp(max=1)).mean(dim=axes)
        self.steps += 1
        return spikes

    def activity(self, spikes: torch.Tensor) -> ChannelActivity:
        """Return the means per channel."""
        axes = [axis for axis in range(spikes.dim()) if axis != 1]
        return ChannelActivity(
            rate=spikes.mean(dim=axes),
            magnitude=self.magnitude / self.steps,
            positive=self.positive / self.steps,
            resting=self.resting / self.steps,
        )

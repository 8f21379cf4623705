"""Sigma-delta blocks of recipes: lava-dl's, with gates and scales as our blocks of spikes have.

What is sent are messages, of how much a value has changed; nothing where it has not.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional
from typing_extensions import override

from loihi_sca.config import SigmaDeltaConfig
from loihi_sca.model import fast_blocks
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.blocks import Gated
from loihi_sca.model.sigma_delta import family, send
from loihi_sca.slayer.dynamics import Fired
from loihi_sca.slayer.lava import slayer


def graded_neuron(config: SigmaDeltaConfig, threshold: float, norm: bool) -> dict[str, Any]:
    """Return the ``neuron_params`` of a lava-dl sigma-delta block."""
    return {
        "threshold": threshold,
        "activation": functional.relu,
        "tau_grad": config.tau_grad,
        "scale_grad": config.scale_grad,
        "norm": slayer.neuron.norm.MeanOnlyBatchNorm if norm else None,
    }


class Graded(Gated):
    """What gated sigma-delta blocks have in common; mixed in before a block of lava-dl's.

    Parameters
    ----------
    sizes, window : int
        As lava-dl's block takes them.
    neuron : SigmaDeltaConfig
        Neuron parameters.
    norm : bool
        Subtract the running mean of the sum, which becomes a bias.
    weight_scale, prunable
        As in :class:`loihi_sca.model.blocks.Spiking`.
    """

    delay_shift: bool

    def __init__(
        self,
        *sizes: int,
        neuron: SigmaDeltaConfig,
        norm: bool = True,
        weight_scale: float = 1.0,
        prunable: bool = True,
        **window: int,
    ) -> None:
        params = graded_neuron(neuron, neuron.threshold, norm)
        super().__init__(params, *sizes, weight_scale=weight_scale, **window)
        self._add_gate(self.synapse.out_channels, prunable, norm)

    @override
    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the messages (N, C, ..., T) that messages of the layer before cause."""
        sent = super().forward(spikes)
        return fast_blocks.shifted(sent) if self.delay_shift else sent

    @override
    def _fire(self, weighted: torch.Tensor, watch: bool) -> Fired:
        return send(self.neuron, weighted, self.gate, watch)


class GradedConv(Graded, family.Conv):  # type: ignore[misc]
    """Sigma-delta convolution with gated channels.

    Parameters
    ----------
    in_channels, out_channels, kernel, stride, padding
        As in ``slayer.block.sigma_delta.Conv``.
    neuron, norm, weight_scale, prunable
        As in :class:`Graded`.
    """

    @override
    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        window = self.synapse
        return functional.conv3d(spikes, weight, None, window.stride, window.padding)


class GradedDense(Graded, family.Dense):  # type: ignore[misc]
    """All-to-all sigma-delta connection with gated neurons.

    Parameters
    ----------
    in_neurons, out_neurons
        As in ``slayer.block.sigma_delta.Dense``.
    neuron, norm, weight_scale, prunable
        As in :class:`Graded`.
    """

    @override
    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        samples, *inputs, steps = spikes.shape
        flat = spikes.reshape(samples, math.prod(inputs), steps)
        return torch.einsum("oi,nit->not", weight.flatten(1), flat)


class FrameInput(family.Input):  # type: ignore[misc]
    """Neurons that send how much the values of a frame have changed.

    Takes the very integers that go to the chip, in 1/64.
    """

    def __init__(self, neuron: SigmaDeltaConfig) -> None:
        super().__init__(graded_neuron(neuron, neuron.input_threshold, False))
        self.pre_hook_fx = _from_mantissas


class GradedSum(family.Output):  # type: ignore[misc]
    """The read-out: adds messages up, and gives the sum at every timestep.

    Parameters
    ----------
    in_neurons, out_neurons : int
    neuron : SigmaDeltaConfig
    weight_scale : float
    """

    def __init__(
        self, in_neurons: int, out_neurons: int, *, neuron: SigmaDeltaConfig, weight_scale: float
    ) -> None:
        super().__init__(
            graded_neuron(neuron, neuron.threshold, False), in_neurons, out_neurons,
            weight_scale=weight_scale,
        )  # fmt: skip


def _from_mantissas(values: torch.Tensor) -> torch.Tensor:
    return torch.round(values) / MANTISSA

"""What blocks share whose current may be normed: weights before and behind quantisation."""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.model.batch_norm import BatchNorm
from loihi_sca.slayer.dynamics import layout, quantised


class Normed(torch.nn.Module):
    """Synapses with a batch norm of their current, or without; mixed in before a lava-dl class.

    Attributes
    ----------
    scale : parameter (C,)
        Factor of the channel's weights before quantisation, or of its normed current.
    batch_norm : BatchNorm or None
        Of the current.
    """

    synapse: Any  # of blocks that have one
    scale: torch.nn.Parameter
    batch_norm: BatchNorm | None

    @property
    def weighing(self) -> Any:
        """The lava-dl synapse that weighs spikes."""
        return self.synapse

    @property
    def counted(self) -> torch.Tensor:
        """Bool tensor (C,): the channels that matter, all of them or those that are alive."""
        raise NotImplementedError

    @property
    def float_weight(self) -> torch.Tensor:
        """Weight (C, ...) as an open batch norm takes it: without the factor of its channel."""
        weight: torch.Tensor = self.weighing.weight
        return weight

    @property
    def weight_factor(self) -> torch.Tensor:
        """Factor (C,) of each channel's weights before quantisation."""
        return self.scale if self.batch_norm is None else self.batch_norm.factor(self.scale)

    @property
    def scaled_weight(self) -> torch.Tensor:
        """Weight before quantisation."""
        weight = self.float_weight
        return weight * self.weight_factor.reshape(-1, *[1] * (weight.dim() - 1))

    @property
    def quantized_weight(self) -> torch.Tensor:
        """Scaled and quantised weight as the forward pass uses it, in units of 1/64.

        With a batch norm that is not folded it is what folding would make of it at this gain.
        """
        hook, weight = self.weighing.pre_hook_fx, self.float_weight
        if quantised.applies(hook, weight):
            return quantised.quantised(weight, self.weight_factor)
        quantized: torch.Tensor = hook(self.scaled_weight)
        return quantized

    def current(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the normed current (N, C, ..., T) that spikes cause.

        Spikes that are one step, expanded over time, are weighed and normed once.
        """
        if layout.is_constant(spikes):
            once = self._current(spikes[..., :1])
            return once.expand(*once.shape[:-1], spikes.shape[-1])
        return self._current(spikes)

    def _current(self, spikes: torch.Tensor) -> torch.Tensor:
        norm = self.batch_norm
        if norm is None:
            return self._weighted(spikes, self.quantized_weight)
        if not norm.is_folded:
            normed: torch.Tensor = norm(self._weighted(spikes, self.float_weight), self.scale)
            return normed
        bias = self.folded_bias
        weighted = self._weighted(spikes, self.quantized_weight)
        return weighted + bias.reshape(-1, *[1] * (weighted.dim() - 2))

    @property
    def folded_bias(self) -> torch.Tensor:
        """Bias (C,) that a folded norm adds to the current, a multiple of 1/64."""
        if self.batch_norm is None:
            return torch.zeros_like(self.scale)
        return self.batch_norm.bias(self.scale)

    def needed_bias(self) -> torch.Tensor:
        """Return the bias (C,) that neurons would need, not yet rounded nor cut to 13 bits."""
        if self.batch_norm is None:
            return torch.zeros_like(self.scale)
        return self.batch_norm.shift(self.scale)

    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return what spikes amount to with a weight."""
        raise NotImplementedError

"""A residual stream: the convolutions that add to it, and the neurons that stand at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from typing_extensions import override

from loihi_sca.config import NeuronConfig, Norm
from loihi_sca.model.batch_norm import MANTISSA, BatchNorm, Thresholds, held_bias
from loihi_sca.model.blocks import slayer_neuron, widen_norm
from loihi_sca.model.normed import Normed
from loihi_sca.slayer.dynamics import convolve, fire
from loihi_sca.slayer.lava import slayer


def quantize_8bit(weight: torch.Tensor) -> torch.Tensor:
    """Return weights as lava-dl's ``neuron.quantize_8bit`` does, for synapses without a neuron."""
    quantized: torch.Tensor = slayer.utils.quantize(weight, step=2 / MANTISSA)
    return quantized.clamp(-256 / MANTISSA, 254 / MANTISSA)


class Weighting(Normed, slayer.synapse.Conv):  # type: ignore[misc]
    """A convolution of spikes without neurons, with 8 bit weights.

    Parameters
    ----------
    in_channels, out_channels, kernel, stride, padding, weight_scale
        As in :class:`loihi_sca.model.blocks.SCAConv`.
    norm : bool or "batch"
        With ``"batch"`` the weighted spikes are normed, and
        :func:`loihi_sca.model.residual.join_streams` has to say who reads them. Otherwise it is the
        readers that have a norm, or none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        weight_scale: float = 1.0,
        norm: Norm = False,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel, stride=stride, padding=padding,
            weight_scale=weight_scale, pre_hook_fx=quantize_8bit,
        )  # fmt: skip
        self.batch_norm = None
        # in a tuple: torch would take it for a part of this module
        self._before: tuple[Weighting, ...] = ()
        if norm == "batch":
            self.scale = torch.nn.Parameter(torch.ones(out_channels))
            self.batch_norm = BatchNorm(out_channels, Thresholds())

    def join(self, before: Weighting | None, thresholds: Thresholds) -> None:
        """Say which one adds to the stream before this one, and who reads what is added."""
        self._before = () if before is None else (before,)
        if self.batch_norm is not None:
            self.batch_norm.thresholds = thresholds

    @property
    @override
    def weighing(self) -> Any:
        return self

    @property
    @override
    def counted(self) -> torch.Tensor:
        return torch.ones_like(self.weight[:, 0, 0, 0, 0], dtype=torch.bool)

    @property
    @override
    def weight_factor(self) -> torch.Tensor:
        if self.batch_norm is None:
            return torch.ones_like(self.weight[:, 0, 0, 0, 0])
        return super().weight_factor

    @property
    @override
    def folded_bias(self) -> torch.Tensor:
        return self._sum_of_biases() - self._before_it(Weighting._sum_of_biases)

    @override
    def needed_bias(self) -> torch.Tensor:
        return super().needed_bias() + self._before_it(Weighting.needed_bias)

    def _sum_of_biases(self) -> torch.Tensor:
        """Return the bias (C,) of neurons that read the stream behind it, within 13 bits."""
        before = self._before_it(Weighting._sum_of_biases)
        if self.batch_norm is None:
            return before
        return held_bias(self.batch_norm.rounded_shift(self.scale) + before)

    def _before_it(self, found: Callable[[Weighting], torch.Tensor]) -> torch.Tensor:
        return found(self._before[0]) if self._before else torch.zeros_like(self.scale)

    @override
    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return convolve(spikes, weight, self)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the weighted spikes (N, C, H, W, T)."""
        return self.current(spikes)


class StreamNeurons(torch.nn.Module):
    """The neurons at the end of a residual stream of so many channels."""

    def __init__(self, channels: int, *, neuron: NeuronConfig, norm: Norm) -> None:
        super().__init__()
        self.neuron = slayer.neuron.cuba.Neuron(**slayer_neuron(neuron, norm))
        widen_norm(self.neuron, channels)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, H, W, T) that weighted spikes of the same shape cause."""
        return fire(self.neuron, stream).spikes
